"""How well a model retrieves: pure functions of embeddings, and one file a benchmark."""

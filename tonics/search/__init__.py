"""Using a trained model: finding one's own pictures by a text."""

"""The language side: captions to WordNet synsets, the graph of objects, and the images of each."""


class OntologyError(ValueError):
    """Data, files or names that cannot be used; the message is one line that says what to do."""

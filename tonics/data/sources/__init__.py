"""One file a dataset format; each reads a source into rows and skips, without opening a picture."""

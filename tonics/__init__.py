"""Align a text tower and a vision tower into one dual encoder, with batches that teach."""

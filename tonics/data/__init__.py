"""Pictures with captions: the table of pairs, its sources, and what training reads from it."""

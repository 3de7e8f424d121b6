"""Several curricula on the same data, towers, budget and seeds, set side by side."""

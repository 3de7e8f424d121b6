"""Towers, heads and the dual encoder they make."""

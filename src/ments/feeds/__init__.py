"""Feeds: which posts, in which order, a page at a time."""

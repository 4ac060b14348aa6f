"""Measurements of feeds, and of what is done to posts."""

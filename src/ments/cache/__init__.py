"""Valkey, and the cache of built pages on top of it."""

from ments.cache.pages import PageCache
from ments.cache.valkey import Valkey

__all__ = ["PageCache", "Valkey"]

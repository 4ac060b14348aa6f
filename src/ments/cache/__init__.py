"""Valkey, the cache of built pages on top of it, and what processes tell each other through it."""

from ments.cache.heard import Heard
from ments.cache.pages import PageCache
from ments.cache.valkey import Valkey

__all__ = ["Heard", "PageCache", "Valkey"]

"""Keys for one purpose each, made of the deployment's one secret. Pure."""

from __future__ import annotations

import hashlib
import hmac
from functools import lru_cache


# Every cursor and signature asks for its key.
@lru_cache(maxsize=64)
def derive_key(secret_key: str, purpose: str) -> str:
    """Derive the key for a purpose: 64 hex digits, the same in every process."""
    return hmac.new(secret_key.encode(), purpose.encode(), hashlib.sha256).hexdigest()

"""Take secrets out of what leaves a process: log lines, spans, error reports, kept stack traces. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

HIDDEN = "[hidden]"
_DEEPEST = 6
_SHORTEST_TOKEN = 32

# A name that holds a secret, whatever its value.
_SECRET_NAME = re.compile(
    r"passw|secret|token|cookie|authorization|signature|credential|dsn|api_?key|access_?key|signing_?key|private_?key"
    r"|(database|redis|smtp)\w*_urls?$|^x-ments-edge$",
    re.IGNORECASE,
)
# Names that look like one and are none.
_PLAIN_NAME = frozenset({"token_count", "cookies_seen", "token_kind"})

# scheme://user:password@host, and http://key@host/1, the shape of a DSN
_URL_PASSWORD = re.compile(r"(://[^\s/:@'\"]*):[^\s/@'\"]+@")
_URL_KEY = re.compile(r"(https?://)[0-9A-Za-z]{3,}@")
# signed requests, and name=value or "name": "value" of anything that names a secret
_NAMED = re.compile(
    r"""(?ix)((?:x-amz-(?:signature|credential|security-token)|signature|password|passwd|pwd|token|secret
    |secret_key|api_?key|access_key|ments_session|sig)["']?\s*[=:]\s*["']?)[^\s&;,"'}\])]+"""
)
_HEADER = re.compile(r"(?i)((?:set-)?cookie|authorization)(\"|')?(\s*[:=]\s*)[^\r\n]+")
_SCHEME = re.compile(r"(?i)\b(bearer|basic)\s+[0-9a-z._~+/=-]{6,}")
# private media: /m/{epoch}.{expires}.{signature}/...
_MEDIA_SIGNATURE = re.compile(r"(/m/\d+\.\d+\.)[^/\s?]+")
# a one-time link: a path segment of 32 or more url-safe characters that is no uuid
_LONG_SEGMENT = re.compile(r"(/)(?![0-9a-f-]{36}(?:[/?\s]|$))[0-9A-Za-z_-]{32,}(?=$|[/?\s])")


@lru_cache(maxsize=1024)
def is_secret_name(name: str) -> bool:
    """Say whether a field of this name is never shown."""
    return name not in _PLAIN_NAME and _SECRET_NAME.search(name) is not None


def scrub_text(text: str) -> str:
    """Hide passwords in URLs, signatures, tokens and cookies within a text; the rest stays as it is."""
    # Each pattern runs only on texts that hold what it needs: this is done for every field of every log line.
    if "://" in text:
        text = _URL_PASSWORD.sub(rf"\1:{HIDDEN}@", text)
        text = _URL_KEY.sub(rf"\1{HIDDEN}@", text)
    if "=" in text or ":" in text:
        text = _NAMED.sub(rf"\1{HIDDEN}", text)
        text = _HEADER.sub(rf"\1\2\3{HIDDEN}", text)
    if " " in text or "\t" in text:
        text = _SCHEME.sub(rf"\1 {HIDDEN}", text)
    if "/m/" in text:
        text = _MEDIA_SIGNATURE.sub(rf"\1{HIDDEN}", text)
    if len(text) > _SHORTEST_TOKEN and "/" in text:
        text = _LONG_SEGMENT.sub(rf"\1{HIDDEN}", text)
    return text


def scrub(value: Any, depth: int = 0) -> Any:
    """Copy a JSON-like value with its secrets hidden; below six levels everything is hidden."""
    if isinstance(value, str):
        return scrub_text(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    if depth >= _DEEPEST:
        return HIDDEN
    if isinstance(value, Mapping):
        return {
            key: HIDDEN if isinstance(key, str) and item and is_secret_name(key) else scrub(item, depth + 1)
            for key, item in value.items()
        }
    if isinstance(value, list | tuple | set | frozenset):
        return [scrub(item, depth + 1) for item in value]
    return scrub_text(str(value))

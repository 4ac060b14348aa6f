"""Take secrets out of what leaves a process: log lines, spans, error reports, kept stack traces. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

HIDDEN = "[hidden]"
_DEEPEST = 6

# A name that holds a secret, whatever its value.
_SECRET_NAME = re.compile(
    r"passw|secret|token|cookie|authorization|signature|credential|dsn|api_?key|access_?key|signing_?key|private_?key"
    r"|(database|redis|smtp)\w*_urls?$|^x-ments-edge$",
    re.IGNORECASE,
)
# Names that look like one and are none.
_PLAIN_NAME = frozenset({"token_count", "cookies_seen", "token_kind"})

_IN_TEXT: tuple[tuple[re.Pattern[str], str], ...] = (
    # scheme://user:password@host
    (re.compile(r"(://[^\s/:@'\"]*):[^\s/@'\"]+@"), rf"\1:{HIDDEN}@"),
    # http://key@host/1, the shape of a DSN
    (re.compile(r"(https?://)[0-9A-Za-z]{3,}@"), rf"\1{HIDDEN}@"),
    # signed requests, and name=value or "name": "value" of anything that names a secret
    (
        re.compile(
            r"""(?ix)((?:x-amz-(?:signature|credential|security-token)|signature|password|passwd|pwd|token|secret
            |secret_key|api_?key|access_key|ments_session|sig)["']?\s*[=:]\s*["']?)[^\s&;,"'}\])]+"""
        ),
        rf"\1{HIDDEN}",
    ),
    (re.compile(r"(?i)\b(bearer|basic)\s+[0-9a-z._~+/=-]{6,}"), rf"\1 {HIDDEN}"),
    (re.compile(r"(?i)((?:set-)?cookie|authorization)(\"|')?(\s*[:=]\s*)[^\r\n]+"), rf"\1\2\3{HIDDEN}"),
    # private media: /m/{epoch}.{expires}.{signature}/...
    (re.compile(r"(/m/\d+\.\d+\.)[^/\s?]+"), rf"\1{HIDDEN}"),
    # a one-time link: a path segment of 32 or more url-safe characters that is no uuid
    (re.compile(r"(/)(?![0-9a-f-]{36}(?:[/?\s]|$))[0-9A-Za-z_-]{32,}(?=$|[/?\s])"), rf"\1{HIDDEN}"),
)
# None of the patterns can match a text without one of these.
_MAY_MATCH = re.compile(r"[/=:]|(?i:bearer|basic)")


def is_secret_name(name: str) -> bool:
    """Say whether a field of this name is never shown."""
    return name not in _PLAIN_NAME and _SECRET_NAME.search(name) is not None


def scrub_text(text: str) -> str:
    """Hide passwords in URLs, signatures, tokens and cookies within a text; the rest stays as it is."""
    if not _MAY_MATCH.search(text):
        return text
    for pattern, shown in _IN_TEXT:
        text = pattern.sub(shown, text)
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

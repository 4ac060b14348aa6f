"""The built files of the pages: the address of each, with the hash of its content in the name."""

from __future__ import annotations

import json
from pathlib import Path

from ments.errors import Unavailable

DIST = Path(__file__).parent / "static" / "dist"
"""Where `npm run build` puts them; the application serves this folder under /static/."""

_manifest: dict[str, str] = {}


def asset(name: str) -> str:
    """Return the address of a built file, such as /static/main-1A2B3C.css for "main.css".

    Raises Unavailable when the files have not been built.
    """
    if name not in _manifest:
        _manifest.update(_read_manifest())
    try:
        return f"/static/{_manifest[name]}"
    except KeyError:
        raise Unavailable(f"The page needs {name}, which has not been built. Run `make assets`.") from None


def _read_manifest() -> dict[str, str]:
    try:
        found: dict[str, str] = json.loads((DIST / "manifest.json").read_text())
    except FileNotFoundError:
        raise Unavailable("The pages' scripts and styles have not been built. Run `make assets`.") from None
    return found

"""The text of one caption: what WebVTT knows stays, everything else becomes plain letters. Pure."""

from __future__ import annotations

import html
import re
import unicodedata

TAGS = ("b", "i", "u", "c", "v", "lang", "ruby", "rt")
CLASSES_MAX = 4
ANNOTATION_MAX = 100
DEPTH_MAX = 16

_TOKEN = re.compile(r"<([^<>\s][^<>]*)>")
_OPENING = re.compile(r"(b|i|u|c|v|lang|ruby|rt)((?:\.[A-Za-z0-9_-]{1,40})*)(?:[ \t\n]+([^<>]*))?", re.IGNORECASE)
_OVERRIDE = re.compile(r"\{\\[^{}]*\}")
"""`{\\an8}`, which programs for SubRip took over from another format."""


def clean_cue_text(text: str) -> str:
    """The lines of a cue as WebVTT may show them: tags of TAGS, each of them closed, and escaped text.

    Unknown tags are left out and what they hold stays; `<` without an end is a letter. Lines without text are left out.
    The result has no `-->` and no empty line; it may be empty.
    """
    out: list[str] = []
    opened: list[str] = []
    place = 0
    text = _OVERRIDE.sub("", text)
    for token in _TOKEN.finditer(text):
        out.append(_escape(text[place : token.start()]))
        place = token.end()
        out.append(_tag(token[1], opened))
    out.append(_escape(text[place:]))
    out += [f"</{name}>" for name in reversed(opened)]
    kept = [line.strip() for line in "".join(out).split("\n") if line.strip()]
    return "\n".join(kept) if any(_has_text(line) for line in kept) else ""


def _tag(inner: str, opened: list[str]) -> str:
    """A tag as it may stay, empty when it may not. Keeps `opened`, the names of the tags that are open."""
    if inner.startswith("/"):
        name = inner[1:].strip().lower()
        if name not in opened:
            return ""
        closed = []
        while True:
            closed.append(f"</{opened[-1]}>")
            if opened.pop() == name:
                return "".join(closed)
    match = _OPENING.fullmatch(inner)
    if match is None or len(opened) >= DEPTH_MAX:
        return ""
    name, classes = match[1].lower(), "".join(f".{part}" for part in match[2].split(".")[1 : CLASSES_MAX + 1])
    annotation = " ".join(_letters(html.unescape(match[3] or "")).split())[:ANNOTATION_MAX].strip()
    if name == "lang" and not re.fullmatch(r"[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8}){0,3}", annotation):
        return ""
    if name == "v" and not annotation:
        return ""  # a voice without a name says nothing
    said = f" {_escape(annotation)}" if name in ("v", "lang") else ""
    if f"{classes}{said}".endswith("--"):
        return ""  # with the tag's end it would be an arrow, and what follows be times
    opened.append(name)
    return f"<{name}{classes}{said}>"


def _escape(text: str) -> str:
    plain = _letters(html.unescape(text))
    return plain.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _letters(text: str) -> str:
    """Without control characters and halves of others; marks of lines and paragraphs become spaces."""
    return "".join(
        char if char == "\n" else " " if char == "\t" or unicodedata.category(char) in ("Zl", "Zp") else char
        for char in text
        if char in "\n\t" or unicodedata.category(char) not in ("Cc", "Cs")
    )


def _has_text(line: str) -> bool:
    return bool(_TOKEN.sub("", line).strip())

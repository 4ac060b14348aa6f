"""What a text of people's may hold: cleaned, and counted as a reader counts. Pure."""

from __future__ import annotations

import unicodedata

import regex

# Directions are set by the page, for each text on its own: embeddings, overrides and isolates would only serve
# to turn a neighbour's words around. The marks LRM, RLM and ALM stay, they reach no further than themselves.
_TURNING = frozenset(map(chr, (*range(0x202A, 0x202F), *range(0x2066, 0x206A))))
# Byte order mark, interlinear annotations, deprecated format characters: nothing that a reader sees.
_UNSEEN = frozenset(map(chr, (0xFEFF, 0xFFF9, 0xFFFA, 0xFFFB, *range(0x206A, 0x2070))))
_DROPPED = _TURNING | _UNSEEN
# Letters and symbols that draw nothing: Hangul fillers and the empty Braille cell.
_BLANK_LETTERS = frozenset("\u115f\u1160\u3164\uffa0\u2800")
_NEW_LINES = regex.compile(r"\r\n|[\r\u0085\u2028\u2029\v\f]")
_MANY_NEW_LINES = regex.compile(r"\n{3,}")


def count_characters(text: str) -> int:
    """Count extended grapheme clusters (Unicode annex 29), as a browser's `Intl.Segmenter` does."""
    return sum(1 for _ in regex.finditer(r"\X", text))


def clean_text(text: str) -> str:
    """Make a text safe to show beside others: NFC, `\\n` as the only line break, no controls, stripped.

    At most one blank line in a row stays. A text that would draw nothing becomes ''.
    """
    text = _NEW_LINES.sub("\n", unicodedata.normalize("NFC", text)).replace("\t", " ")
    text = "".join(c for c in text if c == "\n" or (c not in _DROPPED and unicodedata.category(c) not in ("Cc", "Cs")))
    text = _MANY_NEW_LINES.sub("\n\n", text).strip()
    return text if any(_draws(c) for c in text) else ""


def _draws(c: str) -> bool:
    return unicodedata.category(c)[0] in "LNPS" and c not in _BLANK_LETTERS

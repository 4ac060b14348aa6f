"""A playlist of playlists with other captions than before. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from ments.media.multivariant import CaptionStream, caption_lines

_GROUP = ',SUBTITLES="captions"'


def list_other_captions(master: str, captions: Sequence[CaptionStream]) -> str:
    """The same playlist, as write_multivariant wrote it, with these captions and no others."""
    lines = [line for line in master.split("\n") if not line.startswith("#EXT-X-MEDIA:TYPE=SUBTITLES,")]
    listed: list[str] = []
    for line in lines:
        if not line.startswith("#EXT-X-STREAM-INF:"):
            listed.append(line)
            continue
        if not any(one.startswith("#EXT-X-STREAM-INF:") for one in listed):
            listed += caption_lines(captions)
        plain = line.replace(_GROUP, "")
        listed.append(plain.replace(",CLOSED-CAPTIONS=NONE", f"{_GROUP},CLOSED-CAPTIONS=NONE") if captions else plain)
    return "\n".join(listed)

"""What is seen of a sound: its cover where it brings one, and how loud it is from beginning to end."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ments.media.cover import take_cover
from ments.media.sandbox import Sandbox
from ments.media.waveform import WaveformMade, make_waveform


@dataclass(frozen=True, slots=True)
class SoundPictures:
    """`poster_file` is the cover, else the waveform; `blurhash` is the cover's."""

    poster_file: str
    blurhash: str | None
    waveform: WaveformMade


async def picture_sound(
    sandbox: Sandbox, ffmpeg: str, source: Path, folder: Path, *, rendition: Path, length_s: float
) -> SoundPictures:
    """Write `waveform.webp`, `peaks.json` and, where there is a cover, `poster.webp` into `folder`.

    source     the original, which may bring a cover
    rendition  what was encoded of it: the cheapest to listen to; length_s its length
    Raises UnplayableMedia with words for the author, Retryable when the machine was at fault.
    """
    waveform = await make_waveform(sandbox, ffmpeg, rendition, folder, length_s=length_s)
    cover = await take_cover(sandbox, ffmpeg, source, folder)
    if cover is None:
        return SoundPictures(waveform.picture_file, None, waveform)
    return SoundPictures(cover.poster_file, cover.blurhash, waveform)

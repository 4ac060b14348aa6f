"""Codecs as playlists name them (RFC 6381), from what an encoder says or from an init file. Pure."""

from __future__ import annotations

from ments.media.model import MediaKind

AAC_LC = "mp4a.40.2"
INIT_MAX_BYTES = 65_536


def name_avc(profile: int, constraints: int, level: int) -> str:
    """`avc1.640028` of three numbers of 0..255: High, no constraints, level 4.0."""
    return f"avc1.{profile:02x}{constraints:02x}{level:02x}"


def name_codec(init: bytes) -> str:
    """The codec that an init file of ours describes: H.264 or AAC-LC. Raises ValueError for anything else."""
    if len(init) > INIT_MAX_BYTES:
        raise ValueError(f"an init file of {len(init)} bytes")
    kind, entry = _find_sample_entry(init)
    if kind is MediaKind.AUDIO:
        return AAC_LC  # the only sound that we write
    box = entry.find(b"avcC")
    numbers = entry[box + 5 : box + 8]
    if box < 0 or len(numbers) < 3 or entry[box + 4] != 1:
        raise ValueError("no H.264 configuration in this init file")
    return name_avc(*numbers)


def _find_sample_entry(init: bytes) -> tuple[MediaKind, bytes]:
    for code, kind in ((b"avc1", MediaKind.VIDEO), (b"mp4a", MediaKind.AUDIO)):
        # Before the entry stand the box of descriptions and its count, so that brands of the same name are passed by.
        start = init.find(b"stsd")
        place = init.find(code, start + 4) if start >= 0 else -1
        if place >= 0:
            return kind, init[place:]
    raise ValueError("neither H.264 nor AAC in this init file")

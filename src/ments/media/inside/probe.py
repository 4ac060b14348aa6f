"""Look at every packet of /in (argv[1]) and print what is in it, as one JSON object. Exits 0 also when it can't be read.

argv[2] is the list of containers that may be opened. Prints {"error": "..."} or the fields of `media.model.Probe`.

With argv[3] and more, numbers of seconds, /in may be a file whose beginning and index alone are true: then nothing is told
but what the rest of it would not change, and where the packets of the first so many seconds lie (`media.source.Extent`).
"""

from __future__ import annotations

import gc
import json
import sys
from itertools import compress
from operator import add, sub
from typing import Any

import av
import av.error

from ments.media.inside.found import Found, has_decoder, is_cover
from ments.media.inside.mov_index import NoIndex, Track, read_track
from ments.media.inside.packet_scan import is_told_in_front

STREAMS_MAX = 128
"""As ffmpeg's command. Discs that were copied have 40 subtitles; past the bound a demuxer stops as if the file ended."""
TRIED_PACKETS = 500
"""Read at most to see which of several pictures can be decoded."""
LOOKED_S = 8.0
"""The demuxer looks at the packets of the first 5 s, or 5 MB, to find out what the streams are."""
LOOKED_PACKETS = 32
FIRST_PICTURES = 90
"""A poster is chosen from the first 50."""
RANGES_GAP = 64 * 1024
RANGES_MAX = 2000


def main(source: str, containers: str, *reaches_s: float) -> dict[str, Any]:
    av.logging.set_level(av.logging.PANIC)
    options = {"protocol_whitelist": "file", "format_whitelist": containers, "max_streams": str(STREAMS_MAX)}
    try:
        with av.open(source, options=options, metadata_errors="replace") as container:
            if len(container.streams) >= STREAMS_MAX:
                return {"error": "too many streams"}
            shown, tried = _choose_picture(container)
            try:
                if not tried:
                    return _read_index(container, source, shown, *reaches_s)
            except (NoIndex, av.error.FFmpegError) as error:
                reason = str(error)
            if reaches_s:
                return {"unknown": "several pictures" if tried else reason}
        with av.open(source, options=options, metadata_errors="replace") as container:
            return _read(container, shown)
    except (av.error.FFmpegError, ValueError) as error:
        return {"error": f"{type(error).__name__}: {error}"[:300]}


def _choose_picture(container: Any) -> tuple[int | None, bool]:
    """The index of the first picture that decodes; covers are none. With several to choose from they are tried: True."""
    videos: list[Any] = [stream for stream in container.streams.video if not is_cover(stream)]
    known = [stream for stream in videos if has_decoder(stream)]
    if len(known) < 2:
        return next((stream.index for stream in (*known, *videos)), None), False
    seen: set[int] = set()
    try:
        for _, packet in zip(range(TRIED_PACKETS), container.demux(known), strict=False):
            if packet.stream.index not in seen and _has_picture(packet):
                seen.add(packet.stream.index)
            if known[0].index in seen:
                break
    except av.error.FFmpegError:
        pass  # reading all of it will meet this, too, and say so
    indices = [int(stream.index) for stream in known]
    return next((index for index in indices if index in seen), indices[0]), True


def _has_picture(packet: Any) -> bool:
    try:
        return bool(packet.decode())
    except av.error.FFmpegError:
        return False


def _read(container: Any, shown: int | None) -> dict[str, Any]:
    """Read packet by packet."""
    found = Found(container, shown)
    video, scan, starts, ends = found.video, found.scan, found.starts, found.ends
    picture_index = video.index if video is not None else -1
    decodes = video is not None and has_decoder(video)
    wants_headers = video is not None and scan.wants_headers(video)
    clocks = {s.index: (s.time_base.numerator, s.time_base.denominator) for s in found.streams if s.time_base}
    try:
        for packet in container.demux(found.streams):
            ticks, index = packet.pts, packet.stream_index
            if ticks is None or index not in clocks:
                continue
            num, den = clocks[index]
            start, is_discard = ticks * num / den, packet.is_discard
            if index == picture_index:
                if decodes and found.rotation is None:
                    found.look(packet)
                scan.take(start, packet.size, is_key=packet.is_keyframe, is_discard=is_discard)
                if wants_headers and packet.is_keyframe and not is_discard:
                    scan.take_keyframe(packet)
                found.count += not is_discard
            if is_discard:
                continue  # before the edit list's beginning: decoded for what follows, never shown
            end = start + (packet.duration or 0) * num / den
            starts[index] = min(start, starts.get(index, start))
            ends[index] = max(end, ends.get(index, end))
    except av.error.FFmpegError:
        if not ends:
            raise
        # A file that breaks in the middle is judged by how far it went.
    return found.tell()


def _read_index(container: Any, source: str, shown: int | None, *reaches_s: float) -> dict[str, Any]:
    """The same answer from the index of an MP4 and its first and last packets. Raises NoIndex."""
    found = Found(container, shown)
    video = found.video
    if container.format.name.split(",")[0] != "mov" or video is None or not has_decoder(video):
        raise NoIndex("another kind of file")
    told = [stream.codec_context for stream in found.streams]
    names = [context.name if context else "" for context in told]
    if names[0] not in ("h264", "hevc") or names[1:] not in ([], ["aac"]) or not is_told_in_front(told[0]):
        raise NoIndex("packets that tell more than their index")
    tracks = {s.index: read_track(source, s, is_picture=s is video) for s in found.streams}
    with open(source, "rb") as file:  # noqa: PTH123 (the size alone)
        size = file.seek(0, 2)
    if not all(track.ends_within(size) for track in tracks.values()):
        raise NoIndex("the file stops before its packets")
    begin = (container.start_time or 0) / 1_000_000
    looked = {index: track.count(begin + LOOKED_S, LOOKED_PACKETS) for index, track in tracks.items()}
    unknown = None
    try:
        _compare_first(container, found, tracks, looked)
    except NoIndex as error:
        if not reaches_s:
            raise
        unknown = str(error)
    for stream in found.streams:
        _take(found, stream, tracks[stream.index], tracks[stream.index].check_last(container, stream))
    if not reaches_s:
        return found.tell()
    answer: dict[str, Any] = found.tell() if unknown is None else {"unknown": unknown}
    firsts = []
    for reach_s in reaches_s:
        first = {index: track.count(begin + reach_s) for index, track in tracks.items()}
        first[video.index] = max(first[video.index], FIRST_PICTURES)
        firsts.append(_places(tracks, first))
    answer["extent"] = {"looked": _places(tracks, looked), "firsts": firsts}
    return answer


def _places(tracks: dict[int, Track], counts: dict[int, int]) -> list[tuple[int, int]]:
    """Where so many packets of each track lie."""
    return _joined([place for index, track in tracks.items() for place in track.ranges(counts[index])])


def _compare_first(container: Any, found: Found, tracks: dict[int, Track], counts: dict[int, int]) -> None:
    """Compare so many packets of each stream with its index, and look at the first picture. Raises NoIndex."""
    left, seen = dict(counts), dict.fromkeys(tracks, 0)
    for packet in container.demux(found.streams):
        index = packet.stream_index
        if packet.pts is None or not left[index]:
            continue
        tracks[index].check(seen[index], packet, with_data=True)
        if index == found.streams[0].index and found.rotation is None:
            found.look(packet)
        seen[index] += 1
        left[index] -= 1
        if not any(left.values()):
            break
    if found.rotation is None or any(left.values()):
        raise NoIndex("no picture among the first packets")


def _take(found: Found, stream: Any, track: Track, last: int) -> None:
    """Take all packets of a track, of which the last one lasts for so many ticks."""
    index, num, den = stream.index, track.num, track.den
    pts, discards = track.pts, track.discards
    lasting = [*map(sub, track.dts[1:], track.dts), last]
    if stream is found.video:
        found.count += len(discards) - sum(discards)
        found.scan.take_all([ticks * num / den for ticks in pts], track.sizes, track.keys, discards)
    if any(discards):
        shown = [not is_discard for is_discard in discards]
        pts, lasting = list(compress(pts, shown)), list(compress(lasting, shown))
    if pts:
        found.starts[index] = min(pts) * num / den
        end = max(map(add, pts, lasting))
        last_ones = [(ticks, long) for ticks, long in zip(pts, lasting, strict=True) if ticks + long == end]
        found.ends[index] = max(ticks * num / den + long * num / den for ticks, long in last_ones)


def _joined(places: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """Ascending, with what lies between them when it is little. Raises NoIndex when they are too many."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(places):
        if joined and start <= joined[-1][1] + RANGES_GAP:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((start, end))
    if len(joined) > RANGES_MAX:
        raise NoIndex("its beginning is spread over the file")
    return joined


if __name__ == "__main__":
    gc.disable()  # it would look through the packets again and again, and this process ends soon
    print(json.dumps(main(sys.argv[1], sys.argv[2], *map(float, sys.argv[3:]))))  # noqa: T201 (the answer)

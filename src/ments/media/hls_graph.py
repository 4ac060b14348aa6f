"""The filters of one run: from an original's pictures and sound to what the encoders take. Pure.

All times are the film's own, whichever chunk is made.
"""

from __future__ import annotations

import math

from ments.media.argv import DEINTERLACE, HDR_TO_SDR
from ments.media.encoding import LadderRun
from ments.media.model import AudioStream, Rendition, VideoStream
from ments.media.stills import still_filters
from ments.media.storyboard import Storyboard

AUDIO_RATE = 48_000
AUDIO_PACKET = 1024
"""Samples of one packet of AAC."""
CLOCK = 90_000
"""Ticks a second of every picture's time; finer than what any container here writes."""

FRAMES_GATE = r"select=isnan(prev_t)+gt(floor(t*60+0.05)\,floor(prev_t*60+0.05))"
"""The first picture of each 1/60 s: it takes the same ones wherever a chunk begins, and makes none up as `fps` would.

0.05 of a 60th: containers that round to milliseconds move a picture by up to 0.5 ms.
"""


def picture_graph(run: LadderRun) -> str:
    """The scaling cascade: each rung from the one above, so that most pixels are read once.

    Its outputs are labelled with the rungs' names, [poster], [tiny] and [board].
    """
    chains: list[str] = []
    entrance, front = f"[0:{run.video.index}]", _front_filters(run)
    # The most typical of 16 pictures over up to 16 s: neither the black before it nor a title. Each is scaled, and costs
    # as much as decoding two: 30 would be a sixth of what a film costs until it plays.
    apart = min(1.0, max(0.2, run.span.length_s / 16))
    spread = rf"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,{apart:.3f})"
    chosen = f"{spread},thumbnail=16"
    if run.poster and run.poster_size:
        chains.append(f"{entrance}{','.join([*front, 'split=2'])}[film][still]")
        entrance, front = "[film]", []
        scaled = ",".join(_scale_filters(run.video, run.poster_size, is_first=True))
        chosen = f"{spread},{scaled},thumbnail=16"
    for number, rung in enumerate(run.cascade):
        is_lowest = number == len(run.rungs) - 1
        exits = [f"[{rung.name}]"]
        exits += ["[still]"] if rung is run.poster_rung and not run.poster_size else []
        exits += ["[tiles]"] if run.storyboard and is_lowest else []
        exits += [] if is_lowest else [f"[below{rung.name}]"]
        split = [f"split={len(exits)}"] if len(exits) > 1 else []
        steps = [*front, *_scale_filters(run.video, rung.rendition, is_first=number == 0), *split]
        chains.append(f"{entrance}{','.join(steps)}{''.join(exits)}")
        entrance, front = f"[below{rung.name}]", []
    if run.poster_rung:
        chains.append(f"[still]{chosen},{still_filters(run.poster_size or run.poster_rung.rendition)}")
    if run.storyboard:
        chains.append(f"[tiles]{storyboard_filters(run.storyboard)}[board]")
    return ";".join(chains)


def sound_graph(audio: AudioStream, start_s: float, end_s: float) -> str:
    """Sound that begins with the film's packet around `start_s` and lasts until `end_s` at least, silent where there is none: [sound].

    The packets of each chunk are cut as those of the whole film would be, wherever it begins. Each chunk so has as many packets as its length asks for, also where the sound has ended or not begun. (`apad` would
    make nothing of a stream without a single packet.)
    """
    start = round(start_s * AUDIO_RATE) // AUDIO_PACKET * AUDIO_PACKET
    length = math.ceil(round(end_s * AUDIO_RATE, 3)) - start
    heard = [
        f"aresample={AUDIO_RATE}",
        "aformat=sample_fmts=fltp:channel_layouts=stereo",  # 5.1 is mixed down
        # A second one, since `first_pts` counts samples of what comes in. Gaps of a tenth of a second become silence.
        f"aresample=async=1:first_pts={start}",
    ]
    return (
        f"[0:{audio.index}]{','.join(heard)}[heard];"
        f"anullsrc=r={AUDIO_RATE}:cl=stereo:d={length / AUDIO_RATE:.6f},asetpts=PTS+{start}[silence];"
        "[silence][heard]amix=inputs=2:duration=longest:normalize=0[sound]"
    )


def storyboard_filters(board: Storyboard) -> str:
    """From pictures of a film to sheets of tiles."""
    return ",".join(
        [
            # Area averages: neither rings nor flicker at a tenth of the size.
            f"scale={board.tile_width}:{board.tile_height}:flags=area:out_range=pc",
            "setsar=1",
            # One picture for each interval, the one before again where there is none; also for a last one that has only
            # begun. It is `fps` that filled 22 GB from a gap in time; here it makes 200 tiny pictures at most.
            f"fps=1/{board.interval_s}:start_time=0:round=near:eof_action=pass",
            f"tile={board.columns}x{board.rows}",
        ]
    )


def _front_filters(run: LadderRun) -> list[str]:
    span, transfer = run.span, run.video.transfer
    bounds = [f"start={span.start_s:.0f}"] if span.start_s else []
    bounds += [] if span.is_last else [f"end={span.end_s:.0f}"]
    return [
        # Ahead of the cut: it looks at the pictures before and after.
        *([DEINTERLACE] if run.video.is_interlaced else []),
        f"settb=1/{CLOCK}",  # bounds are compared in these ticks, not in a container's 1/30 s
        # From the start on and before the end: each picture is in one chunk. The last takes what is left.
        *([f"trim={':'.join(bounds)}"] if bounds else []),
        *([FRAMES_GATE] if run.video.rate > 62 else []),
        # Files that name the transfer only: without the rest the tone map finds no way to SDR and ends the run.
        *([f"setparams=color_primaries=bt2020:color_trc={transfer}:colorspace=bt2020nc"] if run.video.is_hdr else []),
    ]


def _scale_filters(video: VideoStream, rendition: Rendition, *, is_first: bool) -> list[str]:
    scale = f"scale={rendition.width}:{rendition.height}:flags=bicubic"
    if not is_first:
        return [scale, "setsar=1"]
    return [
        f"{scale}:out_range=tv",  # full range is dark or pale in some players
        # After the scale: fewer pixels to map, and once for all rungs. 4:4:4 and 10 bits play nowhere.
        HDR_TO_SDR if video.is_hdr else "format=yuv420p",
        "setsar=1",  # the scale has squared them
    ]

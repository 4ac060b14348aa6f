"""The commands that make HLS: a chunk into every rung at once, the original as it is, and what is made of rungs. Pure.

Tried with ffmpeg 9.0.2, the pinned one; where another version differs a comment says so. All times that they know are
the film's own (-copyts): a chunk's pictures and packets bear the numbers that they would bear in one run over all.
"""

from __future__ import annotations

from ments.media.argv import _NO_BAGGAGE, CONTAINERS, LENGTH_MAX_S
from ments.media.chunks import Span
from ments.media.encoding import AUDIO_NAME, SEGMENT_S, CopyRun, LadderRun, RungEncoding
from ments.media.hls_graph import AUDIO_RATE, CLOCK, picture_graph, sound_graph, storyboard_filters
from ments.media.model import Rendition
from ments.media.stills import still_argv, still_filters
from ments.media.storyboard import Storyboard

_SLACK_S = 0.05
_LAST_SHOWN = r"st(1\,if(gte(PTS\,ld(0))\,DURATION\,ld(1)))*0+st(0\,max(ld(0)\,PTS))*0"
_STEADY_CLOCK = (
    "-bsf:v",
    rf"setts=pts=PTS:dts=DTS:duration={_LAST_SHOWN}"
    r"+if(eq(NEXT_DTS\,NOPTS)\,ld(0)+ld(1)-STARTPTS-(DTS-STARTDTS)\,NEXT_DTS-DTS)",
)
"""A picture lasts until the next. The muxer begins a segment where the last one's durations end, and what containers and
filters say of them is wrong in films of uneven rates. (Without `pts` and `dts` the filter would make one of the two.)
The last one lasts until the end of what is shown last, which ld(0) and ld(1) keep: else a film whose pictures come ever
slower would end before its last ones."""


def ladder_argv(ffmpeg: str, source: str, folder: str, run: LadderRun) -> list[str]:
    """All rungs of a chunk, its sound, and if wanted its poster and storyboard, by decoding once.

    source, folder  as the command sees them

    Writes the run's files, `poster.jpg` and `poster.rgb`, and the storyboard's sheets. `-progress` counts from the chunk's beginning.
    A chunk without a single picture ends in an error: films with such gaps are not cut (source.find_reason_not_to_cut).
    """
    graph = [picture_graph(run)]
    if run.audio:
        end_s = run.span.end_s if run.stop_s is None else run.stop_s
        graph.append(sound_graph(run.audio, run.seek_s, end_s))
    argv = [
        *read_argv(ffmpeg, source, start_s=run.seek_s, end_s=run.stop_s),
        *("-filter_complex_threads", "1"),  # encoders and decoder have the processor's other threads
        *("-filter_complex", ";".join(graph)),
    ]
    for rung in run.cascade:
        argv += _rung_argv(folder, run, rung)
    if run.audio:
        argv += [*_ENCODE_SOUND, *_sound_argv(folder, run.mark, run.span)]
    if run.poster:
        argv += still_argv(folder)
    if run.storyboard:
        argv += _sheets_argv(folder, run.storyboard)
    return argv


def copy_argv(ffmpeg: str, source: str, folder: str, run: CopyRun) -> list[str]:
    """The original's pictures as HLS without a decode, in segments that begin at its own keyframes.

    Writes the run's files; the last segments of a run that stops early are not whole. Only for what
    source.find_reason_to_encode lets through.
    """
    argv = read_argv(ffmpeg, source, end_s=run.stop_s)
    end_s = run.length_s if run.stop_s is None else run.stop_s
    if run.audio and not run.copy_audio:
        argv += ["-filter_complex", sound_graph(run.audio, 0.0, end_s)]
    argv += ["-map", f"0:{run.video.index}", "-c:v", "copy", *_STEADY_CLOCK]
    # Not "independent segments": a camera may let pictures after a keyframe lean on those before it.
    argv += _hls_argv(folder, run.name, run.mark, segment_s=run.segment_s, flags="temp_file")
    if run.audio:
        argv += ["-map", f"0:{run.audio.index}", "-c:a", "copy"] if run.copy_audio else _ENCODE_SOUND
        whole = Span(0, 0, run.length_s, is_last=True)
        argv += _sound_argv(folder, run.mark, whole, is_copied=run.copy_audio)
    return argv


def keyframe_poster_argv(ffmpeg: str, source: str, folder: str, *, rendition: Rendition) -> list[str]:
    """`poster.jpg` and `poster.rgb` of a film that is kept: its most typical keyframe. The other pictures are not decoded.

    source  the stored bytes of its first seconds, and no more: to end by time ffmpeg would read some keyframes beyond
    """
    scale = f"scale={rendition.width}:{rendition.height}:flags=bicubic"
    return [
        *read_argv(ffmpeg, source, containers="mov", keyframes_only=True),
        *("-filter_complex_threads", "1"),
        # More than there are, so that it chooses among all; the end counts as one.
        *("-filter_complex", f"[0:v:0]{scale},setsar=1,thumbnail=100,{still_filters(rendition)}"),
        *still_argv(folder),
    ]


def progressive_argv(ffmpeg: str, video: str, audio: str | None, folder: str, *, file: str) -> list[str]:
    """One MP4 for downloads and old browsers, of a rung's and the sound's stored files; nothing is encoded.

    video, audio  each the bytes of an init file and of all its segments, one after another, as the command sees them
    """
    argv = read_argv(ffmpeg, video, containers="mov")
    if audio:
        argv += ["-protocol_whitelist", "file", "-format_whitelist", "mov", "-i", f"file:{audio}"]
    return [
        *argv,
        *("-map", "0:v:0"),
        *(["-map", "1:a:0"] if audio else []),
        *("-c", "copy"),
        *_NO_BAGGAGE,
        *("-movflags", "+faststart"),  # the index in front: plays before it is all there
        *("-f", "mp4", f"file:{folder}/{file}"),
    ]


def storyboard_argv(ffmpeg: str, source: str, folder: str, board: Storyboard) -> list[str]:
    """The sheets of a long film, from its keyframes alone.

    source  the lowest rung's stored bytes (init file and segments): their keyframes lie where the tiles' times are, and
            cost a hundredth of decoding the original
    """
    return [
        *read_argv(ffmpeg, source, containers="mov", keyframes_only=True),
        *("-filter_complex", f"[0:v:0]{storyboard_filters(board)}[board]"),
        *_sheets_argv(folder, board),
    ]


def read_argv(
    ffmpeg: str,
    source: str,
    *,
    start_s: float = 0.0,
    end_s: float | None = None,
    containers: str = CONTAINERS,
    keyframes_only: bool = False,
) -> list[str]:
    """The front of every command: open one file, with all that is refused. Times in s from the film's beginning."""
    length = LENGTH_MAX_S if end_s is None else f"{end_s - start_s:.2f}"
    return [
        ffmpeg,
        "-nostdin",  # it would read the worker's input as keys
        "-hide_banner",
        *("-v", "error"),
        "-y",  # the folder is new, but a second run in it must not ask
        *("-progress", "pipe:1", "-stats_period", "0.5"),
        "-copyts",  # shifted timestamps would be rounded to the container's ticks, by each chunk in its own way
        "-start_at_zero",  # cameras begin at 10 h or at 1.4 s; the film begins at 0
        *("-protocol_whitelist", "file"),  # a playlist that names a URL opens nothing
        *("-format_whitelist", containers),  # an m3u8 named .mp4 is no container
        *("-max_streams", "128"),  # thousands of streams cost memory each
        *("-max_pixels", "36000000"),  # frames that lie about their size
        *("-threads", "2"),  # decoders keep frames a thread
        *(["-skip_frame", "nokey"] if keyframes_only else []),
        *(["-ss", f"{start_s:.2f}"] if start_s else []),  # before -i: seeks, then decodes from the keyframe before
        *("-t", length),  # a timestamp gap of a day ends here
        *("-i", f"file:{source}"),  # never another protocol, whatever the name
    ]


_ENCODE_SOUND = ["-map", "[sound]", "-c:a", "aac", "-b:a", "128k"]


def _rung_argv(folder: str, run: LadderRun, rung: RungEncoding) -> list[str]:
    rendition, segment_s = rung.rendition, run.segment_s - _SLACK_S
    return [
        *("-map", f"[{rung.name}]"),
        *("-c:v", "libx264", "-preset", rung.preset, "-crf", f"{rung.crf:g}"),
        *(["-x264-params", rung.options] if rung.options else []),
        *("-maxrate", str(rendition.video_bitrate)),  # the playlist says what a client's connection must bear
        *("-bufsize", str(2 * rendition.video_bitrate)),
        *("-pix_fmt", "yuv420p", "-profile:v", "high"),
        *("-fps_mode", "vfr"),  # 26 frames stay 26; a gap in time is not filled. (Before 5.1 it is -vsync.)
        *("-enc_time_base", f"1:{CLOCK}"),  # not 1/rate, which would move the pictures of an uneven film
        # A list, not "expr:gte(t,n_forced*2)": there t counts from the chunk's first picture. And one for each output:
        # with `-force_key_frames` for all of one output ffmpeg 9 gives the second encoder only the list's first time.
        *("-force_key_frames", ",".join(str(time) for time in run.span.keyframes)),
        *("-sc_threshold", "0", "-g", "600"),  # and no others, so that segments of all rungs and chunks meet
        *("-flags", "+cgop"),  # no picture leans on one of the segment before
        *("-threads", str(run.threads)),
        *_STEADY_CLOCK,
        # A little less than wanted: the muxer counts from the chunk's first picture, which may come a little late.
        *_hls_argv(folder, rung.name, run.mark, segment_s=segment_s, flags="independent_segments+temp_file"),
    ]


def _sound_argv(folder: str, mark: str, span: Span, *, is_copied: bool = False) -> list[str]:
    """What follows the sound's codec: the packets of this span only, as HLS."""
    outside = f"lt(pts,{round(span.start_s) * AUDIO_RATE})"  # the encoder's priming, and what stands before a chunk
    outside += "" if span.is_last else f"+gte(pts,{round(span.end_s) * AUDIO_RATE})"
    # Packets overlap in AAC. Encoded with what surrounds them, those of two chunks fit together as if of one run.
    # Cameras' transport streams have a header before each packet, where MP4 has one for all.
    unpack = "aac_adtstoasc," if is_copied else ""
    drop = ["-bsf:a", f"{unpack}noise=drop='{outside}'"]
    return [*drop, *_hls_argv(folder, AUDIO_NAME, mark, segment_s=SEGMENT_S, flags="temp_file")]


def _sheets_argv(folder: str, board: Storyboard) -> list[str]:
    return [
        *("-map", "[board]", "-frames:v", str(board.sheets)),  # pictures after the measured end make no sheet more
        *("-q:v", "6"),  # about 2.5 KB a tile
        *("-f", "image2", "-start_number", "0", f"file:{folder}/storyboard-%03d.jpg"),
    ]


def _hls_argv(folder: str, name: str, mark: str, *, segment_s: float, flags: str) -> list[str]:
    # frag_discont: a chunk's first fragment begins at its own time, not at 0. skip_sidx: with that index, which HLS does
    # not use, the muxer moves a segment's first picture to where it thinks that the last one ended.
    options = "movflags=+frag_discont+skip_sidx"
    return [
        *_NO_BAGGAGE,
        *("-avoid_negative_ts", "disabled"),  # a first DTS below 0 would move one stream against the other
        *("-f", "hls", "-hls_time", f"{segment_s:g}"),
        *("-hls_playlist_type", "event"),  # lists each segment as soon as it is whole
        *("-hls_segment_type", "fmp4", "-hls_segment_options", options),
        *("-hls_flags", flags),  # temp_file: a name that is there is a file that is whole
        *("-hls_fmp4_init_filename", f"{name}-{mark}-init.mp4"),
        *("-hls_segment_filename", f"{folder}/{name}-{mark}-%05d.m4s"),
        f"{folder}/{name}-{mark}.m3u8",
    ]

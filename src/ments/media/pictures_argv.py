"""The exact commands for the pictures of sound and for a film's preview, each argument with its reason. Pure."""

from __future__ import annotations

from ments.media.argv import CONTAINERS, LENGTH_MAX_S

COVER_FILE = "cover"
PREVIEW_FILE = "preview.webp"
SAMPLES_PER_S = 48_000
_LOUDNESS = "lavfi.astats.Overall.RMS_level"


def cover_argv(ffmpeg: str, source: str, folder: str) -> list[str]:
    """`cover`: the first picture that is attached to a sound, as it lies there; nothing of it is decoded."""
    return [
        *_read_argv(ffmpeg),
        *("-i", f"file:{source}"),
        *("-map", "0:v:disp:attached_pic"),
        *("-frames:v", "1", "-c", "copy"),  # Pillow decodes it, in a jail of its own
        *("-update", "1", "-f", "image2", f"file:{folder}/{COVER_FILE}"),
    ]


def loudness_argv(ffmpeg: str, source: str, *, length_s: float, parts: int) -> list[str]:
    """Print how loud each of `parts` equal parts of a sound is, as lines `lavfi.astats.Overall.RMS_level=-21.3` (dB).

    `showwavespic` would keep the whole sound in memory: 5 GB for 4 hours. Here it is one part.
    """
    samples = max(1, round(length_s * SAMPLES_PER_S / parts))
    measured = "measure_perchannel=none:measure_overall=RMS_level"  # the other twenty cost more than the decoding
    steps = [
        f"aformat=sample_fmts=flt:sample_rates={SAMPLES_PER_S}:channel_layouts=mono",
        f"asetnsamples=n={samples}:p=0",  # the last part is shorter, not filled with silence
        f"astats=metadata=1:reset=1:{measured}",
        rf"ametadata=mode=print:key={_LOUDNESS}:file='pipe\:1'",
    ]
    return [
        *_read_argv(ffmpeg),
        *("-i", f"file:{source}"),
        *("-map", "0:a:0", "-vn", "-sn", "-dn"),
        *("-af", ",".join(steps)),
        *("-f", "null", "-"),
    ]


def preview_argv(
    ffmpeg: str,
    source: str,
    folder: str,
    *,
    start_s: float,
    length_s: float,
    width: int,
    height: int,
    rate: int,
    quality: int,
) -> list[str]:
    """`preview.webp`: some seconds of a film without its sound, as pictures that move by themselves.

    width, height  of the preview in px; rate in pictures/s; quality 0 to 100
    """
    # Leaves pictures out, and makes none up as `fps` would. A hundredth less: times are rounded.
    gate = rf"select=isnan(prev_selected_t)+gte(t-prev_selected_t\,{1 / rate - 0.01:.3f})"
    return [
        *_read_argv(ffmpeg),
        *("-ss", f"{start_s:.3f}"),  # before the input: only what is shown is decoded, and a little before it
        *("-t", f"{length_s:.3f}"),
        *("-i", f"file:{source}"),
        *("-map", "0:v:0", "-an", "-sn", "-dn"),
        *("-vf", f"{gate},scale={width}:{height}:flags=bicubic"),
        *("-fps_mode", "vfr"),
        *("-frames:v", str(round(rate * length_s) + 2)),
        # Measured on 3 s at 240p: level 4 takes 9% fewer bytes for 1.5 times the CPU.
        *("-c:v", "libwebp_anim", "-quality", str(quality), "-compression_level", "2"),
        *("-loop", "0"),  # for ever
        *("-map_metadata", "-1", "-f", "webp", f"file:{folder}/{PREVIEW_FILE}"),
    ]


def _read_argv(ffmpeg: str) -> list[str]:
    return [
        ffmpeg,
        "-nostdin",  # it would read the worker's input as keys
        "-hide_banner",
        *("-v", "error"),
        "-y",
        *("-protocol_whitelist", "file,pipe"),  # the pipe is for what is printed
        *("-format_whitelist", CONTAINERS),
        *("-max_streams", "128"),
        *("-max_pixels", "36000000"),
        *("-threads", "1"),
        *("-filter_threads", "1"),
        *("-t", LENGTH_MAX_S),
    ]

"""Files as members send them, made on the spot: good ones, odd ones, hostile ones."""

from __future__ import annotations

import subprocess
from pathlib import Path

import imageio_ffmpeg
import pillow_heif
from PIL import Image

FFMPEG = imageio_ffmpeg.get_ffmpeg_exe()


def ffmpeg(*words: str) -> None:
    """Run the pinned ffmpeg to its end."""
    subprocess.run([FFMPEG, "-v", "error", "-nostdin", "-y", *words], check=True, timeout=60)


def make_video(
    path: Path,
    *,
    size: str = "640x360",
    seconds: float = 2,
    rate: int = 30,
    sound: bool = True,
    more: tuple[str, ...] = (),
) -> Path:
    """A test card with a tone. `more` are options of the output."""
    picture = ("-f", "lavfi", "-i", f"testsrc2=s={size}:r={rate}:d={seconds}")
    tone = ("-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", "aac") if sound else ()
    ffmpeg(*picture, *tone, "-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", *more, str(path))
    return path


def make_hdr_video(path: Path, transfer: str) -> Path:
    """Half a second of white beside red, 320 by 240, of 100 nits at most: HEVC of 10 bits with this transfer's curve."""
    linear = (
        "scale=out_color_matrix=bt709:out_range=tv,format=yuv444p,"
        "setparams=color_primaries=bt709:color_trc=bt709:colorspace=bt709:range=tv,zscale=t=linear:npl=100,format=gbrpf32le"
    )
    graph = f"[0][1]overlay=160:0,{linear},zscale=p=bt2020:t={transfer}:m=2020_ncl:r=tv:npl=100,format=yuv420p10le"
    told = f"log-level=error:colorprim=bt2020:transfer={transfer}:colormatrix=bt2020nc:range=limited"
    white, red = (f"color={name}:s={size}:r=30:d=0.5" for name, size in (("white", "320x240"), ("red", "160x240")))
    sources = ("-f", "lavfi", "-i", white, "-f", "lavfi", "-i", red)
    ffmpeg(*sources, "-filter_complex", graph, "-c:v", "libx265", "-x265-params", told, str(path))
    return path


def make_interlaced_video(path: Path) -> Path:
    """A second of what moves fast, 320 by 240, in 25 pictures of two fields each."""
    moving = ("-f", "lavfi", "-i", "testsrc2=s=320x240:r=50:d=1")
    fields = ("-vf", "scroll=h=0.03,tinterlace=interleave_top", "-c:v", "libx264", "-flags", "+ildct+ilme")
    ffmpeg(*moving, *fields, "-x264-params", "tff=1", "-crf", "10", "-pix_fmt", "yuv420p", str(path))
    return path


def make_sound(path: Path, *, seconds: float = 2) -> Path:
    """A tone."""
    ffmpeg("-f", "lavfi", "-i", f"sine=d={seconds}", "-c:a", "aac", str(path))
    return path


def make_phone_video(path: Path, *, seconds: float = 2) -> Path:
    """What a phone held upright writes: landscape pictures with a rotation, the place where it was, faststart."""
    flat = make_video(path.with_name(f"flat-{path.name}"), size="1280x720", seconds=seconds)
    place = (
        "-metadata",
        "location=+48.8577+002.295/",
        "-metadata",
        "com.apple.quicktime.location.ISO6709=+48.8577+002.295/",
    )
    ffmpeg("-display_rotation", "-90", "-i", str(flat), "-c", "copy", *place, "-movflags", "+faststart", str(path))
    flat.unlink()
    return path


def make_varying_video(path: Path) -> Path:
    """13 pictures in 2 s at uneven distances."""
    uneven = "select='not(mod(n\\,3))*lt(n\\,30)+not(mod(n\\,10))*gte(n\\,30)'"
    ffmpeg(
        *("-f", "lavfi", "-i", "testsrc2=s=320x240:r=30:d=2", "-vf", uneven, "-fps_mode", "vfr"),
        *("-c:v", "libx264", "-preset", "ultrafast", str(path)),
    )
    return path


def written(path: Path, data: bytes) -> Path:
    """A file of these bytes."""
    path.write_bytes(data)
    return path


def size_of(path: Path) -> int:
    return path.stat().st_size


def cut(path: Path, whole: Path, part: float) -> Path:
    """The first part (0 to 1) of a file, as a broken connection leaves it."""
    data = whole.read_bytes()
    path.write_bytes(data[: int(len(data) * part)])
    return path


def make_photo(path: Path, *, size: tuple[int, int] = (3000, 2000)) -> Path:
    """A photo taken with the phone turned, with the place where it was taken. JPEG or HEIC by the suffix."""
    pillow_heif.register_heif_opener()
    shade = Image.radial_gradient("L").resize(size)
    exif = Image.Exif()
    exif[0x0112] = 6
    exif[0x010F] = "SecretCam"
    exif.get_ifd(0x8825).update({1: "N", 2: (48.0, 51.0, 30.0), 3: "E", 4: (2.0, 17.0, 42.0)})
    image = Image.merge("RGB", (shade, shade.rotate(90), shade))
    image.save(path, exif=exif.tobytes())
    return path

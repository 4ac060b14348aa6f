"""Turn the moving picture /in (argv[1]: animated WebP or PNG) into `moving.mkv` in the folder argv[2].

argv[3] is the most pixels that a picture may have, argv[4] the most pictures, argv[5] the most seconds. Prints {"error":
code, ...}, or {"pictures", "length_s"}; a picture that does not move prints {"pictures": 1} and writes nothing.
Each picture is shown as long as it was meant to; what is transparent is laid over white, as a GIF's is.
"""

from __future__ import annotations

import json
import sys
import warnings
from fractions import Fraction
from typing import Any

import av
import av.error
from PIL import Image

BRIEFEST_MS = 20
"""What is meant to be shown for less is shown for 100 ms, as browsers do."""


def main(source: str, folder: str, pixels_max: str, pictures_max: str, seconds_max: str) -> dict[str, Any]:
    warnings.simplefilter("ignore")
    Image.MAX_IMAGE_PIXELS = None
    av.logging.set_level(av.logging.PANIC)
    try:
        with Image.open(source, formats=("WEBP", "PNG")) as image:
            pictures = int(getattr(image, "n_frames", 1))
            # A PNG's first picture may be one for programs that know no moving ones.
            first = 1 if image.info.get("default_image") else 0
            found = {"pictures": pictures - first, "width": image.width, "height": image.height}
            if pictures - first < 2:
                return {"pictures": 1}
            if image.width * image.height > int(pixels_max):
                return {"error": "too_many_pixels", **found}
            if pictures > int(pictures_max):
                return {"error": "too_many_pictures", **found}
            return _unroll(image, f"{folder}/moving.mkv", range(first, pictures), int(seconds_max) * 1000)
    except MemoryError:
        return {"error": "too_much_memory"}
    except Exception as error:  # whatever a decoder raises on a hostile file means the same to its author
        cause = f"{type(error).__name__}: {error}"[:300]
        return {"error": "cut_off" if "truncated" in cause.lower() else "unreadable", "cause": cause}


def _unroll(image: Any, file: str, pictures: range, longest_ms: int) -> dict[str, Any]:
    with av.open(file, "w") as container:
        # As good as lossless, and little memory: nothing is looked at ahead. 4:4:4 has no trouble with odd sides.
        fast = {"preset": "ultrafast", "tune": "zerolatency", "crf": "8", "threads": "1"}
        stream = container.add_stream("libx264", rate=1000, options=fast)
        stream.width, stream.height, stream.pix_fmt = image.width, image.height, "yuv444p"
        stream.codec_context.time_base = stream.time_base = Fraction(1, 1000)
        now_ms = 0
        for number in pictures:
            try:
                image.seek(number)
                image.load()
            except EOFError:
                return {"error": "cut_off"}
            shown_ms = int(image.info.get("duration") or 0)
            shown_ms = shown_ms if shown_ms >= BRIEFEST_MS else 100
            if now_ms + shown_ms > longest_ms:
                return {"error": "too_long"}
            _write(container, stream, image, now_ms)
            now_ms += shown_ms
        # The last one once more where it ends, since a container knows no other way to say how long it is shown.
        _write(container, stream, image, now_ms - 1)
        for packet in stream.encode(None):
            container.mux(packet)
    return {"pictures": len(pictures), "length_s": now_ms / 1000}


def _write(container: Any, stream: Any, image: Any, at_ms: int) -> None:
    whole = image.convert("RGBA")
    ground = Image.new("RGBA", whole.size, "white")
    ground.alpha_composite(whole)
    make: Any = av.VideoFrame.from_image
    frame = make(ground.convert("RGB"))
    frame.pts, frame.time_base = at_ms, Fraction(1, 1000)
    for packet in stream.encode(frame):
        container.mux(packet)


if __name__ == "__main__":
    print(json.dumps(main(*sys.argv[1:])))  # noqa: T201 (the answer)

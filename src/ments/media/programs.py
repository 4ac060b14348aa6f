"""The runs that media need, each with its limits and with what its way of failing means."""

from __future__ import annotations

import sys
from collections.abc import Callable
from functools import lru_cache
from importlib.resources import files
from pathlib import Path

import msgspec
import structlog

from ments.errors import Retryable
from ments.media.argv import Limits, child_argv
from ments.media.model import UnplayableMedia
from ments.media.sandbox import Finished, Sandbox, python_programs
from ments.settings import Settings

log = structlog.get_logger()
MIB = 1024 * 1024
GIB = 1024 * MIB
LOOK_LIMITS = Limits(wall_s=180, cpu_s=90, memory=3 * GIB, file=64 * MIB)
_SIGNALLED = range(129, 160)
"""How a program in the jail ends by a signal. ffmpeg's own errors lie above: 183 is "Invalid data found"."""
_SIGTERM_SEEN = 255
"""How ffmpeg ends when it was asked to, and when an output is refused (EPERM): then it says why."""
_OURS = ("bwrap:", "setpriv:", "prlimit:", "nice:")
_NO_ROOM = "No space left on device"


def sandbox_of(settings: Settings) -> Sandbox:
    """The sandbox of this process: whether bubblewrap works here is tried once."""
    return _sandbox(settings.bwrap_bin)


def ffmpeg_of(settings: Settings) -> str:
    """The ffmpeg to run: the setting's, else the pinned package's."""
    return settings.ffmpeg_bin or _pinned_ffmpeg()


@lru_cache(maxsize=4)
def _sandbox(bwrap: str) -> Sandbox:
    return Sandbox(bwrap)


@lru_cache(maxsize=1)
def _pinned_ffmpeg() -> str:
    import imageio_ffmpeg

    return str(imageio_ffmpeg.get_ffmpeg_exe())


async def run_child(
    sandbox: Sandbox,
    name: str,
    source: Path,
    folder: Path,
    words: Callable[[str], list[str]],
    limits: Limits = LOOK_LIMITS,
) -> bytes:
    """Run a script of `inside/` on a file, and return the JSON that it printed.

    words  its arguments after the source, given the folder as the script sees it
    Raises UnplayableMedia when the file made it run out of limits, Retryable when it was the machine.
    """
    script = Path(str(files("ments.media.inside") / f"{name}.py"))
    finished = await sandbox.run(
        lambda seen, out: child_argv(sys.executable, str(script), seen, *words(out)),
        source=source,
        folder=folder,
        programs=python_programs(script.parent),
        limits=limits,
    )
    check_finished(finished, name)
    return finished.output.encode()


def check_finished(finished: Finished, name: str) -> None:
    """Raise what a failed run means: UnplayableMedia for the file's fault, Retryable for the machine's."""
    if finished.code == 0 and not finished.timed_out:
        return
    log.warning(
        "media_run_failed", program=name, code=finished.code, timed_out=finished.timed_out, errors=finished.errors
    )
    if finished.ran_out:
        raise UnplayableMedia(
            "Reading this file takes more time or memory than we give to one file. "
            "Save it anew in your video or photo app, and send it again.",
            code="too_heavy",
        )
    if finished.timed_out:
        raise Retryable("Preparing this file took longer than we wait for it.", code="too_slow")
    asked = finished.code == _SIGTERM_SEEN and (not finished.errors.strip() or "received signal" in finished.errors)
    if _NO_ROOM in finished.errors:
        # It may be what this very run writes: each one is an attempt, before which room is looked for.
        raise Retryable("There is no room on the worker's disk any more.", code="disk_full")
    stopped = finished.code < 0 or finished.code in _SIGNALLED or asked
    if stopped or any(mark in finished.errors for mark in _OURS):
        raise Retryable("The program that prepares this file was stopped.", code="stopped")
    raise UnplayableMedia(
        "Part of this file is damaged, so it can't be prepared. Save it anew and send it again.", code="damaged"
    )


def decode_answer(answer: bytes) -> dict[str, object]:
    """Read a child's answer. Raises Retryable when it isn't one: the child was cut short."""
    try:
        return msgspec.json.decode(answer, type=dict[str, object])
    except msgspec.DecodeError as error:
        raise Retryable("Looking into this file was cut short.", code="stopped") from error

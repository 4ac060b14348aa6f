"""Run a program on a member's file where it can do no harm: bubblewrap, limits, a process group that can be ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import structlog

from ments.media.argv import Jail, Limits, in_jail

log = structlog.get_logger()
_GRACE_S = 3.0
_OUTPUT_MAX = 1_000_000
_ERRORS_MAX = 8_000
_CHECK_TIMEOUT_S = 10.0
_LINKS = ("/lib", "/lib64", "/lib32", "/bin", "/sbin")

Command = Callable[[str, str], list[str]]
"""Builds a command from the paths of the source and of the folder, as the program will see them."""


@dataclass(frozen=True, slots=True)
class Finished:
    """How a run ended. `code` is the exit status, negative for a signal; `timed_out` when we ended it."""

    code: int
    output: str
    errors: str
    timed_out: bool

    @property
    def ran_out(self) -> bool:
        """Whether a limit ended it, and not something that a second try would change."""
        exhausted = self.code in (-signal.SIGXCPU, 128 + signal.SIGXCPU, -signal.SIGXFSZ, 128 + signal.SIGXFSZ)
        return exhausted or "Cannot allocate memory" in self.errors or "MemoryError" in self.errors


class Sandbox:
    """Bubblewrap where this machine allows it, limits alone (and a loud line in the log) where it does not."""

    def __init__(self, bwrap: str) -> None:
        self._bwrap = bwrap
        self._works: bool | None = None
        self._checking = asyncio.Lock()

    async def run(
        self,
        command: Command,
        *,
        source: Path,
        folder: Path,
        programs: Sequence[str],
        limits: Limits,
        on_line: Callable[[str], None] | None = None,
    ) -> Finished:
        """Run a command that reads one file and writes into one folder.

        programs  files and folders that it needs besides /usr; seen under their own paths, read-only
        on_line   called with each line of standard output, instead of keeping it; must not raise

        Being cancelled ends the program. Raises OSError when it can't be started.
        """
        if await self.is_jailed():
            jail = Jail(
                bwrap=self._bwrap,
                source=str(source),
                folder=str(folder),
                read_only=system_paths(programs),
                links=system_links(),
            )
            argv = in_jail(limits, jail, command("/in", "/out"))
        else:
            argv = in_jail(limits, None, command(str(source), str(folder)))
        return await run_group(argv, folder=folder, wall_s=limits.wall_s, on_line=on_line)

    async def is_jailed(self) -> bool:
        """Whether bubblewrap works here; tried once for the process."""
        async with self._checking:
            if self._works is None:
                self._works = await self._check()
            return self._works

    async def _check(self) -> bool:
        argv = [self._bwrap, "--ro-bind", "/usr", "/usr"]
        for target, link in system_links():
            argv += ["--symlink", target, link]
        argv += ["--unshare-all", "--die-with-parent", "--cap-drop", "ALL", "/usr/bin/true"]
        try:
            done = await run_group(argv, folder=Path("/"), wall_s=int(_CHECK_TIMEOUT_S))
            # One that says nothing has failed all the same.
            cause = (done.errors.strip() or f"it ended with status {done.code}") if done.code else ""
        except OSError as error:
            cause = str(error)
        if cause:
            log.error(
                "sandbox_missing",
                bwrap=self._bwrap,
                cause=cause,
                effect="members' files are decoded under limits only, with the worker's own rights",
                fix="install bubblewrap and allow user namespaces, or name it in MENTS_BWRAP_BIN",
            )
        return not cause


def system_paths(programs: Sequence[str]) -> tuple[tuple[str, str], ...]:
    """What a program needs to start, as (outside, inside); parents come before what lies in them."""
    system = ["/usr", *(path for path in _LINKS if Path(path).is_dir() and not Path(path).is_symlink())]
    system += [path for path in ("/etc/alternatives", "/etc/ld.so.cache") if Path(path).exists()]
    beside = [path for path in programs if path != "/usr" and not path.startswith("/usr/")]
    return tuple((path, path) for path in (*system, *sorted(set(beside), key=len)))


def system_links() -> tuple[tuple[str, str], ...]:
    """The (target, link) of systems that keep everything under /usr."""
    return tuple((str(Path(path).readlink()), path) for path in _LINKS if Path(path).is_symlink())


def python_programs(script: Path) -> list[str]:
    """What this interpreter needs to run one script: its own prefix, the environment's, the script."""
    return [sys.base_prefix, sys.prefix, str(script)]


async def run_group(
    argv: Sequence[str], *, folder: Path, wall_s: int, on_line: Callable[[str], None] | None = None
) -> Finished:
    """Run a program in a process group of its own; end the whole group after `wall_s`, or when cancelled."""
    process = await _spawn(argv, folder)
    timed_out = False
    output, errors = _Tail(_OUTPUT_MAX), _Tail(_ERRORS_MAX)
    # Both are read until the end: a pipe that nobody empties has none, and asyncio waits for the pipes' as well.
    reading = asyncio.gather(_read(process.stdout, output, on_line), _read(process.stderr, errors, None))
    try:
        async with _ended(process):
            try:
                async with asyncio.timeout(wall_s):
                    await asyncio.shield(reading)
                    await process.wait()
            except TimeoutError:
                timed_out = True
    finally:
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
    return Finished(process.returncode or 0, output.text(), errors.text(), timed_out)


async def _spawn(argv: Sequence[str], folder: Path) -> asyncio.subprocess.Process:
    """Start it in a process group of its own. Who is cancelled meanwhile leaves no group: asyncio would kill its leader only."""
    spawning = asyncio.ensure_future(
        asyncio.create_subprocess_exec(
            *argv,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=folder,
            env={"PATH": "/usr/bin", "LANG": "C.UTF-8"},
            start_new_session=True,
        )
    )
    try:
        return await asyncio.shield(spawning)
    except asyncio.CancelledError:
        spawning.add_done_callback(_kill_spawned)
        raise


def _kill_spawned(spawning: asyncio.Future[asyncio.subprocess.Process]) -> None:
    if not spawning.cancelled() and spawning.exception() is None:
        _signal(spawning.result(), signal.SIGKILL)


@asynccontextmanager
async def _ended(process: asyncio.subprocess.Process) -> AsyncIterator[None]:
    """Leave no process of the group behind: SIGTERM, a grace time, SIGKILL (hostile files make ffmpeg ignore SIGTERM)."""
    try:
        yield
    finally:
        if process.returncode is None:
            _signal(process, signal.SIGTERM)
            try:
                with suppress(TimeoutError):
                    await asyncio.wait_for(process.wait(), _GRACE_S)
            finally:
                # Whoever waits may be cancelled once more: then nothing is asked any longer either.
                if process.returncode is None:
                    _signal(process, signal.SIGKILL)
            await process.wait()


def _signal(process: asyncio.subprocess.Process, number: int) -> None:
    with suppress(ProcessLookupError):  # it ended meanwhile, which is what we want
        os.killpg(process.pid, number)


class _Tail:
    """Keeps the last `limit` bytes: a program may write without end."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._chunks: deque[bytes] = deque()
        self._size = 0

    def add(self, chunk: bytes) -> None:
        self._chunks.append(chunk)
        self._size += len(chunk)
        while self._size - len(self._chunks[0]) >= self._limit:
            self._size -= len(self._chunks.popleft())

    def text(self) -> str:
        return b"".join(self._chunks)[-self._limit :].decode(errors="replace")


async def _read(stream: asyncio.StreamReader | None, tail: _Tail, on_line: Callable[[str], None] | None) -> None:
    if stream is None:
        return
    rest = b""
    while chunk := await stream.read(65_536):
        if on_line is None:
            tail.add(chunk)
            continue
        *lines, rest = (rest + chunk).split(b"\n")
        rest = rest[-65_536:]
        for line in lines:
            on_line(line.decode(errors="replace"))

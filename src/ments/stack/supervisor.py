"""Starts the parts as soon as what they need is ready, starts again what dies, and stops all in order."""

from __future__ import annotations

import asyncio
import shutil
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress

from ments.stack.account import Account
from ments.stack.home import Home, told_plainly
from ments.stack.model import NotReady, Part, StackError, order_of_start, order_of_stop
from ments.stack.process import Process, bound_log, exit_text, log_tail
from ments.stack.state import State

_PROBE_EVERY_S = 0.1
_LOGS_EVERY_S = 30.0
_STOP_ALL_S = 12.0
# A part that keeps dying is given up after this many deaths, each within a minute of its start.
_DEATHS_MAX = 8
_STEADY_S = 60.0
_BACKOFF_MAX_S = 10.0


class Supervisor:
    """Runs the parts of one home until it is told to stop.

    tell  called with the name of a part that turned ready and the seconds since the start
    """

    def __init__(
        self,
        home: Home,
        parts: Sequence[Part],
        state: State,
        account: Account | None,
        tell: Callable[[str, float], None],
    ) -> None:
        order_of_start(parts)  # a circle would wait for ever
        self._home = home
        self._parts = parts
        self._state = state
        self._account = account
        self._tell = tell
        self._ready = {part.name: asyncio.Event() for part in parts}
        self._processes: dict[str, Process] = {}
        self._stop = asyncio.Event()
        self._failure: StackError | None = None
        self._began = time.monotonic()
        for part in parts:
            state.add(part)

    async def run(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        """Start everything, run `when_ready` once, and stay until SIGINT, SIGTERM or SIGHUP; then stop everything.

        Raises StackError when a part cannot be started; the others have been stopped by then.
        """
        loop = asyncio.get_running_loop()
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            loop.add_signal_handler(number, self._stop.set)
        tasks = [asyncio.create_task(self._keep(part)) for part in self._parts]
        tasks += [asyncio.create_task(self._bound_logs()), asyncio.create_task(self._announce(when_ready))]
        await self._stop.wait()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._stop_all()
        if self._failure:
            raise self._failure

    async def _announce(self, when_ready: Callable[[], Awaitable[None]]) -> None:
        for ready in self._ready.values():
            await ready.wait()
        self._state.ready = True
        self._state.write()
        await when_ready()
        self._state.announced = True
        self._state.write()

    async def _keep(self, part: Part) -> None:
        """The life of one part: wait for its needs, start it, and start it again when it dies."""
        try:
            for need in part.needs:
                await self._ready[need].wait()
            process = await self._start(part)
            self._ready[part.name].set()
            self._tell(part.name, time.monotonic() - self._began)
            if not part.once:
                await self._restart_for_ever(part, process)
        except StackError as failure:
            self._fail(part, failure)
        except Exception as cause:
            self._fail(part, StackError(f"{part.name}: {cause!r}"), cause)

    def _fail(self, part: Part, failure: StackError, cause: Exception | None = None) -> None:
        if self._stop.is_set():
            return
        failure.__cause__ = cause or failure.__cause__
        self._failure = failure
        self._state.note(part.name, "failed")
        self._stop.set()

    async def _start(self, part: Part) -> Process:
        """Start a part and wait until it works; what was started is noted down before anything else happens."""
        log = self._home.log(part.name)
        with told_plainly(self._home.root):
            self._state.note(part.name, "starting")
            await part.prepare()
            process = Process.spawn(
                part.command, log, account=self._account if part.unprivileged else None, stop_signal=part.stop_signal
            )
            self._processes[part.name] = process
            self._state.note(part.name, "starting", process)
            await self._wait_until_ready(part, process)
        entry = self._state.processes[part.name]
        entry.ready_s = round(time.monotonic() - self._began, 3)
        self._state.note(part.name, "ready")
        if self._everything_is_ready():
            self._state.ready = True
            self._state.write()
        return process

    def _everything_is_ready(self) -> bool:
        return all(entry.state == "ready" for entry in self._state.processes.values())

    async def _wait_until_ready(self, part: Part, process: Process) -> None:
        log = self._home.log(part.name)
        deadline = time.monotonic() + part.ready_s
        reason: Exception = NotReady("no answer yet")
        while time.monotonic() < deadline:
            if part.once and process.status == 0:
                return
            if process.exited.is_set():
                raise StackError(f"{part.name} ended while starting ({exit_text(process.status)}). {log_tail(log)}")
            if not part.once:
                try:
                    async with asyncio.timeout(max(0.1, deadline - time.monotonic())):
                        await part.probe()
                        await part.settle()
                    return
                except (NotReady, OSError) as cause:  # TimeoutError is an OSError
                    reason = cause
            with suppress(TimeoutError):
                async with asyncio.timeout(_PROBE_EVERY_S):
                    await process.exited.wait()
        raise StackError(
            f"{part.name} was not ready after {part.ready_s:.0f} s ({reason}). {log_tail(log)}"
        ) from reason

    async def _restart_for_ever(self, part: Part, process: Process) -> None:
        deaths = 0
        while True:
            began = time.monotonic()
            await process.exited.wait()
            await process.end_group()
            deaths = 1 if time.monotonic() - began > _STEADY_S else deaths + 1
            if deaths > _DEATHS_MAX:
                self._state.note(part.name, "failed")
                return
            self._state.processes[part.name].restarts += 1
            self._state.note(part.name, "restarting")
            await asyncio.sleep(min(0.1 * 2**deaths, _BACKOFF_MAX_S))
            try:
                process = await self._start(part)
            except StackError:
                # Its log says why; a part that hangs is killed like one that died, and both are tried again.
                process = self._processes[part.name]
                await process.end(part.grace_s)

    async def _bound_logs(self) -> None:
        while True:
            await asyncio.sleep(_LOGS_EVERY_S)
            for part in self._parts:
                bound_log(self._home.log(part.name))

    async def _stop_all(self) -> None:
        """Stop by stage; what is left when the time is over is killed."""
        self._state.ready = False
        deadline = time.monotonic() + _STOP_ALL_S
        by_name = {part.name: part for part in self._parts}
        for once in (part.name for part in self._parts if part.once and part.name in self._processes):
            await self._processes[once].end(0.5)
        ends: list[asyncio.Task[None]] = []
        for stage in order_of_stop(self._parts):
            begun = {
                name: asyncio.create_task(self._end(by_name[name], deadline))
                for name in stage
                if name in self._processes
            }
            ends += begun.values()
            # SeaweedFS takes its time, and the later stages do not need it. A part that cannot be ended, or noted
            # down, must not keep the others running either: errors wait for the end.
            if awaited := [task for name, task in begun.items() if by_name[name].kind != "storage"]:
                await asyncio.wait(awaited)
        if ends:
            await asyncio.wait(ends)
        for end in ends:
            end.result()

    async def _end(self, part: Part, deadline: float) -> None:
        await self._processes[part.name].end(max(0.1, min(part.grace_s, deadline - time.monotonic())))
        for left in part.leaves:
            if left.is_dir() and not left.is_symlink():
                shutil.rmtree(left, ignore_errors=True)
            else:
                # What somebody else put under that name stays.
                with suppress(PermissionError):
                    left.unlink(missing_ok=True)
        if self._state.processes[part.name].state != "failed":
            self._state.note(part.name, "stopped")

"""What processes tell each other in passing: one subscription a process, through Valkey, at most once.

For what only makes things fresh sooner (drop what is kept of an account, count up a like on a screen): nothing here is the
truth, and what is told while a process does not hear is lost on it. `is_live` says whether it hears, and `on_loss` that it
may have missed something.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import structlog
from redis.exceptions import RedisError

from ments.cache.valkey import Valkey
from ments.cache.wire import Wire, connect
from ments.observe import report_error

log = structlog.get_logger()
Listener = Callable[[bytes], None]

_TOPICS_MAX = 50_000
_PING_EVERY_S = 0.25
# Silence for this long is a loss: what is kept on the strength of hearing is at most this much older than it says.
_SILENCE_MAX_S = 1.0
_AGAIN_AFTER_S = 0.25
# What could not be told is told again for so long: what others keep on the strength of hearing is over by then.
_TELL_FOR_S, _UNTOLD_MAX = 15.0, 10_000
HEARD_WITHIN_S = _SILENCE_MAX_S + _PING_EVERY_S
"""What Valkey was told is heard so soon by a process, or it knows that it does not hear."""
_MARK_BYTES = 8


class Heard:
    """Tells other processes, and listens to them. Topics are names such as `accounts`; texts are bytes."""

    def __init__(self, valkey: Valkey) -> None:
        self._valkey = valkey
        # Channels are the server's, whatever database is chosen.
        self._prefix = f"heard:{valkey.address.number}:".encode()
        # Goes before each text, so that a process passes over what it told itself, which it heard at once.
        self._mark = secrets.token_bytes(_MARK_BYTES)
        self._listeners: dict[bytes, list[Listener]] = {}
        self._losses: list[Callable[[], None]] = []
        self._wire: Wire | None = None
        self._last_reply = 0.0
        self._wanted: set[bytes] = set()
        self._users = 0
        self._task: asyncio.Task[None] | None = None
        self.is_live = False
        # Since when it hears without a gap: seconds, monotonic.
        self.live_since = 0.0
        # When something was last told that could not be told at once.
        self.told_late_at = 0.0
        self._untold: deque[tuple[float, bytes, bytes]] = deque(maxlen=_UNTOLD_MAX)
        self._telling: asyncio.Task[None] | None = None

    @property
    def has_untold(self) -> bool:
        """Whether something waits to be told to the others."""
        return bool(self._untold)

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[None]:
        """Keep the subscription for as long as the block lasts; several may overlap."""
        self._users += 1
        if self._task is None:
            self._task = asyncio.create_task(self._keep_subscribed())
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0 and self._task is not None:
                task, self._task = self._task, None
                ended = [one for one in (task, self._telling) if one is not None]
                for one in ended:
                    one.cancel()
                await asyncio.gather(*ended, return_exceptions=True)
                self._untold.clear()

    def listen(self, topic: str, listener: Listener) -> Callable[[], None]:
        """Call `listener` with each text that is told under a topic, here or elsewhere; returns what ends it.

        A listener is quick, and raises nothing. Raises ValueError over the most topics that a process listens to.
        """
        channel = self._prefix + topic.encode()
        listeners = self._listeners.setdefault(channel, [])
        if len(self._listeners) > _TOPICS_MAX:
            del self._listeners[channel]
            raise ValueError("This process listens to too many topics.")
        listeners.append(listener)
        if len(listeners) == 1 and self._wire is not None:
            self._wire.write(("SUBSCRIBE", channel))

        def stop() -> None:
            listeners.remove(listener)
            if not listeners and self._listeners.get(channel) is listeners:
                del self._listeners[channel]
                if self._wire is not None:
                    self._wire.write(("UNSUBSCRIBE", channel))

        return stop

    def on_loss(self, callback: Callable[[], None]) -> Callable[[], None]:
        """Call back whenever something may have been missed; returns what ends it."""
        self._losses.append(callback)
        return lambda: self._losses.remove(callback)

    async def tell(self, topic: str, text: bytes, *, again: bool = False) -> None:
        """Tell this process at once and the others soon.

        again  what cannot be told now is told as soon as it can be, for as long as others may keep anything that it is about
        Where Valkey is away the others do not hear either, and know that they don't.
        """
        channel = self._prefix + topic.encode()
        self._hand_out(channel, text)
        began = time.monotonic()
        try:
            await self._publish(channel, text)
        except RedisError as error:
            log.warning("not_told", topic=topic, error=repr(error))
            if again:
                self._untold.append((began + _TELL_FOR_S, channel, text))
                if self._telling is None:
                    self._telling = asyncio.create_task(self._tell_again())
            return
        if time.monotonic() - began > _PING_EVERY_S:
            self.told_late_at = time.monotonic()

    async def _publish(self, channel: bytes, text: bytes) -> None:
        await self._valkey.quick.ask("PUBLISH", channel, self._mark + text)

    async def _tell_again(self) -> None:
        try:
            while self._untold:
                untold = until, channel, text = self._untold[0]
                try:
                    await self._publish(channel, text)
                except RedisError:
                    await asyncio.sleep(_AGAIN_AFTER_S)
                    if time.monotonic() < until:
                        continue
                self.told_late_at = time.monotonic()
                # One more than fits pushes the first out.
                if self._untold[0] is untold:
                    self._untold.popleft()
        finally:
            self._telling = None

    def _hand_out(self, channel: bytes, text: bytes) -> None:
        for listener in tuple(self._listeners.get(channel, ())):
            try:
                listener(text)
            except Exception as error:
                # One that fails must not keep the others from hearing. What it was to drop must not stay: all that is kept goes.
                log.exception("listener_failed", channel=channel.decode(errors="replace"))
                report_error(error)
                self._tell_lost()

    async def _keep_subscribed(self) -> None:
        try:
            while True:
                try:
                    await self._subscribe_once()
                except RedisError as error:
                    log.warning("subscription_down", error=repr(error))
                await asyncio.sleep(_AGAIN_AFTER_S)
        finally:
            self._lose()

    async def _subscribe_once(self) -> None:
        """Hear until the connection is lost or silent."""
        wire = await connect(self._valkey.address, self._hear, self._lose)
        try:
            self._wire, self._last_reply = wire, time.monotonic()
            self._wanted = set(self._listeners)
            for channel in self._wanted:
                wire.write(("SUBSCRIBE", channel))
            while wire.is_open and time.monotonic() - self._last_reply < _SILENCE_MAX_S:
                self._note_live()
                wire.write(("PING",))
                await asyncio.sleep(_PING_EVERY_S)
        finally:
            wire.abort()
            self._lose()

    def _hear(self, reply: Any) -> None:
        self._last_reply = time.monotonic()
        if not isinstance(reply, list) or len(reply) != 3:
            return
        kind, channel, text = reply
        if kind == b"message" and not text.startswith(self._mark):
            self._hand_out(channel, text[_MARK_BYTES:])
        elif kind == b"subscribe" and self._wanted:
            self._wanted.discard(channel)
            self._note_live()

    def _note_live(self) -> None:
        if not self.is_live and not self._wanted:
            self.is_live, self.live_since = True, time.monotonic()

    def _lose(self) -> None:
        was_live, self.is_live, self._wire = self.is_live, False, None
        if was_live:
            self._tell_lost()

    def _tell_lost(self) -> None:
        for callback in tuple(self._losses):
            callback()

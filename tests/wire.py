"""HTTP on a bare socket: bytes are sent as they are, and answers are read as they came."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

_LIMIT_S = 15.0


@dataclass
class Answer:
    """What came back. Header names as they were sent, in their order."""

    status: int
    headers: list[tuple[str, str]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value for key, value in self.headers if key == name]
        assert len(found) < 2, (name, found)
        return found[0] if found else None

    @property
    def target(self) -> str | None:
        return self.header("x-target")


@dataclass
class Wire:
    """One connection, on which bytes are sent as they are."""

    socket: socket.socket
    got: bytearray = field(default_factory=bytearray)

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def read(self, *, has_body: bool = True) -> Answer:
        """The next answer; raises EOFError when the server closes before its end."""
        head, _, _ = self.until(b"\r\n\r\n").partition(b"\r\n\r\n")
        status, *lines = head.decode("latin-1").split("\r\n")
        pairs = [tuple(line.split(": ", 1)) for line in lines]
        answer = Answer(int(status.split(" ")[1]), pairs, b"")  # type: ignore[arg-type]
        if answer.header("transfer-encoding") == "chunked":
            while size := int(self.until(b"\r\n"), 16):
                answer.body += self._take(size + 2)[:-2]
            self._take(2)
        elif has_body:
            answer.body = self._take(int(answer.header("content-length") or 0))
        return answer

    def until(self, mark: bytes) -> bytes:
        """What comes up to the end of `mark`; raises EOFError when it does not come."""
        while mark not in self.got:
            if not self._more():
                raise EOFError(bytes(self.got))
        return self._take(self.got.index(mark) + len(mark))

    def read_to_end(self) -> bytes:
        """All that still comes; the server must close."""
        while self._more():
            pass
        return bytes(self.got)

    def break_off(self) -> None:
        """Leave without a word, as a machine does that loses its power."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        self.socket.close()

    def _take(self, n: int) -> bytes:
        while len(self.got) < n:
            if not self._more():
                raise EOFError(bytes(self.got))
        taken = bytes(self.got[:n])
        del self.got[:n]
        return taken

    def _more(self) -> bool:
        try:
            piece = self.socket.recv(262_144)
        except ConnectionResetError:
            return False
        self.got += piece
        return bool(piece)


@contextmanager
def connect(port: int, receives: int = 0) -> Iterator[Wire]:
    """Open a connection; `receives`: bytes that the system takes in before they are read, 0 for as many as it likes."""
    with socket.socket() as opened:
        opened.settimeout(_LIMIT_S)
        if receives:
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receives)
        opened.connect(("127.0.0.1", port))
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        yield Wire(opened)


def wait_until(condition: Callable[[], object], within_s: float = _LIMIT_S) -> None:
    """Return once `condition` is true; raises TimeoutError otherwise."""
    deadline = time.monotonic() + within_s
    while not condition():
        if time.monotonic() > deadline:
            raise TimeoutError(condition)
        time.sleep(0.01)

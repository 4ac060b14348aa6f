"""The API's own answers on bare sockets: what is kept goes out as it would have, and followers of a feed are let go."""

from __future__ import annotations

import time
from collections import Counter
from contextlib import ExitStack
from dataclasses import replace

from ments.app import create_app
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from posting import Member, make_member
from running_stack import RunningStack
from web_server import LONG_GRACE_S, running_apart, running_here
from wire import Answer, Wire, wait_until

VARIED = {"date", "x-trace-id", "x-cache"}


def lines_of(answer: Answer) -> Counter[tuple[str, str]]:
    return Counter((name, value) for name, value in answer.headers if name not in VARIED)


async def test_a_kept_answer_goes_out_as_it_would_have(parts: Parts) -> None:
    member = await make_member(parts)
    for n in range(3):
        await actions.create_post(parts, member.viewer, NewPost(f"{n}"))
    with running_here(create_app(replace(parts.settings, answer_kept_s=600))) as running, running.connect() as wire:
        for path in ("/api/feed?kind=latest", "/api/feed", "/api/feed?kind=following", "/api/posts?limit=2"):
            check_kept(wire, member, path)


def check_kept(wire: Wire, member: Member, path: str) -> None:
    request = f"GET {path} HTTP/1.1\r\nHost: ments.test\r\nAuthorization: Bearer {member.token}\r\n"
    # With a trace to be part of, it is answered the application's way.
    traced = f"{request}traceparent: 00-{'ab' * 16}-{'cd' * 8}-01\r\n\r\n".encode()

    def ask(request: bytes) -> Answer:
        wire.send(request)
        return wire.read()

    plain = f"{request}\r\n".encode()
    made = ask(plain)
    assert made.header("x-cache") == "MISS"
    # As soon as it is heard what changes.
    wait_until(lambda: ask(plain).header("x-cache") == "HIT")
    given, replayed, again = ask(plain), ask(traced), ask(plain)
    assert replayed.header("x-trace-id") == "ab" * 16
    assert replayed.header("x-cache") == "HIT"
    assert len({answer.header("x-trace-id") for answer in (made, given, replayed, again)}) == 4
    for answer in (given, replayed, again):
        assert lines_of(answer) == lines_of(made)
        assert (answer.status, answer.body) == (200, made.body)
        assert answer.header("content-length") == str(len(made.body))
        assert answer.header("date")
        # `header` refuses two of a name; nor is any name there that the made one has not.
        assert {name for name, _ in answer.headers} == {name for name, _ in made.headers}


async def test_nothing_of_a_request_is_in_a_kept_head(parts: Parts) -> None:
    member = await make_member(parts)
    odd = "x%0d%0aSet-Cookie:%20a=b"
    request = (
        f"GET /api/feed?kind=latest&{odd} HTTP/1.1\r\nHost: ments.test\r\nX-Trace-Id: {odd}\r\n"
        f"Cookie: ments_session={member.token}; {odd}\r\nX-Cache: {odd}\r\n\r\n"
    ).encode()
    with running_here(create_app(replace(parts.settings, answer_kept_s=600))) as running, running.connect() as wire:

        def ask() -> Answer:
            wire.send(request)
            return wire.read()

        wait_until(lambda: ask().header("x-cache") == "HIT")
        for name, value in ask().headers:
            assert name != "set-cookie"
            assert "a=b" not in value


async def test_processes_of_a_server_share_what_they_keep(parts: Parts, stack: RunningStack, worker_id: str) -> None:
    member = await make_member(parts)
    await actions.create_post(parts, member.viewer, NewPost("shared"))
    request = f"GET /api/feed?kind=latest&limit=%d HTTP/1.1\r\nHost: ments.test\r\nAuthorization: Bearer {member.token}\r\n\r\n"
    name = f"test_{worker_id}"
    environ = stack.env_for_database(name, parts.valkey.address.number) | {"MENTS_ANSWER_KEPT_S": "600"}
    with running_apart("ments.app:create_asgi", environ, processes=2) as running, ExitStack() as opened:
        # So many that both processes have some.
        wires = [opened.enter_context(running.connect()) for _ in range(16)]

        limits = iter(range(1, 51))

        def is_made_once() -> bool:
            answers = []
            limit = next(limits)
            for wire in wires:
                wire.send((request % limit).encode())
                answers.append(wire.read())
            assert {answer.body for answer in answers} == {answers[0].body}
            assert b"shared" in answers[0].body
            time.sleep(0.3)
            return [answer.header("x-cache") for answer in answers].count("MISS") == 1

        # As soon as both have heard for long enough.
        wait_until(is_made_once)


def test_followers_of_a_feed_are_let_go_when_the_server_stops(stack: RunningStack) -> None:
    # What took the grace would not be over while it is waited for here.
    serving = running_apart("ments.app:create_asgi", stack.env, processes=1, grace_s=LONG_GRACE_S)
    with serving as running, ExitStack() as streams:
        wires: list[Wire] = [streams.enter_context(running.connect()) for _ in range(10)]
        for wire in wires:
            wire.send(b"GET /api/feed/live?kind=latest HTTP/1.1\r\nHost: ments.test\r\n\r\n")
            assert b"text/event-stream" in wire.until(b"\r\n\r\n")
            wire.until(b"retry: ")
        running.stop()
        for wire in wires:
            assert wire.read_to_end().endswith(b"\r\n0\r\n\r\n")
        assert running.wait() == 0


async def test_a_head_is_answered_without_a_body_and_the_connection_goes_on(parts: Parts) -> None:
    member = await make_member(parts)
    await actions.create_post(parts, member.viewer, NewPost("seen"))
    app = create_app(replace(parts.settings, answer_kept_s=600))
    with running_here(app) as running, running.connect() as wire:
        token = f"Host: ments.test\r\nAuthorization: Bearer {member.token}\r\n\r\n"
        for path, identity in (
            ("/api/feed?kind=latest", token),
            ("/api/posts?limit=07", token),
            ("/login", "Host: ments.test\r\n\r\n"),
            ("/nothing", "Host: ments.test\r\n\r\n"),
        ):
            heads: list[Answer] = []
            for _ in range(2):
                wire.send(f"HEAD {path} HTTP/1.1\r\n{identity}".encode())
                heads.append(wire.read(has_body=False))
            wire.send(f"GET {path} HTTP/1.1\r\n{identity}".encode())
            whole = wire.read()
            for head in heads:
                assert head.status == whole.status
                assert {name for name, _ in head.headers} == {name for name, _ in whole.headers}
                assert head.header("content-length")
            assert whole.body

"""The straight way to a feed and the router's: whatever is asked, they give the same answer."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

import pytest
import pytest_asyncio
import structlog
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar import Litestar

from ments.db import Primary
from ments.observe import Observed
from ments.observe.metrics import HTTP_SECONDS
from ments.parts import Parts
from ments.posts import actions
from ments.posts.model import NewPost
from ments.web import problems
from ments.web.doorway import Doorway
from ments.web.straight import Straight
from posting import Member, make_member, open_api

Headers = Sequence[tuple[bytes, bytes]]
# Not of the answer itself: which trace it was.
_TRACE = re.compile(rb'"trace_id":"[0-9a-f]{32}"')


@dataclass
class Said:
    """One answer, without its trace."""

    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: bytes) -> bytes:
        return dict(self.headers).get(name, b"")


@dataclass
class Ways:
    """One application, asked with its straight addresses and without."""

    straight: Any
    long: Any
    member: Member
    cursors: list[str]
    # Addresses of other routes, where one that ends in a name could stand for them.
    beside: list[str]

    async def ask(self, app: Any, path: str, query: bytes = b"", headers: Headers = (), method: str = "GET") -> Said:
        sent: list[Any] = []
        scope = {
            "type": "http",
            "asgi": {"version": "3.0"},
            "http_version": "1.1",
            "method": method,
            "scheme": "http",
            "path": unquote(path),
            "raw_path": path.encode(),
            "query_string": query,
            "root_path": "",
            "headers": [(b"host", b"ments.test"), *headers],
            "client": ("127.0.0.1", 1),
            "server": ("127.0.0.1", 80),
            "state": {},
        }

        async def receive() -> Any:
            return {"type": "http.request", "body": b"", "more_body": False}

        async def send(message: Any) -> None:
            sent.append(message)

        await app(scope, receive, send)
        assert [message["type"] for message in sent[:1]] == ["http.response.start"]
        body = b"".join(message["body"] for message in sent[1:])
        said = [(name.lower(), value) for name, value in sent[0]["headers"] if name.lower() != b"x-trace-id"]
        return Said(sent[0]["status"], sorted(said), _TRACE.sub(b"", body))

    async def ask_both(
        self, path: str, query: bytes = b"", headers: Headers = (), method: str = "GET"
    ) -> tuple[Said, Said]:
        """The answers of both ways; of a page that is shared, both as it was made before."""
        for _ in range(5):
            said = (
                await self.ask(self.straight, path, query, headers, method),
                await self.ask(self.long, path, query, headers, method),
            )
            if said[0].header(b"x-cache") == said[1].header(b"x-cache"):
                break
        return said


@asynccontextmanager
async def open_ways(parts: Parts, member: Member, cursors: Sequence[str] = ()) -> AsyncIterator[Ways]:
    async with open_api(parts) as api:
        layer: Any = api._transport.app  # type: ignore[attr-defined]
        whole = layer
        while not isinstance(layer, Straight):
            layer = layer._app
        router: Litestar = layer._app
        paths = [route.path_format for route in router.routes]
        starts = {path.partition("{")[0] for path in paths if "{" in path}
        beside = [path for path in paths if path.rpartition("/")[0] + "/" in starts and "{" not in path]
        yield Ways(whole, Observed(Doorway(router, parts.settings)), member, list(cursors), beside)


@pytest_asyncio.fixture(loop_scope="session")
async def ways(parts: Parts) -> AsyncIterator[Ways]:
    author, member = await make_member(parts), await make_member(parts)
    for n in range(5):
        await actions.create_post(parts, author.viewer, NewPost(f"{n}"))
    async with open_api(parts) as api:
        cursors = [
            (await api.get(f"/api/feed?kind={kind}&limit=2", headers=headers)).json()["cursor"]
            for kind, headers in (("latest", {}), ("for_you", member.headers))
        ]
    async with open_ways(parts, member, cursors) as ways:
        yield ways


def identities(member: Member) -> list[Headers]:
    token = member.token.encode()
    return [
        [],
        [(b"authorization", b"Bearer " + token)],
        [(b"cookie", b"ments_session=" + token)],
        [(b"cookie", b"ments_session=over")],
        [(b"authorization", b"Bearer over")],
        [(b"cookie", b"ments_session=" + token), (b"authorization", b"Bearer over")],
        [(b"authorization", b"Basic " + token)],
    ]


NAMES = st.sampled_from(["kind", "cursor", "limit", "limit", "x", "Kind", "%6bind", "kind[]", "", "limit2"])
VALUES = st.one_of(
    st.sampled_from(
        [
            "latest",
            "following",
            "for_you",
            "LATEST",
            "nonsense",
            "null",
            "None",
            "true",
            "0",
            "1",
            "2",
            "50",
            "51",
            "007",
            "00",
            "-1",
            "+1",
            "1.0",
            "1e1",
            "1_0",
            "999999999",
            "9999999999",
            "%6catest",
            "lat%65st",
            "%31",
            "%20",
            "%2B1",
            "%00",
            "%ff",
            "%E2%82%AC",
            "a+b",
            "~",
            ".",
            "-",
            "_",
            "CURSOR0",
            "CURSOR1",
            "CURSOR0x",
        ]
    ),
    st.just(""),
    st.text("abcXYZ0189-_.~", max_size=60),
    st.text(max_size=4).map(lambda text: text.encode("utf-8", "ignore").decode("latin-1")),
)
PAIRS = st.one_of(
    st.tuples(NAMES, VALUES).map("=".join),
    st.tuples(NAMES, VALUES).map("=".join),
    NAMES,
    VALUES,
)
QUERIES = st.tuples(st.sampled_from(["&", "&", "&", ";", "&&"]), st.lists(PAIRS, max_size=4)).map(
    lambda made: made[0].join(made[1])
)


PATHS = ["/api/feed", "/api/posts", "/api/feed/", "/api//feed", "/api/f%65ed", "/api/users/", "/api/users/nobody"]


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    path=st.sampled_from([*PATHS, "/api/feed", "/api/posts", "NAME", "NAME", "UPPER", "QUOTED", "NAME/", "BESIDE"]),
    query=QUERIES,
    who=st.integers(0, 6),
    method=st.sampled_from(["GET", "GET", "GET", "HEAD"]),
)
async def test_both_ways_give_the_same(ways: Ways, path: str, query: str, who: int, method: str) -> None:
    for n, cursor in enumerate(ways.cursors):
        query = query.replace(f"CURSOR{n}", cursor)
    name = ways.member.viewer.username
    for word, put in (("NAME", name), ("UPPER", name.upper()), ("QUOTED", f"%{ord(name[0]):x}{name[1:]}")):
        path = path.replace(word, f"/api/users/{put}")
    asked = ways.beside if path == "BESIDE" else [path]
    for one in asked:
        straight, long = await ways.ask_both(one, query.encode("latin-1"), identities(ways.member)[who], method)
        assert straight == long, one


@pytest.fixture
def heard_logs(monkeypatch: pytest.MonkeyPatch) -> None:
    """A logger that writes where structlog is told to now: the module's may write where it was told to when a test before used it."""
    monkeypatch.setattr(problems, "log", structlog.get_logger())


def counted(route: str, status: int) -> float:
    """How many requests the metrics know of."""
    return sum(
        sample.value
        for metric in HTTP_SECONDS.collect()
        for sample in metric.samples
        if sample.name.endswith("_count") and sample.labels | {"route": route, "status": str(status)} == sample.labels
    )


@pytest.mark.parametrize(
    ("path", "query", "who", "status", "code"),
    [
        ("/api/feed", b"cursor=nonsense", 0, 400, "bad_cursor"),
        ("/api/feed", b"cursor=nonsense", 1, 400, "bad_cursor"),
        ("/api/feed", b"kind=nonsense", 1, 422, "feed_kind_unavailable"),
        ("/api/feed", b"kind=following", 0, 401, "unauthenticated"),
        ("/api/posts", b"cursor=null", 0, 400, "bad_cursor"),
        ("/api/posts", b"limit=007", 0, 400, "invalid_request"),
        ("/api/users/nobody", b"", 0, 404, "account_not_found"),
    ],
)
async def test_an_error_is_told_and_counted_as_ever(
    ways: Ways, heard_logs: None, path: str, query: bytes, who: int, status: int, code: str
) -> None:
    route = path.replace("/nobody", "/{username}")
    before = counted(route, status)
    with structlog.testing.capture_logs() as lines:
        straight = await ways.ask(ways.straight, path, query, identities(ways.member)[who])
    assert counted(route, status) == before + 1
    assert [(line["event"], line["route"], line["status"]) for line in lines] == [("request", route, status)]
    long = await ways.ask(ways.long, path, query, identities(ways.member)[who])
    assert (straight, long.status) == (long, status)
    assert b'"code":"%b"' % code.encode() in straight.body


@pytest.mark.parametrize("path", ["/api/feed?kind=latest", "/api/posts", "/api/users/NAME"])
async def test_what_fails_is_not_tried_again(parts: Parts, heard_logs: None, path: str) -> None:
    """Postgres away: told once, asked once."""
    member = await make_member(parts)
    gone = Primary(parts.settings.database_url)
    await gone.open()
    await gone.close()
    async with open_ways(replace(parts, primary=gone), member) as ways:
        address, _, query = path.replace("NAME", member.viewer.username).partition("?")
        route = address.replace(member.viewer.username, "{username}")
        said, told = [], []
        for app in (ways.straight, ways.long):
            before = counted(route, 503)
            with structlog.testing.capture_logs() as lines:
                said.append(await ways.ask(app, address, query.encode(), identities(member)[1]))
            told.append([(line["event"], line.get("route"), line["log_level"]) for line in lines])
            assert counted(route, 503) == before + 1
        assert said[0] == said[1]
        assert said[0].status == 503
        assert told[0] == told[1] == [("request_failed", None, "error"), ("request", route, "info")]

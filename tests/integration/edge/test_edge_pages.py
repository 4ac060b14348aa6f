"""The way to the API: what it is told, what visitors share, and what happens while it is away."""

from __future__ import annotations

import re
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from edge_server import EDGE_SECRET, EdgeServer, Origin

# What does not grow old while a busy machine asks for it twice, and what does.
LASTING = {"Cache-Control": "public, max-age=60, stale-while-revalidate=30", "Vary": "Cookie, HX-Request"}
SHARED = {"Cache-Control": "public, max-age=1, stale-while-revalidate=30", "Vary": "Cookie, HX-Request"}
PRIVATE = {"Cache-Control": "private, no-store"}


def test_visitors_share_a_page(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/trending"] = (200, LASTING, b"<p>trending</p>")
    first, second = edge.ask("/trending"), edge.ask("/trending")
    assert [answer.headers["x-cache"] for answer in (first, second)] == ["MISS", "HIT"]
    assert second.body == b"<p>trending</p>"
    assert len(origin.asked) == 1
    # The best of several: other tests run beside this one.
    assert min(edge.ask("/trending").first_byte_s for _ in range(20)) < 0.01
    assert second.headers["cache-control"] == "no-cache", "a browser asks again, or it would show this after signing in"
    assert second.headers["cdn-cache-control"] == LASTING["Cache-Control"]


def test_a_stale_page_is_shown_while_a_new_one_is_fetched(
    edge: EdgeServer, origin: Origin, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin.answers["/search"] = (200, SHARED, b"old")
    edge.ask("/search")
    time.sleep(2.1)
    origin.answers["/search"] = (200, SHARED, b"new")
    asked, may_answer, answer = threading.Event(), threading.Event(), origin.answer

    def answer_later(handler: Any) -> None:
        asked.set()
        # Shorter than the edge waits for an answer: else it would fall back on the stale page.
        may_answer.wait(15)
        answer(handler)

    monkeypatch.setattr(origin, "answer", answer_later)
    stale = edge.ask("/search")
    # And it is there before the origin has said a word.
    assert (stale.headers["x-cache"], stale.body) == ("STALE", b"old")
    assert asked.wait(20)
    may_answer.set()
    deadline = time.monotonic() + 20
    while edge.ask("/search").body != b"new":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_staleness_ends_where_the_api_says(edge: EdgeServer, origin: Origin) -> None:
    brief = {"Cache-Control": "public, max-age=1, stale-while-revalidate=1"}
    origin.answers["/search/brief"] = (200, brief, b"old")
    edge.ask("/search/brief")
    time.sleep(3.2)
    origin.answers["/search/brief"] = (200, brief, b"new")
    late = edge.ask("/search/brief")
    assert (late.headers["x-cache"], late.body) == ("EXPIRED", b"new")


@pytest.mark.parametrize(
    "headers",
    [
        {"Cookie": "ments_session=abc"},
        {"Cookie": "theme=dark; ments_session=abc"},
        {"Cookie": "Ments_Session=abc"},
        {"Cookie": 'a="; ments_session=abc'},
        {"Authorization": "Bearer token"},
        {"Authorization": "Basic eDp5"},
    ],
)
def test_a_member_never_meets_the_shared_copy(edge: EdgeServer, origin: Origin, headers: dict[str, str]) -> None:
    origin.answers["/people"] = (200, LASTING, b"visitors'")
    edge.ask("/people")
    origin.answers["/people"] = (200, LASTING, b"member's, wrongly called public")
    assert edge.ask("/people", headers=headers).body == b"member's, wrongly called public"
    assert origin.asked[-1].headers.get("cookie") == headers.get("Cookie")
    assert edge.ask("/people").body == b"visitors'"
    origin.answers["/environments"] = (200, SHARED, b"for " + str(headers).encode())
    edge.ask("/environments", headers=headers)
    origin.answers["/environments"] = (200, SHARED, b"for visitors")
    assert edge.ask("/environments/x", headers={}).status == 200
    assert edge.ask("/environments").body == b"for visitors", "a personal answer is not kept"
    origin.answers["/environments"] = (200, PRIVATE, b"")
    _forget_pages(edge)


def test_a_newer_copy_is_seen_by_every_worker_at_once(edge: EdgeServer, origin: Origin) -> None:
    for number in range(4):
        origin.answers["/post/newer"] = (
            200,
            {**SHARED, "Cache-Control": "public, max-age=1"},
            f"copy {number}".encode(),
        )
        # A connection each, so that both workers answer, and have the file open.
        seen = {edge.ask("/post/newer").body for _ in range(20)}
        assert seen == {f"copy {number}".encode()}
        time.sleep(2.1)


def test_other_cookies_neither_split_nor_reach_what_is_shared(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/post/1"] = (200, LASTING, b"post")
    assert edge.ask("/post/1", headers={"Cookie": "theme=dark"}).headers["x-cache"] == "MISS"
    assert "cookie" not in origin.asked[-1].headers
    assert edge.ask("/post/1", headers={"Cookie": "theme=light"}).headers["x-cache"] == "HIT"
    assert edge.ask("/post/1").headers["x-cache"] == "HIT"
    edge.ask("/login", headers={"Cookie": "flow=1"})
    assert origin.asked[-1].headers["cookie"] == "flow=1", "elsewhere cookies go through"


def test_what_the_api_calls_private_or_sets_a_cookie_is_not_kept(edge: EdgeServer, origin: Origin) -> None:
    for number, headers in enumerate(
        ({}, PRIVATE, {"Cache-Control": "no-store"}, {**SHARED, "Set-Cookie": "ments_session=of-somebody"})
    ):
        path = f"/profile/{number}"
        origin.answers[path] = (200, headers, b"x")
        assert [edge.ask(path).headers["x-cache"] for _ in range(2)] == ["MISS", "MISS"], headers
    origin.answers["/settings"] = (200, SHARED, b"x")
    assert [edge.ask("/settings").headers["x-cache"] for _ in range(2)] == ["BYPASS", "BYPASS"]


def test_one_cache_is_named(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/api/posts"] = (200, {**SHARED, "X-Cache": "HIT"}, b"{}")
    shared = edge.send_until(b"GET /api/posts HTTP/1.1\r\nHost: localhost\r\n\r\n", b"{}")
    assert re.findall(rb"(?i)x-cache: (\w+)", shared) == [b"MISS"]
    personal = edge.send_until(b"GET /api/posts HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer x\r\n\r\n", b"{}")
    assert re.findall(rb"(?i)x-cache: (\w+)", personal) == [b"HIT"], "the API's own"


def test_a_head_reaches_the_api_as_one(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/people/head"] = (200, LASTING, b"<p>people</p>")
    for path in ("/auth/link?token=abc", "/people/head", "/people/head"):
        head = edge.ask(path, "HEAD")
        assert (head.status, head.body) == (200, b"")
    assert edge.ask("/people/head").body == b"<p>people</p>", "a HEAD's empty answer is not shown to readers"
    assert [asked.method for asked in origin.asked] == ["HEAD", "HEAD", "GET"]


def test_fragments_and_documents_are_two_copies(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/browse"] = (200, LASTING, b"document")
    assert edge.ask("/browse").body == b"document"
    origin.answers["/browse"] = (200, LASTING, b"fragment")
    assert edge.ask("/browse", headers={"HX-Request": "true"}).body == b"fragment"
    assert edge.ask("/browse", headers={"HX-Request": "true"}).headers["x-cache"] == "HIT"
    origin.answers["/browse"] = (200, LASTING, b"boosted")
    assert edge.ask("/browse", headers={"HX-Request": "true", "HX-Boosted": "true"}).body == b"boosted"
    assert edge.ask("/browse?a=1").body == b"boosted"
    assert edge.ask("/browse", headers={"Host": "localhost"}).body == b"boosted", "a host of its own"
    assert edge.ask("/browse").body == b"document"


def test_many_cold_visitors_ask_the_api_once(edge: EdgeServer, origin: Origin) -> None:
    origin.delay_s = 0.1
    n_asked = []
    # Who has waited for a quarter of a second asks for themselves, and a busy machine may take longer than that to answer; so
    # several times, each with a page that nobody has asked for.
    while 1 not in n_asked and len(n_asked) < 10:
        path = f"/api/trending/{len(n_asked)}"
        origin.answers[path] = (200, LASTING, b"{}")
        origin.asked.clear()
        with ThreadPoolExecutor(20) as visitors:
            answers = list(visitors.map(edge.ask, [path] * 20))
        assert {answer.status for answer in answers} == {200}
        assert {answer.body for answer in answers} == {b"{}"}
        n_asked.append(len(origin.asked))
    assert 1 in n_asked, n_asked


def test_what_clients_claim_is_overwritten(edge: EdgeServer, origin: Origin) -> None:
    claims = {
        "X-Forwarded-For": "9.9.9.9",
        "X-Forwarded-Proto": "https",
        "X-Forwarded-Host": "evil.example",
        "X-Ments-Edge": "guess",
        "X-Real-IP": "9.9.9.9",
        "Forwarded": "for=9.9.9.9",
        "X-Original-URL": "/internal/x",
        "X-HTTP-Method-Override": "DELETE",
        "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
        "X-Request-Id": "mine",
    }
    edge.ask("/create", headers=claims)
    seen = origin.asked[-1].headers
    assert seen["host"] == seen["x-forwarded-host"] == f"127.0.0.1:{edge.config.port}"
    assert (seen["x-forwarded-for"], seen["x-forwarded-proto"]) == ("127.0.0.1", "http")
    assert seen["x-ments-edge"] == EDGE_SECRET
    assert seen["x-request-id"] != "mine"
    for dropped in ("x-real-ip", "forwarded", "x-original-url", "x-http-method-override", "traceparent"):
        assert dropped not in seen
    edge.ask("/create", headers={"Host": "ments.example"})
    assert origin.asked[-1].headers["x-forwarded-proto"] == "https", "TLS ended in front of us"


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:1", "127.0.0.1:8080", "[::1]:8080", "ments.example"])
def test_known_hosts_are_answered(edge: EdgeServer, origin: Origin, host: str) -> None:
    assert edge.ask("/create", headers={"Host": host}).status == 200
    assert origin.asked[-1].headers["host"] == host


@pytest.mark.parametrize(
    "request_head",
    [
        b"GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: localhost.evil.example\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: xlocalhost\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: ments.example.\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: mentsxexample\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: 127.0.0.1.nip.io\r\n\r\n",
        b"GET / HTTP/1.0\r\n\r\n",
        b"GET http://localhost/ HTTP/1.1\r\nHost: evil.example\r\n\r\n",
    ],
)
def test_other_hosts_are_not_answered_at_all(edge: EdgeServer, origin: Origin, request_head: bytes) -> None:
    assert edge.send_raw(request_head) == b""
    assert origin.asked == []


def test_malformed_hosts_are_refused(edge: EdgeServer, origin: Origin) -> None:
    for host in (b"localhost\r\nHost: evil.example", b"localhost:80@evil.example", b"local host", b""):
        got = edge.send_raw(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
        assert got == b"" or got.startswith(b"HTTP/1.1 400"), got[:100]
    assert origin.asked == []


@pytest.mark.parametrize(
    "path",
    ["/metrics", "//metrics", "/metrics/x", "/%6detrics", "/x/../metrics", "/internal/deny", "/api/ops/internal/x"],
)
def test_inner_paths_end_at_the_edge(edge: EdgeServer, origin: Origin, path: str) -> None:
    assert edge.ask(path).status == 404
    assert origin.asked == []


def test_bodies_are_capped(edge: EdgeServer, origin: Origin) -> None:
    assert edge.ask("/api/posts", "POST", b"x" * 1024 * 1024).status == 200
    assert len(origin.asked[-1].body) == 1024 * 1024
    origin.asked.clear()
    head = b"POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1048577\r\n\r\n"
    assert edge.send_until(head, b'"code":"too_large"').startswith(b"HTTP/1.1 413 ")
    assert origin.asked == []


def test_headers_that_are_too_large_are_said_so(edge: EdgeServer, origin: Origin) -> None:
    line = b"X-Long: " + b"a" * 20_000
    got = edge.send_raw(b"GET /api/posts HTTP/1.1\r\nHost: 127.0.0.1\r\n" + line + b"\r\nConnection: close\r\n\r\n")
    assert got.startswith(b"HTTP/1.1 431 ")
    assert b"application/problem+json" in got
    assert b'"code":"headers_too_large"' in got
    assert not origin.asked


def test_slow_bodies_do_not_hold_the_api(edge: EdgeServer, origin: Origin) -> None:
    head = b"POST /api/posts HTTP/1.1\r\nHost: localhost\r\nContent-Length: 10\r\n\r\nhalf"
    with pytest.raises(TimeoutError):
        edge.send_raw(head, limit_s=0.5)
    assert origin.asked == [], "the API hears of a request once it is complete"


def test_a_restart_of_the_api_is_waited_for(edge: EdgeServer, origin: Origin) -> None:
    origin.stop()
    starting = threading.Timer(0.8, origin.start)
    starting.start()
    with ThreadPoolExecutor(2) as clients:
        read = clients.submit(edge.ask, "/create")
        write = clients.submit(edge.ask, "/api/posts", "POST", b"hello", {"Content-Type": "application/json"})
        assert (read.result().status, write.result().status) == (200, 200)
    starting.join()
    assert sorted((asked.method, asked.path, asked.body) for asked in origin.asked) == [
        ("GET", "/create", b""),
        ("POST", "/api/posts", b"hello"),
    ]


def test_an_api_that_stays_away_is_said_so(edge: EdgeServer, origin: Origin) -> None:
    origin.stop()
    try:
        api = edge.ask("/api/posts", "POST", b"{}")
        page = edge.ask("/create", headers={"Accept": "text/html,*/*"})
    finally:
        origin.start()
    assert (api.status, api.headers["content-type"], api.headers["retry-after"]) == (
        503,
        "application/problem+json",
        "2",
    )
    assert b'"code":"unavailable"' in api.body
    assert (page.status, page.headers["content-type"]) == (503, "text/html; charset=utf-8")
    assert b"Back in a moment" in page.body
    assert page.headers["cache-control"] == "no-store"


def test_a_write_that_the_api_may_have_seen_is_not_repeated(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/api/dies"] = (0, {}, b"")
    assert edge.ask("/api/dies", "POST", b"once").status == 503
    assert len(origin.asked) == 1
    assert edge.ask("/api/dies").status == 503
    assert len(origin.asked) > 2, "a read is"


def test_errors_of_the_api_pass_as_they_are(edge: EdgeServer, origin: Origin) -> None:
    for status in (400, 404, 413, 429, 500, 502, 503):
        origin.answers["/api/says"] = (status, {"Content-Type": "application/problem+json"}, b'{"code":"own"}')
        answer = edge.ask("/api/says")
        assert (answer.status, answer.body) == (status, b'{"code":"own"}')


def test_a_shared_page_outlives_the_api(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/api/feed"] = (200, SHARED, b"feed")
    edge.ask("/api/feed")
    origin.stop()
    try:
        time.sleep(2.1)
        assert edge.ask("/api/feed").body == b"feed"
    finally:
        origin.start()


def test_text_is_compressed_at_the_edge(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/about"] = (200, SHARED, b"words " * 1000)
    plain, packed = edge.ask("/about"), edge.ask("/about", headers={"Accept-Encoding": "gzip"})
    assert "content-encoding" not in plain.headers
    assert packed.headers["content-encoding"] == "gzip"
    assert len(packed.body) < 500
    assert "accept-encoding" not in origin.asked[-1].headers


def test_events_are_passed_on_at_once(edge: EdgeServer, origin: Origin) -> None:
    origin.answers["/api/media/1/events"] = (
        200,
        {"Content-Type": "text/event-stream", "Content-Length": "100"},
        b"data: 1\n\n",
    )
    head = b"GET /api/media/1/events HTTP/1.1\r\nHost: localhost\r\nAccept-Encoding: gzip\r\n\r\n"
    got = edge.send_until(head, b"data: 1", limit_s=2)
    assert b"gzip" not in got


def test_static_files(edge: EdgeServer, origin: Origin) -> None:
    root = edge.config.static_root
    (root / "app-QX7ZK2PA.js").write_text("1;" * 1000)
    (root / "favicon.svg").write_text("<svg/>")
    hashed, plain = edge.ask("/static/app-QX7ZK2PA.js"), edge.ask("/static/favicon.svg")
    assert hashed.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert hashed.headers["content-type"] == "text/javascript"
    assert plain.headers["cache-control"] == "public, no-cache"
    assert plain.headers["x-content-type-options"] == "nosniff"
    assert edge.ask("/static/favicon.svg", headers={"If-None-Match": plain.headers["etag"]}).status == 304
    for missing in ("/static/app-ABCDEFGH.js", "/static/"):
        assert edge.ask(missing).status == 404
    for outside in ("/static/..%2frun/secrets.js", "/static/../run/secrets.js", "/static../run/secrets.js"):
        assert edge.ask(outside).body == b"plain", "that is a path of the API, not a file"
    assert edge.ask("/static/favicon.svg", "POST", b"x").status == 405


def test_secrets_can_be_read_by_their_owner_only(edge: EdgeServer) -> None:
    for file in edge.config.pid_path.parent.iterdir():
        if file.suffix in (".conf", ".js"):
            assert file.stat().st_mode & 0o077 == 0, file.name


def _forget_pages(edge: EdgeServer) -> None:
    """Take the kept pages away, so that the next case starts afresh; the edge looks whether its open files are there each second."""
    pages = edge.config.cache_dir / "pages"
    while kept := [file for file in pages.rglob("*") if file.is_file()]:
        for file in kept:
            file.unlink(
                missing_ok=True
            )  # a page being fetched behind a reader's back has another name once it is whole
        time.sleep(1.1)

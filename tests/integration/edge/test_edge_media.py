"""Media out of the private bucket: who may read, what is cached, and that nothing else can be reached."""

from __future__ import annotations

import asyncio
import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from edge_server import SIGNING_KEYS, EdgeServer, Origin, running_edge
from ments.edge import MediaUrls
from ments.edge.media_urls import sign_media
from ments.storage import Bucket
from running_stack import RunningStack

PLAYLIST = b"#EXTM3U\n" + b"#EXT-X-VERSION:7\n" * 100
KNOWN_HEADERS = {
    "server",
    "date",
    "content-type",
    "content-length",
    "content-range",
    "connection",
    "etag",
    "last-modified",
    "accept-ranges",
    "vary",
    "x-cache",
    "cache-control",
    "x-content-type-options",
    "content-security-policy",
    "cross-origin-resource-policy",
    "access-control-allow-origin",
    "access-control-expose-headers",
}


def private_url(media_id: str, generation: str, file: str, key: str = SIGNING_KEYS[0], now: float | None = None) -> str:
    return MediaUrls([key]).private(media_id, 1, generation, file, now)


async def test_public_media_is_a_miss_and_then_a_hit(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/p1/v.m3u8", PLAYLIST, "application/vnd.apple.mpegurl")
    first, second = (edge.ask(f"/p/{media_id}/p1/v.m3u8") for _ in range(2))
    assert (first.status, first.headers["x-cache"], first.body) == (200, "MISS", PLAYLIST)
    assert (second.status, second.headers["x-cache"], second.body) == (200, "HIT", PLAYLIST)
    assert second.headers["content-type"] == "application/vnd.apple.mpegurl"
    assert second.headers["cache-control"] == "public, max-age=31536000, immutable"
    assert second.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in second.headers["content-security-policy"]


async def test_storage_says_nothing_about_itself(
    edge: EdgeServer, bucket: Bucket, media_id: str, tmp_path: Path
) -> None:
    large = tmp_path / "large"
    large.write_bytes(b"z" * 17_000_000)
    await bucket.upload(f"media/{media_id}/p1/parts.mp4", large, "video/mp4", "private, max-age=5")
    await bucket.put_bytes(f"media/{media_id}/p1/small.jpg", b"small", "image/jpeg")
    await bucket.copy(f"media/{media_id}/p1/small.jpg", f"media/{media_id}/p1/copied.jpg")
    for file in ("parts.mp4", "small.jpg", "copied.jpg"):
        for _ in ("a miss", "a hit"):
            answer = edge.ask(f"/p/{media_id}/p1/{file}")
            assert answer.status == 200
            assert set(answer.headers) <= KNOWN_HEADERS
            assert answer.headers["server"] == "nginx"
            assert answer.headers["cache-control"].startswith("public")


async def test_private_media_needs_a_signature_by_a_known_key(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/s1/v.m3u8", PLAYLIST, "application/vnd.apple.mpegurl")
    for key in SIGNING_KEYS:
        answer = edge.ask(private_url(media_id, "s1", "v.m3u8", key))
        assert (answer.status, answer.body) == (200, PLAYLIST)
        assert answer.headers["cache-control"].startswith("private")
    forged = edge.ask(private_url(media_id, "s1", "v.m3u8", "another key"))
    assert (forged.status, forged.headers["cache-control"]) == (403, "no-store")
    assert b"refused" in forged.body


async def test_all_viewers_share_one_copy(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/s1/v.jpg", b"bytes", "image/jpeg")
    now = time.time()
    urls = {private_url(media_id, "s1", "v.jpg", key, now - back) for key in SIGNING_KEYS for back in (0, 300)}
    assert len(urls) == 4
    assert [edge.ask(url).headers["x-cache"] for url in urls] == ["MISS", "HIT", "HIT", "HIT"]


async def test_a_signature_covers_media_epoch_and_expiry(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/s1/v.jpg", b"bytes", "image/jpeg")
    now = int(time.time())
    key = SIGNING_KEYS[0].encode()

    def ask(epoch: int, expires_s: int, signature: str, at: str = media_id) -> int:
        return edge.ask(f"/m/{epoch}.{expires_s}.{signature}/{at}/s1/v.jpg").status

    good = sign_media(key, media_id, 1, now + 600)
    assert ask(1, now + 600, good) == 200
    assert ask(2, now + 600, good) == 403
    assert ask(1, now + 601, good) == 403
    assert ask(1, now + 600, good, at="another") == 403
    assert ask(1, now + 600, good[:-1] + ("A" if good[-1] != "A" else "B")) == 403
    assert ask(1, now - 1, sign_media(key, media_id, 1, now - 1)) == 403, "expired"
    assert ask(1, now + 1000, sign_media(key, media_id, 1, now + 1000)) == 403, "further ahead than any of ours"


async def test_a_tree_is_read_with_one_signature(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    for file in ("hls/main.m3u8", "hls/720/init.mp4", "hls/720/00001.m4s"):
        await bucket.put_bytes(f"media/{media_id}/s2/{file}", file.encode(), "application/octet-stream")
    base = private_url(media_id, "s2", "hls/main.m3u8").rsplit("/", 1)[0]
    assert edge.ask(f"{base}/720/00001.m4s").body == b"hls/720/00001.m4s"
    assert edge.ask(f"{base}/720/init.mp4").body == b"hls/720/init.mp4"


async def test_neither_path_serves_the_others_generations(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    for generation in ("s1", "p1"):
        await bucket.put_bytes(f"media/{media_id}/{generation}/v.jpg", b"bytes", "image/jpeg")
    await bucket.put_bytes(f"media/{media_id}/original", b"the original", "video/mp4")
    signature = private_url(media_id, "s1", "v.jpg").split("/")[2]
    assert edge.ask(f"/p/{media_id}/p1/v.jpg").status == 200
    for path in (
        f"/p/{media_id}/s1/v.jpg",
        f"/m/{signature}/{media_id}/p1/v.jpg",
        f"/p/{media_id}/original",
        f"/m/{signature}/{media_id}/original",
        f"/p/{media_id}/p1/original",
        f"/p/{media_id}/p1",
        f"/p/{media_id}/p1/",
        f"/p/{media_id}/",
        "/p/",
        "/p",
        "/m/",
        "/m",
    ):
        assert edge.ask(path).status == 404, path


@pytest.mark.parametrize(
    "spelling",
    [
        "/p/{id}/p1/../p1/v.jpg",
        "/p/{id}/p1/%2e%2e/p1/v.jpg",
        "/p/{id}/p1/./v.jpg",
        "/p//{id}/p1/v.jpg",
        "//p/{id}/p1/v.jpg",
        "/p/{id}/p1//v.jpg",
        "/p/{id}/p1%2fv.jpg",
        "/p/{id}/p1/v%2ejpg",
        "/p/{id}/p1/v.jpg/",
        "/p/{id}/p1/v.jpg;x",
        "/p/{id};/p1/v.jpg",
        "/p/{id}/p1/v.jpg%00",
        "/p/{id}/p1/v.jpg%20",
        "/p/{id}/p1\\v.jpg",
        "/P/{id}/p1/v.jpg",
        "/p/{id}/p1/../../{id}/original",
        "/p/{id}/p1/%2e%2e%2foriginal",
        "/x/../p/{id}/p1/v.jpg",
        "/%70/{id}/p1/v.jpg",
    ],
)
async def test_odd_spellings_find_nothing(
    edge: EdgeServer, origin: Origin, bucket: Bucket, media_id: str, spelling: str
) -> None:
    origin.answers["/P/" + media_id + "/p1/v.jpg"] = (404, {}, b"")
    await bucket.put_bytes(f"media/{media_id}/p1/v.jpg", b"bytes", "image/jpeg")
    path = spelling.replace("{id}", media_id)
    got = edge.send_raw(f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode())
    assert re.match(rb"HTTP/1.1 (404|400) ", got), got[:200]


async def test_a_fragment_or_query_changes_nothing(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/p1/v.jpg", b"bytes", "image/jpeg")
    assert edge.ask(f"/p/{media_id}/p1/v.jpg").headers["x-cache"] == "MISS"
    assert edge.ask(f"/p/{media_id}/p1/v.jpg?x=1&versionId=2").headers["x-cache"] == "HIT"


async def test_media_are_only_read(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/p1/v.jpg", b"bytes", "image/jpeg")
    head = edge.ask(f"/p/{media_id}/p1/v.jpg", "HEAD")
    assert (head.status, head.headers["content-length"], head.body) == (200, "5", b"")
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        assert edge.ask(f"/p/{media_id}/p1/v.jpg", method, b"x").status == 405


async def test_what_is_not_there(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    answer = edge.ask(f"/p/{media_id}/p1/v.jpg")
    assert (answer.status, answer.headers["cache-control"]) == (404, "no-store")
    assert b'"code":"not_found"' in answer.body
    await bucket.put_bytes(f"media/{media_id}/p1/v.jpg", b"bytes", "image/jpeg")
    await asyncio.sleep(2.1)
    assert edge.ask(f"/p/{media_id}/p1/v.jpg").status == 200, (
        "a 404 is kept for a second only (nginx counts whole ones)"
    )


async def test_ranges_are_cut_from_one_copy(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    data = bytes(range(256)) * 4000
    await bucket.put_bytes(f"media/{media_id}/p1/v.mp4", data, "video/mp4")
    path = f"/p/{media_id}/p1/v.mp4"
    first = edge.ask(path, headers={"Range": "bytes=100-199"})
    assert (first.status, first.body) == (206, data[100:200])
    assert first.headers["content-range"] == f"bytes 100-199/{len(data)}"
    for asked, expected in (("bytes=1000000-", data[1_000_000:]), ("bytes=-7", data[-7:]), ("bytes=0-0", data[:1])):
        answer = edge.ask(path, headers={"Range": asked})
        assert (answer.status, answer.body, answer.headers["x-cache"]) == (206, expected, "HIT")
    assert edge.ask(path, headers={"Range": f"bytes={len(data)}-"}).status == 416
    many = edge.ask(path, headers={"Range": "bytes=0-1,5-6"})
    assert (many.status, many.body) == (200, data), "several at once are not worth their cost"
    etag = first.headers["etag"]
    assert edge.ask(path, headers={"If-None-Match": etag}).status == 304


async def test_a_seek_does_not_wait_for_the_whole_file(
    edge: EdgeServer, bucket: Bucket, media_id: str, tmp_path: Path
) -> None:
    size = 60_000_000
    large = tmp_path / "large.mp4"
    large.write_bytes(b"0123456789" * (size // 10))
    await bucket.upload(f"media/{media_id}/p1/v.mp4", large, "video/mp4")
    path = f"/p/{media_id}/p1/v.mp4"
    first_bytes_s = []
    for asked, expected in (
        (f"bytes={size - 20}-{size - 11}", b"0123456789"),
        ("bytes=-5", b"56789"),
        ("bytes=30000003-30000004", b"34"),
    ):
        seek = edge.ask(path, headers={"Range": asked})
        assert (seek.status, seek.body, seek.headers["x-cache"]) == (206, expected, "MISS")
        first_bytes_s.append(seek.first_byte_s)
    assert min(first_bytes_s) < 1  # other tests run beside this one
    start = edge.ask(path, headers={"Range": "bytes=0-9"})
    assert (start.body, start.headers["x-cache"]) == (b"0123456789", "MISS")
    deadline = time.monotonic() + 20
    while edge.ask(path, headers={"Range": "bytes=30000003-30000004"}).headers["x-cache"] != "HIT":
        assert time.monotonic() < deadline, "the first reader has had it fetched whole"
        await asyncio.sleep(0.1)
    assert edge.ask(path).body == large.read_bytes(), "and no part was kept as the whole"


async def test_many_cold_readers_ask_storage_once(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    n_missed: list[int] = []
    # Who has waited for a second reads past the cache, and a busy storage may take longer than that; so several times, each with
    # a file that nobody has read.
    while 1 not in n_missed and len(n_missed) < 5:
        file = f"{media_id}/p1/v{len(n_missed)}.m4s"
        await bucket.put_bytes(f"media/{file}", b"s" * 200_000, "video/iso.segment")
        with ThreadPoolExecutor(20) as readers:
            answers = list(readers.map(edge.ask, [f"/p/{file}"] * 20))
        assert {(answer.status, len(answer.body)) for answer in answers} == {(200, 200_000)}
        n_missed.append([answer.headers["x-cache"] for answer in answers].count("MISS"))
    assert 1 in n_missed, n_missed


async def test_no_header_of_a_client_reaches_storage(edge: EdgeServer, bucket: Bucket, media_id: str) -> None:
    await bucket.put_bytes(f"media/{media_id}/p1/v.jpg", b"bytes", "image/jpeg")
    headers = {"Authorization": "AWS4-HMAC-SHA256 nonsense", "X-Amz-Date": "19700101T000000Z", "Cookie": "a=b"}
    assert edge.ask(f"/p/{media_id}/p1/v.jpg", headers=headers).status == 200


def test_storage_that_is_away_is_said_so(stack: RunningStack, origin: Origin, media_id: str, tmp_path: Path) -> None:
    with running_edge(tmp_path, stack.env, origin.port, storage_url="http://127.0.0.1:9") as edge:
        answer = edge.ask(f"/p/{media_id}/p1/v.jpg")
        assert (answer.status, answer.headers["retry-after"]) == (503, "2")
        assert answer.headers["cache-control"] == "no-store"
        assert edge.ask("/").status == 200


def test_keys_that_storage_does_not_know_are_said_so(
    stack: RunningStack, origin: Origin, media_id: str, tmp_path: Path
) -> None:
    with running_edge(tmp_path, stack.env, origin.port, s3_secret_key="wrong") as edge:
        answer = edge.ask(f"/p/{media_id}/p1/v.jpg")
        assert answer.status == 503
        assert b"<Error>" not in answer.body, "storage's own words stay inside"


def test_logs_hold_no_signature(edge: EdgeServer, media_id: str) -> None:
    url = private_url(media_id, "s1", "v.jpg")
    edge.ask(f"{url}?token=querysecret")
    deadline = time.monotonic() + 5
    while media_id not in (log := edge.config.access_log_path.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    assert url.split("/")[2] not in log
    assert "querysecret" not in log

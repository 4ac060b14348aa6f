"""Uploads through the edge: only signed requests for one original, and exactly what was signed."""

from __future__ import annotations

import json
import re
import threading
import time
from xml.etree import ElementTree

import pytest

from edge_server import Answer, EdgeServer
from ments.settings import Settings
from ments.storage import Bucket, SignedRequest, Signer

PART_BYTES = 5 * 1024 * 1024


@pytest.fixture(scope="session")
def signer(settings: Settings) -> Signer:
    return Signer(settings)


@pytest.fixture
def key(media_id: str) -> str:
    return f"media/{media_id}/original"


def send(edge: EdgeServer, signed: SignedRequest, body: bytes = b"", drop: str = "", **changed: str) -> Answer:
    headers = {name: value for name, value in signed.headers.items() if name != drop}
    return edge.ask_signed(signed.url, signed.method, body, headers | changed)


async def test_a_put_must_be_what_was_signed(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    signed = signer.put_object(key, 100, "video/mp4", 60, edge.url)
    assert send(edge, signed, b"x" * 99).status == 403
    assert send(edge, signed, b"x" * 101).status == 403
    assert send(edge, signed, b"x" * 100, **{"Content-Type": "text/html"}).status == 403
    assert send(edge, signed, b"x" * 100, drop="If-None-Match").status == 403
    assert send(edge, signed, b"x" * 100, Host="localhost").status == 403
    assert await bucket.head(key) is None
    assert send(edge, signed, b"x" * 100).status == 200
    assert send(edge, signed, b"y" * 100).status == 412, "once only"
    found = await bucket.head(key)
    assert found is not None
    assert (found.size, found.content_type) == (100, "video/mp4")


async def test_a_refusal_is_told_in_our_words(edge: EdgeServer, signer: Signer, key: str) -> None:
    signed = signer.put_object(key, 3, "video/mp4", 60, edge.url)
    assert _refused(send(edge, signed, b"abcd")) == (403, "upload_refused")
    assert _refused(edge.ask(f"/{edge.config.bucket}/{key}", "PUT", b"abc")) == (403, "upload_refused")
    assert send(edge, signed, b"abc").status == 200
    assert _refused(send(edge, signed, b"abc")) == (412, "already_uploaded")
    part = signer.upload_part(key, "there-is-no-such-upload", 1, 3, 60, edge.url)
    assert _refused(send(edge, part, b"abc")) == (404, "upload_gone")


def _refused(answer: Answer) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json", answer.body
    told = json.loads(answer.body)
    assert told["status"] == answer.status
    assert told["detail"]
    return answer.status, told["code"]


async def test_a_request_runs_out(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    signed = signer.put_object(key, 3, "video/mp4", 1, edge.url)
    time.sleep(2.1)  # noqa: ASYNC251 (nothing else runs here)
    assert send(edge, signed, b"abc").status == 403
    assert await bucket.head(key) is None


async def test_an_upload_in_parts(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    upload_id = _begin(edge, signer, key)
    first = send(edge, signer.upload_part(key, upload_id, 1, PART_BYTES, 60, edge.url), b"a" * PART_BYTES)
    assert first.status == 200
    wrong = signer.upload_part(key, upload_id, 2, 10, 60, edge.url)
    assert send(edge, wrong, b"b" * 11).status == 403
    second = send(edge, wrong, b"b" * 10)
    listed = send(edge, signer.list_parts(key, upload_id, 60, edge.url))
    assert [found.text for found in ElementTree.fromstring(listed.body).iter() if found.tag.endswith("PartNumber")] == [
        "1",
        "2",
    ]
    assert [part.size for part in await bucket.list_parts(key, upload_id)] == [PART_BYTES, 10]
    complete = signer.complete_multipart(key, upload_id, 60, edge.url)
    xml = _parts_xml(first, second)
    assert send(edge, complete, xml, drop="If-None-Match").status == 403
    done = send(edge, complete, xml, **{"Content-Type": "application/xml"})
    assert done.status == 200
    assert b"<Location>" in done.body, "Uppy wants it"
    assert send(edge, complete, xml).status == 412
    found = await bucket.head(key)
    assert found is not None
    assert found.size == PART_BYTES + 10


async def test_parts_cannot_replace_what_is_there(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    await bucket.put_bytes(key, b"first", "video/mp4")
    upload_id = _begin(edge, signer, key)
    part = send(edge, signer.upload_part(key, upload_id, 1, 6, 60, edge.url), b"second")
    assert send(edge, signer.complete_multipart(key, upload_id, 60, edge.url), _parts_xml(part)).status == 412
    assert send(edge, signer.abort_multipart(key, upload_id, 60, edge.url)).status == 204
    assert await bucket.list_uploads(key) == []
    found = await bucket.head(key)
    assert found is not None
    assert found.size == 5


async def test_nothing_else_reaches_the_s3_port(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    await bucket.put_bytes(key, b"the original", "video/mp4")
    signature = "X-Amz-Signature=" + "0" * 64
    for method, path in (
        ("GET", "/ments-media/"),
        ("GET", "/ments-media/?list-type=2"),
        ("GET", f"/ments-media/?uploads&{signature}"),
        ("GET", f"/ments-media/{key}"),
        ("HEAD", f"/ments-media/{key}?uploadId=1&{signature}"),
        ("PUT", f"/ments-media/{key}"),
        ("PUT", f"/ments-media/media/x/original?{signature}"),
        ("PUT", f"/ments-media/{key}/../../x?{signature}"),
        ("PUT", f"/ments-media/{key.replace('original', '%6friginal')}?{signature}"),
        ("PUT", f"/ments-media/{key.replace('original', 'p1/v.mp4')}?{signature}"),
        ("POST", f"/ments-media/?delete&{signature}"),
        ("POST", f"/ments-media/{key}?select&{signature}"),
        ("DELETE", f"/ments-media/{key}?{signature}"),
        ("PUT", f"/ments-media?{signature}"),
        ("PUT", f"/ments-media/?notification&{signature}"),
    ):
        assert edge.ask(path, method, b"x" if method in ("PUT", "POST") else None).status in (403, 404, 405), path
    # Rightly signed, but not for browsers: a read of the original, and its deletion.
    read = signer.get_object(key, 60)
    assert edge.ask(read.url.split("/", 3)[3].join(("/", ""))).status == 403
    found = await bucket.head(key)
    assert found is not None


async def test_a_forged_signature_is_refused_by_storage(
    edge: EdgeServer, signer: Signer, bucket: Bucket, key: str
) -> None:
    signed = signer.put_object(key, 3, "video/mp4", 60, edge.url)
    forged = re.sub(r"X-Amz-Signature=[0-9a-f]{64}", "X-Amz-Signature=" + "0" * 64, signed.url)
    assert edge.ask_signed(forged, "PUT", b"abc", signed.headers).status == 403
    assert await bucket.head(key) is None


async def test_headers_that_were_not_signed_do_nothing(
    edge: EdgeServer, signer: Signer, bucket: Bucket, key: str, media_id: str
) -> None:
    await bucket.put_bytes(f"media/{media_id}/s1/secret.jpg", b"somebody's", "image/jpeg")
    signed = signer.put_object(key, 4, "video/mp4", 60, edge.url)
    sent = {
        "X-Amz-Copy-Source": f"/ments-media/media/{media_id}/s1/secret.jpg",
        "X-Amz-Acl": "public-read",
        "X-Amz-Meta-Note": "x",
        "Authorization": "Bearer x",
    }
    assert send(edge, signed, b"mine", **sent).status == 200
    found = await bucket.head(key)
    assert found is not None
    assert (found.size, found.metadata) == (4, {})


def test_a_body_over_the_limit_is_refused(edge: EdgeServer, signer: Signer, key: str) -> None:
    size = edge.config.upload_max_bytes + 1
    signed = signer.put_object(key, size, "video/mp4", 60, edge.url)
    path = signed.url.removeprefix(edge.url)
    head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{edge.config.port}\r\nContent-Length: {size}\r\n\r\n"
    assert edge.send_until(head.encode(), b"too_large").startswith(b"HTTP/1.1 413 ")


async def test_bytes_go_on_as_they_come(edge: EdgeServer, signer: Signer, bucket: Bucket, key: str) -> None:
    """Nothing of an upload is kept at the edge: its temporary folder stays empty while one is under way."""
    import socket

    size = 4_000_000
    signed = signer.put_object(key, size, "video/mp4", 60, edge.url)
    lines = "".join(f"{name}: {value}\r\n" for name, value in signed.headers.items())
    path = signed.url.removeprefix(edge.url)
    with socket.create_connection(("127.0.0.1", edge.config.port), timeout=10) as connection:
        head = f"PUT {path} HTTP/1.1\r\nHost: 127.0.0.1:{edge.config.port}\r\nContent-Length: {size}\r\n{lines}\r\n"
        sending = threading.Thread(target=connection.sendall, args=(head.encode() + b"z" * (size - 1),))
        sending.start()
        sending.join(10)
        time.sleep(0.3)  # noqa: ASYNC251 (nothing else runs here)
        assert [file for file in edge.config.temp_dir.rglob("*") if file.is_file()] == []
        connection.sendall(b"z")
        assert connection.recv(4096).startswith(b"HTTP/1.1 200 ")
    found = await bucket.head(key)
    assert found is not None
    assert found.size == size


def _begin(edge: EdgeServer, signer: Signer, key: str) -> str:
    begun = send(edge, signer.create_multipart(key, "video/mp4", 60, edge.url))
    assert begun.status == 200
    found = re.search(rb"<UploadId>([^<]+)</UploadId>", begun.body)
    assert found is not None
    return found[1].decode()


def _parts_xml(*sent: Answer) -> bytes:
    parts = "".join(
        f"<Part><PartNumber>{number}</PartNumber><ETag>{answer.headers['etag'].strip(chr(34))}</ETag></Part>"
        for number, answer in enumerate(sent, 1)
    )
    return f"<CompleteMultipartUpload>{parts}</CompleteMultipartUpload>".encode()

"""Signed requests: what is bound by the signature, and where browsers are sent."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import parse_qs, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.errors import Invalid
from ments.settings import Settings, read_settings
from ments.storage import SignedRequest, Signer, part_length
from ments.storage.signer import plain_content_type

KEY = "media/0190f5f0-0000-7000-8000-000000000001/original"
EDGE = "http://192.168.1.5:8080"


def settings(**more: str) -> Settings:
    environ = {
        "MENTS_HOME": "/nonexistent",
        "SECRET_KEY": "s" * 32,
        "MEDIA_SIGNING_KEYS": "key",
        "DATABASE_URL": "postgresql://nowhere",
        "REDIS_URL": "redis://nowhere",
        "S3_ENDPOINT_URL": "http://127.0.0.1:8333",
        "AWS_ACCESS_KEY_ID": "access",
        "AWS_SECRET_ACCESS_KEY": "secret",
    }
    return read_settings(environ | more)


SIGNER = Signer(settings(), clock=lambda: 1_800_000_000)


def query(signed: SignedRequest) -> dict[str, str]:
    return {name: values[0] for name, values in parse_qs(urlsplit(signed.url).query, keep_blank_values=True).items()}


def test_a_put_binds_size_type_and_the_free_key() -> None:
    signed = SIGNER.put_object(KEY, 100, "video/mp4", 600, EDGE)
    assert signed.method == "PUT"
    assert signed.url.startswith(f"{EDGE}/ments-media/{KEY}?")
    assert query(signed)["X-Amz-SignedHeaders"] == "content-length;content-type;host;if-none-match"
    assert query(signed)["X-Amz-Expires"] == "600"
    assert signed.headers == {"Content-Type": "video/mp4", "If-None-Match": "*"}
    assert signed.expires_at == datetime.fromtimestamp(1_800_000_600, UTC)


def test_each_request_of_an_upload_in_parts() -> None:
    assert "uploads" in query(SIGNER.create_multipart(KEY, "video/mp4", 600, EDGE))
    part = SIGNER.upload_part(KEY, "id_1", 3, 5_000_000, 600, EDGE)
    assert (part.method, query(part)["uploadId"], query(part)["partNumber"]) == ("PUT", "id_1", "3")
    assert query(part)["X-Amz-SignedHeaders"] == "content-length;host"
    assert part.headers == {}
    assert SIGNER.list_parts(KEY, "id_1", 600, EDGE).method == "GET"
    done = SIGNER.complete_multipart(KEY, "id_1", 600, EDGE)
    assert (done.method, done.headers) == ("POST", {"If-None-Match": "*"})
    assert query(done)["X-Amz-SignedHeaders"] == "host;if-none-match"
    assert SIGNER.abort_multipart(KEY, "id_1", 600, EDGE).method == "DELETE"


def test_browsers_are_sent_where_the_setting_says() -> None:
    elsewhere = Signer(settings(S3_PUBLIC_ENDPOINT_URL="https://s3.example"))
    assert elsewhere.put_object(KEY, 1, "", 600, EDGE).url.startswith(f"https://s3.example/ments-media/{KEY}?")
    assert elsewhere.get_object(KEY, 60).url.startswith(f"http://127.0.0.1:8333/ments-media/{KEY}?")


@pytest.mark.parametrize("upload_id", ["", "a b", "x&partNumber=2", "é", "a" * 513, "id\n"])
def test_odd_upload_ids_are_refused(upload_id: str) -> None:
    with pytest.raises(Invalid):
        SIGNER.list_parts(KEY, upload_id, 600, EDGE)


@pytest.mark.parametrize("number", [0, -1, 10_001])
def test_parts_are_counted_from_one_to_ten_thousand(number: int) -> None:
    with pytest.raises(Invalid):
        SIGNER.upload_part(KEY, "id", number, 5, 600, EDGE)


@pytest.mark.parametrize(
    ("hint", "signed"),
    [
        ("video/mp4", "video/mp4"),
        ("Video/MP4; codecs=avc1", "video/mp4"),
        ("", "application/octet-stream"),
        ("nonsense", "application/octet-stream"),
        ("a/b\r\nX: y", "application/octet-stream"),
        ("vidéo/mp4", "application/octet-stream"),
    ],
)
def test_hints_become_types_that_can_be_signed(hint: str, signed: str) -> None:
    assert plain_content_type(hint) == signed


@given(size=st.integers(1, 2**33), part_size=st.integers(5 * 2**20, 2**27))
def test_the_parts_are_the_whole(size: int, part_size: int) -> None:
    parts = -(-size // part_size)
    lengths = [part_length(size, part_size, number) for number in range(1, parts + 1)]
    assert sum(lengths) == size
    assert all(length == part_size for length in lengths[:-1])
    assert 0 < lengths[-1] <= part_size
    for missing in (0, parts + 1):
        with pytest.raises(Invalid):
            part_length(size, part_size, missing)

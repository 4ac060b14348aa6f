"""Secrets never leave in a text or a field; what is no secret stays readable."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ments.observe.scrub import HIDDEN, is_secret_name, scrub, scrub_text

SECRET = "hunter2hunter2"


@pytest.mark.parametrize(
    "text",
    [
        f"could not connect to postgresql://ments:{SECRET}@127.0.0.1:5432/ments",
        f"redis://:{SECRET}@127.0.0.1:6379/0 refused",
        f"http://{SECRET}@127.0.0.1:9000/1",
        f"PUT http://s3/ments-media/k?X-Amz-Algorithm=AWS4&X-Amz-Signature={SECRET}&x=1",
        f"x-amz-credential={SECRET}/20300101/us-east-1/s3/aws4_request",
        f"Authorization: Bearer {SECRET}",
        f"sent bearer {SECRET}",
        f"Cookie: a=b; ments_session={SECRET}",
        f"ments_session={SECRET}",
        f'{{"login": "ada", "password": "{SECRET}"}}',
        f"password={SECRET}&login=ada",
        f"{{'password': '{SECRET}'}}",
        f"GET /m/3.1893456000.{SECRET}/0197/s1/720.mp4",
        f"GET /sign-in/{SECRET}{SECRET}{SECRET} 200",
    ],
)
def test_a_secret_in_a_text_is_hidden(text: str) -> None:
    shown = scrub_text(text)
    assert SECRET not in shown
    assert HIDDEN in shown


@pytest.mark.parametrize(
    "text",
    [
        "GET /api/media/0197a3f2-6f0e-7b52-9d2c-1f6c0e3b9a77/events",
        "http://127.0.0.1:8080/api/feed?kind=latest&cursor=abc",
        "The video stops after 3 of 10 s.",
        "postgresql://127.0.0.1:5432/ments",
        "/p/0197a3f2-6f0e-7b52-9d2c-1f6c0e3b9a77/p1/720.mp4",
        "task=transcode queue=media attempt: 3",
    ],
)
def test_other_texts_stay(text: str) -> None:
    assert scrub_text(text) == text


@pytest.mark.parametrize(
    "name",
    [
        "password",
        "password_hash",
        "Set-Cookie",
        "authorization",
        "SECRET_KEY",
        "SENTRY_DSN",
        "DATABASE_URL",
        "token",
        "AWS_SECRET_ACCESS_KEY",
        "MEDIA_SIGNING_KEYS",
        "signature",
        "X-Ments-Edge",
    ],
)
def test_a_name_of_a_secret_is_known(name: str) -> None:
    assert is_secret_name(name)
    assert scrub({name: SECRET}) == {name: HIDDEN}


@pytest.mark.parametrize("name", ["path", "key", "job_id", "queue", "author", "public_url", "account_id", "seconds"])
def test_a_plain_name_is_known(name: str) -> None:
    assert not is_secret_name(name)


def test_it_looks_inside_and_stops_somewhere() -> None:
    assert scrub({"a": [{"token": SECRET, "n": 1}], "b": (f"bearer {SECRET}",)}) == {
        "a": [{"token": HIDDEN, "n": 1}],
        "b": [f"bearer {HIDDEN}"],
    }
    deep: object = SECRET
    for _ in range(20):
        deep = {"x": [deep]}
    assert SECRET not in str(scrub(deep))


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), st.lists, max_leaves=20))
def test_any_value_can_be_scrubbed(value: object) -> None:
    scrub(value)
    scrub({"password": value})


@given(st.text())
def test_twice_is_once(text: str) -> None:
    assert scrub_text(scrub_text(text)) == scrub_text(text)

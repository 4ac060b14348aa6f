"""Cursors: a place survives the way out and back, and opens its own list only."""

import string
from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ments.db.keyset import PAGE_LIMIT, PAGE_LIMIT_MAX, BadCursor, Place, clamp_limit, decode_cursor, encode_cursor

moments = st.datetimes(datetime(1970, 1, 1), datetime(9998, 1, 1), timezones=st.just(UTC))  # noqa: DTZ001 (bounds)
places = st.builds(Place, moments, st.uuids())
kinds = st.sampled_from(["feed:latest", "feed:for_you", "replies:1", "replies:2"])
secrets = st.sampled_from(["a" * 64, "b" * 64])


@given(secrets, kinds, places)
def test_a_place_comes_back(secret: str, kind: str, place: Place) -> None:
    cursor = encode_cursor(secret, kind, place)
    assert decode_cursor(secret, kind, cursor) == place
    assert set(cursor) <= set(string.ascii_letters + string.digits + "-_")


@given(secrets, kinds, places, secrets, kinds)
def test_a_cursor_opens_its_own_list_only(
    secret: str, kind: str, place: Place, other_secret: str, other_kind: str
) -> None:
    assume((secret, kind) != (other_secret, other_kind))
    with pytest.raises(BadCursor) as refused:
        decode_cursor(other_secret, other_kind, encode_cursor(secret, kind, place))
    assert refused.value.problem_status == 400


@given(kinds, st.text() | st.binary(max_size=64).map(lambda b: b.hex()))
def test_a_forged_cursor_is_refused(kind: str, forged: str) -> None:
    with pytest.raises(BadCursor):
        decode_cursor("a" * 64, kind, forged)


@given(places, st.integers(0, 31), st.integers(1, 255))
def test_an_altered_cursor_is_refused(place: Place, position: int, flip: int) -> None:
    import base64

    raw = bytearray(base64.urlsafe_b64decode(encode_cursor("a" * 64, "feed:latest", place) + "=="))
    raw[position] ^= flip
    with pytest.raises(BadCursor):
        decode_cursor("a" * 64, "feed:latest", base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("="))


@given(places)
def test_the_ends_lie_outside_of_every_list(place: Place) -> None:
    assume(place != Place.first())
    assert Place.first() < place < Place.last()


@given(places, places)
def test_places_are_ordered_as_postgres_orders_rows(one: Place, other: Place) -> None:
    assert (one < other) == ((one.at, one.id.bytes) < (other.at, other.id.bytes))


@pytest.mark.parametrize(
    ("asked", "given_"), [(None, PAGE_LIMIT), (0, 1), (-5, 1), (7, 7), (50, 50), (10**9, PAGE_LIMIT_MAX)]
)
def test_limits_are_clamped(asked: int | None, given_: int) -> None:
    assert clamp_limit(asked) == given_


def test_the_first_place_is_before_the_smallest_id() -> None:
    assert Place.first() < Place(datetime(1970, 1, 1, 0, 0, 0, 1, tzinfo=UTC), UUID(int=0))

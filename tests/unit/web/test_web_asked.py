"""Whom the edge is believed about, and where the answer is kept."""

from __future__ import annotations

from typing import Any

from ments.web.asked import asked_origin, believe_the_edge, client_address

SECRET = "0" * 64


def scope(headers: dict[str, str], client: tuple[str, int] | None = ("127.0.0.1", 5000)) -> Any:
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return {"type": "http", "scheme": "http", "client": client, "headers": raw}


def test_the_edge_says_who_asks() -> None:
    asked = scope(
        {
            "host": "api:8000",
            "x-ments-edge": SECRET,
            "x-forwarded-for": "203.0.113.9",
            "x-forwarded-proto": "https",
            "x-forwarded-host": "Ments.Example",
        }
    )
    believe_the_edge(asked, SECRET)
    assert client_address(asked) == "203.0.113.9"
    assert asked_origin(asked) == "https://ments.example"
    assert [name for name, _ in asked["headers"]] == [b"host"]


def test_anybody_else_is_not_believed() -> None:
    for secret in ({}, {"x-ments-edge": "1" * 64}, {"x-ments-edge": ""}):
        asked = scope({"host": "api:8000", "x-forwarded-for": "203.0.113.9", "x-forwarded-proto": "https", **secret})
        believe_the_edge(asked, SECRET)
        assert client_address(asked) == "127.0.0.1"
        assert asked_origin(asked) == "http://api:8000"
        assert [name for name, _ in asked["headers"]] == [b"host"]


def test_only_the_last_address_is_the_edges_own_word() -> None:
    asked = scope({"x-ments-edge": SECRET, "x-forwarded-for": "198.51.100.1, 203.0.113.9"})
    believe_the_edge(asked, SECRET)
    assert client_address(asked) == "203.0.113.9"


def test_an_ipv6_client_is_its_network() -> None:
    assert client_address(scope({}, ("2001:db8:1:2:3:4:5:6", 1))) == "2001:db8:1:2::/64"
    assert client_address(scope({}, ("::ffff:203.0.113.9", 1))) == "203.0.113.9"


def test_nonsense_is_one_address() -> None:
    assert client_address(scope({}, None)) == client_address(scope({}, ("not an address", 1))) == "0.0.0.0"

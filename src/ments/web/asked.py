"""Who asks, and under which name: what the edge says about a request, believed only from the edge itself.

After `believe_the_edge` the rest of the program reads the ordinary places: `scope["client"]`,
`scope["scheme"]` and the Host header.
"""

from __future__ import annotations

import hmac
import ipaddress
from typing import Any, cast

from litestar.types import HTTPScope, Scope

EDGE_HEADER = b"x-ments-edge"
_FORWARDED = frozenset((EDGE_HEADER, b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"forwarded"))
_UNKNOWN_ADDRESS = "0.0.0.0"  # noqa: S104 (a label for limits, nothing binds to it)


def believe_the_edge(scope: HTTPScope, edge_secret: str) -> None:
    """Put the address, scheme and host that the edge saw in their usual places of `scope`.

    Without the edge's secret the forwarding headers are dropped and the socket's own address stays. The
    last X-Forwarded-For entry counts: it is the only one that our edge wrote itself.
    """
    headers = [(name.lower(), value) for name, value in scope["headers"]]
    found = {name: value.decode("latin-1").strip() for name, value in headers if name in _FORWARDED}
    kept = [(name, value) for name, value in headers if name not in _FORWARDED]
    if hmac.compare_digest(found.get(EDGE_HEADER, "").encode(), edge_secret.encode()):
        address = found.get(b"x-forwarded-for", "").rsplit(",", 1)[-1].strip()
        if address:
            scope["client"] = (address, 0)
        if found.get(b"x-forwarded-proto") in ("http", "https"):
            scope["scheme"] = found[b"x-forwarded-proto"]
        if host := found.get(b"x-forwarded-host"):
            kept = [(name, value) for name, value in kept if name != b"host"]
            kept.append((b"host", host.encode("latin-1")))
    scope["headers"] = kept


def client_address(scope: Scope) -> str:
    """Return the address to count against: an IPv4 address, or the /64 that an IPv6 client can roam in."""
    client = cast("tuple[Any, ...] | None", scope.get("client"))
    text = str(client[0]) if client else _UNKNOWN_ADDRESS
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        return _UNKNOWN_ADDRESS
    if isinstance(address, ipaddress.IPv6Address):
        if address.ipv4_mapped is not None:
            return str(address.ipv4_mapped)
        return str(ipaddress.ip_network((address, 64), strict=False))
    return str(address)


def header(scope: Scope, name: bytes) -> str | None:
    """Return one request header (`name` in lower case), or None; of several, the first."""
    for key, value in scope["headers"]:
        if key == name:
            return value.decode("latin-1")
    return None


def last_segment(scope: Scope) -> str:
    """Return the end of the path that was asked, after its last slash."""
    # Litestar shortens scope["path"] on the way to a route; raw_path is what was asked.
    path: str = scope.get("raw_path", b"").decode("latin-1").split("?", 1)[0] or scope["path"]
    return path.rpartition("/")[2]


def asked_origin(scope: Scope) -> str:
    """Return scheme://host[:port] as the client asked for it, lower case, without a default port."""
    return tidy_origin(f"{scope['scheme']}://{header(scope, b'host') or ''}")


def tidy_origin(origin: str) -> str:
    """Lower an origin's case and leave out the port that its scheme implies."""
    scheme, _, host = origin.lower().rstrip("/").partition("://")
    default = {"http": ":80", "https": ":443"}.get(scheme, "")
    return f"{scheme}://{host.removesuffix(default) if default else host}"

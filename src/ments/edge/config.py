"""What the edge needs to know about its surroundings, as one frozen object, and whom it answers."""

from __future__ import annotations

import ipaddress
import socket
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import psutil

LOOPBACK_HOSTS = ("localhost", "127.0.0.1", "[::1]")
_API_BODY_MAX_BYTES = 1024 * 1024
_CACHE_MAX_BYTES = 2 * 1024**3


@dataclass(frozen=True, slots=True)
class EdgeConfig:
    """One nginx. Paths are absolute, sizes in bytes.

    api_address     host:port, or unix:/path
    storage_url     the S3 API as the edge reaches it, scheme and authority only
    signing_keys    one or two, newest first; a URL signed with either is good
    edge_secret     `settings.secret_for("edge")`, by which the API knows the edge
    allowed_hosts   names without a port, IPv6 in brackets; see `allowed_hosts`
    static_root     served at /static/; must be readable for `user`
    temp_dir, cache_dir   exist, and may be written by `user`
    pages_dir       where shared pages are kept, the same; None for a folder of the cache's. They live for seconds and are written anew as
                    often, so memory suits them: on a disk, making the files was a fifth of the edge's work
    user            'name' or 'name group' for the workers when nginx starts as root; '' otherwise
    """

    bind: str
    port: int
    public_url: str
    api_address: str
    storage_url: str
    bucket: str
    region: str
    s3_access_key: str
    s3_secret_key: str
    signing_keys: tuple[str, ...]
    edge_secret: str
    allowed_hosts: tuple[str, ...]
    static_root: Path
    cache_dir: Path
    temp_dir: Path
    pid_path: Path
    error_log_path: Path
    access_log_path: Path
    upload_max_bytes: int
    user: str = ""
    pages_dir: Path | None = None
    workers: int = 2
    cache_max_bytes: int = _CACHE_MAX_BYTES
    api_body_max_bytes: int = _API_BODY_MAX_BYTES


def allowed_hosts(public_url: str, bind: str) -> tuple[str, ...]:
    """List the names that the edge answers to, each once, lower case, without a port.

    public_url   its host is always in
    bind         beyond loopback, this machine's name and addresses are in too, for phones on the same
                 network; a name that merely resolves to this machine is not, so that no foreign page
                 can pose as ours (DNS rebinding)

    Asks the operating system for its addresses.
    """
    hosts = [*LOOPBACK_HOSTS]
    public_host = urlsplit(public_url).hostname
    if public_host:
        hosts.append(_bracketed(public_host))
    if not _is_loopback(bind):
        name = socket.gethostname().lower()
        hosts += [name, f"{name}.local"]
        for addresses in psutil.net_if_addrs().values():
            hosts += [
                _bracketed(address.address.split("%")[0])
                for address in addresses
                if address.family in (socket.AF_INET, socket.AF_INET6)
            ]
    return tuple(dict.fromkeys(host.lower() for host in hosts))


def _is_loopback(bind: str) -> bool:
    try:
        return ipaddress.ip_address(bind.strip("[]")).is_loopback
    except ValueError:
        return bind == "localhost"


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host and not host.startswith("[") else host

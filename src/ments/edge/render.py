"""Turns an EdgeConfig into the files that nginx reads. Pure, but for reading the templates beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

from ments.edge.config import EdgeConfig
from ments.settings import SettingsError

_TEMPLATES = Path(__file__).parent / "nginx"
_PLACEHOLDER = re.compile(r"@@([a-z0-9_]+)@@")
# Up to four plain segments, the last with an extension: SeaweedFS answers a folder with an empty 200.
_MEDIA_FILE = r"(?:[A-Za-z0-9_-]{1,80}/){0,3}[A-Za-z0-9_-]{1,80}(?:\.[A-Za-z0-9]{1,8}){1,2}"
_UUID = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_BUCKET = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")
_OWN_PATHS = frozenset({"api", "static", "internal", "metrics", "schema"})
_CA_FILES = (Path("/etc/ssl/certs/ca-certificates.crt"), Path("/etc/pki/tls/certs/ca-bundle.crt"))
# A range that starts within the first 8 MiB fetches the object whole; one beyond is passed on.
MAX_RANGE_OFFSET_BYTES = 8 * 1024 * 1024


def render_nginx(config: EdgeConfig) -> dict[str, str]:
    """Render every file of the edge's configuration, by name.

    All belong in one folder. Write each with mode 0600: `nginx.conf`'s neighbours `secrets.js` and
    `api_proxy.conf` hold keys, and nginx reads all of them before its workers drop their rights.
    Start with `nginx -c FOLDER/nginx.conf -p FOLDER`; it stays in the foreground.

    Raises SettingsError when a value cannot be served: a bucket named like a path of ours, no keys.
    """
    if not _BUCKET.fullmatch(config.bucket) or config.bucket in _OWN_PATHS:
        raise SettingsError(
            f"S3_BUCKET {config.bucket!r} cannot be served: 3 to 63 lower-case letters, digits, '.' or '-', "
            f"and none of {', '.join(sorted(_OWN_PATHS))}."
        )
    if not config.signing_keys:
        raise SettingsError("MEDIA_SIGNING_KEYS must hold one or two keys, separated by a comma.")
    storage = urlsplit(config.storage_url)
    if storage.scheme not in ("http", "https") or not storage.netloc or storage.path.strip("/"):
        raise SettingsError(f"S3_ENDPOINT_URL must be http(s)://HOST[:PORT], not {config.storage_url!r}.")
    values = _values(config)
    files = {path.name: _fill(path.read_text(), values) for path in sorted(_TEMPLATES.iterdir()) if path.is_file()}
    files["secrets.js"] = _secrets(config, storage.netloc)
    return files


def _values(config: EdgeConfig) -> dict[str, str]:
    storage = urlsplit(config.storage_url)
    default_port = 443 if storage.scheme == "https" else 80
    listen = f"[{config.bind}]" if ":" in config.bind and not config.bind.startswith("[") else config.bind
    return {
        "user": f"user {config.user};" if config.user else "# Started by an ordinary user: the workers are the same.",
        "workers": str(min(config.workers, 2)),
        "listen": f"{listen}:{config.port} backlog=1024",
        "pid_path": _quoted(config.pid_path),
        "error_log_path": _quoted(config.error_log_path),
        "access_log_path": _quoted(config.access_log_path),
        "temp_dir": _escaped(config.temp_dir),
        "cache_dir": _escaped(config.cache_dir),
        "pages_dir": _escaped(config.pages_dir or config.cache_dir / "pages"),
        "static_root": _escaped(config.static_root),
        "cache_max_bytes": str(config.cache_max_bytes),
        "api_body_max_bytes": str(config.api_body_max_bytes),
        "upload_max_bytes": str(config.upload_max_bytes),
        "known_hosts": _host_lines(config.allowed_hosts, "1"),
        "https_hosts": _host_lines(_https_hosts(config.public_url), "https"),
        "bucket": config.bucket,
        "bucket_pattern": re.escape(config.bucket),
        "media_file": _MEDIA_FILE,
        "uuid": _UUID,
        "api_address": config.api_address,
        "storage_address": f"{storage.hostname}:{storage.port or default_port}",
        "storage_scheme": storage.scheme,
        "storage_host": storage.netloc,
        "storage_tls": _storage_tls(storage.scheme, storage.hostname or ""),
        "max_range_offset": str(MAX_RANGE_OFFSET_BYTES),
        "edge_secret": _quoted(config.edge_secret),
    }


def _fill(template: str, values: dict[str, str]) -> str:
    return _PLACEHOLDER.sub(lambda match: values[match[1]], template)


def _secrets(config: EdgeConfig, storage_host: str) -> str:
    known = {
        "signing_keys": list(config.signing_keys),
        "s3_access_key": config.s3_access_key,
        "s3_secret_key": config.s3_secret_key,
        "region": config.region,
        "bucket": config.bucket,
        "storage_host": storage_host,
        "max_range_offset": MAX_RANGE_OFFSET_BYTES,
    }
    return f"export default {json.dumps(known)};\n"


def _host_lines(hosts: tuple[str, ...], value: str) -> str:
    """One line of a map per host; any port, since tunnels and containers change it."""
    return "\n".join(f'    "~*^{re.escape(host)}(:[0-9]{{1,5}})?$" {value};' for host in hosts)


def _https_hosts(public_url: str) -> tuple[str, ...]:
    public = urlsplit(public_url)
    return (public.hostname,) if public.scheme == "https" and public.hostname else ()


def _storage_tls(scheme: str, host: str) -> str:
    if scheme != "https":
        return "# Storage is asked in the clear: it is on this machine or in a private network."
    lines = ["proxy_ssl_server_name on;", f"proxy_ssl_name {host};", "proxy_ssl_protocols TLSv1.2 TLSv1.3;"]
    authorities = next((path for path in _CA_FILES if path.exists()), None)
    if authorities is None:
        raise SettingsError(
            "S3_ENDPOINT_URL is https, and this machine has no list of certificate authorities: "
            "install the package ca-certificates."
        )
    lines += [f"proxy_ssl_trusted_certificate {authorities};", "proxy_ssl_verify on;", "proxy_ssl_verify_depth 4;"]
    return " ".join(lines)


def _escaped(value: object) -> str:
    """A path as part of an nginx parameter: spaces and marks of the grammar keep their plain meaning."""
    text = str(value)
    if re.search(r"[\x00-\x1f$]", text):
        raise SettingsError(f"The edge cannot serve from {text!r}: no dollar signs or control characters in paths.")
    return re.sub(r"""([\\"' ;{}#])""", r"\\\1", text)


def _quoted(value: object) -> str:
    text = str(value)
    if re.search(r"[\x00-\x1f$]", text):
        raise SettingsError(f"The edge cannot use {text!r}: no dollar signs or control characters.")
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'

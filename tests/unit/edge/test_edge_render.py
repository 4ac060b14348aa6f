"""What the rendered files say, and what is refused before nginx would start wrongly."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from edge_configs import CONFIG
from ments.edge import allowed_hosts, render_nginx
from ments.settings import SettingsError


def test_every_placeholder_is_filled_in() -> None:
    for name, text in render_nginx(CONFIG).items():
        assert not re.search(r"@@\w+@@", text), name


def test_secrets_stand_in_two_files_only() -> None:
    files = render_nginx(CONFIG)
    for secret, holders in {
        "s3-secret": {"secrets.js"},
        "new-key": {"secrets.js"},
        "old-key": {"secrets.js"},
        "edge-secret": {"api_proxy.conf"},
    }.items():
        assert {name for name, text in files.items() if secret in text} == holders


def test_hosts_are_matched_whole() -> None:
    conf = render_nginx(CONFIG)["maps.conf"]
    assert r'"~*^ments\.example(:[0-9]{1,5})?$" 1;' in conf
    assert r'"~*^\[::1\](:[0-9]{1,5})?$" 1;' in conf
    assert r'"~*^ments\.example(:[0-9]{1,5})?$" https;' in conf, "TLS ends before us"


def test_workers_are_two_at_most() -> None:
    assert "worker_processes 2;" in render_nginx(replace(CONFIG, workers=16))["nginx.conf"]
    assert "worker_processes 1;" in render_nginx(replace(CONFIG, workers=1))["nginx.conf"]


def test_the_account_of_the_workers_is_named_only_for_root() -> None:
    assert "user nobody nogroup;" in render_nginx(replace(CONFIG, user="nobody nogroup"))["nginx.conf"]
    assert not re.search(r"^user ", render_nginx(CONFIG)["nginx.conf"], re.MULTILINE)


def test_ipv6_and_odd_paths() -> None:
    conf = render_nginx(replace(CONFIG, bind="::1", cache_dir=Path("/srv/my cache; x")))["nginx.conf"]
    assert "listen [::1]:8080" in conf
    assert r"proxy_cache_path /srv/my\ cache\;\ x/media" in conf


def test_pages_lie_beside_the_media_or_where_they_are_told_to() -> None:
    assert "proxy_cache_path /srv/cache/pages levels=1 " in render_nginx(CONFIG)["nginx.conf"]
    conf = render_nginx(replace(CONFIG, pages_dir=Path("/dev/shm/pages of ours")))["nginx.conf"]
    assert r"proxy_cache_path /dev/shm/pages\ of\ ours levels=1 " in conf
    assert "proxy_cache_path /srv/cache/media levels=1:2 " in conf


def test_storage_elsewhere_is_asked_over_tls(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    authorities = tmp_path / "ca.crt"
    authorities.touch()
    monkeypatch.setattr("ments.edge.render._CA_FILES", (authorities,))
    files = render_nginx(replace(CONFIG, storage_url="https://s3.eu-central-1.amazonaws.com"))
    assert "server s3.eu-central-1.amazonaws.com:443" in files["nginx.conf"]
    assert "proxy_pass https://ments_storage/ments-media/$object;" in files["media_proxy.conf"]
    assert "proxy_set_header Host s3.eu-central-1.amazonaws.com;" in files["media_proxy.conf"]
    assert "proxy_ssl_verify on;" in files["media_proxy.conf"]
    authorities.unlink()
    with pytest.raises(SettingsError, match="ca-certificates"):
        render_nginx(replace(CONFIG, storage_url="https://s3.eu-central-1.amazonaws.com"))


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"bucket": "api"}, "S3_BUCKET"),
        ({"bucket": "a/b"}, "S3_BUCKET"),
        ({"bucket": "x y;"}, "S3_BUCKET"),
        ({"signing_keys": ()}, "MEDIA_SIGNING_KEYS"),
        ({"storage_url": "s3://there"}, "S3_ENDPOINT_URL"),
        ({"storage_url": "http://host/path"}, "S3_ENDPOINT_URL"),
        ({"static_root": Path("/srv/$HOME")}, "dollar"),
        ({"edge_secret": 'a"\n; }'}, "control"),
    ],
)
def test_what_cannot_be_served_is_refused(change: dict[str, object], named: str) -> None:
    with pytest.raises(SettingsError, match=re.escape(named)):
        render_nginx(replace(CONFIG, **change))  # type: ignore[arg-type]  # one field at a time


def test_on_loopback_only_local_names_and_the_public_one() -> None:
    expected = ("localhost", "127.0.0.1", "[::1]", "ments.example")
    assert allowed_hosts("https://Ments.example:8443", "127.0.0.1") == expected
    assert allowed_hosts("http://localhost:8080", "localhost") == expected[:3]


def test_on_the_network_also_this_machine() -> None:
    hosts = allowed_hosts("https://ments.example", "0.0.0.0")
    assert {"localhost", "127.0.0.1", "[::1]", "ments.example"} < set(hosts)
    assert any(host.endswith(".local") for host in hosts)
    assert len(hosts) == len(set(hosts))

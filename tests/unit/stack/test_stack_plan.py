"""Which settings the app's processes of a local stack get."""

from __future__ import annotations

from pathlib import Path

from test_stack_order import EXTERNAL, SECRETS

from ments.settings import read_settings
from ments.stack.home import Home
from ments.stack.plan import Options, absent_parts, choose_places, port_names, run_env

OPTIONS = Options(Home(Path("/srv/ments")), 8080, "127.0.0.1")
PORTS = {name: 20_000 + number for number, name in enumerate(port_names(OPTIONS))}


def env(options: Options = OPTIONS, **environ: str) -> dict[str, str]:
    return run_env(options, choose_places(options, environ), PORTS, SECRETS, environ)


def test_a_stack_of_its_own_needs_no_setting() -> None:
    settings = read_settings(env())
    assert settings.public_url == "http://127.0.0.1:8080"
    assert settings.database_url == f"postgresql://ments:p@127.0.0.1:{PORTS['pgbouncer']}/ments"
    assert settings.database_replica_urls == (f"postgresql://ments:p@127.0.0.1:{PORTS['pgbouncer']}/replica1",)
    assert settings.database_direct_url == (
        f"postgresql://ments:p@127.0.0.1:{PORTS['postgres']}/ments"
        "?options=-c%20statement_timeout%3D0%20-c%20idle_in_transaction_session_timeout%3D0"
    )
    assert settings.redis_url == f"redis://:v@127.0.0.1:{PORTS['valkey']}/0"
    assert settings.s3_endpoint_url == f"http://127.0.0.1:{PORTS['storage']}"
    assert settings.api_port == PORTS["api"]


def test_without_the_pooler_everything_goes_direct() -> None:
    direct = Options(OPTIONS.home, 8080, "127.0.0.1", pooler=False)
    settings = read_settings(env(direct))
    assert settings.database_url == f"postgresql://ments:p@127.0.0.1:{PORTS['postgres']}/ments"
    assert settings.database_replica_urls == (f"postgresql://ments:p@127.0.0.1:{PORTS['replica1']}/ments",)
    assert absent_parts(direct, choose_places(direct, {}), {})["pgbouncer"]["state"] == "off"


def test_what_the_caller_sets_wins_but_for_the_home_and_the_edges_address() -> None:
    made = env(
        PUBLIC_URL="https://ments.example", SECRET_KEY="x" * 40, MENTS_PORT="1", MENTS_METRICS_PORT="9", LANG="C"
    )
    assert made["PUBLIC_URL"] == "https://ments.example"
    assert made["SECRET_KEY"] == "x" * 40
    assert made["MENTS_PORT"] == "8080"
    assert "MENTS_METRICS_PORT" not in made
    assert "LANG" not in made


def test_given_urls_are_used_and_shown_as_external_without_their_passwords() -> None:
    settings = read_settings(env(**EXTERNAL))
    assert settings.database_url == EXTERNAL["DATABASE_URL"]
    assert settings.database_direct_url == EXTERNAL["DATABASE_URL"]
    assert settings.database_replica_urls == ()
    assert settings.redis_url == EXTERNAL["REDIS_URL"]
    assert settings.aws_secret_access_key == "SK"
    assert absent_parts(OPTIONS, choose_places(OPTIONS, EXTERNAL), EXTERNAL) == {
        "postgres": {"state": "external", "url": ""},
        "replica": {"state": "external", "url": ""},
        "pgbouncer": {"state": "external", "url": ""},
        "valkey": {"state": "external", "url": ""},
        "storage": {"state": "external", "url": "http://s3.example"},
    }

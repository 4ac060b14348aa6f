"""`ments smoke`: the guide's smoke test."""

from __future__ import annotations

import json
import os
from dataclasses import asdict
from pathlib import Path

from ments.cli.options import AsJson, fail


def smoke(
    *,
    url: str = "",
    login: str = "",
    password: str = "",
    timeout: float = 120.0,
    as_json: AsJson = False,
) -> None:
    """Go a member's way through a deployment: sign in, upload, post, job, rendition from the edge, feed, login redirect.

    What it posts it deletes. The exit status is 0 only when every step held.

    Parameters
    ----------
    url
        Origin of the deployment; by default the stack of MENTS_HOME.
    login
        An account to use; without one a new account is registered.
    password
        Its password.
    timeout
        Seconds that the transcode may take.
    as_json
        Print {ok, url, steps: [{name, ok, seconds, detail}]}.
    """
    from ments.settings import read_env_file
    from ments.smoke import Credentials, run_smoke

    home = Path(os.environ.get("MENTS_HOME") or ".ments")
    target = (url or read_env_file(home / "run" / "env").get("PUBLIC_URL", "")).rstrip("/")
    if not target:
        fail(f"nothing runs in {home}: start it with `ments up`, or name a deployment with --url https://...")
    if not target.startswith(("http://", "https://")):
        fail(f"--url must be an origin such as https://ments.example, not {url!r}.")
    if bool(login) != bool(password):
        fail("--login and --password go together.")
    credentials = Credentials(login, password) if login else None
    steps = []
    for step in run_smoke(target, _find_ffmpeg(), credentials, job_timeout_s=timeout):
        steps.append(step)
        if not as_json:
            print(f"{'ok  ' if step.ok else 'FAIL'} {step.seconds:7.2f} s  {step.name}: {step.detail}", flush=True)
    ok = all(step.ok for step in steps)
    if as_json:
        print(json.dumps({"ok": ok, "url": target, "steps": [asdict(step) for step in steps]}, indent=1))
    if not ok:
        raise SystemExit(1)


def _find_ffmpeg() -> str:
    from imageio_ffmpeg import get_ffmpeg_exe

    return os.environ.get("MENTS_FFMPEG_BIN") or str(get_ffmpeg_exe())

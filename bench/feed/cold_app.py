"""The API with every cache of the process switched off: no answers, no sessions, no fragments are kept."""

from __future__ import annotations

from ments import app

app._FRAGMENTS_MAX_BYTES = 0  # type: ignore[misc]
app._SESSION_KEPT_S = 0.0  # type: ignore[misc]

create_asgi = app.create_asgi

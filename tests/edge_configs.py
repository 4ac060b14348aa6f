"""A configuration of the edge whose files lie nowhere: to be rendered, or given folders first."""

from __future__ import annotations

from pathlib import Path

from ments.edge import EdgeConfig

CONFIG = EdgeConfig(
    bind="127.0.0.1",
    port=8080,
    public_url="https://ments.example",
    api_address="127.0.0.1:8000",
    storage_url="http://127.0.0.1:8333",
    bucket="ments-media",
    region="us-east-1",
    s3_access_key="access",
    s3_secret_key="s3-secret",
    signing_keys=("new-key", "old-key"),
    edge_secret="edge-secret",
    allowed_hosts=("ments.example", "[::1]"),
    static_root=Path("/srv/static"),
    cache_dir=Path("/srv/cache"),
    temp_dir=Path("/srv/temp"),
    pid_path=Path("/srv/nginx.pid"),
    error_log_path=Path("/srv/error.log"),
    access_log_path=Path("/srv/access.log"),
    upload_max_bytes=2**31,
)

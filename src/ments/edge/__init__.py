"""The edge: nginx in front of everything, and the addresses of media that it serves."""

from __future__ import annotations

from ments.edge.config import EdgeConfig, allowed_hosts
from ments.edge.media_urls import MediaUrls
from ments.edge.render import render_nginx

__all__ = ["EdgeConfig", "MediaUrls", "allowed_hosts", "render_nginx"]

"""What is asked for at the root of every site, whatever its pages say: /favicon.ico and /robots.txt."""

from __future__ import annotations

from litestar import MediaType, Response, get
from litestar.exceptions import NotFoundException

from ments.web.assets import DIST, asset

_A_DAY = {"Cache-Control": "public, max-age=86400"}

# Pages may be found. What only programs ask for, media that are signed for one reader, and one-time links may not;
# the public pictures under /p/ stay open, since shared links show them.
ROBOTS = "User-agent: *\nDisallow: /api/\nDisallow: /m/\nDisallow: /auth/\nDisallow: /create\n"


@get("/robots.txt", include_in_schema=False, sync_to_thread=False)
def robots() -> Response[str]:
    """Say what crawlers may read."""
    return Response(ROBOTS, media_type=MediaType.TEXT, headers=_A_DAY)


@get("/favicon.ico", include_in_schema=False, sync_to_thread=True)
def favicon() -> Response[bytes]:
    """Answer with the icon for what does not read the page's own link to it. Raises Unavailable when it is not built."""
    built = DIST / asset("favicon.ico").rsplit("/", 1)[-1]
    try:
        content = built.read_bytes()
    except FileNotFoundError:
        # A newer build has replaced it since this process read the manifest.
        raise NotFoundException from None
    return Response(content, media_type="image/x-icon", headers=_A_DAY)


ROUTES = [robots, favicon]

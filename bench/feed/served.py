"""The API of the checkout with another application, port or number of processes, as `ments api` serves it.

Run: python -m bench.feed.served MODULE:FACTORY PORT PROCESSES
"""

from __future__ import annotations

import sys

from ments.web.server import serve

_AT_WORK_MAX = 4096

if __name__ == "__main__":
    serve(sys.argv[1], host="127.0.0.1", port=int(sys.argv[2]), processes=int(sys.argv[3]), at_work_max=_AT_WORK_MAX)

"""`python -m ments.stack.guard STATE PID START`: outlives a supervisor that was killed, and ends what it left.

Its standard input is a pipe whose other end only the supervisor holds; the end of the file is the supervisor's
end. After an orderly stop the state lists no process, and there is nothing to do.
"""

from __future__ import annotations

import sys
from pathlib import Path

from ments.stack.leftovers import end_leftovers, read_state


def main() -> None:
    state_file, pid, start = Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3])
    sys.stdin.buffer.read()
    state = read_state(state_file)
    # Another supervisor may have taken the home over since.
    if state and state["supervisor"] == {"pid": pid, "start": start}:
        end_leftovers(state)


if __name__ == "__main__":
    main()

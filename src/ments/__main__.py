"""`python -m ments` is `ments`."""

from ments.cli import main

main()

"""Arrays as Postgres writes them."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID


def write_array(values: Iterable[UUID | int | float | str]) -> str:
    """Write ids (as text as well) or numbers as the text of an array, for a parameter with a cast (`:ids::uuid[]`).

    psycopg asks of each element of a list how it is to be written: 130 us for a statement that this does in 6.
    """
    return "{" + ",".join(map(str, values)) + "}"

"""Rows of photos that get more files."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from psycopg.types.json import Jsonb

from ments.db import Transaction, load_queries
from ments.media.model import Audience, Media, Variant

queries: Any = load_queries(__file__, "improve.sql")


async def add_variants(tx: Transaction, media: Media, made: Sequence[Variant]) -> Audience | None:
    """Serve more files of `media` from where they are served; returns the audience wanted by now.

    None, changing nothing, when they were moved, made anew or erased since.
    """
    audience = await queries.add_variants(
        tx.connection,
        id=media.id,
        generation=media.generation,
        before=len(media.variants),
        variants=Jsonb([asdict(variant) for variant in (*media.variants, *made)]),
    )
    return Audience(audience) if audience else None

"""What a ranking is made of, read by bounded queries: candidates from five sources, and what a reader is drawn to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from ments.db import Session, load_queries, write_array
from ments.feeds.rank_interests import HALF_LIFE_S, InterestKind
from ments.feeds.rank_model import Candidate, Form, Interests, Source
from ments.feeds.trending_store import read_list

queries: Any = load_queries(__file__, "rank.sql")

_LOOK_BACK = timedelta(days=7)
_FOLLOWED_MOST = 200
_PASSED_ON_MOST = 80
_NEWEST_MOST = 120
_AUTHORS_MOST = 30
_TAGS_MOST = 15
_ENVIRONMENTS_MOST = 5


async def read_interests(session: Session, account_id: UUID) -> Interests:
    """What an account is drawn to, as of now."""
    found: dict[InterestKind, dict[str, float]] = {kind: {} for kind in InterestKind}
    rows = queries.list_interests(session.connection, account_id=account_id, half_life_s=HALF_LIFE_S)
    async for row in rows:
        found[InterestKind(row["kind"])][row["key"]] = row["score"]
    return Interests(
        authors={UUID(key): score for key, score in found[InterestKind.AUTHOR].items()},
        hashtags=found[InterestKind.HASHTAG],
        environments={UUID(key): score for key, score in found[InterestKind.ENVIRONMENT].items()},
        forms={Form(key): score for key, score in found[InterestKind.FORM].items()},
    )


async def read_candidates(session: Session, account_id: UUID, interests: Interests, now: datetime) -> list[Candidate]:
    """The posts that may be ranked for an account: those that it may see and has not seen, some hundreds at most."""
    sources, passed_on = await _find_sources(session, account_id, interests, now - _LOOK_BACK)
    rows = queries.list_facts(session.connection, account_id=account_id, ids=write_array(sources))
    return [_candidate(row, sources[row["id"]], passed_on=row["id"] in passed_on) async for row in rows]


async def _find_sources(
    session: Session, account_id: UUID, interests: Interests, since: datetime
) -> tuple[dict[UUID, Source], set[UUID]]:
    """Where each candidate comes from, the first source of several; and which were passed on by those followed."""
    db = session.connection
    authors = write_array(_strongest(interests.authors, _AUTHORS_MOST))
    environments = write_array(_strongest(interests.environments, _ENVIRONMENTS_MOST))
    tags = _strongest(interests.hashtags, _TAGS_MOST)
    passed_on = await _ids(queries.list_passed_on(db, account_id=account_id, since=since, n=_PASSED_ON_MOST))
    found = {
        Source.FOLLOWING: await _ids(
            queries.list_followed_posts(db, account_id=account_id, since=since, n=_FOLLOWED_MOST)
        ),
        Source.NETWORK: passed_on,
        Source.INTEREST: [
            *await _ids(queries.list_by_authors(db, author_ids=authors, since=since)),
            *await _ids(queries.list_by_hashtags(db, tags=tags, since=since)),
            *await _ids(queries.list_by_environments(db, environment_ids=environments, since=since)),
        ],
        Source.TRENDING: [entry.post_id for entry in (await read_list(session)).entries],
        Source.EXPLORATION: await _ids(queries.list_newest(db, n=_NEWEST_MOST)),
    }
    sources: dict[UUID, Source] = {}
    for source, ids in found.items():
        for post_id in ids:
            sources.setdefault(post_id, source)
    return sources, set(passed_on)


def _strongest(scores: Mapping[Any, float], most: int) -> list[Any]:
    return sorted(scores, key=lambda key: (-scores[key], str(key)))[:most]


async def _ids(rows: Any) -> list[UUID]:
    return [row["id"] async for row in rows]


def _candidate(row: Mapping[str, Any], source: Source, *, passed_on: bool) -> Candidate:
    return Candidate(
        post_id=row["id"],
        author_id=row["account_id"],
        published_at=row["sorted_at"],
        source=source,
        form=Form(row["form"]),
        has_media=row["has_media"],
        environment_id=row["environment_id"],
        hashtags=tuple(row["hashtags"]),
        likes=row["likes"],
        replies=row["replies"],
        reposts=row["reposts"],
        author_followers=row["followers"],
        author_is_verified=row["is_verified"],
        is_followed=row["is_followed"],
        passed_on=passed_on,
    )

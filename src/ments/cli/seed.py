"""`ments seed`: a place full of people and posts."""

from __future__ import annotations

import json

from ments.cli.options import AsJson, HomePath, fail, settings_of


def seed(
    *,
    accounts: int = 1_000,
    posts: int = 10_000,
    follows: int = 30_000,
    likes: int | None = None,
    seed: int = 1,
    home: HomePath | None = None,
    as_json: AsJson = False,
) -> None:
    """Fill the database with accounts, posts, follows and likes that are made up, as uneven as real ones.

    The same call twice adds nothing, and one that was cut off goes on where it stopped. Accounts are called `seed1_0`,
    `seed1_1`, ...; they have no password: `ments tokens create seed1_0` gives one a token.

    A million rows and more for a table that is empty are copied before its indexes are made, so lists are slow for those
    minutes. What is missing after a run that was cut off, the same call puts back; it goes on where that run stopped.

    Parameters
    ----------
    accounts
        How many people.
    posts
        How many posts; the newest is of this moment, the oldest a year old.
    follows
        How many follows.
    likes
        How many likes; twice the posts when it is not given.
    seed
        Another number makes another place, beside the first.
    home
        State of the stack: MENTS_HOME or .ments.
    as_json
        Print {accounts, posts, hashtags, follows, likes}: the rows that were added.
    """
    try:
        from ments.seed.fill import fill
        from ments.seed.plan import SeedPlan
    except ModuleNotFoundError as error:
        if error.name != "numpy":
            raise
        fail("`ments seed` needs numpy, which the extra `stack` brings: pip install 'ments[stack]'.")
    from dataclasses import asdict

    from rich.progress import Progress, TaskID

    plan = SeedPlan(accounts, posts, follows, 2 * posts if likes is None else likes, seed)
    with Progress(disable=as_json) as shown:
        tasks: dict[str, TaskID] = {}

        def tell(table: str, done: int, total: int) -> None:
            if table not in tasks:
                tasks[table] = shown.add_task(table, total=total)
            shown.update(tasks[table], completed=done)

        filled = fill(settings_of(home).database_direct_url, plan, tell)
    if as_json:
        print(json.dumps(asdict(filled)))
        return
    said = ", ".join(f"{count:,} {name}" for name, count in asdict(filled).items() if count)
    print(f"added {said}" if said else "all of it was there already")

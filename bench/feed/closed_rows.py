"""The figures from closed loops: a visitor's page, a member's straight to the API and through the edge, beside the peers."""

from __future__ import annotations

import os

from bench.feed.closed import CONNECTIONS, ROUNDS, SECONDS, Contender, measure
from bench.feed.peers import FASTIFY, NEXT, open_peer
from bench.feed.stage import FOLLOWED, MEMBERS, SERVERS, Stage
from bench.record import Figure

LATEST, FOLLOWING = "/api/feed?kind=latest", "/api/feed?kind=following"
_LOOP = f"wrk, {CONNECTIONS} connections, {SECONDS} s x {ROUNDS} in turns, median"
_SHARED = (
    "both: session by token hash from Valkey, ids from the timeline, see_cards (versions, counts, overlay) in one statement"
    " through PgBouncer, cards by MGET, answers kept 1 s, two processes; ours also checks the timeline against"
    " Postgres, keeps sessions and fragments in the process, and shares the kept answers between its processes"
)


def measure_anonymous(stage: Stage) -> dict[str, Figure]:
    """A visitor's first page through the edge."""
    edge = Contender("anonymous, edge", stage.url, [LATEST], lambda: stage.cpu_s("edge", "api", *SERVERS))
    measure([edge])
    how = _how(stage, f"a visitor's first page through the edge, {edge.kib:.0f} KiB")
    return _figures("anonymous_edge", edge, how, "20,000/s")


def measure_members(stage: Stage) -> dict[str, Figure]:
    """A member's home feed: straight to the API, through the edge, and from the peers, all in turns."""
    api = Contender("API", stage.api_url, [FOLLOWING], lambda: stage.cpu_s("api", *SERVERS), stage.tokens)
    edge = Contender("edge", stage.url, [FOLLOWING], lambda: stage.cpu_s("edge", "api", *SERVERS), stage.tokens)
    with open_peer(stage, FASTIFY) as one, open_peer(stage, NEXT) as other:
        fastify = Contender(one.name, one.url, [FOLLOWING], one.cpu_s, stage.tokens)
        next_js = Contender(other.name, other.url, [FOLLOWING], other.cpu_s, stage.tokens)
        measure([api, edge, fastify, next_js])
    what = f"{MEMBERS} members who each follow {FOLLOWED}, session checked, overlay included, {api.kib:.0f} KiB"
    straight = _how(stage, f"{what}, straight to the API")
    figures = _figures("member_api", api, straight, "7,000/s")
    figures["feed/member_api_p99"] = Figure(round(api.p99_ms, 2), "ms", straight, "50 ms")
    figures |= _figures("member_edge", edge, _how(stage, f"{what}, through the edge"), "4,500/s")
    for peer, label, bar in ((fastify, "Fastify", "0.9x"), (next_js, "Next.js", "5x")):
        figures[f"feed/member_api_vs_{peer.name}"] = Figure(
            round(api.rate),
            "1/s",
            f"{straight}; {_SHARED}; peer's servers' CPU a request {peer.cpu_us:.0f} us, ours {api.cpu_us:.0f}",
            bar,
            f"{label} {peer.rate:,.0f}/s",
            round(api.rate / peer.rate, 2),
        )
    return figures


def _figures(name: str, contender: Contender, how: str, bar: str) -> dict[str, Figure]:
    return {
        f"feed/{name}": Figure(round(contender.rate), "1/s", how, bar),
        f"feed/{name}_cpu": Figure(round(contender.cpu_us), "us of servers' CPU a request", how),
    }


def _how(stage: Stage, what: str) -> str:
    return f"{what}; {_LOOP}; {stage.size}; load {os.getloadavg()[0]:.0f}"

"""Many commands over one connection, to a Valkey that is killed, started again and stopped in its tracks."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator

import pytest
import pytest_asyncio
from redis.exceptions import ConnectionError as ConnectionLost
from redis.exceptions import RedisError, ResponseError
from redis.exceptions import TimeoutError as AnswerLate

from ments.cache import multiplexed, wire
from ments.cache.multiplexed import Multiplexed
from valkey_server import ValkeyServer


@pytest.fixture(autouse=True)
def _patient_dial(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(wire, "_CONNECT_TIMEOUT_S", 30.0)


@pytest_asyncio.fixture(loop_scope="session")
async def quick(valkey_server: ValkeyServer) -> AsyncIterator[Multiplexed]:
    # So long that nothing is late unless it was waited for in vain.
    client = Multiplexed(valkey_server.url, timeout_s=60.0)
    yield client
    await client.close()


async def answers_again(client: Multiplexed) -> None:
    async with asyncio.timeout(30):
        while True:
            try:
                await client.ask("PING")
                return
            except RedisError:
                await asyncio.sleep(0.02)


async def test_each_asker_gets_its_own_answer(quick: Multiplexed) -> None:
    await asyncio.gather(*[quick.ask("SET", f"k{n}", n.to_bytes(2, "big") * 500, "EX", 60) for n in range(500)])
    found = await asyncio.gather(*[quick.ask("GET", f"k{n}") for n in range(500)])
    assert found == [n.to_bytes(2, "big") * 500 for n in range(500)]
    assert await quick.ask_all(("INCR", "n"), ("INCRBY", "n", 4), ("MGET", "n", "none")) == [1, 5, [b"5", None]]
    # An error is its asker's alone, also of what cannot be sent.
    right, wrong = await asyncio.gather(quick.ask("GET", "n"), quick.ask("HGET", "n", "x"), return_exceptions=True)
    assert right == b"5"
    assert isinstance(wrong, ResponseError)
    with pytest.raises(TypeError):
        await quick.ask("SET", "n", [1])  # type: ignore[arg-type]
    asker = asyncio.create_task(quick.ask("BLPOP", "nothing", 0.05))
    await asyncio.sleep(0)
    asker.cancel()
    assert await quick.ask("GET", "n") == b"5"
    with pytest.raises(ResponseError):
        await quick.ask_all(("GET", "n"), ("HGET", "n", "x"))
    with pytest.raises(RedisError):
        await Multiplexed("redis://:wrong@" + quick._address.host + f":{quick._address.port}/0").ask("PING")


async def test_a_server_that_dies_is_found_again(quick: Multiplexed, valkey_server: ValkeyServer) -> None:
    await quick.ask("SET", "there", "1")
    waiting = [asyncio.create_task(quick.ask("BLPOP", "nothing", 100)) for _ in range(3)]
    await asyncio.sleep(0.05)
    valkey_server.kill()
    lost = await asyncio.gather(*waiting, return_exceptions=True)
    assert {type(error) for error in lost} == {ConnectionLost}
    with pytest.raises(RedisError):
        await quick.ask("GET", "there")
    # While it is away, a thousand askers are told so, and none of them waits for an answer until it is late.
    away = await asyncio.gather(*[quick.ask("GET", "there") for _ in range(1000)], return_exceptions=True)
    assert {type(error) for error in away} == {ConnectionLost}
    valkey_server.start()
    await answers_again(quick)
    assert await quick.ask("GET", "there") == b"1"


async def test_a_server_that_stands_still_is_given_up(
    quick: Multiplexed, valkey_server: ValkeyServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Asked again just after, it is still left alone.
    monkeypatch.setattr(multiplexed, "_REST_S", 2.0)
    await quick.ask("SET", "there", "1")
    quick._timeout_s = 0.4
    valkey_server.freeze()
    began = time.monotonic()
    late = await asyncio.gather(*[quick.ask("GET", "there") for _ in range(50)], return_exceptions=True)
    assert {type(error) for error in late} == {AnswerLate}
    # After one wait for all of them, not one after another: fifty would be 20 s.
    assert 0.3 < time.monotonic() - began < 10
    with pytest.raises(ConnectionLost):
        await quick.ask("GET", "there")
    valkey_server.thaw()
    quick._timeout_s = 60.0
    await answers_again(quick)
    # Nobody gets the answer to a question of before.
    assert await asyncio.gather(quick.ask("ECHO", "a"), quick.ask("GET", "there")) == [b"a", b"1"]

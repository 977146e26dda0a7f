"""The contract body on every backend."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from plc_bridge.link import Pick
from senbetsu_errors import NeedsOperator
from tests.plc_bridge.backends import memory, modbus, modbus_with_robots, opcua_backend, secured_opcua_backend
from tests.plc_bridge.contract_body import CONTRACT, ROBOT_CONTRACT, Bench, MakeLink, ScriptedRobot, connected


@pytest.mark.parametrize("backend", [memory, modbus], ids=lambda f: f.__name__)
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_backend(backend: MakeLink, promise: Callable[[MakeLink], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(promise(backend))


@pytest.mark.parametrize("backend", [memory, modbus_with_robots], ids=lambda f: f.__name__)
@pytest.mark.parametrize("promise", ROBOT_CONTRACT, ids=lambda f: f.__name__)
def test_backend_with_robots(backend: MakeLink, promise: Callable[[MakeLink], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(promise(backend))


@pytest.mark.slow
def test_opcua_with_robots_keeps_every_promise() -> None:
    async def run() -> None:
        async with opcua_backend(robots=True) as opcua:
            for promise in ROBOT_CONTRACT:
                await promise(opcua)

    asyncio.run(run())


def test_a_pick_that_the_tag_map_cannot_carry_is_refused_at_once_and_nothing_with_it_is_sent() -> None:
    async def run() -> None:
        far = Pick(0, 4000.0, 0.0, 0.0, 0.0, 0, 0, 0)
        for backend, code, says in (
            (modbus, "plc.no_picks", "has no pick_fields"),
            (modbus_with_robots, "plc.tag_map", "x_mm would be stored as 40000"),
        ):
            bench = Bench(robots=[ScriptedRobot()])
            async with connected(backend, bench) as link:
                with pytest.raises(NeedsOperator, match=says) as refusal:
                    link.submit([bench.shot(), far])
                assert refusal.value.code == code
                (order,) = link.submit([bench.shot()])
                assert order.seq == 1
                await order.receipt
                assert bench.plc.status().last_seq == 1

    asyncio.run(run())


def test_opcua_keeps_every_promise() -> None:
    async def run() -> None:
        async with opcua_backend() as opcua:
            for promise in CONTRACT:
                await promise(opcua)

    asyncio.run(run())


@pytest.mark.slow
def test_opcua_signed_and_encrypted_keeps_every_promise(tmp_path: Path) -> None:
    async def run() -> None:
        async with secured_opcua_backend(tmp_path) as opcua:
            for promise in CONTRACT:
                await promise(opcua)

    asyncio.run(run())

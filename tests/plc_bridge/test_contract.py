"""The contract body on every backend."""

import asyncio
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from tests.plc_bridge.backends import memory, modbus, opcua_backend, secured_opcua_backend
from tests.plc_bridge.contract_body import CONTRACT, MakeLink


@pytest.mark.parametrize("backend", [memory, modbus], ids=lambda f: f.__name__)
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_backend(backend: MakeLink, promise: Callable[[MakeLink], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(promise(backend))


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

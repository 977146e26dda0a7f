"""The SCADA server over real sockets, with the library's own client: what it shows, and how old it says it is."""

import asyncio
import socket
from collections.abc import AsyncGenerator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from typing import Any, cast

import pytest
from asyncua.client.client import Client
from asyncua.common.node import Node

from plc_bridge.scada_config import ScadaConfig
from plc_bridge.scada_packml import AVAILABLE, PACKML_URI, current_states
from plc_bridge.scada_picture import PackMLState
from plc_bridge.scada_points import points
from plc_bridge.scada_server import GONE_AFTER_S, NAMESPACE, STALE_AFTER_S, ScadaServer, status_of
from plc_bridge.scada_ua import ObjectIds, StatusCodes, node_id
from senbetsu_errors import Fatal
from tests.plc_bridge.scada_line import LINE, NOW, VALVES, picture

LOCAL = ScadaConfig(port=0, insecure=True, anonymous=True)


class Viewer:
    """A connected client that knows our namespaces."""

    def __init__(self, client: Client, namespace: int, packml: int) -> None:
        self.client, self.namespace, self.packml = client, namespace, packml

    def node(self, path: str) -> Node:
        return self.client.get_node(node_id(path, self.namespace))

    async def value(self, path: str) -> Any:
        return await self.node(path).read_value()

    async def quality(self, path: str) -> str:
        answer = await self.node(path).read_data_value(raise_on_bad_status=False)
        return "Good" if answer.StatusCode is None else answer.StatusCode.name


@asynccontextmanager
async def viewer(port: int) -> AsyncGenerator[Viewer]:
    # A session of a minute: the server would shorten the library's hour, which is a warning there.
    client = Client(f"opc.tcp://127.0.0.1:{port}", timeout=5)
    client.session_timeout = 60_000
    async with client:
        await client.load_data_type_definitions()
        yield Viewer(client, await client.get_namespace_index(NAMESPACE), await client.get_namespace_index(PACKML_URI))


@asynccontextmanager
async def shown(**changes: Any) -> AsyncGenerator[tuple[ScadaServer, Viewer]]:
    """A server that shows one fresh picture, and somebody who looks at it."""
    async with ScadaServer(LOCAL, LINE, lambda: NOW) as server:
        await server.show(picture(**changes), 0.1)
        async with viewer(server.port) as view:
            yield server, view


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(60):
            await main

    asyncio.run(bounded())


def test_what_is_served_is_what_the_table_and_the_picture_say() -> None:
    """One server for all of it: it takes a second to build."""
    now = picture(alarms=(VALVES,), seen=2**31 + 7)

    async def main() -> None:
        async with shown(alarms=(VALVES,), seen=2**31 + 7) as (_, view):
            await values_types_and_ranks(view)
            await units_and_ranges(view)
            await an_instance_of_the_official_packml_type(view)

    async def values_types_and_ranks(view: Viewer) -> None:
        for point in points(LINE):
            answer = await view.node(point.path).read_data_value(raise_on_bad_status=False)
            wanted = point.value(LINE, now)
            assert answer.StatusCode is not None
            if wanted is None:
                assert answer.StatusCode.value == point.unknown, point.path
                continue
            assert answer.StatusCode.is_good(), point.path
            assert answer.Value is not None
            assert answer.Value.VariantType == point.type, point.path
            assert answer.Value.Value == wanted, point.path
            assert await view.node(point.path).read_value_rank() == (1 if point.array else -1), point.path
            assert point.fixed or answer.SourceTimestamp == NOW

    async def units_and_ranges(view: Viewer) -> None:
        speed = view.node("PackML.Status.CurMachSpeed")
        unit = await (await speed.get_child("0:EngineeringUnits")).read_value()
        assert (unit.UnitId, unit.DisplayName.Text) == (4403510, "mm/s")  # UNECE C16
        assert (await (await speed.get_child("0:EURange")).read_value()).High == 1200.0
        purity = view.node("Senbetsu.Outlets.valuables.Purity")
        assert (await (await purity.get_child("0:EngineeringUnits")).read_value()).DisplayName.Text == "%"
        assert await purity.read_type_definition() == node_id(ObjectIds.AnalogItemType)

    async def an_instance_of_the_official_packml_type(view: Viewer) -> None:
        line = await view.client.nodes.objects.get_child(f"{view.namespace}:PackML")
        assert await line.read_type_definition() == node_id(6, view.packml)
        mode = await line.get_child([f"{view.packml}:Status", f"{view.packml}:UnitModeCurrent"])
        assert await mode.read_value() == 1
        assert await mode.read_data_type() == node_id(11, view.packml)
        processed = await line.get_child([f"{view.packml}:Admin", f"{view.packml}:ProdProcessedCount"])
        assert [(c.Name, c.Count) for c in await processed.read_value()] == [
            ("valuables/pcb", 3),
            ("valuables/ic", 1),
            ("残渣/pcb", 0),
            ("残渣/ic", 2),
        ]
        # PackML's counters have 32 bit and wrap, our own are whole.
        assert [c.Count for c in await view.value("PackML.Admin.ProdConsumedCount")] == [7]
        assert await view.value("Senbetsu.Parts.Seen") == 2**31 + 7

    run(main())


@pytest.mark.slow
def test_the_three_nested_machines_say_one_state() -> None:
    async def main() -> None:
        async with shown() as (server, view):
            for state in PackMLState:
                await server.show(picture(packml=state), 0.0)
                assert await said(view, state) == state.name

    async def said(view: Viewer, state: PackMLState) -> str:
        """What the innermost active machine says, after a look at each."""
        name, number = "", None
        for current in current_states(state):
            path = f"{current.machine}.CurrentState"
            if current.name is None:
                assert await view.quality(path) == "BadStateNotActive"
                assert await view.quality(f"{path}.Id") == "BadStateNotActive"
                continue
            name = (await view.value(path)).Text
            where = await view.value(f"{path}.Id")
            assert where in await view.value(f"{current.machine}.AvailableStates")
            assert (await view.client.get_node(where).read_browse_name()).Name == name
            number = await (await view.client.get_node(where).get_child("0:StateNumber")).read_value()
        assert number == state
        return name.upper()

    run(main())


def test_the_states_a_machine_can_be_in_are_those_the_line_has() -> None:
    reached = {current.machine: set[str]() for current in current_states(PackMLState.EXECUTE)}
    for state in PackMLState:
        for current in current_states(state):
            if current.name is not None:
                reached[current.machine].add(current.name)
    assert reached == {machine: {name for name, _ in states} for machine, states in AVAILABLE.items()}


@pytest.mark.parametrize(
    ("age_s", "status"),
    [
        (None, StatusCodes.BadWaitingForInitialData),
        (0.0, StatusCodes.Good),
        (STALE_AFTER_S - 1e-6, StatusCodes.Good),
        (STALE_AFTER_S, StatusCodes.UncertainLastUsableValue),
        (GONE_AFTER_S - 1e-6, StatusCodes.UncertainLastUsableValue),
        (GONE_AFTER_S, StatusCodes.BadNoCommunication),
    ],
)
def test_a_value_is_good_only_while_its_picture_is_fresh(age_s: float | None, status: int) -> None:
    assert status_of(age_s) == status


@pytest.mark.slow
def test_nothing_live_is_good_before_the_first_picture_nor_when_the_last_is_old() -> None:
    async def main() -> None:
        async with ScadaServer(LOCAL, LINE, lambda: NOW) as server, viewer(server.port) as view:
            for point in points(LINE):
                assert (await view.quality(point.path) == "Good") == point.fixed, point.path
            assert await view.quality("PackML.BaseStateMachine.CurrentState") == "BadWaitingForInitialData"
            await server.show(picture(), 0.0)
            level = view.client.get_node(node_id(ObjectIds.Server_ServiceLevel))
            state = "PackML.BaseStateMachine.CurrentState"
            assert await level.read_value() == 255
            await server.show(picture(), STALE_AFTER_S)
            for point in points(LINE):
                known = point.value(LINE, picture()) is not None
                quality = await view.quality(point.path)
                assert quality == ("Good" if point.fixed else "UncertainLastUsableValue") or not known, point.path
            old = await view.node("Senbetsu.Parts.Seen").read_data_value(raise_on_bad_status=False)
            assert old.Value is not None
            assert (old.Value.Value, old.SourceTimestamp) == (10, NOW)
            assert await view.quality(state) == "UncertainLastUsableValue"
            assert await level.read_value() < 200
            await server.show(picture(), GONE_AFTER_S)
            for path in ("Senbetsu.Parts.Seen", "PackML.Status.CurMachSpeed", state, "Senbetsu.Alarms.Code"):
                assert await view.quality(path) == "BadNoCommunication", path
            later = NOW + timedelta(seconds=20)
            await server.show(picture(at=later, seen=11), 0.0)
            back = await view.node("Senbetsu.Parts.Seen").read_data_value()
            assert back.Value is not None
            assert (back.Value.Value, back.SourceTimestamp) == (11, later)
            assert await level.read_value() == 255

    run(main())


@pytest.mark.slow
def test_subscribers_get_new_values_and_an_event_when_an_alarm_comes_or_goes() -> None:
    async def main() -> None:
        async with shown() as (server, view):
            subscription = await view.client.create_subscription(100)
            async with subscription:
                await subscription.subscribe_events()
                await server.show(picture(alarms=(VALVES,)), 0.0)
                await server.show(picture(alarms=(VALVES,)), 0.0)
                await server.show(picture(), 0.0)
                told: list[Any] = []
                while len(told) < 2:
                    event: Any = await subscription.next_event(timeout=5)
                    told.append(getattr(event, "event", event))
            assert [e.SourceName for e in told] == ["jets.valve_fault"] * 2
            assert [e.Severity for e in told] == [400, 1]
            assert told[0].Message.Text == VALVES.text
            assert await view.value("Senbetsu.Alarms.Count") == 0
            await new_values(server, view)

    async def new_values(server: ScadaServer, view: Viewer) -> None:
        seen: asyncio.Queue[int] = asyncio.Queue()

        class Handler:
            def datachange_notification(self, node: Node, val: Any, data: Any) -> None:
                seen.put_nowait(val)

        subscription = await view.client.create_subscription(100, cast(Any, Handler()))
        await subscription.subscribe_data_change(view.node("Senbetsu.Parts.Seen"))
        assert await seen.get() == 10
        await server.show(picture(seen=12), 0.0)
        assert await seen.get() == 12
        await subscription.delete()

    run(main())


@pytest.mark.slow
def test_a_port_in_use_is_said_with_the_key_to_change() -> None:
    async def main() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
            with pytest.raises(Fatal, match=rf"scada\.port_in_use.*{port}.*scada\.port"):
                await ScadaServer(LOCAL.model_copy(update={"port": port}), LINE, lambda: NOW).__aenter__()

    run(main())


@pytest.mark.parametrize("host", ["no such host.invalid", "203.0.113.9"])
def test_an_address_that_is_not_ours_is_said_with_the_key_to_change(host: str) -> None:
    async def main() -> None:
        with pytest.raises(Fatal, match=r"scada\.host"):
            await ScadaServer(LOCAL.model_copy(update={"host": host}), LINE, lambda: NOW).__aenter__()

    run(main())


@pytest.mark.slow
def test_a_line_without_classes_or_outlets_is_served_too() -> None:
    async def main() -> None:
        bare = replace(LINE, outlets=(), classes=(), purity_floor={})
        async with ScadaServer(LOCAL, bare, lambda: NOW) as server, viewer(server.port) as view:
            await server.show(picture(), 0.0)
            assert await view.value("Senbetsu.Classes.Names") == []
            assert await view.value("PackML.Admin.ProdProcessedCount") == []

    run(main())

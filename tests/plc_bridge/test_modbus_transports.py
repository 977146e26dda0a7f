"""The contract over TLS, over a serial line, with FC23, and through a map scattered over a device."""

import asyncio
import socket
import ssl
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, cast

import pytest
from pydantic import ValidationError
from pymodbus.pdu.register_message import ReadHoldingRegistersRequest

from plc_bridge.link import LinkState, PlcLink
from plc_bridge.modbus_connection import open_tcp
from plc_bridge.modbus_link import Config, ModbusLink, ModbusWire, Serial, Tls
from plc_bridge.tagmap import TagMap, default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from senbetsu_errors import Fatal, NeedsOperator, Retryable
from sim.modbus_server import serve_modbus, serve_modbus_rtu
from tests.plc_bridge.contract_body import CONTRACT, Bench, MakeLink, until
from tests.plc_bridge.serial_lines import serial_line
from tests.plc_bridge.test_link_faults import running
from tests.plc_bridge.tls_certificates import PAST, Authority, server_context

TAGS = default_tag_map_path("modbus")
MAP = default_tag_map("modbus")
Promise = Callable[[MakeLink], Coroutine[Any, Any, None]]


@pytest.mark.slow
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_over_tls_with_certificates_on_both_sides(promise: Promise, tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    device, controller = authority.issue("device"), authority.issue("controller")
    tls = Tls(ca_file=authority.certificate, certificate=controller.certificate, key=controller.key)

    @asynccontextmanager
    async def over_tls(bench: Bench) -> AsyncGenerator[PlcLink]:
        async with serve_modbus(bench.plc, "127.0.0.1", 0, MAP, server_context(device, authority)) as port:
            yield ModbusLink(Config(host="127.0.0.1", port=port, tls=tls, tags=TAGS))

    asyncio.run(promise(over_tls))


def fast(device: str) -> Serial:
    return Serial(device=device, baud=1_000_000, parity="N")  # a pseudo terminal has no parity bit


@asynccontextmanager
async def over_serial(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serial_line() as line, serve_modbus_rtu(bench.plc, fast(line.device), MAP):
        yield ModbusLink(Config(serial=fast(line.master), tags=TAGS))


@pytest.mark.slow
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_over_a_serial_line(promise: Promise) -> None:
    asyncio.run(promise(over_serial))


@asynccontextmanager
async def read_and_write_at_once(bench: Bench) -> AsyncGenerator[PlcLink]:
    async with serve_modbus(bench.plc, "127.0.0.1", 0, MAP) as port:
        yield ModbusLink(Config(host="127.0.0.1", port=port, tags=TAGS, read_write=True))


@pytest.mark.slow
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_with_status_and_command_in_one_request(promise: Promise) -> None:
    asyncio.run(promise(read_and_write_at_once))


def scattered_map() -> TagMap:
    """Receipts in input registers, flags in discrete inputs, inverted and not, faults in coils, the encoder in a drive
    of its own with swapped words, the speed in tenths, the line command in a register of another unit."""
    document = MAP.model_dump()
    status, command = document["status"], document["command"]
    status["table"] = "input"
    status["tags"].pop("flags")
    for at, name in enumerate(("e_stop_ok", "belt_running", "air_ok", "ready", "fire", "pc_alive")):
        status["tags"][name] = {"at": 16 * at, "type": "bit", "table": "discrete", "invert": name == "e_stop_ok"}
    status["tags"]["valve_fault"] = {"at": 100, "type": "u64", "table": "coil"}
    status["tags"]["encoder"] = {"at": 7, "type": "u32", "table": "holding", "unit": 9, "word_order": "little"}
    status["tags"]["belt_speed_mm_s"] = {"at": 40000, "type": "i16", "scale": 0.1, "offset": 0.0}
    status["tags"]["heartbeat"] = {"at": 3000, "type": "i32", "byte_order": "little"}
    command["tags"]["line_command"] = {"at": 50, "type": "u16", "unit": 9}
    command["tags"]["speed_setpoint_mm_s"] = {"at": 3, "type": "u16", "table": "coil"}
    return TagMap.model_validate(document)


@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_through_a_map_scattered_over_tables_and_units(promise: Promise, tmp_path: Path) -> None:
    tag_map = scattered_map()
    assert len(tag_map.reads()) >= 6
    assert tag_map.reads()[-1].places[0].name == "encoder"
    path = tmp_path / "scattered.yaml"
    path.write_text(to_yaml(tag_map))

    @asynccontextmanager
    async def scattered(bench: Bench) -> AsyncGenerator[PlcLink]:
        async with serve_modbus(bench.plc, "127.0.0.1", 0, tag_map) as port:
            yield ModbusLink(Config(host="127.0.0.1", port=port, tags=path))

    asyncio.run(promise(scattered))


def reason_with(config: Callable[[int], Config], context: Any) -> tuple[str, Bench]:
    """What the link says about a device that it cannot use, and the bench nothing was fired on."""
    bench = Bench()

    async def run() -> str:
        async with serve_modbus(bench.plc, "127.0.0.1", 0, MAP, context) as port:
            link = ModbusLink(config(port))
            async with running(link, bench):
                await until(lambda: link.health.reason != "")
                assert link.health.state is LinkState.CONNECTING
                return link.health.reason

    return asyncio.run(run()), bench


@pytest.mark.parametrize(
    ("case", "says", "remedy"),
    [
        ("expired", "certificate has expired", "Renew the device's certificate"),
        ("foreign", "unable to get local issuer certificate", "Set plc.tls.ca_file"),
        ("another host's", "IP address mismatch", "Set plc.tls.server_name"),
        ("no client certificate", "may not accept our certificate, or miss one", "Check plc.tls.certificate and key"),
        (
            "foreign client certificate",
            "may not accept our certificate, or miss one",
            "Check plc.tls.certificate and key",
        ),
        ("plain", "No connection to the PLC within 700 ms", "Check address"),
    ],
)
def test_a_certificate_that_is_wrong_is_named_and_nothing_is_fired(
    case: str, says: str, remedy: str, tmp_path: Path
) -> None:
    authority, other = Authority(tmp_path, "authority"), Authority(tmp_path, "other")
    device = authority.issue("device")
    client: dict[str, Any] = {}
    if case == "expired":
        device = authority.issue("device", until=PAST)
    elif case == "foreign":
        device = other.issue("device")
    elif case == "another host's":
        device = authority.issue("device", address="192.0.2.1")
    elif case == "foreign client certificate":
        pair = other.issue("controller")
        client = {"certificate": pair.certificate, "key": pair.key}
    tls = Tls(ca_file=authority.certificate, **client)
    context = None if case == "plain" else server_context(device, authority if "client" in case else None)
    reason, bench = reason_with(
        lambda port: Config(
            host="127.0.0.1", port=port, tls=tls, tags=TAGS, request_timeout_ms=500, connect_timeout_ms=700
        ),
        context,
    )
    assert says in reason
    assert remedy in reason
    assert bench.outputs.belt_run is False
    assert bench.valves_opened == 0


def test_a_device_that_says_why_it_refuses_our_certificate_is_quoted(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    context = server_context(authority.issue("device"), authority)

    def refuse(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with suppress(ssl.SSLError), context.wrap_socket(connection, server_side=True):
            pass

    async def run() -> str:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            config = Config(
                host="127.0.0.1",
                port=listener.getsockname()[1],
                tls=Tls(ca_file=authority.certificate),
                tags=TAGS,
            )
            refusing = asyncio.create_task(asyncio.to_thread(refuse, listener))
            connection = await open_tcp("127.0.0.1", config.port, lambda _: None, cast(Tls, config.tls).context())
            await refusing
            with pytest.raises(NeedsOperator) as refusal:
                await connection.ask(ReadHoldingRegistersRequest(dev_id=1, address=0, count=1))
            connection.close()
            await asyncio.sleep(0.05)
            return str(refusal.value)

    assert "certificate required; it may not accept" in asyncio.run(run())


def test_a_name_in_the_certificate_other_than_the_host_can_be_said(tmp_path: Path) -> None:
    authority = Authority(tmp_path, "authority")
    device = authority.issue("device", address="192.0.2.1")

    async def run() -> None:
        bench = Bench()
        async with serve_modbus(bench.plc, "127.0.0.1", 0, MAP, server_context(device)) as port:
            tls = Tls(ca_file=authority.certificate, server_name="192.0.2.1")
            wire = ModbusWire(Config(host="127.0.0.1", port=port, tls=tls, tags=TAGS))
            await wire.open()
            try:
                assert (await wire.read_status()).epoch == 1
            finally:
                await wire.close()

    asyncio.run(run())


def test_files_that_are_no_certificates_are_named(tmp_path: Path) -> None:
    nothing = tmp_path / "nothing.pem"
    nothing.write_text("nothing")
    for path, says in ((nothing, "cannot be used"), (tmp_path / "none.pem", "No such file")):
        with pytest.raises(NeedsOperator, match=says) as refusal:
            Tls(ca_file=path).context()
        assert refusal.value.code == "plc.tls"


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({}, "exactly one of host"),
        ({"host": "plc", "serial": {"device": "/dev/ttyS0"}}, "exactly one of host"),
        ({"serial": {"device": "/dev/ttyS0"}, "tls": {"ca_file": "ca.pem"}}, "a serial line has none"),
        ({"host": "plc", "tls": {"ca_file": "ca.pem", "key": "key.pem"}}, "give both or neither"),
    ],
)
def test_ways_to_the_device_that_exclude_each_other_are_refused(settings: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        Config.model_validate({"tags": "tags.yaml", **settings})


def test_tls_has_its_own_port_unless_one_is_given() -> None:
    plain = Config.model_validate({"host": "plc", "tags": "t"})
    tls = Config.model_validate({"host": "plc", "tags": "t", "tls": {"ca_file": "ca.pem"}})
    own = Config.model_validate({"host": "plc", "tags": "t", "tls": {"ca_file": "ca.pem"}, "port": 8802})
    assert (plain.port, tls.port, own.port) == (502, 802, 8802)


def test_a_serial_line_too_slow_for_its_cycle_is_refused() -> None:
    serial = Serial(device="/dev/ttyS0", baud=115_200)
    with pytest.raises(Fatal, match=r"cycle_ms is 10, .* at least 49"):
        ModbusWire(Config(serial=serial, tags=TAGS))
    with pytest.raises(Fatal, match=r"request_timeout_ms is 90, .* at least 97"):
        ModbusWire(Config(serial=serial, tags=TAGS, cycle_ms=50, request_timeout_ms=90))
    ModbusWire(Config(serial=serial, tags=TAGS, cycle_ms=50, request_timeout_ms=100))


def test_function_23_is_refused_where_the_map_does_not_allow_it(tmp_path: Path) -> None:
    path = tmp_path / "scattered.yaml"
    path.write_text(to_yaml(scattered_map()))
    with pytest.raises(Fatal, match="read_write needs a status that one read"):
        ModbusWire(Config(host="127.0.0.1", tags=path, read_write=True))


def test_a_serial_line_that_is_not_there_or_cannot_do_it_is_named() -> None:
    async def run() -> None:
        wire = ModbusWire(Config(serial=fast("/dev/ttyNONE"), tags=TAGS))
        with pytest.raises(Retryable, match=r"The serial line /dev/ttyNONE cannot be opened.*plc\.serial\.device"):
            await wire.open()
        await wire.close()
        async with serial_line() as line:
            wire = ModbusWire(Config(serial=Serial(device=line.master, baud=1_000_000, parity="E"), tags=TAGS))
            with pytest.raises(Retryable, match="Invalid argument"):
                await wire.open()
            await wire.close()

    asyncio.run(run())

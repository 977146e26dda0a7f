"""The history of receipts, read over a real Modbus connection."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from plc_bridge.contract import CommandImage, JetOrder, LineCommand, ReceiptCode
from plc_bridge.modbus_link import Config, ModbusWire
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path, to_yaml
from sim.modbus_server import serve_modbus
from sim.virtual_plc import VirtualPlc
from tests.plc_bridge.backends import modbus
from tests.plc_bridge.contract_body import MakeLink, reports_every_order_of_a_salvo
from tests.plc_bridge.test_modbus_transports import over_serial

TAGS = default_tag_map_path("modbus")


def refuse_orders(plc: VirtualPlc, first: int, count: int) -> None:
    """Make the PLC end `count` orders from number `first` on, one a scan; the encoder tells when."""
    image = CommandImage(0x1_0001, 1, LineCommand.STOP, 0.0, 0, ())
    for seq in range(first, first + count):
        plc.write_command(replace(image, batch=seq, orders=(JetOrder(seq, 0, 0, 10, 20),)))
        plc.scan(0.0, 1000 + seq, 0.0)


@pytest.mark.parametrize("ended", [1, 20, 300])
def test_receipts_that_left_the_status_block_are_read_from_the_history(ended: int) -> None:
    async def run() -> None:
        plc = VirtualPlc()
        refuse_orders(plc, 1, ended)
        async with serve_modbus(plc, "127.0.0.1", 0, default_tag_map("modbus")) as port:
            wire = ModbusWire(Config(host="127.0.0.1", port=port, tags=TAGS))
            await wire.open()
            try:
                assert wire.receipt_history == 256
                first = max(0, ended - 256)
                receipts = await wire.read_receipts(first, ended - first)
                assert [r.seq for r in receipts] == list(range(first + 1, ended + 1))
                assert [r.count for r in receipts] == [1000 + r.seq for r in receipts]
                assert {r.code for r in receipts} == {ReceiptCode.REFUSED}
            finally:
                await wire.close()

    asyncio.run(run())


@pytest.mark.parametrize("backend", [modbus, over_serial], ids=lambda f: f.__name__)
def test_no_order_of_a_salvo_is_lost(backend: MakeLink) -> None:
    asyncio.run(reports_every_order_of_a_salvo(backend))


def test_a_map_without_a_history_offers_none(tmp_path: Path) -> None:
    path = tmp_path / "map.yaml"
    path.write_text(to_yaml(default_tag_map("modbus").model_copy(update={"history": None})))
    assert "history" not in path.read_text()
    assert ModbusWire(Config(host="127.0.0.1", tags=path)).receipt_history == 0

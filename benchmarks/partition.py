"""How far the belt travels until a link notices that the other end fell silent, against its budget.

The virtual PLC is in another process; a TCP proxy in this one (`link_peers.BadCable`) stops passing
anything on while every connection stays open. A hundred trials each protocol, at moments that are not
in step with the link's cycle.
"""

import asyncio
from random import Random
from typing import Any

import numpy as np

from benchmarks.figures import Figure, report
from benchmarks.link_peers import SPEED_MM_S, BadCable, virtual_plc
from plc_bridge.config import PlcConfig
from plc_bridge.contract import LineCommand
from plc_bridge.link import LinkState, PlcLink
from plc_bridge.modbus_link import Config as ModbusConfig
from plc_bridge.modbus_link import ModbusLink
from plc_bridge.opcua_link import Config as OpcuaConfig
from plc_bridge.opcua_link import OpcuaLink
from plc_bridge.tagmap_file import default_tag_map_path

TRIALS = 100
BUDGET_MM = 300.0
TRIAL_BOUND_S = 30.0


def _link(protocol: str, port: int) -> tuple[PlcLink, PlcConfig]:
    common: dict[str, Any] = {
        "tags": default_tag_map_path("modbus" if protocol == "modbus" else "opcua"),
        "heartbeat_budget_mm": BUDGET_MM,
        "reconnect_min_ms": 20,
        "reconnect_max_ms": 100,
    }
    if protocol == "modbus":
        config = ModbusConfig(host="127.0.0.1", port=port, **common).on_belt(SPEED_MM_S, 2 * BUDGET_MM)
        return ModbusLink(config), config
    config = OpcuaConfig(url=f"opc.tcp://127.0.0.1:{port}", insecure=True, **common).on_belt(SPEED_MM_S, 2 * BUDGET_MM)
    return OpcuaLink(config), config


async def _trials(protocol: str, plc_port: int, trials: int) -> list[float]:
    """Belt millimetres from each silence to its detection."""
    random = Random(1)  # noqa: S311 - moments, not secrets
    cable = BadCable(0.0, random)
    loop = asyncio.get_running_loop()
    travelled_mm: list[float] = []
    async with cable.to(plc_port) as port:
        link, _ = _link(protocol, port)
        await link.connect()
        link.command(LineCommand.RUN, SPEED_MM_S)
        changes = link.changes()

        async def until(state: LinkState) -> float:
            async with asyncio.timeout(TRIAL_BOUND_S):
                async for change in changes:
                    if change.state is state:
                        return change.at_s
            raise RuntimeError("the link was closed")

        try:
            while len(travelled_mm) < trials:
                await until(LinkState.CONNECTED)
                await asyncio.sleep(random.uniform(0.05, 0.1))
                if link.health.state is not LinkState.CONNECTED:
                    continue  # lost by itself on a machine that stood still: not a trial
                silent_at_s, cable.silent = loop.time(), True
                travelled_mm.append((await until(LinkState.LOST) - silent_at_s) * SPEED_MM_S)
                cable.silent = False
        finally:
            await link.close()
    return travelled_mm


def measure(trials: int = TRIALS) -> dict[str, Any]:
    """Detections within the budget, and the belt they took, both protocols."""
    figures: list[Figure] = []
    for protocol in ("modbus", "opcua"):
        with virtual_plc(protocol) as peer:
            travelled_mm = asyncio.run(_trials(protocol, peer.port, trials))
        p50, p99 = np.percentile(travelled_mm, [50, 99])
        within = sum(mm <= BUDGET_MM for mm in travelled_mm)
        figures += [
            Figure(f"{protocol} detected within the budget", within, f"of {trials}", at_least=trials),
            Figure(f"{protocol} belt until detection p50", float(p50), "mm"),
            Figure(f"{protocol} belt until detection p99", float(p99), "mm"),
            Figure(f"{protocol} belt until detection, longest", max(travelled_mm), "mm", at_most=BUDGET_MM),
        ]
    return report("partition", figures, {"budget_mm": BUDGET_MM, "speed_mm_s": SPEED_MM_S, "trials": trials})

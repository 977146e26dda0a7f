"""`senbetsu plant`: the virtual plant alone, with its real servers, in real time."""

import asyncio
import contextlib
import json
import os
import signal
from dataclasses import asdict
from pathlib import Path

import structlog

from controller.config import LineConfig, load_config
from plc_bridge.direct_config import Config as DirectConfig
from plc_bridge.tagmap import TagMap
from plc_bridge.tagmap_file import load_tag_map
from senbetsu_errors import NeedsOperator
from sim.plant import PlantSetup
from sim.plant_process import run_plant
from sim.scale import ScalePlace
from sim.truth import Truth

log = structlog.get_logger("plant")


def plant_setup(config: LineConfig) -> PlantSetup:
    """The plant that a line's configuration describes. Raises NeedsOperator where it has none."""
    if config.plant is None:
        raise NeedsOperator("plant.none", "This line has no plant section.", "Only simulated lines have one.")
    jets_outlet = next(o.id for o in config.recipe.outlets if o.actuated)
    return PlantSetup(
        belt_width_mm=config.belt.width_mm,
        speed_mm_s=config.belt.speed_mm_s,
        counts_per_mm=config.belt.encoder_counts_per_mm,
        geometry=config.camera.geometry,
        mm_per_px=config.camera.mm_per_px,
        view_along_mm=config.camera.view_along_mm,
        frame_rate_hz=config.camera.frame_rate_hz,
        valve_count=config.jets.valve_count,
        valve_pitch_mm=config.jets.valve_pitch_mm,
        first_lane_mm=config.jets.first_lane_mm,
        jets_distance_mm=config.jets.distance_mm,
        jets_outlet=jets_outlet,
        rest_outlet=config.recipe.default_outlet,
        pc_timeout_ms=config.plc.pc_timeout_ms,
        plant=config.plant,
        scale=ScalePlace(mass.upstream_mm, mass.length_mm) if (mass := config.vision.mass) else None,
    )


async def serve_plant(config_path: Path, for_s: float | None, truth_fd: int | None) -> None:
    """Run the plant until `for_s` is over or SIGTERM or SIGINT comes; tell its account each second."""
    config = load_config(config_path)
    setup = plant_setup(config)
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, main.cancel)
    log.warning("simulated", plant=config.line.name)

    def tell(truth: Truth) -> None:
        if truth_fd is not None:
            # The parent reads this pipe all the time; when it is gone, so shall we be.
            os.write(truth_fd, json.dumps(truth.as_json()).encode() + b"\n")
        else:
            log.info("plant", **truth.as_json())

    tags = tag_map_of(config)
    with contextlib.suppress(asyncio.CancelledError):
        await run_plant(
            setup,
            duration_s=for_s,
            on_truth=tell,
            on_ready=lambda ports: log.info("plant ready", **asdict(ports)),
            modbus_tags=tags if tags and tags.protocol == "modbus" else None,
            opcua_tags=tags if tags and tags.protocol == "opcua" else None,
            remote_io_layout=config.plc if isinstance(config.plc, DirectConfig) else None,
        )


def tag_map_of(config: LineConfig) -> TagMap | None:
    """The tag map that the line's link uses, so that the virtual PLC speaks it; None for other links."""
    # Only the protocol in use is imported: asyncua takes a second.
    if config.plc.backend == "modbus":
        from plc_bridge.modbus_link import Config as ModbusConfig

        assert isinstance(config.plc, ModbusConfig)
        return load_tag_map(config.plc.tags, "modbus")
    if config.plc.backend == "opcua":
        from plc_bridge.opcua_link import Config as OpcuaConfig

        assert isinstance(config.plc, OpcuaConfig)
        return load_tag_map(config.plc.tags, "opcua")
    return None

"""The plant in the line's own loop, under virtual time, with the real in-memory link."""

import asyncio
from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest

from controller.clock import VirtualClockLoop, run_virtual
from plc_bridge.contract import LineCommand, ReceiptCode
from plc_bridge.link import Shot
from plc_bridge.memory_link import MemoryLink
from sim.config import PlantConfig
from sim.in_loop import PlantInLoop
from sim.plant import PlantSetup
from sim.truth import PartRecord
from vision.frame import Frame, count_difference, unwrap_count


def setup() -> PlantSetup:
    return PlantSetup(
        belt_width_mm=400,
        speed_mm_s=1000,
        counts_per_mm=10,
        geometry="area_scan",
        mm_per_px=1.0,
        view_along_mm=160,
        frame_rate_hz=20,
        valve_count=32,
        valve_pitch_mm=12.5,
        first_lane_mm=0,
        jets_distance_mm=500,
        jets_outlet="valuables",
        rest_outlet="residue",
        plant=PlantConfig.model_validate(
            {
                "feed": {"parts_per_s": 20, "mix": {"ic": 1, "screw": 1}, "variants_per_class": 4},
                "belt": {"initial_encoder_count": 2**32 - 9000},
            }
        ),
    )


def test_a_plant_with_a_height_channel_hands_it_over_with_every_frame() -> None:
    plain = setup()
    camera = plain.plant.camera.model_copy(update={"height": True})
    deep = replace(plain, plant=plain.plant.model_copy(update={"camera": camera}))

    async def look(of: PlantSetup) -> Frame:
        async with PlantInLoop(of, seed=5) as plant, plant.camera() as camera:
            async for frame in camera:
                if frame.sequence == 2:
                    return frame
        raise AssertionError("the camera ended")

    with_heights = run_virtual(look(deep))
    heights = with_heights.channels["height"]
    assert heights.shape == with_heights.color.shape[:2]
    assert heights.dtype == np.float32
    assert abs(np.nanmedian(heights)) < 0.05
    without = run_virtual(look(plain))
    assert set(without.channels) == {"color"}
    assert np.array_equal(without.color, with_heights.color)


async def sorted_by_truth(seconds: float) -> tuple[list[PartRecord], list[Frame], list[ReceiptCode], bool]:
    """Run the plant behind a MemoryLink, shooting each chip where the truth says it lies."""
    plant = PlantInLoop(setup(), seed=5)
    link = MemoryLink(MemoryLink.Config(backend="memory"), plant.wire)
    frames: list[Frame] = []
    receipts: list[ReceiptCode] = []

    async def look() -> None:
        async with plant.camera() as camera:
            async for frame in camera:
                frames.append(frame)
                link.beat()

    async def shoot() -> None:
        ordered: set[int] = set()
        counts = setup().plant.belt.initial_encoder_count
        async for status in link.statuses():
            counts = unwrap_count(status.encoder, counts)
            for record in plant.truth().records():
                due = record.belt_counts < counts < record.belt_counts + 3000
                if record.class_id == "ic" and due and record.number not in ordered:
                    ordered.add(record.number)
                    lane = int(record.across_mm // 12.5)
                    at = int(record.belt_counts) + 5000
                    shot = Shot(max(lane - 1, 0), min(lane + 1, 31), (at - 150) % 2**32, (at + 150) % 2**32)
                    (submitted,) = link.submit([shot])
                    submitted.receipt.add_done_callback(lambda done: receipts.append(done.result().code))

    async with plant:
        await link.connect()
        looking = asyncio.create_task(look())
        link.command(LineCommand.RUN, 1000)
        shooting = asyncio.create_task(shoot())
        await asyncio.sleep(seconds)
        await link.close()
        await shooting
    await looking
    loop = asyncio.get_running_loop()
    assert isinstance(loop, VirtualClockLoop)
    return list(plant.truth().records()), frames, receipts, loop.trusted


def test_orders_over_the_memory_link_eject_the_right_parts_the_same_each_time() -> None:
    records, frames, receipts, trusted = run_virtual(sorted_by_truth(6))
    chips = [r for r in records if r.class_id == "ic" and r.outlet]
    assert len(chips) > 20
    assert sum(r.outlet == "valuables" for r in chips) / len(chips) > 0.9
    assert sum(r.outlet == "valuables" for r in records if r.class_id == "screw") <= 3
    assert receipts.count(ReceiptCode.FIRED) > 20
    assert ReceiptCode.LATE not in receipts
    assert trusted
    again = run_virtual(sorted_by_truth(6))
    assert again[0] == records
    assert again[2] == receipts
    assert [f.encoder for f in again[1]] == [f.encoder for f in frames]
    assert (again[1][-1].color == frames[-1].color).all()


def test_every_exposure_is_a_frame_with_its_own_time_and_count() -> None:
    _, frames, _, _ = run_virtual(sorted_by_truth(3))
    assert [f.sequence for f in frames] == list(range(len(frames)))
    assert len(frames) in (60, 61)
    late = frames[-10:]
    for before, after in pairwise(late):
        assert after.captured_at_s - before.captured_at_s == pytest.approx(0.05)
        assert abs(count_difference(after.encoder.count, before.encoder.count) - 500) <= 1

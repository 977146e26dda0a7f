"""The page in a real Chromium, fed by the real publisher through the real server process."""

import asyncio
import contextlib
import math
import shutil
import signal
import socket
import sys
import threading
from collections.abc import AsyncGenerator, Coroutine
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray
from playwright.async_api import Page, async_playwright, expect

from controller.hmi.publisher import SnapshotPublisher
from controller.snapshot import (
    AlarmView,
    CalibrationView,
    CameraView,
    LatencyView,
    LinkView,
    PartView,
    ShadowView,
    ShotView,
    Snapshot,
)

CHROMIUM = shutil.which("chromium")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="no chromium here (apt-get install chromium)"),
]

QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
    "--no-default-browser-check",
]
SERVER = (
    "import asyncio, sys; from pathlib import Path; from controller.hmi.server import serve_hmi; "
    "asyncio.run(serve_hmi(Path(sys.argv[1]), '127.0.0.1', int(sys.argv[2])))"
)
CLASSES = ("pcb", "battery", "capacitor_ta", "ic", "connector", "metal_housing", "plastic_housing", "screw")
VALUABLE = {"pcb", "capacitor_ta", "ic", "connector"}
COUNTS_PER_MM = 10
WIDTH_MM, VIEW_MM, BAR_MM, LANE_MM = 800, 320, 900, 12.5
SPEED_MM_S = 1000
PART_EVERY_MM = 110
SEED = 7


@dataclass(frozen=True)
class BeltPart:
    """A made-up part: its place on the endless belt, its class and its outline around its centre."""

    number: int
    at_mm: float
    across_mm: float
    class_id: str
    outline: NDArray[np.float64]


def belt_part(number: int) -> BeltPart:
    """Part `number` of the belt, always the same one."""
    rng = np.random.default_rng(SEED * 10_000 + number)
    corners = int(rng.integers(4, 8))
    angles = np.sort(rng.uniform(0, 2 * math.pi, corners) * 0.25 + np.arange(corners) * 2 * math.pi / corners)
    radius = rng.uniform(14, 42) * rng.uniform(0.8, 1.0, corners)
    outline = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
    across_mm = 70 + (number * 271) % (WIDTH_MM - 140)
    return BeltPart(number, number * PART_EVERY_MM, across_mm, CLASSES[number % len(CLASSES)], outline)


def preview_at(encoder: int) -> bytes:
    """The camera's JPEG at that count: row 0 downstream, column 0 at the belt's left edge."""
    mm_per_px = 2.0
    rows, columns = int(VIEW_MM / mm_per_px), int(WIDTH_MM / mm_per_px)
    picture = np.full((rows, columns, 3), (58, 66, 60), np.uint8)
    datum_mm = encoder / COUNTS_PER_MM
    for number in range(int((datum_mm - VIEW_MM) / PART_EVERY_MM) - 1, int(datum_mm / PART_EVERY_MM) + 2):
        part = belt_part(number)
        along = datum_mm - part.at_mm + part.outline[:, 0]
        points = np.stack([(part.across_mm + part.outline[:, 1]) / mm_per_px, rows - along / mm_per_px], axis=1)
        shade = 110 + 17 * (number % 8)
        cv2.fillPoly(picture, [points.astype(np.int32)], (shade - 30, shade, shade - 10))
    noise = np.random.default_rng(encoder).normal(0, 3, picture.shape)
    ok, jpeg = cv2.imencode(".jpg", np.clip(picture + noise, 0, 255).astype(np.uint8))
    assert ok
    return jpeg.tobytes()


def line_at(uptime_s: float) -> Snapshot:
    """What the runtime would publish that long after its start."""
    encoder = round((2000 + uptime_s * SPEED_MM_S) * COUNTS_PER_MM)
    here_mm = encoder / COUNTS_PER_MM
    parts: list[PartView] = []
    shots: list[ShotView] = []
    for number in range(int((here_mm - BAR_MM - 150) / PART_EVERY_MM), int(here_mm / PART_EVERY_MM) + 1):
        part = belt_part(number)
        downstream_mm = here_mm - part.at_mm
        valuable, gone = part.class_id in VALUABLE, downstream_mm > BAR_MM
        missed = number % 13 == 5
        outlet = ("valuables" if valuable else "residue") if downstream_mm > 200 else None
        status: Any = "tracked"
        if outlet == "valuables":
            status = ("missed" if missed else "ejected") if gone else "ordered"
            lane = int((part.across_mm - 20) / LANE_MM)
            on_count = round((part.at_mm + BAR_MM - 22) * COUNTS_PER_MM)
            result: Any = ("late" if missed else "fired") if here_mm * COUNTS_PER_MM >= on_count else "pending"
            shots.append(ShotView(lane, lane + 3, on_count, on_count + 44 * COUNTS_PER_MM, result))
        elif gone:
            status = "passed"
        outline = tuple((float(a), float(part.across_mm + x)) for a, x in part.outline)
        belt_counts = round(part.at_mm * COUNTS_PER_MM)
        parts.append(PartView(number, part.class_id, 0.97, outlet, status, belt_counts, part.across_mm, outline))
    seen = 9000 + int(uptime_s * 9)
    ended = {"ejected": 5100, "picked": 0, "passed": 3700, "missed": 61, "unknown": 20}
    ended["ejected"] += seen - 9000
    return Snapshot(
        line="demo",
        simulated=True,
        simulated_parts=("camera", "PLC, valves and belt"),
        state="running",
        reason="",
        uptime_s=900 + uptime_s,
        speed_mm_s=SPEED_MM_S,
        encoder=encoder,
        counts_per_mm=COUNTS_PER_MM,
        belt_width_mm=WIDTH_MM,
        view_along_mm=VIEW_MM,
        bar_distance_mm=BAR_MM,
        lane_count=64,
        lane_pitch_mm=LANE_MM,
        first_lane_mm=0,
        seen=seen,
        outcomes=ended,
        missed_by_reason={"late": 37, "refused": 20, "link down": 4},
        parts_per_s=9.04,
        purity={"valuables": 0.972, "residue": 0.918},
        recovery={name: 0.985 - 0.011 * index for index, name in enumerate(CLASSES[:-1])} | {"screw": None},
        basis="plant truth (simulated)",
        links={"plc": LinkView("connected", "", 1)},
        camera=CameraView("ok", 18_400, 18_396, 4),
        latency=LatencyView(21.4, 47.9),
        parts=tuple(parts),
        shots=tuple(shots),
        purity_floor={"valuables": 0.95},
        preview_encoder=encoder,
        preview=preview_at(encoder),
    )


class RunningLine:
    """Publishes `line_at` ten times a second. `overrides` alters every snapshot, `silent` holds them
    back, `standing_at_s` stops the belt where it is at that uptime."""

    def __init__(self, publisher: SnapshotPublisher) -> None:
        self._publisher = publisher
        self.silent = False
        self.overrides: dict[str, Any] = {}
        self.standing_at_s: float | None = None

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        started_at_s = loop.time()
        while True:
            snapshot = line_at(loop.time() - started_at_s)
            if self.standing_at_s is not None:
                snapshot = replace(line_at(self.standing_at_s), uptime_s=snapshot.uptime_s, speed_mm_s=0.0)
            if not self.silent:
                self._publisher.publish(replace(snapshot, **self.overrides))
            await asyncio.sleep(0.1)


@contextlib.asynccontextmanager
async def server_process(snapshot_socket: Path) -> AsyncGenerator[int]:
    """The HMI in a process of its own, as it runs in production; gives its port, ends it by SIGTERM."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = cast("int", probe.getsockname()[1])
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", SERVER, str(snapshot_socket), str(port))
    try:
        async with asyncio.timeout(20):
            while True:
                with contextlib.suppress(ConnectionRefusedError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    await writer.wait_closed()
                    break
                await asyncio.sleep(0.05)
        yield port
    finally:
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await process.wait()
    assert code == 0


@dataclass
class Viewer:
    """A page that shows the line, and everything that it did."""

    page: Page
    line: RunningLine
    complaints: list[str]
    requests: list[str]


@contextlib.asynccontextmanager
async def viewer(folder: Path, width: int = 1280, height: int = 800) -> AsyncGenerator[Viewer]:
    complaints: list[str] = []
    requests: list[str] = []
    async with SnapshotPublisher(folder / "s.sock") as publisher, server_process(folder / "s.sock") as port:
        line = RunningLine(publisher)
        publishing = asyncio.create_task(line.run())
        try:
            async with async_playwright() as playwright:
                browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=QUIET)
                page = await browser.new_page(viewport={"width": width, "height": height})
                page.on("console", lambda said: complaints.append(said.text))
                page.on("pageerror", lambda error: complaints.append(str(error)))
                page.on("request", lambda request: requests.append(request.url))
                page.on("websocket", lambda opened: requests.append(opened.url))
                await page.goto(f"http://127.0.0.1:{port}/")
                await page.wait_for_selector("canvas[data-outlines]:not([data-outlines='0'])")
                yield Viewer(page, line, complaints, requests)
                await browser.close()
            assert complaints == []
            own = (f"http://127.0.0.1:{port}/", f"ws://127.0.0.1:{port}/")
            assert [url for url in requests if not url.startswith(own)] == []
        finally:
            publishing.cancel()
            await asyncio.gather(publishing, return_exceptions=True)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tmp_path.chmod(0o700)
    return tmp_path


def run(main: Coroutine[Any, Any, None]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(90):
            await main

    asyncio.run(bounded())
    for thread in threading.enumerate():  # asyncio waits for each child in a thread, which may be just ending
        if thread.name.startswith("asyncio-waitpid"):
            thread.join(5)


def test_an_operator_sees_the_line_its_account_and_that_it_is_simulated(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            text = await view.page.inner_text("body")
            for said in (
                "RUNNING",
                "SIMULATED camera, PLC, valves and belt",
                "Purity by outlet",
                "Recovery by class",
                "plant truth (simulated)",
                "97.2 %",
                "floor 95.0 %",
                "connected",
                "p50 21.4 ms",
                "p99 47.9 ms",
                "updated 0.",
            ):
                assert said in text
            numbers = await view.page.eval_on_selector_all(
                "#outcomes .value", "cells => cells.map(cell => Number(cell.textContent.replaceAll(',', '')))"
            )
            assert sum(numbers[:-1]) == numbers[-1] >= 9000

    run(main())


def test_the_outlines_lie_on_the_parts_of_the_camera_picture(folder: Path) -> None:
    """The made-up camera paints the same polygons: inside an outline the picture is light, beside it dark."""

    async def main() -> None:
        async with viewer(folder) as view:
            await view.page.wait_for_timeout(1500)  # until the belt is covered with pictures
            view.line.standing_at_s = 30.0
            await view.page.wait_for_timeout(1500)
            png = await view.page.locator("canvas").screenshot()
            decoded = cv2.imdecode(np.frombuffer(png, np.uint8), cv2.IMREAD_COLOR)
            assert decoded is not None
            picture = decoded.astype(int)
            px_per_mm = picture.shape[1] / (BAR_MM + 0.12 * BAR_MM)
            snapshot = line_at(30.0)
            whole = [
                part
                for part in snapshot.parts
                if 60 < (snapshot.encoder - part.belt_counts) / COUNTS_PER_MM < VIEW_MM - 60
            ]
            assert len(whole) >= 1
            for part in whole:
                along_mm = (snapshot.encoder - part.belt_counts) / COUNTS_PER_MM
                row, column = round(part.across_mm * px_per_mm), round(along_mm * px_per_mm)
                inside = picture[row - 3 : row + 4, column - 3 : column + 4].mean()
                beside = picture[row - 3 : row + 4, column + round(55 * px_per_mm) + np.arange(-3, 4)].mean()
                assert inside > beside + 15, part.class_id

    run(main())


def test_the_belt_moves_with_the_encoder(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            before = await view.page.evaluate("document.querySelector('canvas').toDataURL()")
            await view.page.wait_for_timeout(400)
            assert await view.page.evaluate("document.querySelector('canvas').toDataURL()") != before

    run(main())


def test_old_data_is_said_to_be_old_and_new_data_ends_that(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            assert await view.page.is_hidden("#stale")
            view.line.silent = True
            await view.page.wait_for_selector("#stale", state="visible")
            text = await view.page.inner_text("body")
            assert "No data from the line since" in text
            assert "NO DATA" in text
            assert "last known state: running" in text
            assert "SIMULATED" in text
            view.line.silent = False
            await view.page.wait_for_selector("#stale", state="hidden")
            assert "RUNNING" in await view.page.inner_text("header")

    run(main())


def test_what_is_abnormal_is_said_in_words_and_with_a_sign(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            assert await view.page.locator(".abnormal").count() == 0
            reason = "The PLC at 192.0.2.10 does not answer."
            view.line.overrides = {
                "state": "waiting for PLC",
                "reason": reason,
                "alarms": (AlarmView("line.waiting_for_plc", reason, 75.0),),
                "links": {"plc": LinkView("lost", reason, 2)},
                "purity": {"valuables": 0.91, "residue": None},
            }
            await view.page.wait_for_selector("#alarms.abnormal")
            text = await view.page.inner_text("body")
            for said in (
                "▲ line.waiting_for_plc",
                "0:01:15",
                "WAITING FOR PLC",
                "▲ lost",
                "▲ below floor 95.0 %",
            ):
                assert said in text

    run(main())


def test_what_was_measured_is_shown_with_its_limit_and_the_version_of_its_file(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            row = view.page.locator("#devices tr", has=view.page.locator("th", has_text="Calibration"))
            assert "nominal values" in await row.inner_text()
            camera = ("camera.yaml", 1, "2026-11-20")
            measured = (
                CalibrationView("camera", 0.0512, 0.5, "mm", *camera),
                CalibrationView("camera, at the rim", 0.1, 0.5, "mm", *camera),
                CalibrationView("distance to the valves", 0.52, 2.0, "mm", "belt.yaml", 1, "2026-11-21"),
            )
            view.line.overrides = {"calibration": measured}
            await expect(row).to_contain_text("camera 0.051 mm (≤ 0.5 mm), camera, at the rim 0.1 mm (≤ 0.5 mm)")
            text = await row.inner_text()
            assert "distance to the valves 0.52 mm (≤ 2 mm)" in text
            assert "camera.yaml version 1, 2026-11-20; belt.yaml version 1, 2026-11-21" in text
            assert await view.page.locator("#devices .abnormal").count() == 0
            await view.page.click("#language")
            japanese = view.page.locator("#devices tr", has=view.page.locator("th", has_text="校正"))
            await expect(japanese).to_contain_text("バルブまでの距離 0.52 mm")

    run(main())


def test_what_a_shadow_model_would_change_is_said_both_ways(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            row = view.page.locator("#devices tr", has=view.page.locator("th", has_text="Shadow model"))
            assert await row.count() == 0
            shadow = ShadowView(
                "site", "1.0.1", "", 4000, 400, 380, 12, 3.5, 1.25, (("connector", "relay", 14),), ("relay",)
            )
            view.line.overrides = {"shadow": shadow}
            await expect(row).to_contain_text("same answer 95.0 %")
            text = await row.inner_text()
            assert "site 1.0.1: compared 400, to another outlet 12" in text
            assert "+3.50 JPY if it is right, −1.25 JPY if the line's model is" in text
            assert "not in the recipe, worth nothing here: relay" in text
            assert "connector → relay 14" in text
            view.line.overrides = {"shadow": replace(shadow, error="[model.missing] There is no model file.")}
            await expect(row).to_contain_text("▲ not running")
            await expect(row).to_contain_text("There is no model file")

    run(main())


def test_the_names_from_the_line_are_text_and_never_markup(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            view.line.overrides = {"line": "<img src=x>", "purity": {"<b>bin</b>": 0.5}}
            await expect(view.page.locator("#line")).to_have_text("<img src=x>")
            assert "<b>bin</b>" in await view.page.inner_text("#purity")
            assert await view.page.locator("main b, header img").count() == 0

    run(main())


def test_the_page_speaks_japanese_when_asked_and_remembers_it(folder: Path) -> None:
    async def main() -> None:
        async with viewer(folder) as view:
            await view.page.click("#language")
            for _ in range(2):
                await expect(view.page.locator("#state-word")).to_have_text("運転中")
                assert "純度" in await view.page.inner_text("#quality")
                assert "シミュレーション" in await view.page.inner_text("#simulated")
                await view.page.reload()

    run(main())


@pytest.mark.parametrize(("width", "height"), [(1280, 800), (1920, 1080), (420, 900)])
def test_nothing_hangs_over_the_edge_of_the_screen(folder: Path, width: int, height: int) -> None:
    async def main() -> None:
        async with viewer(folder, width, height) as view:
            assert await view.page.evaluate("document.documentElement.scrollWidth <= window.innerWidth")
            if width > 1000:  # on a panel everything is in sight without scrolling
                assert await view.page.evaluate(
                    "document.querySelector('#machine').getBoundingClientRect().bottom <= window.innerHeight"
                )
                assert await view.page.evaluate(
                    "(f => f.scrollHeight <= f.clientHeight)(document.querySelector('#figures'))"
                )

    run(main())

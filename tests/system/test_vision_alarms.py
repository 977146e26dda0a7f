"""The demo line in virtual time, its pictures really degraded: the right alarm, and silence when all is well."""

from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

import controller.cli.simulate as simulating
from sim.in_loop import PlantInLoop
from tests.system.lines import demo_on_free_ports, write
from vision.frame import Frame
from vision.source import FrameSource

Picture = NDArray[np.uint8]
FAULT_FROM_S = 14.0
PATCH = {"along_mm": 20, "across_mm": 2, "length_mm": 12, "width_mm": 12, "bgr": [180, 180, 180]}


class Spoiled:
    """The plant's camera, a grey patch fixed in its view, its pictures spoiled from a moment on."""

    def __init__(self, camera: FrameSource, spoil: Callable[[Picture, int], Picture]) -> None:
        self._camera = camera
        self._spoil = spoil
        self.dropped = 0

    async def __aenter__(self) -> Self:
        await self._camera.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._camera.__aexit__(kind, error, trace)

    async def __aiter__(self) -> AsyncIterator[Frame]:
        last: Frame | None = None
        async for frame in self._camera:
            self.dropped = self._camera.dropped
            color = frame.color.copy()
            cv2.rectangle(color, (4, 640 - 64), (27, 640 - 41), (180, 180, 180), cv2.FILLED)
            if frame.captured_at_s > FAULT_FROM_S:
                color = self._spoil(color, frame.sequence)
            # A camera that stutters gives its last picture again under a new number.
            if color.size == 0 and last is not None:
                yield replace(last, sequence=frame.sequence, captured_at_s=frame.captured_at_s, encoder=frame.encoder)
                continue
            last = replace(frame, channels={"color": color})
            yield last


def _noisy(picture: NDArray[Any], sequence: int) -> Picture:
    noise = np.random.default_rng(sequence).normal(0, 2, picture.shape[:2]).astype(np.float32)
    return np.clip(picture + noise[:, :, None], 0, 255).astype(np.uint8)


def _as_it_is(picture: Picture, _: int) -> Picture:
    return picture


def _covered(picture: Picture, _: int) -> Picture:
    picture[570:605, :35] = 50
    return picture


FAULTS: dict[str, tuple[Callable[[Picture, int], Picture], str]] = {
    "out of focus": (lambda p, n: _noisy(cv2.GaussianBlur(p, (0, 0), 1.3), n), "vision.out_of_focus"),
    "smeared": (lambda p, n: _noisy(cv2.blur(p, (1, 7)), n), "vision.motion_blur"),
    "dim": (lambda p, n: _noisy(0.45 * p, n), "vision.too_dark"),
    "lamp turns red": (
        lambda p, _: np.clip(p * np.array([0.8, 0.97, 1.08]), 0, 255).astype(np.uint8), "vision.patch_drift"
    ),
    "patch covered": (_covered, "vision.patch_drift"),
    "glare": (lambda p, n: _noisy(3.9 * p, n), "vision.saturated"),
    "stutters": (lambda p, n: p[:0] if n % 3 == 0 else p, "vision.stale_frames"),
}  # fmt: skip


def _simulate(
    folder: Path, for_s: float, seed: int, monkeypatch: pytest.MonkeyPatch, spoil: Any = None, **changes: Any
) -> dict[str, Any]:
    if spoil is not None:

        class SpoiledPlant(PlantInLoop):
            def camera(self) -> FrameSource:
                return Spoiled(super().camera(), spoil)

        monkeypatch.setattr(simulating, "PlantInLoop", SpoiledPlant)
    config = demo_on_free_ports()
    config["plant"]["feed"] |= changes.pop("feed", {})
    config["vision"] |= changes
    return simulating.simulate(write(folder, config), for_s, seed)


@pytest.mark.slow
@pytest.mark.timeout(400)  # glare makes thousands of specks: 0.3 s a picture
@pytest.mark.parametrize("fault", list(FAULTS))
def test_a_fault_of_the_picture_raises_its_alarm(fault: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil, code = FAULTS[fault]
    health = {"learn_looks": 40, "patch": PATCH}
    vision = _simulate(tmp_path, 26, 11, monkeypatch, spoil, health=health)["vision"]
    assert vision["alarms_raised"].get(code) == 1
    if code in ("vision.out_of_focus", "vision.motion_blur", "vision.stale_frames"):
        assert not {"vision.too_dark", "vision.too_bright", "vision.saturated"} & set(vision["alarms_raised"])
    if code == "vision.patch_drift":
        assert list(vision["alarms_raised"]) == [code]


@pytest.mark.slow
def test_another_feed_than_the_recipes_raises_the_class_mix(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    reference = demo_on_free_ports()["plant"]["feed"]["mix"]
    mix = {"class_mix": {"window_parts": 150, "reference": reference}}
    usual = _simulate(tmp_path, 25, 12, monkeypatch, health=mix)
    assert usual["vision"]["alarms_raised"] == {}
    assert usual["vision"]["metrics"]["class_mix"]["state"] == "ok"
    feed = {"mix": reference | {"pcb": 0, "battery": 8}}
    changed = _simulate(tmp_path, 25, 12, monkeypatch, health=mix, feed=feed)
    assert changed["vision"]["alarms_raised"] == {"vision.class_mix": 1}
    assert changed["vision"]["metrics"]["class_mix"]["state"] == "alarm"


@pytest.mark.slow
@pytest.mark.parametrize("seed", [21, 22, 23])
def test_a_healthy_line_raises_nothing(seed: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    health = {"learn_looks": 40, "patch": PATCH, "class_mix": {"learn_parts": 150, "window_parts": 100}}
    vision = _simulate(tmp_path, 45, seed, monkeypatch, _as_it_is, health=health)["vision"]
    assert vision["alarms_raised"] == {}
    assert {name for name, metric in vision["metrics"].items() if metric["state"] != "ok"} == set()

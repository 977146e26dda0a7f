"""Flat field and white balance: an uneven, tinted belt comes out even and true."""

from datetime import UTC, datetime

import numpy as np
import pytest
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import CameraIdentity, LightCalibration
from vision.calibration_light import LightCorrection, fit_light

ROWS, COLUMNS = 160, 320
TINT = np.array([0.8, 1.0, 0.9])  # of B, G, R


def shade() -> NDArray[np.float64]:
    x, y = np.meshgrid(np.linspace(-1, 1, COLUMNS), np.linspace(-1, 1, ROWS))
    return (1 - 0.25 * x**2 - 0.15 * y**2) * (1 + 0.1 * x)


def shown(grey: float, seed: int, patch: float | None = None) -> NDArray[np.uint8]:
    rng = np.random.default_rng(seed)
    light = np.full((ROWS, COLUMNS), grey)
    if patch is not None:
        light[10:50, 20:60] = patch
    picture = (light * shade())[:, :, None] * TINT + rng.normal(0, 3, (ROWS, COLUMNS, 3))
    return np.clip(np.rint(picture), 0, 255).astype(np.uint8)


def test_light_lens_and_colour_are_undone() -> None:
    empty = [shown(90, i) for i in range(3)]
    empty[1][60:90, 200:230] = 220  # a part that somebody left lying
    fit = fit_light(empty, shown(90, 9, patch=170), (24, 14, 32, 32), (170.0, 170.0, 170.0))
    assert fit.residual_percent < 2
    correction = LightCorrection(
        LightCalibration(
            schema_version=1,
            kind="light",
            created=datetime(2026, 1, 1, tzinfo=UTC),
            command="test",
            camera=CameraIdentity(name="test", columns=COLUMNS, rows=ROWS),
            patch_px=(24, 14, 32, 32),
            reference_rgb=(170, 170, 170),
            measured_rgb=fit.measured_rgb,
            white_balance=fit.white_balance,
            gains=fit.gains,
            pictures=3,
            residual_percent=fit.residual_percent,
        )
    )
    grey = shown(150, 20)
    even = correction.corrected(grey).astype(np.float64)
    assert even[14:46, 24:56].mean(axis=(0, 1)) == pytest.approx([150, 150, 150], abs=3)
    blocks = even.reshape(8, 20, 16, 20, 3).mean(axis=(1, 3))
    assert np.ptp(blocks) < 6
    before = grey.reshape(8, 20, 16, 20, 3).mean(axis=(1, 3))
    assert np.ptp(before) > 50


@pytest.mark.parametrize(
    ("code", "change"),
    [
        ("calibrate.too_dark", {"empty": [shown(4, 1)]}),
        ("calibrate.overexposed", {"empty": [shown(400, 1)]}),
        ("calibrate.patch", {"patch_px": (300, 10, 40, 40)}),
        ("calibrate.patch", {"patch_px": (0, 0, 80, 60)}),
        ("calibrate.patch", {"patch_picture": shown(90, 2, patch=400)}),
        ("calibrate.gain", {"reference_rgb": (255.0, 255.0, 5.0)}),
    ],
)
def test_pictures_that_do_not_tell_are_refused(code: str, change: dict[str, object]) -> None:
    given: dict[str, object] = {
        "empty": [shown(90, 1)],
        "patch_picture": shown(90, 2, patch=170),
        "patch_px": (24, 14, 32, 32),
        "reference_rgb": (170.0, 170.0, 170.0),
    }
    with pytest.raises(NeedsOperator) as refused:
        fit_light(**(given | change))  # type: ignore[arg-type]
    assert refused.value.code == code


def test_a_belt_full_of_parts_is_refused() -> None:
    full = shown(60, 1)
    rng = np.random.default_rng(7)
    for x, y in rng.integers(0, (COLUMNS - 40, ROWS - 40), (25, 2)):
        full[y : y + 40, x : x + 40] = rng.integers(0, 200)
    with pytest.raises(NeedsOperator) as refused:
        fit_light([full], full, (24, 14, 32, 32), (170.0, 170.0, 170.0))
    assert refused.value.code == "calibrate.uneven"

"""A look at a picture tells what is wrong with it: each fault moves its own figure, and only that much."""

from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from tests.vision.conftest import DrawnBelt, draw_belt, scattered_parts
from tests.vision.test_track import Line
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.frame import EncoderStamp, Frame
from vision.health import PictureHealth
from vision.health_config import HealthConfig, PatchConfig
from vision.pipeline import VisionPipeline
from vision.results import PictureSample
from vision.settings import VisionConfig

ROWS, MM_PER_PX = 300, 0.5
Spoil = Callable[[NDArray[np.uint8]], NDArray[np.uint8]]
PATCH = PatchConfig(along_mm=10, across_mm=5, length_mm=10, width_mm=10, bgr=(200, 205, 210))


class Camera(CameraConfig, frozen=True):
    backend: str = "drawn"


def _sensor_noise(picture: NDArray[Any]) -> NDArray[np.uint8]:
    """Light is spoiled before the sensor, so the noise comes last."""
    return np.clip(picture + np.random.default_rng(4).normal(0, 2, picture.shape), 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def pictures() -> list[NDArray[np.uint8]]:
    drawn: DrawnBelt = draw_belt(scattered_parts(40, first_mm=150, last_mm=1400), length_mm=1600, noise_sigma=0)
    frames = [drawn.frame(float(e), ROWS, k).color for k, e in enumerate(range(200, 1400, 60))]
    for frame in frames:
        cv2.rectangle(frame, (10, ROWS - 40), (29, ROWS - 21), PATCH.bgr, cv2.FILLED)
    return frames


def _looks(classifier: Classifier, pictures: list[NDArray[np.uint8]], spoil: Spoil) -> list[PictureSample]:
    camera = Camera(backend="drawn", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=ROWS * MM_PER_PX)
    settings = VisionConfig(model="none", min_area_mm2=20, max_part_mm=60, unknown_below=0.5)
    pipeline = VisionPipeline(camera, settings, 200, 10, classifier)
    health = PictureHealth(camera, HealthConfig(patch=PATCH))
    looks: list[PictureSample] = []
    for number, picture in enumerate(pictures):
        color = spoil(picture)
        frame = Frame({"color": color}, EncoderStamp(2000 + 600 * number, "latched"), float(number), number)
        looks.append(health.look(color, pipeline.process(frame)))
    return looks[2:]


def _mean(looks: list[PictureSample], name: str) -> float:
    values = [getattr(look, name) for look in looks if getattr(look, name) is not None]
    return float(np.mean(values))


def test_every_fault_moves_its_own_figure(classifier: Classifier, pictures: list[NDArray[np.uint8]]) -> None:
    good = _looks(classifier, pictures, lambda p: _sensor_noise(p.astype(float)))
    blurred = _looks(classifier, pictures, lambda p: _sensor_noise(cv2.GaussianBlur(p, (0, 0), 1.5).astype(float)))
    smeared = _looks(classifier, pictures, lambda p: _sensor_noise(cv2.blur(p, (1, 7)).astype(float)))
    dim = _looks(classifier, pictures, lambda p: _sensor_noise(0.5 * p))
    glaring = _looks(classifier, pictures, lambda p: _sensor_noise(4.2 * p))

    assert _mean(blurred, "sharp_across") < 0.5 * _mean(good, "sharp_across")
    assert _mean(blurred, "sharp_along") < 0.5 * _mean(good, "sharp_along")
    assert _mean(smeared, "sharp_along") < 0.5 * _mean(good, "sharp_along")
    assert _mean(smeared, "sharp_across") > 0.7 * _mean(good, "sharp_across")
    assert _mean(dim, "belt_level") == pytest.approx(0.5 * _mean(good, "belt_level"), rel=0.05)
    assert _mean(dim, "sharp_across") == pytest.approx(_mean(good, "sharp_across"), rel=0.2)
    assert _mean(good, "saturated") < 0.001
    assert _mean(glaring, "saturated") > 0.1


def test_the_patch_is_read_where_it_is(classifier: Classifier, pictures: list[NDArray[np.uint8]]) -> None:
    good = _looks(classifier, pictures, lambda p: p)
    assert good[0].patch_bgr == pytest.approx(PATCH.bgr, abs=1)
    redder = _looks(classifier, pictures, lambda p: np.minimum(p * np.array([0.8, 1, 1.05]), 255).astype(np.uint8))
    assert redder[0].patch_bgr is not None
    assert redder[0].patch_bgr[0] == pytest.approx(160, abs=1)


def test_a_patch_outside_of_the_picture_is_not_read(pictures: list[NDArray[np.uint8]]) -> None:
    camera = Camera(backend="drawn", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=ROWS * MM_PER_PX)
    outside = PATCH.model_copy(update={"across_mm": 5000.0})
    nothing = Line([]).picture(0.0)
    assert PictureHealth(camera, HealthConfig(patch=outside)).look(pictures[0], nothing).patch_bgr is None


def test_an_empty_belt_has_no_sharpness_and_a_level(pictures: list[NDArray[np.uint8]]) -> None:
    camera = Camera(backend="drawn", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=ROWS * MM_PER_PX)
    look = PictureHealth(camera, HealthConfig()).look(pictures[0], Line([]).picture(0.0))
    assert look.sharp_across is None
    assert look.sharp_along is None
    assert look.belt_level == pytest.approx(60, abs=5)


def test_one_picture_of_n_is_looked_at() -> None:
    camera = Camera(backend="drawn", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=ROWS * MM_PER_PX)
    health = PictureHealth(camera, HealthConfig(every_frames=4))
    assert [health.due() for _ in range(9)] == [True, False, False, False, True, False, False, False, True]

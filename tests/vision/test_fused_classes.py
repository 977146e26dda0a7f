"""What vision measures of a part reaches its class: on a drawn belt, with heights and with a scale's readings."""

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import onnxruntime
import pytest
from numpy.typing import NDArray

from models.fusion import HEIGHT, MASS, MEASURES, SIZE, Fuser
from models.manifest import Accuracy, Density, Fusion, FusionLevel
from senbetsu_errors import NeedsOperator
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.frame import Frame
from vision.pipeline import VisionPipeline
from vision.settings import VisionConfig
from vision.weighing import MassConfig

LABELS = ("blue", "green", "red")
GREY = (150, 150, 150)
CAMERA = CameraConfig(backend="test", geometry="area_scan", mm_per_px=0.5, view_along_mm=160)
Draw = Callable[..., Any]


def fusion(typical: Mapping[str, tuple[float, ...]], spread: float = 0.15) -> Fusion:
    """Classes whose measures lie around these, each on its own."""

    def density(means: tuple[float, ...], deviation: float) -> Density:
        triangle = np.eye(len(MEASURES))[np.tril_indices(len(MEASURES))] * deviation**2
        return Density(shares=(1.0,), means=(tuple(np.log(means).tolist()),), covariances=(tuple(triangle.tolist()),))

    measured = Accuracy(accuracy=1.0, count=1)
    levels = tuple(
        FusionLevel(
            measures=names,
            temperature=10.0,
            weight=1.0,
            accuracy=measured,
            accuracy_of_color=0.5,
            ece=0.0,
            ece_of_color=0.0,
        )
        for names in (SIZE, SIZE + HEIGHT, SIZE + HEIGHT + MASS)
    )
    return Fusion(
        measures=MEASURES,
        classes={name: density(means, spread) for name, means in typical.items()},
        broad=density((30, 15, 400, 5, 6, 20), 1.5),
        outliers=0.02,
        levels=levels,
        source="a test",
    )


# green is large, red is small; both 6 mm high, but a red one that is heavy would be a blue one
SIZES = {
    "blue": (20.0, 10.0, 200.0, 6.0, 6.0, 90.0),
    "green": (60.0, 30.0, 1800.0, 6.0, 6.0, 100.0),
    "red": (20.0, 10.0, 200.0, 3.0, 3.0, 10.0),
}


@pytest.fixture
def fusing(net: onnxruntime.InferenceSession) -> Classifier:
    return Classifier(net, LABELS, 32, 10.0, fuser=Fuser(fusion(SIZES), LABELS))


def settings(mass: MassConfig | None = None) -> VisionConfig:
    return VisionConfig(model="test", min_area_mm2=6, max_part_mm=80, unknown_below=0.5, mass=mass)


def with_channels(frame: Frame, **channels: NDArray[np.float32]) -> Frame:
    return replace(frame, channels={**frame.channels, **channels})


def test_grey_parts_are_told_apart_by_their_size(belt: Draw, drawn_part: Draw, fusing: Classifier) -> None:
    drawn = belt([drawn_part(220, 60, 30, 15, GREY), drawn_part(220, 140, 10, 5, GREY)], length_mm=400)
    found = VisionPipeline(CAMERA, settings(), 200, 10, fusing).process(drawn.frame(300, CAMERA.rows, 0))
    assert found.measures is not None
    large, small = np.argsort(-found.area_mm2).tolist()
    assert found.measures[large, :2] == pytest.approx([60, 30], abs=1.5)
    assert found.measures[small, :2] == pytest.approx([20, 10], abs=1.5)
    np.testing.assert_allclose(found.measures[:, 2], found.area_mm2, rtol=1e-6)
    assert np.isnan(found.measures[:, 3:]).all()
    assert LABELS[int(found.probabilities[large].argmax())] == "green"
    assert found.probabilities[large].max() > 0.9
    # blue and red are of one size: the picture says neither, and neither do the measures
    assert found.probabilities[small, 0] == pytest.approx(found.probabilities[small, 2], abs=0.15)
    assert found.probabilities[small, 1] < 0.1


def test_height_and_mass_tell_what_size_cannot(belt: Draw, drawn_part: Draw, fusing: Classifier) -> None:
    drawn = belt([drawn_part(220, 100, 10, 5, GREY)], length_mm=400)
    scale = MassConfig(upstream_mm=10, length_mm=60)
    frame = drawn.frame(300, CAMERA.rows, 0)
    height = np.zeros(frame.color.shape[:2], np.float32)
    seen = frame.color.sum(axis=2) > 330
    answers: list[str] = []
    # the part lies 80 mm downstream: the scale weighed it 120 mm ago
    for number, (height_mm, grams) in enumerate([(3.0, 10.0), (6.0, 90.0)]):
        height[seen] = height_mm
        mass = np.array([[-1200.0, grams]], np.float32)
        # each time a new pipeline's first frame, so that no older reading counts
        pipeline = VisionPipeline(CAMERA, settings(scale), 200, 10, fusing)
        found = pipeline.process(with_channels(drawn.frame(300, CAMERA.rows, number), height=height.copy(), mass=mass))
        (whole,) = np.flatnonzero(found.area_mm2 > 100).tolist()
        assert found.measures is not None
        assert found.measures[whole, 3] == pytest.approx(height_mm, rel=0.2)  # the rim is lower
        assert found.measures[whole, 4] == pytest.approx(height_mm, rel=0.1)
        assert found.measures[whole, 5] == grams
        answers.append(LABELS[int(found.probabilities[whole].argmax())])
    assert answers == ["red", "blue"]


def test_a_model_without_fusion_measures_and_answers_by_the_picture(
    belt: Draw, drawn_part: Draw, classifier: Classifier
) -> None:
    drawn = belt([drawn_part(220, 60, 30, 15, (60, 170, 60))], length_mm=400)
    found = VisionPipeline(CAMERA, settings(), 200, 10, classifier).process(drawn.frame(300, CAMERA.rows, 0))
    assert found.measures is not None
    assert found.measures[0, 0] == pytest.approx(60, abs=1.5)
    assert LABELS[int(found.probabilities[0].argmax())] == "green"


def test_a_line_scan_camera_cannot_tell_who_was_weighed_alone(fusing: Classifier) -> None:
    strips = CameraConfig(backend="test", geometry="line_scan", mm_per_px=0.5, view_along_mm=160)
    with pytest.raises(NeedsOperator, match="line scan"):
        VisionPipeline(strips, settings(MassConfig(upstream_mm=10, length_mm=60)), 200, 10, fusing)

"""The small detector learns to find drawn squares, and says the same in every layout. Slow: it needs torch."""

from pathlib import Path
from typing import Any, cast, get_args

import numpy as np
import pytest

from controller.cli.measure_detector import look, metrics
from controller.cli.train_detector import read_detector_settings, write_detector
from models import onnx_rules
from models.detector_manifest import Layout
from models.registry import DetectorFile, verify_any
from models.training.detector_data import DetectorScene
from models.training.detector_settings import DetectorSettings
from tests.conftest import REPOSITORY
from vision.detect import Detector
from vision.detector_answers import decode

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

LABELS = ("red", "blue")
SIDE = 128
SETTINGS = DetectorSettings(
    name="squares",
    version="1.0.0",
    seed=1,
    labels=LABELS,
    mm_per_px=1.0,
    side_px=SIDE,
    overlap_px=60,
    scenes=40,
    held_out_scenes=8,
    scene_px=SIDE,
    steps=150,
    batch=4,
)


def drawn_scenes(count: int, seed: int) -> list[DetectorScene]:
    """Noisy belts with one to four squares of two colours, which do not overlap."""
    rng = np.random.default_rng(seed)
    scenes: list[DetectorScene] = []
    for _ in range(count):
        picture = rng.normal(60, 6, (SIDE, SIDE, 3))
        places = rng.choice(4, int(rng.integers(1, 5)), replace=False)
        boxes = np.zeros((len(places), 4), np.float32)
        labels = rng.integers(0, 2, len(places))
        for box, place, label in zip(boxes, places, labels, strict=True):
            side = int(rng.integers(20, 44))
            x, y = (int(v) for v in np.array([place % 2, place // 2]) * 64 + rng.integers(4, 60 - side, 2))
            picture[y : y + side, x : x + side] = ((190, 50, 50), (50, 60, 200))[label]
            box[:] = x, y, x + side, y + side
        scenes.append(
            DetectorScene(picture.clip(0, 255).astype(np.uint8), boxes, labels, np.ones(len(places), np.float32))
        )
    return scenes


def test_it_finds_squares_it_never_saw_and_every_layout_says_the_same(tmp_path: Path) -> None:
    torch = pytest.importorskip("torch")
    from models.training.detector_train import train_detector

    torch.set_num_threads(1)
    learned, held_out = drawn_scenes(SETTINGS.scenes, 1), drawn_scenes(SETTINGS.held_out_scenes, 2)
    losses: list[float] = []
    net = train_detector(
        learned,
        len(LABELS),
        side_px=SIDE,
        steps=SETTINGS.steps,
        batch=SETTINGS.batch,
        learning_rate=4e-3,
        seed=1,
        report=lambda _step, _of, loss: losses.append(loss),
    )
    assert losses[-1] < 0.6 * losses[0]
    best: dict[str, tuple[np.ndarray, int]] = {}
    picture = held_out[0].picture.transpose(2, 0, 1)[None].astype(np.float32) / 255
    for layout in get_args(Layout):
        settings = SETTINGS.model_copy(update={"layout": layout, "name": f"squares-{layout}".replace("_", "-")})
        write_detector(net, settings, learned, held_out, tmp_path, "a test")
        model = verify_any(tmp_path / f"{settings.name}.onnx")
        assert isinstance(model, DetectorFile)
        onnx_rules.checked(model.data, layout)
        detector = Detector(model)
        measured = metrics(look(detector, held_out), LABELS, len(held_out))
        assert measured.found.accuracy >= 0.8
        assert measured.right is not None
        assert measured.right.accuracy >= 0.8
        names = list(model.manifest.output.names)
        outputs = cast("Any", detector)._session.run(names, {"images": picture})
        (answers,) = decode(outputs, model.manifest.output, len(LABELS), SIDE, SIDE)
        first = int(answers.scores.max(axis=1).argmax())
        best[layout] = (answers.boxes[first], int(answers.scores[first].argmax()))
    for box, label in best.values():
        np.testing.assert_allclose(box, best["yolo"][0], atol=0.1)
        assert label == best["yolo"][1]


def test_answers_that_count_must_be_the_same_and_those_that_say_nothing_may_be_any() -> None:
    pytest.importorskip("torch")
    from models.training.detector_export import LARGEST_DIFFERENCE, largest_difference

    nothing = [1e-13, 0.0]
    ours = np.array([[[1, 2, 30, 40, 0.9, 1], [5, 5, 9, 9, 0.4, 0], [60, 60, 70, 70, *nothing]]], np.float32)
    theirs = ours[:, [0, 1, 2]].copy()
    theirs[0, 2] = [0, 100, 8, 108, *nothing]
    assert largest_difference([ours], [theirs], "end_to_end", SIDE) == 0.0
    assert largest_difference([ours], [theirs[:, [1, 0, 2]]], "end_to_end", SIDE) == 0.0
    for changed in ((0, 3), (1, 5)):  # an edge, and a class
        other = theirs.copy()
        other[0, changed[0], changed[1]] += 1
        assert largest_difference([ours], [other], "end_to_end", SIDE) == pytest.approx(1.0)
    one_lost = theirs.copy()
    one_lost[0, 1] = [0, 100, 8, 108, *nothing]
    for way in ((ours, one_lost), (one_lost, ours)):
        assert largest_difference([way[0]], [way[1]], "end_to_end", SIDE) > LARGEST_DIFFERENCE
    logits, boxes = np.array([[[2.0, -3.0], [-30.0, -31.0]]], np.float32), np.full((1, 2, 4), 0.25, np.float32)
    moved = boxes + np.array([[[0.01], [0.5]]], np.float32)
    assert largest_difference([logits, boxes], [logits, moved], "detr", SIDE) == pytest.approx(0.01 * SIDE, rel=1e-3)


def test_the_shipped_recipe_is_read() -> None:
    settings = read_detector_settings(REPOSITORY / "configs" / "training" / "detector.yaml")
    assert settings.overlap_px * settings.mm_per_px > 150

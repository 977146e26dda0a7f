"""The whole vision path on one core: segment + crop + classify + track, 2048 x 512 pixels with 80 parts in view.

The floor is the bare sum of what the path cannot do without, in the same run, on the same pictures, in turn with
the path and as new to the caches: the OpenCV calls (difference from a given background, mask, opening, contours, a box
and the moments of each, one resized square a part, its margin with it) and the onnxruntime run. SENBETSU_BENCH_MODEL
names other models to measure instead of the shipped one (names or paths, separated by commas); the small int8 net of
reference/vision.md is always measured.
"""

import os
import time
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.figures import Figure, report
from benchmarks.small_net import SIZE_PX, small_net
from models.registry import load_session, open_model
from sim.optics import BeltOptics, PlacedPart
from sim.render.parts import make_part
from vision.camera_config import CameraConfig
from vision.classify import Classifier
from vision.crops import MARGIN
from vision.frame import EncoderStamp, Frame
from vision.pipeline import VisionPipeline
from vision.settings import VisionConfig
from vision.track import Tracker, TrackerConfig

PARTS_IN_VIEW = 80
MM_PER_PX = 0.5
ROWS, COLUMNS = 512, 2048
STEP_MM = 50.0
COUNTS_PER_MM = 10.0
PICTURES = 40  # rendered; they pass again and again, the encoder running on
ROUNDS = 15
WARM_UP = 40
CLASSES = ("capacitor_ta", "ic", "connector", "screw", "nut_washer", "battery", "diode", "pcb")


def _pictures(mm_per_px: float = MM_PER_PX) -> tuple[list[NDArray[np.uint8]], NDArray[np.uint8]]:
    """Pictures of a running belt with `PARTS_IN_VIEW` parts in view on average, and one of the empty belt."""
    rng = np.random.default_rng(11)
    view_mm, width_mm = ROWS * mm_per_px, COLUMNS * mm_per_px
    optics = BeltOptics(
        mm_per_px=mm_per_px, view_along_mm=view_mm, belt_width_mm=width_mm, noise_sigma=3.0, seed=4, belt_loop_mm=2000.0
    )
    # One part a cell of a grid: never touching, so that the number of blobs is the number of parts.
    rows = 5
    columns = PARTS_IN_VIEW // rows
    cell_along, cell_across = view_mm / rows, width_mm / columns
    placed: list[PlacedPart] = []
    for row in range(-rows, round(PICTURES * STEP_MM / cell_along) + 1):
        for column in range(columns):
            while True:
                image = make_part(str(rng.choice(CLASSES)), rng, mm_per_px)
                free = np.array([cell_along, cell_across]) / mm_per_px - image.alpha.shape - 8
                if (free > 0).all():
                    break
            shift = rng.uniform(-0.5, 0.5, 2) * free * mm_per_px
            belt_mm, across_mm = (row + 0.5) * cell_along + shift[0], (column + 0.5) * cell_across + shift[1]
            placed.append(PlacedPart(image, belt_mm, across_mm))
    pictures = [
        optics.render(k * STEP_MM, [p for p in placed if -100 < k * STEP_MM - p.belt_mm < view_mm + 100], k)
        for k in range(PICTURES)
    ]
    return pictures, optics.render(0.0, (), PICTURES)


class _Floor:
    """The bare calls, on a picture that the path has just seen."""

    def __init__(self, background: NDArray[np.uint8], session: Any, size_px: int) -> None:
        self._background = cv2.blur(background, (1, 31))
        self._kernel = np.ones((3, 3), np.uint8)
        self._session = session
        self._crops = np.zeros((4 * PARTS_IN_VIEW, size_px, size_px, 3), np.uint8)
        self._input = session.get_inputs()[0].name

    def run(self, color: NDArray[np.uint8], crops: int) -> tuple[float, float]:
        """Seconds in OpenCV, seconds in onnxruntime; `crops` is how many the path classified."""
        start = time.perf_counter()
        difference = cv2.cvtColor(cv2.absdiff(color, self._background), cv2.COLOR_BGR2GRAY)
        _, mask = cv2.threshold(difference, 20, 255, cv2.THRESH_BINARY)
        mask = cv2.morphologyEx(mask, cv2.MORPH_OPEN, self._kernel)
        contours, _ = cv2.findContours(mask, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
        boxes: list[Any] = []
        for contour in contours:
            moments = cv2.moments(contour)
            if moments["m00"] >= 24:
                boxes.append(cv2.boundingRect(contour))
        size = self._crops.shape[1:3]
        for crop, (x, y, w, h) in zip(self._crops[:crops], boxes, strict=False):
            side = round(max(w, h) * (1 + 2 * MARGIN))  # what the classifier must be shown
            top, left = max(0, y + (h - side) // 2), max(0, x + (w - side) // 2)
            cv2.resize(color[top : top + side, left : left + side], size, dst=crop, interpolation=cv2.INTER_AREA)
        middle = time.perf_counter()
        self._session.run(None, {self._input: self._crops[:crops]})
        return middle - start, time.perf_counter() - middle


def _percentiles_ms(samples_s: list[float]) -> tuple[float, float, float]:
    p50, p99, p999 = np.percentile(np.asarray(samples_s) * 1000.0, [50, 99, 99.9])
    return float(p50), float(p99), float(p999)


def _measured(
    name: str, classifier: Classifier, session: Any, pictures: list[NDArray[np.uint8]], background: NDArray[np.uint8],
    rounds: int, at_least_views_per_s: float,
) -> tuple[list[Figure], dict[str, Any]]:  # fmt: skip
    camera = CameraConfig(backend="bench", geometry="area_scan", mm_per_px=MM_PER_PX, view_along_mm=ROWS * MM_PER_PX)
    settings = VisionConfig(model=name, min_area_mm2=6, max_part_mm=120, unknown_below=0.5)
    pipeline = VisionPipeline(camera, settings, COLUMNS * MM_PER_PX, COUNTS_PER_MM, classifier)
    tracker = Tracker(TrackerConfig.of(camera, settings, COUNTS_PER_MM, len(classifier.labels)))
    floor = _Floor(background, session, classifier.size)
    copies = [picture.copy() for picture in pictures]  # the path's own picture would come to the floor from the cache
    path_s: list[float] = []
    opencv_s: list[float] = []
    net_s: list[float] = []
    tracking_s: list[float] = []
    views: list[int] = []
    for k in range(WARM_UP + rounds * PICTURES):
        encoder = round(k * STEP_MM * COUNTS_PER_MM)
        color = pictures[k % PICTURES]
        frame = Frame({"color": color}, EncoderStamp(encoder, "latched"), float(k), k)
        start = time.perf_counter()
        found = pipeline.process(frame)
        middle = time.perf_counter()
        tracker.update(encoder, found, camera.view_along_mm)
        end = time.perf_counter()
        classified = int((found.probabilities.max(axis=1) > 0).sum())
        opencv, net = floor.run(copies[k % PICTURES], classified)
        if k >= WARM_UP:
            path_s.append(end - start)
            tracking_s.append(end - middle)
            opencv_s.append(opencv)
            net_s.append(net)
            views.append(len(found))
    path = _percentiles_ms(path_s)
    floor_ms = _percentiles_ms([a + b for a, b in zip(opencv_s, net_s, strict=True)])
    in_view = float(np.mean(views))
    figures = [
        Figure(f"{name}: path p50", path[0], "ms/picture"),
        Figure(f"{name}: path p99", path[1], "ms/picture"),
        Figure(f"{name}: path p99.9", path[2], "ms/picture"),
        Figure(f"{name}: path p50 over floor p50", path[0] / floor_ms[0], "x", at_most=1.3),
        Figure(f"{name}: part views", in_view / path[0] * 1000, "1/s", at_least=at_least_views_per_s),
    ]
    beside = {
        "opencv p50 ms": round(_percentiles_ms(opencv_s)[0], 3),
        "onnxruntime p50 ms": round(_percentiles_ms(net_s)[0], 3),
        "sum p50 / p99 / p99.9 ms": [round(v, 3) for v in floor_ms],
        "of the path, tracking p50 ms": round(_percentiles_ms(tracking_s)[0], 3),
        "part views a picture, mean": round(in_view, 1),
        "pictures": len(path_s),
        "crop px": classifier.size,
    }
    return figures, {name: beside}


def measure(rounds: int = ROUNDS) -> dict[str, Any]:
    """Milliseconds a picture p50 / p99 / p99.9, over the floor, and part views a second at the median."""
    pictures, background = _pictures()
    figures: list[Figure] = []
    beside: dict[str, Any] = {}
    names = os.environ.get("SENBETSU_BENCH_MODEL", "parts").split(",")
    labels: tuple[str, ...] = ()
    for name in names:
        model = open_model(name)
        classifier = Classifier.from_model(model)
        labels = classifier.labels
        more, its = _measured(name, classifier, load_session(model), pictures, background, rounds, 1500)
        figures += more
        beside |= its
    session = small_net(len(labels))
    more, its = _measured(
        "small int8 net", Classifier(session, labels, SIZE_PX, 1.0), session, pictures, background, rounds, 6000
    )
    return report("vision_path", figures + more, beside | its)

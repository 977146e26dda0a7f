"""What a site gains by teaching, measured in training: a net that never saw a source is taught ten crops a class."""

import hashlib
import tempfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from controller.cli.lesson import lesson_of
from models.files import write_model
from models.lesson import MIN_CROPS
from models.predict import Predictor
from models.registry import verify
from models.teaching import teach
from models.training.dataset import Dataset
from models.training.export import shown, write_fp32
from models.training.leave_out import AfterTeaching
from models.training.net import PartsNet
from models.training.settings import TrainingSettings

CROPS_PER_CLASS = 10


def teach_left_out(net: PartsNet, kept: Dataset, unseen: Dataset, settings: TrainingSettings) -> AfterTeaching:
    """Teaches ten of the `unseen` training photographs a class, and asks about the held-out ones of these classes.

    The collection's split keeps scenes apart. Classes with fewer than five photographs to teach are not asked about.
    """
    photographs = shown(unseen, settings)
    chosen = _ten_a_class(photographs, settings.seed)
    crops, labels = photographs.crops[chosen], [photographs.classes[int(i)] for i in photographs.labels[chosen]]
    digests = [hashlib.sha256(crop.tobytes()).hexdigest() for crop in crops]
    lesson = lesson_of(labels, digests, crops, "sources left out")
    with tempfile.TemporaryDirectory() as folder:
        parent = verify(write_fp32(net, kept, settings, Path(folder)))
        path = Path(folder) / "taught.onnx"
        write_model(path, *teach(parent, lesson, "taught", "leave_out"))
        predictor = Predictor(verify(path))
    asked = photographs.where(photographs.validation & np.isin(photographs.labels, photographs.labels[chosen]))
    right = predictor.probabilities(asked.crops).argmax(axis=1) == asked.labels
    return AfterTeaching(CROPS_PER_CLASS, asked.labels, right)


def _ten_a_class(photographs: Dataset, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng([seed, 0x7EAC])
    rows: list[int] = []
    for label in range(len(photographs.classes)):
        of_class = np.flatnonzero((photographs.labels == label) & ~photographs.validation)
        if len(of_class) >= MIN_CROPS:
            rows += rng.permutation(of_class)[:CROPS_PER_CLASS].tolist()
    return np.array(sorted(rows), np.int64)

"""What a site meets and gains by teaching, measured in training with nets that never saw a source."""

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
from models.training.export import write_fp32
from models.training.leave_out import AfterTeaching, Asked
from models.training.net import PartsNet
from models.training.settings import TrainingSettings
from models.training.train import as_shown_uint8
from vision.stills import part_crop

CROPS_PER_CLASS = 10
_COVERED = 127


def ask_a_site(net: PartsNet, kept: Dataset, unseen: Dataset, settings: TrainingSettings) -> Asked:
    """What a site's first pictures would be taken for, as `senbetsu classify` asks, and what teaching changes.

    Teaches ten of the `unseen` training photographs a class, and asks about the held-out ones of these classes: the
    collection's split keeps scenes apart. Classes with fewer than five photographs to teach are not asked again.
    """
    stills = _stills(unseen, settings.net.size_px)
    with tempfile.TemporaryDirectory() as folder:
        parent = verify(write_fp32(net, kept, settings, Path(folder)))
        logits = Predictor(parent).answers(stills).logits
        chosen = _ten_a_class(unseen, settings.seed)
        labels = [unseen.classes[int(label)] for label in unseen.labels[chosen]]
        digests = [hashlib.sha256(still.tobytes()).hexdigest() for still in stills[chosen]]
        lesson = lesson_of(labels, digests, stills[chosen], "sources left out")
        path = Path(folder) / "taught.onnx"
        write_model(path, *teach(parent, lesson, "taught", "leave_out"))
        predictor = Predictor(verify(path))
    asked = unseen.validation & np.isin(unseen.labels, unseen.labels[chosen])
    right = predictor.probabilities(stills[asked]).argmax(axis=1) == unseen.labels[asked]
    return Asked(logits, AfterTeaching(CROPS_PER_CLASS, unseen.labels[asked], right))


def _stills(photographs: Dataset, size_px: int) -> NDArray[np.uint8]:
    """The photographs as `vision.stills` frames them, uint8 [N, 2, size_px, size_px, 3]: their objects are cut out."""
    whole = as_shown_uint8(photographs.crops, size_px)
    framed = np.stack([whole, whole], axis=1)
    for row in np.flatnonzero(photographs.cover_of >= 0).tolist():
        cover = (photographs.covers[photographs.cover_of[row]] > _COVERED).view(np.uint8)
        if cover.any():
            framed[row, 1] = part_crop(photographs.crops[row, ..., ::-1], cover, size_px)[0]
    return framed


def _ten_a_class(photographs: Dataset, seed: int) -> NDArray[np.int64]:
    rng = np.random.default_rng([seed, 0x7EAC])
    rows: list[int] = []
    for label in range(len(photographs.classes)):
        of_class = np.flatnonzero((photographs.labels == label) & ~photographs.validation)
        if len(of_class) >= MIN_CROPS:
            rows += rng.permutation(of_class)[:CROPS_PER_CLASS].tolist()
    return np.array(sorted(rows), np.int64)

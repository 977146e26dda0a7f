"""What is written beside an ONNX file: what it takes, what it says, what it was taught, how good it is."""

from typing import Annotated, Literal, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

Evidence = Literal["real photographs", "real photographs and rendered", "rendered only"]
Kind = Literal["real", "rendered"]
Precision = Literal["fp32", "int8"]
UnknownMethod = Literal["softmax", "softmax_and_neighbours"]
ClassId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
ModelName = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
Version = Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
Digest = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
MeasureName = Literal["length_mm", "width_mm", "area_mm2", "mean_height_mm", "max_height_mm", "mass_g"]


class Record(BaseModel):
    """A piece of a manifest: frozen, without unknown fields, infinities or NaN."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelInput(Record):
    """The one input of the net: uint8 [N, size_px, size_px, 3], N free; `channels` of the frame it is cut from."""

    name: str = Field(min_length=1)
    size_px: int = Field(ge=16, le=512)
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    color_order: Literal["RGB"] = "RGB"
    channels: tuple[Literal["color"], ...] = Field(default=("color",), min_length=1, max_length=1)


class ModelOutput(Record):
    """The answer of the net: float32 [N, number of labels], before the softmax."""

    name: str = Field(min_length=1)
    content: Literal["logits"] = "logits"
    dtype: Literal["float32"] = "float32"


class Embedding(Record):
    """The second output of the net: float32 [N, size], the pooled features that the head weighs.

    A model with it keeps exemplars of what it was taught (`models.memory`), can be taught more, and can tell what
    is like none of them.
    """

    name: str = Field(min_length=1)
    size: int = Field(ge=8, le=2048)


class Unknown(Record):
    """How a crop that shows none of the classes is told: its score is above `threshold` (`models.unknown`).

    `softmax`: 1 - the largest probability. `softmax_and_neighbours`: to that is added `distance_weight` times the
    mean cosine distance to the `neighbours` nearest exemplars of the answered class. `accepted` of the held-out
    crops of known classes lie at or below the threshold.
    """

    method: UnknownMethod
    threshold: float
    accepted: Share
    neighbours: int = Field(default=3, ge=1, le=64)
    distance_weight: float = Field(default=0.0, ge=0.0)


class Accuracy(Record):
    """Right answers among `count` crops that training never saw."""

    accuracy: Share
    count: int = Field(ge=1)

    @classmethod
    def of(cls, right: NDArray[np.bool_]) -> Self:
        """From what was right, bool [N]; at least one."""
        return cls(accuracy=float(right.mean()), count=len(right))


class Density(Record):
    """How the measures of a class are distributed: a mixture of Gaussians over their natural logarithms.

    Component k has the share `shares[k]`, the mean `means[k]` and the covariance whose lower triangle, row by row, is
    `covariances[k]`; the order is that of the fusion's `measures`.
    """

    shares: tuple[Share, ...] = Field(min_length=1, max_length=8)
    means: tuple[tuple[float, ...], ...]
    covariances: tuple[tuple[float, ...], ...]


class FusionLevel(Record):
    """How measures weigh beside the picture where exactly these are there.

    Fitted on held-out crops of rendered belts; `accuracy`, `ece` and `accuracy_of_color` (the picture alone) are of
    others of them. `unknown_threshold` takes the place of `unknown.threshold`.
    """

    measures: tuple[MeasureName, ...] = Field(min_length=1)
    temperature: float = Field(gt=0.0)
    weight: float = Field(ge=0.0, le=4.0)
    unknown_threshold: float | None = None
    accuracy: Accuracy
    accuracy_of_color: Share
    ece: Share
    ece_of_color: Share


class Fusion(Record):
    """What the measures of a part say of its class, beside its picture (`models.fusion`).

    A class that `classes` leaves out has the density `broad`: its measures say nothing for or against it. Of any class
    the share `outliers` is distributed as `broad`, so that no measure can exclude a class.
    """

    measures: tuple[MeasureName, ...] = Field(min_length=1)
    classes: dict[ClassId, Density]
    broad: Density
    outliers: float = Field(gt=0.0, lt=1.0)
    levels: tuple[FusionLevel, ...] = Field(min_length=1)
    source: str = Field(description="where the measures that this was fitted to come from")

    @model_validator(mode="after")
    def _shapes_agree(self) -> Self:
        width = len(self.measures)
        if len(set(self.measures)) != width:
            raise ValueError("fusion.measures are not unique")
        for name, density in (*self.classes.items(), ("broad", self.broad)):
            parts = len(density.shares)
            if len(density.means) != parts or len(density.covariances) != parts:
                raise ValueError(f"fusion of {name!r} has another number of means or covariances than of shares")
            if any(len(mean) != width for mean in density.means):
                raise ValueError(f"fusion of {name!r} has a mean of other measures")
            if any(len(covariance) != width * (width + 1) // 2 for covariance in density.covariances):
                raise ValueError(f"fusion of {name!r} has a covariance of other measures")
            if not 0.999 <= sum(density.shares) <= 1.001:
                raise ValueError(f"the shares of fusion of {name!r} do not add up to 1")
        if any(not set(level.measures) <= set(self.measures) for level in self.levels):
            raise ValueError("a level of fusion needs measures that fusion.measures leaves out")
        return self


class Parent(Record):
    """The model that a taught one was made from."""

    name: ModelName
    version: Version
    sha256: Digest


class Preprocessing(Record):
    """What the graph does to the pixels itself, (pixel / 255 - mean) / std a channel, and what the crop must be."""

    description: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TrainingSource(Record):
    """One origin of training pictures; `count` is the number of training crops a class.

    `sha256` has, a class, the digest over the sorted digests of its crops' files (one lower-case hex digest a line),
    where the crops are not public: it tells whether a folder still holds what was taught.
    """

    source: str
    licence: str
    attribution: str
    kind: Kind
    count: dict[ClassId, int]
    sha256: dict[ClassId, Digest] | None = None


class LeftOut(Record):
    """Accuracy on one source of a model that was trained without it.

    Over the classes that have photographs of another source; or, `rendered_only`, over those that have none, which
    the model knows from rendered pictures alone.
    """

    source: str
    rendered_only: bool = False
    measured: Accuracy
    per_class: dict[ClassId, Accuracy]


class TaughtElsewhere(Record):
    """Accuracy on sources left out after teaching `crops_per_class` of their crops, scenes kept apart."""

    crops_per_class: int = Field(ge=1)
    measured: Accuracy
    per_class: dict[ClassId, Accuracy]


class LeaveOneSourceOut(Record):
    """What comes nearest to another site: every source once left out of training and then answered.

    Over the classes that have photographs of another source: `overall` counts every crop once, `mean_of_classes`
    every class of every source alike.
    """

    overall: Accuracy
    mean_of_classes: Share
    sources: tuple[LeftOut, ...] = Field(min_length=1)
    taught: TaughtElsewhere | None = None


class UnknownMetrics(Record):
    """How well `unknown` tells known classes from other things; `described` says which things were shown."""

    auroc: Share
    accuracy_at_95_coverage: Share = Field(description="right answers among the 95 % of known crops most like known")
    known: int = Field(ge=1)
    others: int = Field(ge=1)
    described: str


class Taught(Record):
    """What teaching changed, cross-validated: exemplars of the parent's classes, and the crops taught.

    `new` is measured on the taught crops, folds apart. The parent's own answers on the same old exemplars are
    `old_before`; the parent has seen those in training, so that only the difference to `old_after` says something.
    """

    old_before: Accuracy
    old_after: Accuracy
    new: Accuracy
    new_per_class: dict[ClassId, Accuracy]
    accepted: Accuracy = Field(description="share of the taught crops that is not taken for unknown")


class Metrics(Record):
    """Measured on the validation crops (real ones: the holdout split; rendered ones: seeds of their own)."""

    overall: Accuracy
    real: Accuracy | None
    rendered: Accuracy | None
    per_class: dict[ClassId, Accuracy]
    ece_before: Share = Field(description="expected calibration error, 15 bins, temperature 1")
    ece_after: Share = Field(description="the same with the manifest's temperature")
    leave_one_source_out: LeaveOneSourceOut | None = None
    unknown: UnknownMetrics | None = None
    taught: Taught | None = None
    warning: str = Field(description="what these figures do not say")


class CreatedBy(Record):
    """How to make the file again."""

    command: str
    packages: dict[str, str]
    seed: int


class ModelCard(Record):
    """What is said of a model of any kind: its name, its classes, where it comes from, which file it is."""

    name: ModelName
    version: Version
    labels: tuple[ClassId, ...] = Field(min_length=2)
    evidence: dict[ClassId, Evidence]
    training_data: tuple[TrainingSource, ...] = Field(min_length=1)
    opset: int = Field(ge=1)
    size_bytes: int = Field(ge=1)
    sha256: Digest
    created_by: CreatedBy

    @model_validator(mode="after")
    def _labels_agree(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels are not unique")
        if set(self.evidence) != set(self.labels):
            raise ValueError("evidence must name exactly the labels")
        for source in self.training_data:
            if not set(source.count) <= set(self.labels):
                raise ValueError(f"training source {source.source!r} counts classes that are no labels")
        return self


class Manifest(ModelCard):
    """Everything that the line needs to know of a classifier; `models.registry` checks the file against it.

    Class probabilities are softmax(logits / temperature), in the order of `labels`.
    """

    kind: Literal["classifier"] = "classifier"
    input: ModelInput
    output: ModelOutput
    embedding: Embedding | None = None
    precision: Precision = "fp32"
    preprocessing: Preprocessing
    temperature: float = Field(gt=0.0)
    unknown: Unknown | None = None
    fusion: Fusion | None = None
    parent: Parent | None = None
    metrics: Metrics

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if not set(self.metrics.per_class) <= set(self.labels):
            raise ValueError("metrics.per_class names classes that are no labels")
        if self.unknown and self.unknown.method == "softmax_and_neighbours" and not self.embedding:
            raise ValueError("unknown.method softmax_and_neighbours needs an embedding")
        if self.fusion and not set(self.fusion.classes) <= set(self.labels):
            raise ValueError("fusion.classes names classes that are no labels")
        return self

"""What is written beside an ONNX file: what it takes, what it says, what it was taught, how good it is."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

Evidence = Literal["real photographs", "real photographs and rendered", "rendered only"]
Kind = Literal["real", "rendered"]
ClassId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Share = Annotated[float, Field(ge=0.0, le=1.0)]


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ModelInput(_Record):
    """The one input of the net: uint8 [N, size_px, size_px, 3], N free."""

    name: str = Field(min_length=1)
    size_px: int = Field(ge=16, le=512)
    layout: Literal["NHWC"] = "NHWC"
    dtype: Literal["uint8"] = "uint8"
    color_order: Literal["RGB"] = "RGB"


class ModelOutput(_Record):
    """The one output of the net: float32 [N, number of labels], before the softmax."""

    name: str = Field(min_length=1)
    content: Literal["logits"] = "logits"
    dtype: Literal["float32"] = "float32"


class Preprocessing(_Record):
    """What the graph does to the pixels itself, (pixel / 255 - mean) / std a channel, and what the crop must be."""

    description: str
    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class TrainingSource(_Record):
    """One origin of training pictures; `count` is the number of training crops a class."""

    source: str
    licence: str
    attribution: str
    kind: Kind
    count: dict[ClassId, int]


class Accuracy(_Record):
    """Right answers among `count` crops that training never saw."""

    accuracy: Share
    count: int = Field(ge=1)


class Metrics(_Record):
    """Measured on the validation crops (real ones: the holdout split; rendered ones: seeds of their own)."""

    overall: Accuracy
    real: Accuracy | None
    rendered: Accuracy | None
    per_class: dict[ClassId, Accuracy]
    ece_before: Share = Field(description="expected calibration error, 15 bins, temperature 1")
    ece_after: Share = Field(description="the same with the manifest's temperature")
    warning: str = Field(description="what these figures do not say")


class CreatedBy(_Record):
    """How to make the file again."""

    command: str
    packages: dict[str, str]
    seed: int


class Manifest(_Record):
    """Everything that the line needs to know of a model; `models.registry` checks the file against it.

    Class probabilities are softmax(logits / temperature), in the order of `labels`.
    """

    name: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$")]
    version: Annotated[str, Field(pattern=r"^\d+\.\d+\.\d+$")]
    labels: tuple[ClassId, ...] = Field(min_length=2)
    input: ModelInput
    output: ModelOutput
    preprocessing: Preprocessing
    temperature: float = Field(gt=0.0)
    evidence: dict[ClassId, Evidence]
    training_data: tuple[TrainingSource, ...] = Field(min_length=1)
    metrics: Metrics
    opset: int = Field(ge=1)
    size_bytes: int = Field(ge=1)
    sha256: Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
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
        if not set(self.metrics.per_class) <= set(self.labels):
            raise ValueError("metrics.per_class names classes that are no labels")
        return self

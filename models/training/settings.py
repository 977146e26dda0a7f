"""What a training run is told; `configs/training/*.yaml` is this, written down. Needs no torch."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.manifest import ClassId


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RealData(_Section):
    """Photographs, one object each, listed by a provenance.csv."""

    folder: str = Field(description="Folder of provenance.csv, relative to the configuration file.")
    classes: dict[str, ClassId] = Field(min_length=1, description="Class of the collection -> class of the model.")
    attributions: dict[str, str] = Field(description="Source repository -> attribution for the manifest.")


class RenderedData(_Section):
    """Crops that the line's own segmentation cuts out of rendered belts."""

    classes: tuple[ClassId, ...] = Field(min_length=1, description="Classes that the renderer draws.")
    train_per_class: int = Field(ge=1, description="Crops a class to train on.")
    validation_per_class: int = Field(ge=1, description="Crops a class, from scenes of their own, to measure with.")
    mm_per_px: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        description="Range of resolutions, smallest first."
    )

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.mm_per_px[0] > self.mm_per_px[1]:
            raise ValueError("mm_per_px must name the smaller number first")
        return self


class NetSettings(_Section):
    """Shape of the net."""

    size_px: int = Field(default=64, ge=16, le=256, description="Side of the square crop.")
    widths: tuple[int, ...] = Field(default=(16, 32, 64, 96), min_length=1, description="Channels of each stage.")


class Schedule(_Section):
    """Length and step of the optimisation."""

    epochs: int = Field(ge=1, description="Passes over as many crops as the training set holds.")
    half_size_epochs: int = Field(
        default=0,
        ge=0,
        description="How many of these, the first, see crops of half the size: four times faster.",
    )
    batch: int = Field(default=128, ge=2, description="Crops a step.")
    learning_rate: float = Field(default=4e-3, gt=0, description="Highest rate of the one-cycle cosine.")
    weight_decay: float = Field(default=0.02, ge=0, description="AdamW's decay.")
    label_smoothing: float = Field(default=0.02, ge=0, lt=1, description="Share spread over all classes.")
    threads: int = Field(default=2, ge=1, le=64, description="CPU threads that torch may use.")

    @model_validator(mode="after")
    def _half_size_epochs_are_epochs(self) -> Self:
        if self.half_size_epochs > self.epochs:
            raise ValueError("half_size_epochs exceeds epochs")
        return self


class TrainingSettings(_Section):
    """One model to be trained."""

    name: str = Field(pattern=r"^[a-z0-9][a-z0-9_.-]*$", description="Name in the registry.")
    version: str = Field(pattern=r"^\d+\.\d+\.\d+$", description="Version in the manifest.")
    seed: int = Field(ge=0, description="Decides every random choice of the run.")
    labels: tuple[ClassId, ...] = Field(min_length=2, description="Classes in the order of the net's outputs.")
    net: NetSettings = NetSettings()
    schedule: Schedule
    real: RealData | None = Field(default=None, description="Photographs; without them rendered crops alone.")
    rendered: RenderedData | None = Field(default=None, description="Rendered crops; without them photographs alone.")

    @model_validator(mode="after")
    def _every_label_has_data(self) -> Self:
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels are not unique")
        offered = set(self.real.classes.values() if self.real else ()) | set(
            self.rendered.classes if self.rendered else ()
        )
        if offered != set(self.labels):
            raise ValueError(
                f"labels without data: {sorted(set(self.labels) - offered)}; "
                f"data without a label: {sorted(offered - set(self.labels))}"
            )
        return self

"""What a training run is told; `configs/training/*.yaml` is this, written down. Needs no torch."""

from typing import Annotated, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.manifest import ClassId, ModelName, Version

OTHER: ClassId = "other"
"""The class of what is none of the others (models/classes.yaml)."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class RealData(_Section):
    """Photographs, one object each, listed by a provenance.csv."""

    folder: str = Field(description="Folder of provenance.csv, relative to the configuration file.")
    classes: dict[str, ClassId] = Field(min_length=1, description="Class of the collection -> class of the model.")
    attributions: dict[str, str] = Field(description="Source repository -> attribution for the manifest.")


class RenderedData(_Section):
    """Pictures of rendered parts: photograph-like ones, and crops that the line's segmentation cuts from belts."""

    classes: tuple[ClassId, ...] = Field(min_length=1, description="Classes that the renderer draws.")
    photographs_per_class: int = Field(ge=1, description="Photograph-like pictures a class to train on.")
    belt_crops_per_class: int = Field(ge=1, description="Crops cut from belts a class to train on.")
    validation_per_class: int = Field(ge=1, description="Belt crops a class, of shapes never trained on, to measure.")
    mm_per_px: tuple[Annotated[float, Field(gt=0)], Annotated[float, Field(gt=0)]] = Field(
        description="Range of the belt camera's resolutions, smallest first."
    )
    overlap: float = Field(default=0.1, ge=0, lt=1, description="Share of belt parts that touch or lie on others.")

    @model_validator(mode="after")
    def _range_is_ordered(self) -> Self:
        if self.mm_per_px[0] > self.mm_per_px[1]:
            raise ValueError("mm_per_px must name the smaller number first")
        return self


class NetSettings(_Section):
    """Shape of the net."""

    backbone: Literal["efficientnet_lite0", "plain"] = Field(
        default="plain",
        description="efficientnet_lite0: pretrained on ImageNet, transfers to new sources. plain: small and fast.",
    )
    size_px: int = Field(default=64, ge=32, le=256, description="Side of the square crop.")
    widths: tuple[int, ...] = Field(
        default=(16, 32, 64, 96), min_length=1, description="Channels of each stage of the plain net."
    )
    frozen_blocks: int = Field(
        default=0, ge=0, le=15, description="How many of a pretrained backbone's first blocks stay as they are."
    )

    @model_validator(mode="after")
    def _only_what_is_pretrained_stays(self) -> Self:
        if self.frozen_blocks and self.backbone == "plain":
            raise ValueError("frozen_blocks needs a pretrained backbone; plain starts from nothing")
        return self


class Cycle(_Section):
    """One rise and fall of the learning rate."""

    steps: int = Field(ge=1, description="Batches to train on.")
    size_px: int | None = Field(default=None, ge=16, le=256, description="Side of the crops; empty: the net's own.")
    last_steps: int = Field(default=0, ge=0, description="How many of the steps, the last, see crops of the net's own.")
    learning_rate: float = Field(default=4e-4, gt=0, description="Highest rate of the one-cycle cosine.")
    strength: float = Field(default=1.0, ge=0, le=1, description="How much crops are changed; 1 is most.")

    @model_validator(mode="after")
    def _last_steps_are_steps(self) -> Self:
        if self.last_steps > self.steps:
            raise ValueError("last_steps exceeds steps")
        return self


class Schedule(_Section):
    """Length and step of the optimisation."""

    cycles: tuple[Cycle, ...] = Field(min_length=1, description="One after the other, each from where the last ended.")
    batch: int = Field(default=64, ge=2, description="Crops a step.")
    head_rate_factor: float = Field(default=10.0, gt=0, description="The new head's rate over that of the rest.")
    weight_decay: float = Field(default=0.02, ge=0, description="AdamW's decay.")
    keep_features: float = Field(
        default=0.0,
        ge=0,
        description="Weight of staying near the features that a pretrained backbone had; 0 lets them go.",
    )
    features_px: int | None = Field(
        default=None,
        ge=16,
        le=256,
        description="Side of the crops that the pretrained backbone sees, for features to keep; empty: the net's own.",
    )
    foreign: float = Field(
        default=0.0,
        ge=0,
        description="Weight of taking for `other` what the pretrained backbone knows and no class is; 0 leaves it out.",
    )
    bare_share: float = Field(
        default=0.0, ge=0, lt=1, description="Share of the crops of `other` that show a bare ground, no part on it."
    )
    label_smoothing: float = Field(default=0.05, ge=0, lt=1, description="Share spread over all classes.")
    paste_share: float = Field(
        default=0.6, ge=0, le=1, description="Share of cut-out photographs that are pasted onto another ground."
    )
    average: float = Field(default=0.99, ge=0, lt=1, description="Decay of the running mean of the weights; 0 off.")
    threads: int = Field(default=2, ge=1, le=64, description="CPU threads that torch may use.")
    checkpoint_steps: int = Field(default=100, ge=1, description="Steps after which an interrupted run resumes.")


class LeaveOut(_Section):
    """Trainings without some sources, to measure with those: what comes nearest to another site."""

    folds: tuple[tuple[str, ...], ...] = Field(
        min_length=1, description="Sources left out together; a fold leaves every class another source where it can."
    )
    cycles: tuple[Cycle, ...] = Field(min_length=1, description="Of each of these trainings: shorter ones will do.")


class TrainingSettings(_Section):
    """One model to be trained."""

    name: ModelName = Field(description="Name in the registry.")
    version: Version = Field(description="Version in the manifest.")
    seed: int = Field(ge=0, description="Decides every random choice of the run.")
    labels: tuple[ClassId, ...] = Field(min_length=2, description="Classes in the order of the net's outputs.")
    net: NetSettings = NetSettings()
    schedule: Schedule
    real: RealData | None = Field(default=None, description="Photographs; without them rendered crops alone.")
    rendered: RenderedData | None = Field(default=None, description="Rendered crops; without them photographs alone.")
    leave_out: LeaveOut | None = Field(default=None, description="Leave-one-source-out; without it not measured.")
    teacher: str | None = Field(default=None, description="Model whose answers a small net learns besides the labels.")
    exemplars_per_class: int = Field(default=40, ge=2, le=400, description="Embeddings kept for later teaching.")

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

    @model_validator(mode="after")
    def _only_pretrained_features_are_kept(self) -> Self:
        schedule = self.schedule
        if self.net.backbone == "plain":
            for name in ("keep_features", "foreign"):
                if getattr(schedule, name):
                    raise ValueError(f"schedule.{name} needs a pretrained backbone; plain starts from nothing")
        if schedule.features_px and not schedule.keep_features:
            raise ValueError("schedule.features_px says how features are seen, and keep_features is 0")
        return self

    @model_validator(mode="after")
    def _only_other_is_everything_else(self) -> Self:
        for name in ("foreign", "bare_share"):
            if getattr(self.schedule, name) and OTHER not in self.labels:
                raise ValueError(f"schedule.{name} gives crops of {OTHER!r}, which is no label")
        return self

    @model_validator(mode="after")
    def _only_photographs_are_left_out(self) -> Self:
        known = set(self.real.attributions) if self.real else set[str]()
        named = {source for fold in (self.leave_out.folds if self.leave_out else ()) for source in fold}
        if not named <= known:
            raise ValueError(f"leave_out names sources that real.attributions does not: {sorted(named - known)}")
        return self

"""The `vision.health:` part of the configuration: what is watched of the pictures and the parts, with limits."""

from typing import Self

from pydantic import BaseModel, Field, model_validator


class Limits(BaseModel, frozen=True, extra="forbid"):
    """Two limits of one metric, and how long it must be beyond one of them, or back, before that is said."""

    warn: float = Field(ge=0, title="Warning", description="Beyond this a warning stands.")
    alarm: float = Field(ge=0, title="Alarm", description="Beyond this an alarm stands.")
    for_s: float = Field(
        default=3.0, ge=0, title="For", description="Seconds that the metric must stay there before the state changes."
    )
    hysteresis: float = Field(
        default=0.1,
        ge=0,
        lt=1,
        title="Hysteresis",
        description="Share of a limit by which the metric must come back before the limit counts as kept again.",
    )


class LowLimits(Limits, frozen=True, extra="forbid"):
    """Limits that a metric must not fall below."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.alarm > self.warn:
            raise ValueError(f"alarm ({self.alarm:g}) must not be above warn ({self.warn:g}): lower is worse here")
        return self


class HighLimits(Limits, frozen=True, extra="forbid"):
    """Limits that a metric must not exceed."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.alarm < self.warn:
            raise ValueError(f"alarm ({self.alarm:g}) must not be below warn ({self.warn:g}): higher is worse here")
        return self


class PatchConfig(BaseModel, frozen=True, extra="forbid"):
    """A patch of known colour in the camera's view, fixed beside the belt: what it looks like, the light looks like."""

    along_mm: float = Field(ge=0, title="Along", description="Its upstream edge, downstream of the camera's datum.")
    across_mm: float = Field(title="Across", description="Its left edge, from the belt's left edge.")
    length_mm: float = Field(gt=0, title="Length", description="Its extent along the belt.")
    width_mm: float = Field(gt=0, title="Width", description="Its extent across the belt.")
    bgr: tuple[float, float, float] = Field(
        title="Colour",
        description="Mean blue, green and red of the patch, grey levels 0 to 255, in a picture taken when the light "
        "was set up.",
    )

    @model_validator(mode="after")
    def _grey_levels(self) -> Self:
        if not all(0 <= level <= 255 for level in self.bgr):
            raise ValueError(f"bgr {list(self.bgr)}: a grey level is 0 to 255")
        return self


class ClassMixConfig(BaseModel, frozen=True, extra="forbid"):
    """How the mix of classes is compared with what it should be."""

    reference: dict[str, float] | None = Field(
        default=None,
        title="Reference",
        description="Relative share of each class, by pieces; left out, the first parts of a run are the reference.",
    )
    learn_parts: int = Field(
        default=1000,
        ge=50,
        title="Parts to learn",
        description="First parts that make the reference where none is set.",
    )
    window_parts: int = Field(
        default=500, ge=50, title="Window", description="Newest parts that are compared with the reference."
    )
    limits: HighLimits | None = Field(
        default=HighLimits(warn=0.2, alarm=0.4, for_s=5.0),
        title="Limits",
        description="Population stability index; 0.1 is commonly called a small and 0.25 a large shift.",
    )

    @model_validator(mode="after")
    def _shares(self) -> Self:
        if self.reference is not None:
            if any(not 0 <= share < float("inf") for share in self.reference.values()):
                raise ValueError("reference: a share must be 0 or more")
            if sum(self.reference.values()) <= 0:
                raise ValueError("reference: all shares are 0")
        return self


class HealthConfig(BaseModel, frozen=True, extra="forbid"):
    """What is watched; a metric whose limits are null is shown and never alarms."""

    every_frames: int = Field(
        default=5, ge=1, title="Every", description="Every how many pictures one is looked at, after its result is out."
    )
    learn_looks: int = Field(
        default=60,
        ge=1,
        title="Looks to learn",
        description="First looks whose mean is the reference of brightness, focus and blur where none is set.",
    )
    brightness_reference: float | None = Field(
        default=None,
        gt=0,
        le=255,
        title="Brightness reference",
        description="Grey level of the bare belt in good light; the summary of a good run gives it.",
    )
    focus_reference: float | None = Field(
        default=None,
        gt=0,
        le=1,
        title="Focus reference",
        description="Sharpness of the parts in a good picture; the summary of a good run gives it.",
    )
    patch: PatchConfig | None = Field(
        default=None,
        title="Reference patch",
        description="A patch of known colour in view; none is looked for without.",
    )
    focus: LowLimits | None = Field(
        default=LowLimits(warn=0.7, alarm=0.5),
        title="Focus",
        description="Sharpness across the belt, of its reference.",
    )
    motion_blur: LowLimits | None = Field(
        default=LowLimits(warn=0.7, alarm=0.5),
        title="Motion blur",
        description="Sharpness along the belt over that across it, of the reference: a long exposure smears along.",
    )
    too_dark: LowLimits | None = Field(
        default=LowLimits(warn=0.75, alarm=0.5),
        title="Too dark",
        description="Grey level of the belt, of its reference.",
    )
    too_bright: HighLimits | None = Field(
        default=HighLimits(warn=1.3, alarm=1.6),
        title="Too bright",
        description="Grey level of the belt, of its reference.",
    )
    saturated: HighLimits | None = Field(
        default=HighLimits(warn=0.03, alarm=0.1),
        title="Saturated",
        description="Share of the picture with a colour at its top: nothing can be told there.",
    )
    patch_drift: HighLimits | None = Field(
        default=HighLimits(warn=10, alarm=25),
        title="Patch drift",
        description="Largest difference of a colour of the reference patch from its calibration, grey levels.",
    )
    stale_frames: HighLimits | None = Field(
        default=HighLimits(warn=0.05, alarm=0.25),
        title="Stale frames",
        description="Share of frames that were repeated, frozen or out of order, and not processed.",
    )
    unknown_rate: HighLimits | None = Field(
        default=HighLimits(warn=0.3, alarm=0.5, for_s=5.0),
        title="Unknown rate",
        description="Share of the newest parts (`class_mix.window_parts`) that no class explains.",
    )
    parts_per_frame: HighLimits | None = Field(
        default=None, title="Parts a frame", description="Mean number of parts in view: beyond it they touch too often."
    )
    class_mix: ClassMixConfig = Field(
        default=ClassMixConfig(), title="Class mix", description="Whether what comes is what used to come."
    )

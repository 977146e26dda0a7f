"""The `vision:` part of the configuration: which model, and what counts as a part."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, Field, model_validator

from vision.health_config import HealthConfig
from vision.odd_config import OddPartsConfig
from vision.weighing import MassConfig


class SegmentationConfig(BaseModel, frozen=True, extra="forbid"):
    """Thresholds that tell a part from the belt; the defaults suit a dark, matt belt."""

    contrast: int = Field(
        default=14,
        ge=2,
        le=255,
        title="Contrast",
        description="Grey levels, summed over the three colour channels, by which a part differs from the belt "
        "beyond the belt's own noise.",
    )
    noise_sigmas: float = Field(
        default=3.0,
        ge=0,
        title="Noise factor",
        description="Standard deviations of the belt's own variation that do not count as contrast.",
    )
    open_px: int = Field(
        default=1,
        ge=1,
        le=15,
        title="Opening",
        description="Side of the square that removes specks and thin bridges, and with them thin legs and the thin "
        "seams by which a part the colour of the belt holds together; 1 switches it off.",
    )
    split_solidity: float = Field(
        default=0.95,
        ge=0,
        le=1,
        title="Split below this solidity",
        description="A blob that fills less of its convex hull than this is examined for touching parts; 0 never.",
    )
    split_above: float = Field(
        default=0.97,
        gt=0,
        le=1,
        title="Split above this probability",
        description="How probable it must be that a cut separates two parts for it to be made.",
    )
    clump_above: float = Field(
        default=0.95,
        gt=0,
        le=1,
        title="Clump above this probability",
        description="A blob whose likeliest cut is not made, but more probable than this, is flagged as a clump: its "
        "parts go to the unknown outlet.",
    )
    height_above_mm: float = Field(
        default=0.6,
        gt=0,
        title="Height",
        description="Millimetres above the belt from which the height channel shows a part, whatever its colour; "
        "without effect where the camera gives no height.",
    )
    seam_mm: float = Field(
        default=8.0,
        ge=0,
        title="Widest seam",
        description="A straight band across the whole belt, longer than the longest part and at most this wide along "
        "the belt, is a belt seam and no part; 0 where there are none.",
    )
    learn_frames: int = Field(
        default=20,
        ge=1,
        title="Frames to learn the belt",
        description="Pictures over which the belt's colours are learned before they adapt slowly only.",
    )
    adapt_rate: float = Field(
        default=0.02,
        ge=0,
        le=1,
        title="Adaptation",
        description="Share by which every later picture moves the belt's colours, from bare belt only; 0 freezes them.",
    )


class TrackingConfig(BaseModel, frozen=True, extra="forbid"):
    """How views of one part in several pictures are brought together."""

    gate_mm: float = Field(
        default=8.0, gt=0, title="Gate", description="Farthest that a part may move on the belt between two pictures."
    )
    decide_at: float = Field(
        default=0.9,
        gt=0,
        le=1,
        title="Decide line",
        description="Share of the view, from its upstream edge, at which a part's downstream edge makes it decided.",
    )
    sliding_mm: float = Field(
        default=3.0,
        gt=0,
        title="Sliding",
        description="Displacement on the belt over a part's views from which it counts as sliding; as rolling, if its "
        "outline changes by as much or the displacement is not steady.",
    )
    act_within_mm: float = Field(
        default=25.0,
        gt=0,
        title="Act within",
        description="A part that slides or rolls and whose place at the valves is less sure than this (one standard "
        "deviation, along or across) is not shot at but counted as missed.",
    )


class VisionConfig(BaseModel, frozen=True, extra="forbid"):
    """What vision does with every picture."""

    model: str = Field(
        title="Model",
        description="Name of a model in the registry, or the path of its ONNX file. Its manifest says whether it is a "
        "classifier, or a detector that takes the place of segmentation too.",
    )
    trusted_keys: tuple[Path, ...] = Field(
        default=(),
        title="Trusted keys",
        description="Files of public Ed25519 keys, as `senbetsu models keygen` makes them. Where there are any, the "
        "line runs only models that one of them signed.",
    )
    shadow_model: str | None = Field(
        default=None,
        title="Shadow model",
        description="Name or path of a second model that is asked about some of the same parts and decides nothing: "
        "how it differs is counted before it is released. Empty: none.",
    )
    shadow_share: float = Field(
        default=0.1,
        gt=0,
        le=0.5,
        title="Shadow's share",
        description="Share of the classified parts that the shadow model looks at, and at most of the time it takes.",
    )
    min_area_mm2: float = Field(
        gt=0, title="Smallest part", description="Blobs that cover less of the belt are dirt and are not reported."
    )
    max_part_mm: float = Field(
        gt=0,
        title="Longest part",
        description="A blob longer than this along the belt, or never seen whole, is reported as oversize.",
    )
    expected_mix: dict[str, Annotated[float, Field(gt=0)]] | None = Field(
        default=None,
        title="Expected mix",
        description="Relative share of each class on this line, by pieces, which the model's answers are weighed by; "
        "classes left out share unexpected_share. Empty: every class is as likely as any other.",
    )
    unexpected_share: float = Field(
        default=0.05,
        gt=0,
        lt=1,
        title="Unexpected share",
        description="Share of the pieces that are of the classes which expected_mix leaves out, all together.",
    )
    unknown_below: float = Field(
        ge=0, le=1, title="Unknown below", description="A part whose best class is less probable than this is unknown."
    )
    preview_hz: float = Field(
        default=5.0, ge=0, title="Preview rate", description="Small pictures a second for people to see; 0 sends none."
    )
    mass: MassConfig | None = Field(
        default=None,
        title="In-line scale",
        description="Where the scale weighs whose readings come with the frames; without it no part has a mass.",
    )
    segmentation: SegmentationConfig = Field(
        default=SegmentationConfig(), title="Segmentation", description="Telling parts from the belt."
    )
    tracking: TrackingConfig = Field(
        default=TrackingConfig(), title="Tracking", description="Following parts from picture to picture."
    )
    health: HealthConfig = Field(
        default=HealthConfig(),
        title="Health",
        description="What is watched of the pictures and the parts, with limits.",
    )

    odd_parts: OddPartsConfig | None = Field(
        default=None,
        title="Odd parts",
        description="Pictures of parts that were unknown or doubtful, to label and teach; none are kept without.",
    )

    @model_validator(mode="after")
    def _a_part_can_be_large_enough(self) -> Self:
        if self.max_part_mm**2 < self.min_area_mm2:
            raise ValueError(f"no part of at most {self.max_part_mm} mm can cover {self.min_area_mm2} mm2")
        return self

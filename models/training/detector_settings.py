"""What the training of a detector is told; `configs/training/detector.yaml` is this, written down. Needs no torch."""

from typing import Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from models.detector_manifest import Layout
from models.manifest import ClassId, ModelName, Version


class DetectorSettings(BaseModel):
    """One detector to be trained on rendered belts."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: ModelName = Field(description="Name in the registry.")
    version: Version = Field(description="Version in the manifest.")
    seed: int = Field(ge=0, description="Decides every random choice of the run.")
    labels: tuple[ClassId, ...] = Field(min_length=2, description="Classes, in the order of the net's outputs.")
    layout: Layout = Field(default="yolo", description="How the output is written down.")
    mm_per_px: float = Field(gt=0, description="Resolution of the pictures, the camera's.")
    side_px: int = Field(default=320, ge=64, le=1280, multiple_of=32, description="Side of the net's square input.")
    overlap_px: int = Field(ge=1, description="Overlap of a wider picture's tiles: the longest part, and more.")
    scenes: int = Field(ge=1, description="Rendered scenes to train on.")
    held_out_scenes: int = Field(ge=1, description="Rendered scenes, with other parts, to measure on.")
    scene_px: int = Field(default=480, ge=64, description="Side of a scene; windows of side_px are cut out of it.")
    parts_per_scene: int = Field(default=24, ge=1, description="Parts a scene, as far as there is room.")
    steps: int = Field(ge=1, description="Steps of the optimisation.")
    batch: int = Field(default=4, ge=1, description="Windows a step.")
    learning_rate: float = Field(default=4e-3, gt=0, description="Highest rate of the one-cycle cosine.")
    threads: int = Field(default=2, ge=1, le=64, description="CPU threads that torch may use.")
    report_above: float = Field(default=0.3, ge=0, le=1, description="Score from which an answer is something.")
    known_above: float = Field(default=0.4, ge=0, le=1, description="Score from which it is of its class.")

    @model_validator(mode="after")
    def _sizes_agree(self) -> Self:
        if self.side_px > self.scene_px:
            raise ValueError("side_px is larger than scene_px, out of which windows are cut")
        if self.overlap_px >= self.side_px:
            raise ValueError("overlap_px must be below side_px")
        if len(set(self.labels)) != len(self.labels):
            raise ValueError("labels are not unique")
        return self

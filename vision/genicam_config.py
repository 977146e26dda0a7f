"""The camera section of a line with a GenICam camera, through a GenTL producer or through Aravis."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from vision.camera_config import CameraConfig


class TriggerConfig(BaseModel, frozen=True, extra="forbid"):
    """What starts an exposure."""

    source: str = Field(
        title="Source",
        description="TriggerSource: a line (Line1: the PLC or a light barrier), an encoder unit (Encoder0), Software.",
    )
    selector: str = Field(
        default="FrameStart",
        title="Selector",
        description="TriggerSelector: FrameStart for a picture a trigger, LineStart for one line of a line scan.",
    )
    activation: str | None = Field(
        default=None, title="Edge", description="TriggerActivation: RisingEdge, FallingEdge; empty leaves the camera's."
    )


class FeatureSetting(BaseModel, frozen=True, extra="forbid"):
    """One feature of the camera by its GenICam name."""

    name: str = Field(
        title="Name", description="The feature, as the vendor's viewer shows it: DeviceLinkThroughputLimit."
    )
    value: bool | int | float | str = Field(
        title="Value", description="What to set it to; the name of a choice for a feature with choices."
    )


class GenicamSettings(CameraConfig, frozen=True, extra="forbid"):
    """What GenICam cameras have in common. Settings are written when the camera is opened, in this order:
    pixel format, trigger, exposure, gain, frame rate, encoder chunk, then `features` one after the other."""

    trigger: TriggerConfig | None = Field(
        default=None, title="Trigger", description="What starts an exposure; empty lets the camera run free."
    )
    exposure_us: float | None = Field(
        default=None, gt=0, title="Exposure", description="Exposure time in microseconds; empty leaves the camera's."
    )
    gain_db: float | None = Field(default=None, title="Gain", description="Gain in dB; empty leaves the camera's.")
    pixel_format: str | None = Field(
        default=None,
        title="Pixel format",
        description="PixelFormat: Mono8, BayerRG8, BayerRG12p, RGB8 and others; empty leaves the camera's.",
    )
    features: tuple[FeatureSetting, ...] = Field(
        default=(),
        title="Features",
        description="Further features, set in this order, selectors before what they select.",
    )
    encoder_chunk: str | None = Field(
        default=None,
        title="Encoder chunk",
        description="Chunk with which the camera sends its own encoder count, ChunkEncoderValue; switched on if named.",
    )
    frame_ids: Literal["auto", "gige_16_bit", "64_bit"] = Field(
        default="auto",
        title="Frame ids",
        description="How the camera numbers frames: gige_16_bit from 1 to 65535 and again, 64_bit on; auto asks it.",
    )
    speed_mm_s: float | None = Field(
        default=None, gt=0, title="Belt speed", description="To estimate the count where the camera sends none."
    )
    encoder_uncertainty_mm: float = Field(
        default=2.0, ge=0, title="Encoder uncertainty", description="How far off an estimated position may be."
    )
    open_timeout_s: float = Field(
        default=10.0,
        ge=0.5,
        le=120,
        title="Time to open",
        description="How long finding, setting and starting the camera may take, up to its first picture.",
    )
    lost_after_s: float = Field(
        default=5.0, gt=0, title="Lost after", description="Silence from which the camera counts as lost."
    )
    idle_is_normal: bool = Field(
        default=False,
        title="Silence is normal",
        description="True for a camera that the encoder triggers: over a standing belt it sends nothing.",
    )
    queue_frames: int = Field(
        default=4,
        ge=1,
        le=64,
        title="Waiting pictures",
        description="How many may wait for vision; the oldest gives way and is counted as dropped.",
    )

    @model_validator(mode="after")
    def _count_comes_from_somewhere(self) -> Self:
        strips = self.encoder_from == "plc_trigger" and self.geometry == "line_scan"
        if self.encoder_chunk is None and self.speed_mm_s is None and not strips:
            raise ValueError("no encoder count: name encoder_chunk, or state speed_mm_s to estimate it")
        if self.encoder_chunk is not None and self.encoder_from == "plc_trigger":
            raise ValueError("encoder_chunk and encoder_from: plc_trigger are two sources of one count; choose one")
        if self.encoder_chunk is not None and not self.encoder_chunk.startswith("Chunk"):
            raise ValueError(f"encoder_chunk {self.encoder_chunk!r} begins with Chunk, as in ChunkEncoderValue")
        if self.trigger is not None and self.trigger.source == "Software" and self.frame_rate_hz is None:
            raise ValueError("a software trigger needs frame_rate_hz")
        return self


class GenicamConfig(GenicamSettings, frozen=True, extra="forbid"):
    """The camera section of a line with a GenICam camera behind a vendor's GenTL producer."""

    backend: Literal["genicam"]  # pyright: ignore[reportIncompatibleVariableOverride]
    cti: Path = Field(title="GenTL producer", description="The vendor's producer file, ending in .cti.")
    serial: str | None = Field(default=None, title="Serial number", description="Of the camera; needs no index.")
    index: int = Field(default=0, ge=0, title="Index", description="Which camera, where no serial number is given.")

    @model_validator(mode="after")
    def _producer_is_a_cti(self) -> Self:
        if self.cti.suffix != ".cti":
            raise ValueError(f"a GenTL producer ends in .cti, found {self.cti.name}")
        return self

    @property
    def shown_origin(self) -> str:
        """What people call it."""
        return f"{self.serial or self.index} of {self.cti.name}"


class AravisConfig(GenicamSettings, frozen=True, extra="forbid"):
    """The camera section of a line with a GigE Vision or USB3 Vision camera through Aravis, without vendor software."""

    backend: Literal["aravis"]  # pyright: ignore[reportIncompatibleVariableOverride]
    camera: str | None = Field(
        default=None,
        title="Camera",
        description="Its IP address, or its id as `arv-tool-0.8` lists it; empty takes the first that is found.",
    )
    packet_bytes: int | None = Field(
        default=None,
        ge=220,
        le=16_000,
        title="Packet size",
        description="GigE Vision packet size; empty lets Aravis find the largest that arrives (jumbo frames help).",
    )
    resend: bool = Field(default=True, title="Resend", description="Ask a GigE Vision camera for lost packets again.")

    @property
    def shown_origin(self) -> str:
        """What people call it."""
        return self.camera or "first one found by Aravis"

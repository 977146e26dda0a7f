"""The configuration of a line, section by section."""

from pathlib import Path
from typing import Annotated, Any

from pydantic import Field, SerializeAsAny, WithJsonSchema
from pydantic.json_schema import SkipJsonSchema

from controller.config.base import Section, Text
from controller.config.recipe import Recipe
from plc_bridge.config import PlcConfig
from plc_bridge.scada_config import ScadaConfig
from vision.calibration import Calibrations
from vision.camera_config import CameraConfig
from vision.settings import VisionConfig

MAX_VALVES = 64
"""The PLC reports valve faults in a 64-bit mask."""

SIMULATED_CAMERAS = ("sim", "recording")
"""Backends whose pictures are not of the belt as it is now."""


class LineSection(Section):
    """What the line is."""

    name: Text = Field(title="Name", description="Name of the line, in logs, HMI and results.")
    simulated: bool = Field(
        default=False,
        title="Simulated",
        description="true where camera, PLC or plant are simulated; nothing is ever simulated without it.",
    )


class BeltConfig(Section):
    """The conveyor under the camera."""

    width_mm: float = Field(gt=0, le=10_000, title="Width", description="Usable width of the belt, in millimetres.")
    speed_mm_s: float = Field(
        gt=0, le=10_000, title="Speed", description="Speed at full production, in millimetres a second."
    )
    encoder_counts_per_mm: float = Field(
        gt=0, le=100_000, title="Encoder", description="Counts of the belt's encoder per millimetre of belt."
    )


class JetsConfig(Section):
    """The bar of air-jet valves across the belt."""

    valve_count: int = Field(ge=1, le=MAX_VALVES, title="Valves", description="How many valves the bar has.")
    valve_pitch_mm: float = Field(
        gt=0, le=500, title="Pitch", description="Distance from valve to valve across the belt; the width of a lane."
    )
    first_lane_mm: float = Field(
        default=0.0,
        ge=-1000,
        le=1000,
        title="First lane",
        description="Distance of the first lane's left edge from the belt's left edge; below 0 outside the belt.",
    )
    distance_mm: float = Field(
        gt=0,
        le=100_000,
        title="Distance",
        description="From the camera's datum line, the upstream edge of its view, downstream to the valve bar.",
    )
    latency_budget_ms: float = Field(
        gt=0,
        le=60_000,
        title="Latency budget",
        description="Longest time from a frame's exposure until the PLC has the order.",
    )
    order_lead_ms: float = Field(
        default=30.0,
        ge=0,
        le=60_000,
        title="Order lead",
        description="How long before its on-count an order must be sent; a later one is not sent but counted as late.",
    )
    margin_along_mm: float = Field(
        default=4.0,
        ge=0,
        le=500,
        title="Margin along",
        description="Length by which a shot exceeds the part at either end, beyond its position uncertainty.",
    )
    margin_across_mm: float = Field(
        default=2.0,
        ge=0,
        le=500,
        title="Margin across",
        description="Width by which a shot exceeds the part at either side, before whole lanes are taken.",
    )
    bridge_gap_mm: float = Field(
        default=10.0,
        ge=0,
        le=500,
        title="Bridged gap",
        description="A gap between two shots of one valve that is shorter than this is blown through: "
        "the valve could not close and open again.",
    )
    clearing_lead_in_mm: float = Field(
        default=500.0,
        ge=0,
        le=100_000,
        title="Lead-in when clearing",
        description="Belt from the feeder to the camera's datum line, run through when the belt is cleared.",
    )


class CalibrationConfig(Section):
    """Measured files, and how old and how wrong they may be; see docs/integrators/calibration.md."""

    camera: Path | None = Field(
        default=None, title="Camera", description="Lens and place of the camera; without it mm_per_px holds everywhere."
    )
    belt: Path | None = Field(
        default=None,
        title="Belt",
        description="Encoder scale and distance to the valves, used in the place of the nominal values of this file.",
    )
    light: Path | None = Field(
        default=None, title="Light", description="Flat field and white balance, applied to every picture."
    )
    max_age_days: float = Field(
        default=400.0, gt=0, title="Oldest", description="Age from which a calibration is refused, in days."
    )
    max_camera_error_mm: float = Field(
        default=0.5,
        gt=0,
        title="Camera error",
        description="Largest RMS error on the belt, and largest standard deviation at the picture's rim.",
    )
    max_encoder_error_percent: float = Field(
        default=0.1, gt=0, title="Encoder error", description="Largest standard deviation of the encoder's scale."
    )
    max_jets_error_mm: float = Field(
        default=2.0,
        gt=0,
        title="Distance error",
        description="Largest standard deviation of the distance to the valves.",
    )
    max_light_error_percent: float = Field(
        default=5.0,
        gt=0,
        title="Light error",
        description="Largest RMS unevenness of the empty belt that the flat field leaves.",
    )


class HmiConfig(Section):
    """The web page for operators."""

    host: str = Field(
        default="127.0.0.1",
        min_length=1,
        title="Host",
        description="Address to serve the page on; 127.0.0.1 is this PC.",
    )
    port: int = Field(
        default=8080, ge=0, le=65535, title="Port", description="TCP port to serve the page on; 0 takes a free one."
    )
    allow_remote: bool = Field(
        default=False,
        title="Allow remote",
        description="true lets other computers see the page; needed for any host but this PC's own.",
    )


class LineConfig(Section):
    """A whole line: what `controller.config.load_config` returns.

    `camera`, `plc` and `plant` are the `Config` of the backend they name. `recipe` is a path in the
    file and the recipe itself here; `path` and `recipe_path` are where the two were read, absolute.
    A calibrated belt's scale and distance stand in `belt` and `jets` in the place of the nominal ones.
    """

    line: LineSection = Field(title="Line", description="What the line is.")
    belt: BeltConfig = Field(title="Belt", description="The conveyor under the camera.")
    camera: SerializeAsAny[CameraConfig] = Field(
        title="Camera", description="The camera and its backend: opencv, genicam, recording, sim or a plugin's."
    )
    vision: VisionConfig = Field(title="Vision", description="Which model, and what counts as a part.")
    plc: SerializeAsAny[PlcConfig] = Field(
        title="PLC", description="The link to the PLC and its backend: modbus, opcua, memory or a plugin's."
    )
    jets: JetsConfig = Field(title="Jets", description="The bar of air-jet valves across the belt.")
    calibration: CalibrationConfig | None = Field(
        default=None,
        title="Calibration",
        description="Files of `senbetsu calibrate`; without the section the nominal values hold.",
    )
    recipe: Annotated[Recipe, WithJsonSchema({"type": "string", "minLength": 1})] = Field(
        title="Recipe", description="Path of the recipe, relative to this file."
    )
    hmi: HmiConfig | None = Field(
        default=None, title="HMI", description="The web page for operators; without the section there is none."
    )
    scada: ScadaConfig | None = Field(
        default=None,
        title="SCADA",
        description="The OPC UA server for SCADA, read-only; without the section there is none.",
    )
    plant: SerializeAsAny[Any] | None = Field(
        default=None, title="Plant", description="The simulated plant; only simulated lines have one."
    )
    calibrated: SkipJsonSchema[Calibrations] = Field(
        default=Calibrations(), title="Calibrated", description="What stands in the files of `calibration`."
    )
    path: SkipJsonSchema[Path] = Field(title="Path", description="The file that this was read from.")
    recipe_path: SkipJsonSchema[Path] = Field(
        title="Recipe path", description="The file that the recipe was read from."
    )

    @property
    def simulated_parts(self) -> tuple[str, ...]:
        """Which sections are simulated; empty for a real line."""
        return simulated_parts(self.camera, self.plc, self.plant)

    @property
    def odd_folder(self) -> Path | None:
        """Where odd parts are kept, absolute; None where none are."""
        odd = self.vision.odd_parts
        return self.path.parent / odd.folder if odd else None


def simulated_parts(camera: CameraConfig | None, plc: PlcConfig | None, plant: object | None) -> tuple[str, ...]:
    """The names of those sections that stand in for a device instead of driving one.

    A recording shows a belt of another time, the memory link has no wire; a PLC section that points at
    the plant's server is the plant's.
    """
    simulated = {
        "camera": camera is not None and camera.backend in SIMULATED_CAMERAS,
        "plc": plc is not None and plc.backend == "memory",
        "plant": plant is not None,
    }
    return tuple(name for name, is_simulated in simulated.items() if is_simulated)

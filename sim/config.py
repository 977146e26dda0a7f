"""The `plant:` part of a line's configuration."""

from itertools import pairwise
from pathlib import Path
from typing import Self

from pydantic import BaseModel, Field, model_validator

from sim.render.belt import TONES, BeltKind, BeltLook, Structure
from sim.render.parts import CLASSES
from sim.render.profile import ProfileSensor


class FeedConfig(BaseModel, frozen=True, extra="forbid"):
    """What the feeder drops onto the belt, and how often."""

    parts_per_s: float = Field(
        default=10.0,
        ge=0,
        title="Feed rate",
        description="Parts a second while the belt runs at the line's full speed; a slower belt gets fewer, "
        "so that the parts per metre of belt stay the same.",
    )
    min_gap_mm: float = Field(
        default=6.0,
        ge=0,
        title="Smallest gap",
        description="Clear belt between the bounding boxes of two parts; 0 lets them touch, never overlap.",
    )
    overlap: float = Field(
        default=0.0,
        ge=0,
        le=0.9,
        title="Overlap",
        description="Share of the parts that fall together with the one before and come to lie against it or on it, "
        "whatever the smallest gap.",
    )
    mix: dict[str, float] = Field(
        min_length=1, title="Mix", description="Relative share of each class, by pieces; the sum is free."
    )
    entry_distance_mm: float = Field(
        default=200.0,
        ge=0,
        title="Drop line",
        description="Distance of the line onto which the middles of parts are dropped, upstream of the camera's datum.",
    )
    variants_per_class: int = Field(
        default=100,
        ge=1,
        le=10_000,
        title="Different parts",
        description="How many different parts of a class are drawn before the first comes again.",
    )

    @model_validator(mode="after")
    def _weights_are_usable(self) -> Self:
        for class_id, weight in self.mix.items():
            if class_id not in CLASSES:
                raise ValueError(f"mix: the plant has no class {class_id!r}; it has {', '.join(CLASSES)}")
            if not 0 <= weight < float("inf"):
                raise ValueError(f"mix: the share of {class_id!r} is {weight}; it must be 0 or more")
        if sum(self.mix.values()) <= 0:
            raise ValueError("mix: all shares are 0, so no part could be drawn")
        return self


class ServerConfig(BaseModel, frozen=True, extra="forbid"):
    """Where one of the plant's servers listens."""

    host: str = Field(
        default="127.0.0.1",
        title="Host",
        description="Address to listen on. Without security of its own, keep a server on this machine.",
    )
    port: int = Field(ge=0, le=65535, title="Port", description="TCP port to listen on; 0 takes a free one.")


class OpcuaSecurityConfig(BaseModel, frozen=True, extra="forbid"):
    """Certificates and users of the plant's OPC UA server; `senbetsu pki init --server` makes the files."""

    certificate: Path = Field(title="Certificate", description="What the server shows, PEM or DER.")
    key: Path = Field(title="Key", description="The certificate's private key, without a password.")
    trust_list: Path = Field(title="Trust list", description="Folder that says which clients are trusted.")
    user: str | None = Field(default=None, title="User", description="Name of the one user with a password.")
    password_file: Path | None = Field(
        default=None, title="Password file", description="File whose first line is the user's password."
    )
    user_certificates: Path | None = Field(
        default=None, title="User certificates", description="Folder with the certificates of certificate users."
    )

    @model_validator(mode="after")
    def _user_is_whole(self) -> Self:
        if (self.user is None) != (self.password_file is None):
            raise ValueError("user and password_file belong together; give both or neither")
        return self


class OpcuaServerConfig(ServerConfig, frozen=True, extra="forbid"):
    """Where and how the virtual PLC's OPC UA server listens."""

    security: OpcuaSecurityConfig | None = Field(
        default=None,
        title="Security",
        description="Take only signed or encrypted connections of trusted clients; without it anybody's, unsigned.",
    )


class CameraServerConfig(ServerConfig, frozen=True, extra="forbid"):
    """Where the virtual camera listens."""

    port: int = Field(
        default=15060, ge=0, le=65535, title="Port", description="TCP port to listen on; 0 takes a free one."
    )


class ServersConfig(BaseModel, frozen=True, extra="forbid"):
    """The plant's servers, used in real time only; one left out is not started."""

    modbus: ServerConfig | None = Field(
        default=None, title="Modbus server", description="The virtual PLC's Modbus TCP server."
    )
    opcua: OpcuaServerConfig | None = Field(
        default=None, title="OPC UA server", description="The virtual PLC's OPC UA server."
    )
    remote_io: ServerConfig | None = Field(
        default=None,
        title="Remote I/O",
        description="A plain remote I/O station in place of the PLC, for `backend: direct`, laid out as that says.",
    )
    camera: CameraServerConfig | None = Field(
        default=CameraServerConfig(), title="Camera server", description="The virtual camera, for `backend: sim`."
    )


class PlantCameraConfig(BaseModel, frozen=True, extra="forbid"):
    """How the virtual camera departs from a perfect one."""

    noise_sigma: float = Field(
        default=3.0, ge=0, le=64, title="Noise", description="Standard deviation of the picture's noise, grey levels."
    )
    exposure_ms: float = Field(
        default=0.0,
        ge=0,
        le=50,
        title="Exposure time",
        description="How long the shutter is open; a moving belt smears by its way in that time. 0 freezes it.",
    )
    defocus_px: float = Field(
        default=0.0, ge=0, le=10, title="Defocus", description="Standard deviation of the lens's blur, pixels."
    )
    shading: float = Field(
        default=0.1, ge=0, lt=1, title="Lens shading", description="Share of the light that is lost in the corners."
    )
    illumination_swing: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        title="Illumination swing",
        description="Share by which the lamps grow brighter and darker again, as a sine over the period below.",
    )
    illumination_period_s: float = Field(
        default=600.0, gt=0, title="Illumination period", description="Time of one swing of the lamps."
    )
    height: bool = Field(
        default=False,
        title="Height channel",
        description="Frames carry a `height` channel beside the colour, as a laser profile sensor over the same view "
        "gives it: millimetres above the belt, not a number where it saw nothing.",
    )
    height_noise_mm: float = Field(
        default=0.05, ge=0, le=5, title="Height noise", description="Standard deviation of a measured height."
    )
    height_loss: float = Field(
        default=0.002,
        ge=0,
        le=1,
        title="Height loss",
        description="Share of places without a height, by chance; steep edges lose 0.8 of theirs.",
    )
    height_shiny_loss: float = Field(
        default=0.5,
        ge=0,
        le=1,
        title="Height loss of shiny parts",
        description="Further share lost on mirror-like and on clear surfaces; half glossy ones lose a sixteenth of it.",
    )

    def profile_sensor(self) -> ProfileSensor:
        """The sensor behind the height channel."""
        return ProfileSensor(noise_mm=self.height_noise_mm, loss=self.height_loss, shiny_loss=self.height_shiny_loss)


class PlantScaleConfig(BaseModel, frozen=True, extra="forbid"):
    """What the in-line scale really does; where it lies is the line's `vision.mass`. Noise: placeholders."""

    every_mm: float = Field(
        default=10.0, gt=0, le=1000, title="Every", description="Millimetres of belt from reading to reading."
    )
    noise_share: float = Field(
        default=0.03, ge=0, le=1, title="Noise, share", description="Standard deviation, as a share of the load."
    )
    noise_g: float = Field(
        default=0.05, ge=0, le=1000, title="Noise, grams", description="Standard deviation that is always there."
    )


class PlantJetsConfig(BaseModel, frozen=True, extra="forbid"):
    """What the valves and nozzles really do. The PLC knows the nominal delays only.

    Delay defaults follow reference/domain.md 3.2 (8 to 10 ms, sigma 0.5 to 1 ms). Footprint, pressure
    and deflection speed are assumptions (docs in sim/jets.py), to be replaced by a site's measurement.
    """

    distance_mm: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        title="True distance",
        description="From the camera's datum to the valve bar, where the line's configuration is wrong; left out, it "
        "is right.",
    )
    open_delay_ms: float = Field(
        default=8.0, ge=0, le=200, title="Opening delay", description="Mean time from the PLC's output to air."
    )
    open_delay_sigma_ms: float = Field(
        default=0.5,
        ge=0,
        le=50,
        title="Spread of opening delays",
        description="Standard deviation between valves, and again between the strokes of one valve.",
    )
    close_delay_ms: float = Field(
        default=8.0, ge=0, le=200, title="Closing delay", description="Mean time from the PLC's output to no air."
    )
    close_delay_sigma_ms: float = Field(
        default=0.5,
        ge=0,
        le=50,
        title="Spread of closing delays",
        description="Standard deviation between valves, and again between the strokes of one valve.",
    )
    footprint_along_mm: float = Field(
        default=10.0, gt=0, le=200, title="Footprint along", description="Length of belt that one open nozzle blows at."
    )
    footprint_across_mm: float = Field(
        default=14.0,
        gt=0,
        le=200,
        title="Footprint across",
        description="Width that one open nozzle blows at; wider than the valve pitch where jets spread.",
    )
    pressure_kpa: float = Field(
        default=8.0, gt=0, le=500, title="Pressure on the part", description="Mean pressure of a jet on what it covers."
    )
    eject_speed_mm_s: float = Field(
        default=1500.0,
        gt=0,
        title="Speed for ejection",
        description="Speed that the air must give to a part so that it clears the splitter.",
    )
    eject_speed_spread: float = Field(
        default=0.1,
        ge=0,
        le=1,
        title="Spread of the speed for ejection",
        description="Standard deviation from part to part, as a share: pose, hold of the belt, shape.",
    )


class SpeedChange(BaseModel, frozen=True, extra="forbid"):
    """One point of the belt's speed profile."""

    at_s: float = Field(ge=0, title="From", description="Seconds after the plant's start from which this holds.")
    speed_factor: float = Field(
        ge=-1,
        le=2,
        title="Speed factor",
        description="The drive makes the PLC's set speed times this: 1 as told, 0 a stall, below 0 it rolls back.",
    )


class PlantBeltConfig(BaseModel, frozen=True, extra="forbid"):
    """The belt's drive and encoder, and what it looks like."""

    kind: BeltKind = Field(default="dark_rubber", title="Kind", description="Material and colour of the belt.")
    structure: Structure = Field(
        default="smooth", title="Structure", description="What is embossed into the belt's surface."
    )
    wear: float = Field(
        default=0.0,
        ge=0,
        le=1,
        title="Wear",
        description="Stains, scratches, dirt and cloudiness of the belt: 0 as new, 1 filthy.",
    )
    seams: int = Field(
        default=1, ge=0, le=20, title="Seams", description="Joints across the belt within its loop of 3 m."
    )
    seam_strength: float = Field(
        default=1.0, ge=0, le=10, title="Seam strength", description="How clearly a seam is seen; 1 faintly."
    )

    initial_encoder_count: int = Field(
        default=0,
        ge=0,
        lt=2**32,
        title="First encoder count",
        description="What the 32-bit counter shows at the start; near 4294967296 it soon wraps around.",
    )
    acceleration_mm_s2: float = Field(
        default=1000.0, gt=0, title="Acceleration", description="Fastest change of the belt's speed, up and down."
    )
    counts_per_mm: float | None = Field(
        default=None,
        gt=0,
        le=100_000,
        title="True encoder scale",
        description="What the encoder really counts, where the line's configuration is wrong; left out, it is right.",
    )
    profile: tuple[SpeedChange, ...] = Field(
        default=(),
        title="Speed profile",
        description="Departures from the set speed, in order of time; before the first the factor is 1.",
    )

    def look(self) -> BeltLook:
        """The belt's surface."""
        return BeltLook(
            tone=TONES[self.kind],
            mottle=2.0 + 5.0 * self.wear,
            specks=9.0 + 14.0 * self.wear,
            seams=self.seams,
            seam_strength=self.seam_strength,
            structure=self.structure,
            relief=5.0,
            scratches=25.0 * self.wear,
            stains=6.0 * self.wear,
        )

    @model_validator(mode="after")
    def _profile_is_in_order(self) -> Self:
        for before, after in pairwise(self.profile):
            if after.at_s <= before.at_s:
                raise ValueError(f"profile: at_s {after.at_s:g} comes after {before.at_s:g}; times must rise")
        return self


class PlantMotionConfig(BaseModel, frozen=True, extra="forbid"):
    """Parts that move on the belt. They may run over others, as real ones do."""

    sliding_share: float = Field(
        default=0.0, ge=0, le=1, title="Sliding", description="Share of parts that slide, steadily and without turning."
    )
    rolling_share: float = Field(
        default=0.0, ge=0, le=1, title="Rolling", description="Share of parts that roll: they turn, and not steadily."
    )
    rate: float = Field(
        default=0.05,
        gt=0,
        le=0.5,
        title="Rate",
        description="Millimetres on the belt per millimetre of its travel of the fastest of them, up or down the belt.",
    )

    @model_validator(mode="after")
    def _shares_are_shares(self) -> Self:
        if self.sliding_share + self.rolling_share > 1:
            raise ValueError("sliding_share and rolling_share are shares of the same parts; together at most 1")
        return self


class BenchPlcConfig(BaseModel, frozen=True, extra="forbid"):
    """A soft PLC with the bench program (docs/integrators/plc-program.md) in the place of the virtual PLC."""

    host: str = Field(default="127.0.0.1", title="Host", description="Name or address of the PLC.")
    port: int = Field(ge=1, le=65535, title="Port", description="TCP port of the PLC's Modbus server.")


class PlantConfig(BaseModel, frozen=True, extra="forbid"):
    """The simulated plant: everything about it that is not the line's own configuration."""

    seed: int = Field(
        default=1, ge=0, title="Seed", description="Same seed, same parts, delays and noise; bit for bit."
    )
    scan_ms: float = Field(
        default=1.0,
        ge=0.1,
        le=20,
        title="Scan",
        description="The virtual PLC's scan time, and the step of the plant's time.",
    )
    feed: FeedConfig = Field(title="Feed", description="What comes onto the belt.")
    belt: PlantBeltConfig = Field(default=PlantBeltConfig(), title="Belt", description="Drive and encoder.")
    motion: PlantMotionConfig = Field(
        default=PlantMotionConfig(), title="Motion", description="Parts that slide or roll on the belt."
    )
    camera: PlantCameraConfig = Field(
        default=PlantCameraConfig(), title="Camera", description="How the virtual camera departs from a perfect one."
    )
    scale: PlantScaleConfig = Field(
        default=PlantScaleConfig(), title="Scale", description="How well the in-line scale weighs, where there is one."
    )
    jets: PlantJetsConfig = Field(
        default=PlantJetsConfig(), title="Jets", description="What valves and nozzles really do."
    )
    bench_plc: BenchPlcConfig | None = Field(
        default=None,
        title="PLC on the bench",
        description="A real PLC with the bench program, which then drives the plant in real time; left out, the "
        "virtual PLC does.",
    )
    servers: ServersConfig = Field(
        default=ServersConfig(), title="Servers", description="Where the plant listens when it runs in real time."
    )

    @model_validator(mode="after")
    def _one_plc_only(self) -> Self:
        if self.bench_plc is not None and (self.servers.modbus is not None or self.servers.opcua is not None):
            raise ValueError("bench_plc takes the place of the virtual PLC; remove servers.modbus and servers.opcua")
        return self

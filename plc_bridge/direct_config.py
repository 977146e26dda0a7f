"""Configuration of the Direct I/O link: a plain remote I/O station (docs/integrators/direct-io.md)."""

from typing import Literal, Self

from pydantic import BaseModel, Field, model_validator

from plc_bridge.config import PlcConfig

_MOST_INPUTS = 256
"""Discrete inputs are read in one small request; wider apart they do not belong to one station's inputs."""


class Encoder(BaseModel, frozen=True, extra="forbid"):
    """The counter module: two registers that hold one unsigned 32-bit count, read together."""

    address: int = Field(ge=0, le=65534, title="Address", description="The first of the two registers.")
    table: Literal["input", "holding"] = Field(
        default="input", title="Table", description="Input registers (FC4) or holding registers (FC3)."
    )
    word_order: Literal["big", "little"] = Field(
        default="big", title="Word order", description="Which of the two registers comes first."
    )
    counts_per_mm: float = Field(
        gt=0, title="Counts per mm", description="As belt.encoder_counts_per_mm; the module counts, nobody else scales."
    )


class Inputs(BaseModel, frozen=True, extra="forbid"):
    """Addresses of discrete inputs (FC2). Each is on while all is well, so that a broken wire reads as trouble."""

    e_stop_ok: int = Field(ge=0, le=65535, title="E-stop chain", description="On while the e-stop chain is closed.")
    air_ok: int = Field(ge=0, le=65535, title="Air", description="On while the air pressure is there.")
    no_fire: int = Field(ge=0, le=65535, title="No fire", description="On while the fire detector is silent.")

    @property
    def span(self) -> range:
        """All three, read at once."""
        addresses = (self.e_stop_ok, self.air_ok, self.no_fire)
        return range(min(addresses), max(addresses) + 1)


class Outputs(BaseModel, frozen=True, extra="forbid"):
    """Addresses of coils: the valves side by side (FC15), the drives one by one (FC5)."""

    first_valve: int = Field(ge=0, le=65535, title="First valve", description="Coil of valve 0; the others follow it.")
    valve_count: int = Field(ge=1, le=64, title="Valves", description="How many valves, as jets.valve_count.")
    belt_run: int = Field(ge=0, le=65535, title="Belt", description="Coil that lets the belt's drive run.")
    feed_run: int = Field(ge=0, le=65535, title="Feed", description="Coil that lets the feeder run.")

    @property
    def valves(self) -> range:
        """The valves' coils."""
        return range(self.first_valve, self.first_valve + self.valve_count)


class Config(PlcConfig, frozen=True):
    """Configuration of the Direct I/O link: the controller itself times the valves."""

    backend: Literal["direct"] = Field(
        default="direct", title="Backend", description="Plain Modbus TCP remote I/O; the controller times the valves."
    )
    host: str = Field(min_length=1, title="Host", description="Name or address of the remote I/O station.")
    port: int = Field(default=502, ge=1, le=65535, title="Port", description="TCP port of its Modbus server.")
    unit: int = Field(default=1, ge=0, le=255, title="Unit", description="Modbus unit identifier of the station.")
    encoder: Encoder = Field(title="Encoder module", description="The counter module on the belt's encoder.")
    inputs: Inputs = Field(title="Contacts", description="Where the machine's contacts are wired to.")
    outputs: Outputs = Field(title="Coils", description="Where valves and drives are wired to.")
    open_delay_ms: float = Field(
        default=8.0, ge=0, le=200, title="Opening delay", description="From a coil's output to air at the nozzle."
    )
    close_delay_ms: float = Field(
        default=8.0, ge=0, le=200, title="Closing delay", description="From a coil's output to no air at the nozzle."
    )
    jitter_ms: float = Field(
        gt=0,
        le=100,
        title="Jitter",
        description="How far off its moment a valve may be switched, 99 times in 100. Measured before every start: "
        "a station or a PC that is worse is refused, and one that becomes worse is stopped.",
    )
    max_speed_mm_s: float = Field(
        gt=0,
        title="Fastest belt",
        description="The belt speed that the jitter is good for: at it, the jitter is within jets.margin_along_mm. "
        "A belt that is seen to run faster is stopped.",
    )
    watchdog_ms: float = Field(
        ge=30,
        le=10_000,
        title="Watchdog",
        description="Fail-safe time set in the station: so long without a request, it shuts all its outputs by itself. "
        "It is what shuts the valves when this controller dies.",
    )
    round_trips: int = Field(
        default=200, ge=100, le=10_000, title="Round trips", description="How many are measured before a start."
    )
    connect_timeout_ms: float = Field(
        default=15_000,
        ge=10,
        le=60_000,
        title="Connect timeout",
        description="How long opening the connections and measuring the round trips may take.",
    )

    @model_validator(mode="after")
    def _places_and_times_agree(self) -> Self:
        outputs, inputs = self.outputs, self.inputs
        drives = (outputs.belt_run, outputs.feed_run)
        if drives[0] == drives[1] or any(coil in outputs.valves for coil in drives):
            raise ValueError(
                f"belt_run ({drives[0]}), feed_run ({drives[1]}) and the valves "
                f"({outputs.valves.start} to {outputs.valves.stop - 1}) must be coils of their own"
            )
        if outputs.valves.stop > 65536:
            raise ValueError(f"the valves end at coil {outputs.valves.stop - 1}; the last one is 65535")
        if len({inputs.e_stop_ok, inputs.air_ok, inputs.no_fire}) < 3 or len(inputs.span) > _MOST_INPUTS:
            raise ValueError(f"e_stop_ok, air_ok and no_fire must be three inputs within {_MOST_INPUTS} addresses")
        if self.watchdog_ms < 3 * self.cycle_ms:
            raise ValueError(
                f"watchdog_ms ({self.watchdog_ms:g}) must be at least three times cycle_ms ({self.cycle_ms:g}), "
                "or one late cycle would shut the valves"
            )
        return self

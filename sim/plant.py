"""The plant: belt, feed, camera, PLC, valves and outlets, stepped together. Pure and deterministic.

One step is one scan of the virtual PLC. Within it, in this order: the belt moves as the last scan
told it, the feeder drops what is due, the air of the valves acts on the parts near the bar, the
camera is exposed where its moment or its count fell within the step, the PLC scans, its outputs
drive the valves. Time and everything measured in it is simulated time, so a caller that is late by
some milliseconds and catches up changes nothing in the order of events.
"""

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from math import pi, sin
from operator import attrgetter
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from plc_bridge.virtual_plc import ALL_WELL, PlcInputs, PlcOutputs, VirtualPlc
from senbetsu_errors import Fatal
from sim.belt import Belt
from sim.config import PlantConfig
from sim.feed import BeltPart, Feeder, PartStock
from sim.jets import Nozzles, PartAtBar, ValveBar
from sim.motion import Motion, Mover
from sim.optics import BeltOptics, PlacedPart
from sim.scale import Scale, ScalePlace
from sim.truth import Truth
from vision.camera_config import CameraGeometry

_DOWNSTREAM_EDGE = attrgetter("belt_min_mm")
_NEVER = float("inf")
_NEAR_MM = 200.0  # how far a part's downstream edge may move as it turns
_SHADOW_MM = 10.0  # how far a part's shadow may reach into a view that the part itself is outside of


@dataclass(frozen=True, slots=True)
class PlantSetup:
    """Plain values of the line that the plant stands in for, copied from its configuration by the CLI.

    `jets_distance_mm` is from the camera's datum to the valve bar, after which the belt ends. This and
    `counts_per_mm` are what the line believes; `plant` may say that they are otherwise.
    `jets_outlet` receives what the air ejects, `rest_outlet` the rest. `frame_rate_hz` is needed for
    area_scan only; a line-scan camera is triggered by the encoder every `view_along_mm`. `pc_timeout_ms`
    is how long the PLC bears a controller whose heartbeat stands.
    """

    belt_width_mm: float
    speed_mm_s: float
    counts_per_mm: float
    geometry: CameraGeometry
    mm_per_px: float
    view_along_mm: float
    frame_rate_hz: float | None
    valve_count: int
    valve_pitch_mm: float
    first_lane_mm: float
    jets_distance_mm: float
    jets_outlet: str
    rest_outlet: str
    plant: PlantConfig
    pc_timeout_ms: float = 500.0
    scale: ScalePlace | None = None


@dataclass(frozen=True, slots=True)
class Exposure:
    """One moment of the camera: what lay in its view, to be rendered when there is time.

    `at_s` is plant time. `encoder` is the raw count latched at that moment, `speed_mm_s` the belt's speed.
    """

    sequence: int
    at_s: float
    encoder: int
    travel_mm: float
    speed_mm_s: float
    parts: tuple[PlacedPart, ...]
    readings: tuple[tuple[float, float], ...] = ()
    """Of the in-line scale since the exposure before: counts after this one's, grams."""


class PlantPlc(Protocol):
    """What a plant needs of its PLC, or of what stands in its place."""

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs) -> PlcOutputs:
        """One cycle, as `VirtualPlc.scan`."""
        ...

    def latch_trigger(self, encoder: int) -> None:
        """The camera was exposed, as `VirtualPlc.latch_trigger`."""
        ...


class Plant:
    """A simulated line. `advance_to` moves it; `plc` is its virtual PLC, which `driven_by` takes the place
    of; `truth` its account; `coming` the parts on their way to the bar that lie still, by downstream edge, `moving`
    those that slide or roll.

    Raises Fatal (`plant.frame_rate`) for an area-scan camera without a frame rate.
    """

    def __init__(self, setup: PlantSetup, seed: int | None = None, driven_by: "PlantPlc | None" = None) -> None:
        config = setup.plant
        seed = config.seed if seed is None else seed
        area_scan = setup.geometry == "area_scan"
        if area_scan and setup.frame_rate_hz is None:
            raise Fatal(
                "plant.frame_rate",
                "The simulated area-scan camera has no frame rate.",
                "Set camera.frame_rate_hz.",
            )
        self.setup = setup
        self.now_s = 0.0
        self.stock = PartStock(seed, setup.mm_per_px)
        self.feeder = Feeder(config.feed, setup.belt_width_mm, setup.speed_mm_s, self.stock, seed)
        self.belt = Belt(config.belt, config.belt.counts_per_mm or setup.counts_per_mm)
        self.plc = VirtualPlc(
            setup.valve_count,
            setup.counts_per_mm,
            open_delay_ms=config.jets.open_delay_ms,
            close_delay_ms=config.jets.close_delay_ms,
            pc_timeout_ms=setup.pc_timeout_ms,
            default_speed_mm_s=setup.speed_mm_s,
        )
        self._driven_by = driven_by or self.plc
        self.truth = Truth(setup.jets_outlet, setup.rest_outlet)
        self.inputs = ALL_WELL
        self._optics = BeltOptics(
            mm_per_px=setup.mm_per_px,
            view_along_mm=setup.view_along_mm,
            belt_width_mm=setup.belt_width_mm,
            noise_sigma=config.camera.noise_sigma,
            seed=seed,
            geometry=setup.geometry,
            vignetting=config.camera.shading,
            look=config.belt.look(),
            defocus_px=config.camera.defocus_px,
            profile=config.camera.profile_sensor(),
        )
        self._scale = Scale(setup.scale, config.scale, seed) if setup.scale else None
        self._readings: list[tuple[float, float]] = []  # travel, grams
        self._valves = ValveBar(setup.valve_count, config.jets, seed)
        self._nozzles = Nozzles(setup.valve_count, setup.valve_pitch_mm, setup.first_lane_mm, config.jets, seed)
        self._step_s = config.scan_ms / 1000
        self._steps = 0
        self._outputs = self._driven_by.scan(0.0, self.belt.encoder_raw, 0.0, self.inputs)
        self._farthest_mm = 0.0
        self._jets_distance_mm = config.jets.distance_mm or setup.jets_distance_mm
        self.coming: list[BeltPart] = []
        self.moving: list[Mover] = []
        self._motion = Motion(config.motion, setup.belt_width_mm, seed)
        self._at_bar: list[PartAtBar] = []
        self._exposures: list[Exposure] = []
        self._exposed = 0
        self._frame_every_s = 1 / setup.frame_rate_hz if area_scan and setup.frame_rate_hz else _NEVER
        self._next_frame_s = 0.0 if area_scan else _NEVER
        self._next_strip_mm = _NEVER if area_scan else setup.view_along_mm

    def advance_to(self, until_s: float) -> list[Exposure]:
        """Take every step that ends at or before plant time `until_s`; the exposures made on the way."""
        last = int(until_s / self._step_s + 1e-6)
        while self._steps < last:
            self._steps += 1
            self._step(self.now_s, self._steps * self._step_s)
        made, self._exposures = self._exposures, []
        return made

    @property
    def until_next_frame_s(self) -> float:
        """Plant time until the next picture can be exposed; 0 for line scan, where the belt decides."""
        return 0.0 if self._next_frame_s == _NEVER else self._next_frame_s - self.now_s

    @property
    def rows(self) -> int:
        """Height of a picture."""
        return self._optics.rows

    @property
    def columns(self) -> int:
        """Width of a picture."""
        return self._optics.columns

    @property
    def has_heights(self) -> bool:
        """Whether the camera has a height channel."""
        return self.setup.plant.camera.height

    def render(self, exposure: Exposure) -> NDArray[np.uint8]:
        """What the camera saw, H x W x 3 uint8 BGR."""
        camera = self.setup.plant.camera
        phase = 2 * pi * exposure.at_s / camera.illumination_period_s
        return self._optics.render(
            exposure.travel_mm,
            exposure.parts,
            exposure.sequence,
            brightness=1.0 + camera.illumination_swing * sin(phase),
            smear_mm=abs(exposure.speed_mm_s) * camera.exposure_ms / 1000,
        )

    def channels(self, exposure: Exposure) -> dict[str, NDArray[Any]]:
        """Every channel of the camera as `vision.frame.Frame` has them: `color`, and `height` where there is one."""
        channels: dict[str, NDArray[Any]] = {"color": self.render(exposure)}
        if self.has_heights:
            channels["height"] = self._optics.heights(exposure.travel_mm, exposure.parts, exposure.sequence)
        if exposure.readings:
            channels["mass"] = np.array(exposure.readings, np.float32)
        return channels

    def _step(self, from_s: float, to_s: float) -> None:
        self.now_s = to_s
        belt, outputs = self.belt, self._outputs
        belt.advance(from_s, to_s - from_s, outputs.speed_setpoint_mm_s if outputs.belt_run else 0.0)
        travel_mm = belt.travel_mm
        if travel_mm > self._farthest_mm:
            if outputs.feed_run:
                self._feed(travel_mm - self._farthest_mm, travel_mm)
            self._farthest_mm = travel_mm
        self._pass_the_bar(from_s, to_s)
        if self._scale and self._scale.due(travel_mm):
            self._readings.append((travel_mm, self._scale.read_g(travel_mm, self.coming)))
        if to_s >= self._next_frame_s or travel_mm >= self._next_strip_mm:
            self._expose(from_s, to_s)
        self._outputs = self._driven_by.scan(to_s, belt.encoder_raw, belt.speed_mm_s, self.inputs)
        if self._outputs.valves != self._valves.current:
            self._valves.drive(self._outputs.valves, to_s)

    def _feed(self, new_belt_mm: float, travel_mm: float) -> None:
        for part in self.feeder.advance(new_belt_mm, travel_mm, self.now_s):
            mover = self._motion.of(part, travel_mm)
            if mover:
                self.moving.append(mover)
            else:
                insort(self.coming, part, key=_DOWNSTREAM_EDGE)
            self.truth.entered(part, self.belt.belt_counts(part.belt_mm))
        self.truth.rejected = self.feeder.rejected

    def _pass_the_bar(self, from_s: float, to_s: float) -> None:
        """The air of this step on the parts within reach, and the belt's end behind the bar."""
        reach_mm = self._nozzles.half_along_mm
        bar_mm = self.belt.travel_mm - self._jets_distance_mm
        while self.coming and self.coming[0].belt_min_mm <= bar_mm + reach_mm:
            self._at_bar.append(PartAtBar(self.coming.pop(0), self._nozzles))
        if self.moving:
            self._reach_the_bar(bar_mm + reach_mm)
        blowing = [] if self._valves.shut else self._valves.open_between(from_s, to_s)
        if not self._at_bar:
            return
        if blowing:
            middle_mm = bar_mm - (self.belt.travel_mm - self.belt.before_mm) / 2
            for at_bar in list(self._at_bar):
                if at_bar.blow(blowing, middle_mm):
                    self._at_bar.remove(at_bar)
                    self.truth.ejected(at_bar.part, self.belt.counts_at(self.belt.travel_mm))
        for at_bar in list(self._at_bar):
            if at_bar.part.belt_max_mm < bar_mm - reach_mm:
                self._at_bar.remove(at_bar)
                self.truth.passed(at_bar.part, self.belt.counts_at(self.belt.travel_mm))

    def _reach_the_bar(self, reached_mm: float) -> None:
        """What moves on the belt stands still, as far as the air is concerned, once it is within reach of it."""
        travel_mm = self.belt.travel_mm
        for mover in list(self.moving):
            # Looked at closely only where it might be: turning moves an edge by less than a part's own size.
            if mover.part.belt_min_mm + mover.offset_mm(travel_mm)[0] > reached_mm + _NEAR_MM:
                continue
            part = mover.at(travel_mm)
            if part.belt_min_mm <= reached_mm:
                self.moving.remove(mover)
                self._at_bar.append(PartAtBar(part, self._nozzles))

    def _expose(self, from_s: float, to_s: float) -> None:
        """Expose where the camera's next moment (area) or travel (line) lies within this step."""
        before_mm, travel_mm = self.belt.before_mm, self.belt.travel_mm
        while to_s >= self._next_frame_s:
            at_s = max(self._next_frame_s, from_s)
            share = (at_s - from_s) / (to_s - from_s)
            self._take(at_s, before_mm + share * (travel_mm - before_mm))
            self._next_frame_s = self._exposed * self._frame_every_s
        while travel_mm >= self._next_strip_mm:
            share = (self._next_strip_mm - before_mm) / (travel_mm - before_mm)
            self._take(from_s + share * (to_s - from_s), self._next_strip_mm)
            self._next_strip_mm = (self._exposed + 1) * self.setup.view_along_mm

    def _take(self, at_s: float, travel_mm: float) -> None:
        encoder = self.belt.counts_at(travel_mm) & 0xFFFF_FFFF
        self._driven_by.latch_trigger(encoder)
        per_mm = self.setup.counts_per_mm
        readings = tuple(((weighed_mm - travel_mm) * per_mm, grams) for weighed_mm, grams in self._readings)
        self._readings.clear()
        seen = tuple(self._in_view(travel_mm))
        self._exposures.append(Exposure(self._exposed, at_s, encoder, travel_mm, self.belt.speed_mm_s, seen, readings))
        self._exposed += 1

    def _in_view(self, travel_mm: float) -> Sequence[PlacedPart]:
        """Parts at least partly in view, shadows included, in the order they were dropped."""
        far_mm = travel_mm - self.setup.view_along_mm - _SHADOW_MM
        near_mm = travel_mm + _SHADOW_MM
        parts = [p.part for p in self._at_bar] + self.coming + [m.at(travel_mm) for m in self.moving]
        seen = sorted((p.number, p) for p in parts if p.belt_max_mm >= far_mm and p.belt_min_mm <= near_mm)
        return [PlacedPart(p.image, p.belt_mm, p.across_mm, p.base_mm) for _, p in seen]

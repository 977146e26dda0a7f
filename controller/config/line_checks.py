"""What no section can know alone: does the line, as configured, work at all."""

from collections.abc import Iterator, Mapping
from math import ceil, isclose
from urllib.parse import urlsplit

from controller.config.checks import Check, Finding, class_is_the_models
from controller.config.document import KeyPath
from controller.config.line import MAX_VALVES, BeltConfig, HmiConfig, JetsConfig
from models.detector_manifest import DetectorManifest
from plc_bridge.config import CONTROLLER_SHARE, PlcConfig, is_loopback
from senbetsu_errors import NeedsOperator
from vision.camera_config import CameraConfig
from vision.detector_pipeline import require_usable
from vision.settings import VisionConfig

MAX_COUNTS_PER_S = 1_000_000
"""What fast counter inputs of PLCs take: 1 MHz."""

COARSEST_COUNT_MM = 1.0
"""One millimetre of belt a count is already half of a small part's margin."""

HALF_COUNTER_RANGE = 2**31
"""Two 32-bit counts can be told apart as before and after only while they are closer than this."""


def lanes_cover_the_belt(belt: BeltConfig, jets: JetsConfig) -> Iterator[Finding]:
    """No part may lie where no valve reaches."""
    if jets.first_lane_mm > 0:
        yield Finding(
            ("jets", "first_lane_mm"),
            f"lanes that begin {jets.first_lane_mm:g} mm inside the belt",
            "lanes from the belt's left edge on: 0 or less",
        )
    end_mm = jets.first_lane_mm + jets.valve_count * jets.valve_pitch_mm
    if end_mm < belt.width_mm - 1e-6:
        needed = ceil((belt.width_mm - jets.first_lane_mm) / jets.valve_pitch_mm - 1e-9)
        pitch_mm = ceil((belt.width_mm - jets.first_lane_mm) / jets.valve_count * 100) / 100
        by_count = f"valve_count: {needed}, or " if needed <= MAX_VALVES else ""
        yield Finding(
            ("jets", "valve_count"),
            f"{jets.valve_count} lanes of {jets.valve_pitch_mm:g} mm, which end at {end_mm:g} mm",
            f"lanes up to the belt's right edge at {belt.width_mm:g} mm",
            f"Set {by_count}valve_pitch_mm: {pitch_mm:g}.",
        )


def orders_can_be_ahead(
    belt: BeltConfig, camera: CameraConfig, vision: VisionConfig, jets: JetsConfig
) -> Iterator[Finding]:
    """From where a part is decided on, the belt must need longer to the valve bar than the order does."""
    reach_mm, until = _decided_at(camera, vision)
    room_mm = jets.distance_mm - reach_mm
    needed_mm = jets.latency_budget_ms / 1000 * belt.speed_mm_s
    if room_mm < needed_mm:
        remedies = [f"distance_mm of at least {reach_mm + needed_mm:g}"]
        if room_mm > 0:
            remedies.append(f"latency_budget_ms of at most {room_mm / belt.speed_mm_s * 1000:.4g}")
            remedies.append(f"a belt speed of at most {room_mm / jets.latency_budget_ms * 1000:.4g} mm/s")
        yield Finding(
            ("jets", "distance_mm"),
            f"{jets.distance_mm:g} mm, which leaves {room_mm:g} mm from {until} to the valves",
            f"at least {needed_mm:g} mm there: {jets.latency_budget_ms:g} ms of latency at {belt.speed_mm_s:g} mm/s",
            f"It takes {', or '.join(remedies)}.",
        )


def _decided_at(camera: CameraConfig, vision: VisionConfig) -> tuple[float, str]:
    """How far downstream of the datum a part's head is at the latest when it is decided on, and why."""
    if camera.geometry == "line_scan":
        # A part is whole only once its tail is in a strip; its head is then a part's length downstream.
        return camera.view_along_mm + vision.max_part_mm, "the head of the longest part, once its tail was seen"
    return camera.view_along_mm, "the view's downstream edge"


def room_to_valves_mm(camera: CameraConfig, vision: VisionConfig, jets: JetsConfig) -> float:
    """How far a part still travels to the valves when it is decided on at the latest."""
    return jets.distance_mm - _decided_at(camera, vision)[0]


def silence_is_noticed_in_time(
    belt: BeltConfig, camera: CameraConfig, vision: VisionConfig, jets: JetsConfig, plc: PlcConfig
) -> Iterator[Finding]:
    """A link that fell silent must be given up before the next part comes to the valves, but not for one request."""
    stated = plc.model_fields_set & {"heartbeat_timeout_ms", "heartbeat_budget_mm"}
    if len(stated) == 2:
        yield Finding(
            ("plc", "heartbeat_timeout_ms"),
            "a time beside heartbeat_budget_mm",
            "one of the two: the time follows from the budget and the belt's speed",
            "Remove heartbeat_timeout_ms.",
            at_key=True,
        )
        return
    key: KeyPath = ("plc", *stated)
    room_mm = room_to_valves_mm(camera, vision, jets)
    if room_mm <= 0:
        return  # orders_can_be_ahead says it
    times = plc.on_belt(belt.speed_mm_s, room_mm)
    budget_mm = times.pc_timeout_ms / 1000 * belt.speed_mm_s
    found = (
        f"a heartbeat budget of {budget_mm:g} mm: {times.pc_timeout_ms:.4g} ms at {belt.speed_mm_s:g} mm/s, "
        f"of which the controller waits {times.heartbeat_timeout_ms:.4g} ms"
    )
    if room_mm < budget_mm - 1e-6:
        until = _decided_at(camera, vision)[1]
        yield Finding(
            key,
            found,
            f"at most the {room_mm:g} mm from {until} to the valves: a part without an order may not pass unnoticed",
            f"Set heartbeat_budget_mm: {room_mm:g} or less, or a longer jets.distance_mm.",
        )
    needed_ms = times.request_timeout_ms + 2 * times.cycle_ms
    if "request_timeout_ms" not in plc.model_fields_set:
        needed_ms = 4 * times.cycle_ms
    if times.heartbeat_timeout_ms < needed_ms - 1e-6:
        needed_mm = needed_ms / CONTROLLER_SHARE / 1000 * belt.speed_mm_s
        yield Finding(
            key,
            found,
            f"at least {needed_ms:g} ms for the controller: a lost request and the cycles before and after it",
            f"It takes heartbeat_budget_mm of at least {needed_mm:.4g}, or a shorter cycle_ms or request_timeout_ms.",
        )


def lead_is_within_the_budget(jets: JetsConfig, plc: PlcConfig) -> Iterator[Finding]:
    """An order is on its way for up to a link cycle, and both are part of the latency budget."""
    if jets.order_lead_ms > jets.latency_budget_ms:
        yield Finding(
            ("jets", "order_lead_ms"),
            f"{jets.order_lead_ms:g} ms",
            f"at most latency_budget_ms, {jets.latency_budget_ms:g} ms, of which it is the last part",
        )
    if jets.order_lead_ms < plc.cycle_ms:
        yield Finding(
            ("jets", "order_lead_ms"),
            f"{jets.order_lead_ms:g} ms",
            f"at least plc.cycle_ms, {plc.cycle_ms:g} ms: an order may wait that long to be sent",
        )


def views_overlap(belt: BeltConfig, camera: CameraConfig, vision: VisionConfig) -> Iterator[Finding]:
    """With an area-scan camera every part must be whole in one picture at least."""
    if camera.geometry == "line_scan":
        if camera.frame_rate_hz is not None:
            yield Finding(
                ("camera", "frame_rate_hz"),
                f"{camera.frame_rate_hz:g} Hz for a line_scan camera",
                "no frame rate: the belt's encoder triggers each strip",
                "Remove the key.",
                "warning",
            )
        return
    if camera.frame_rate_hz is None:
        yield Finding(
            ("camera", "frame_rate_hz"),
            "nothing",
            "the frame rate of an area_scan camera, so that the overlap of its pictures can be checked",
            f"At this speed it takes at least {_lowest_rate_hz(belt, camera, vision)}.",
        )
        return
    step_mm = belt.speed_mm_s / camera.frame_rate_hz
    overlap_mm = camera.view_along_mm - step_mm
    if overlap_mm < vision.max_part_mm:
        yield Finding(
            ("camera", "frame_rate_hz"),
            f"{camera.frame_rate_hz:g} Hz: pictures {step_mm:g} mm apart overlap by {overlap_mm:g} mm",
            f"an overlap of at least the longest part, {vision.max_part_mm:g} mm, or it is never seen whole",
            f"It takes at least {_lowest_rate_hz(belt, camera, vision)}.",
        )


def _lowest_rate_hz(belt: BeltConfig, camera: CameraConfig, vision: VisionConfig) -> str:
    spare_mm = camera.view_along_mm - vision.max_part_mm
    if spare_mm <= 0:
        return f"a view_along_mm of more than max_part_mm, {vision.max_part_mm:g}"
    return f"{ceil(belt.speed_mm_s / spare_mm * 100 - 1e-9) / 100:g} Hz"


def picture_fits_the_belt(belt: BeltConfig, camera: CameraConfig) -> Iterator[Finding]:
    """Pictures are whole pixels, and of the belt."""
    rows = camera.view_along_mm / camera.mm_per_px
    if not isclose(rows, round(rows), abs_tol=1e-3) or round(rows) < 1:
        nearest_mm = max(1, round(rows)) * camera.mm_per_px
        yield Finding(
            ("camera", "view_along_mm"),
            f"{camera.view_along_mm:g} mm, which is {rows:.6g} rows of {camera.mm_per_px:g} mm",
            "a whole number of rows",
            f"The nearest is {nearest_mm:g}.",
        )
    if camera.across_start_mm >= belt.width_mm:
        yield Finding(
            ("camera", "across_start_mm"),
            f"{camera.across_start_mm:g} mm",
            f"a picture that begins on the belt, which is {belt.width_mm:g} mm wide",
        )


def the_scale_can_be_seen(camera: CameraConfig, vision: VisionConfig) -> Iterator[Finding]:
    """A mass is a part's only where the camera shows all the belt that was weighed with it."""
    if vision.mass is None:
        return
    if camera.geometry == "line_scan":
        yield Finding(("vision", "mass"), "a scale before a line scan camera", "an area scan camera, or no scale")
    elif vision.mass.length_mm > camera.view_along_mm:
        yield Finding(
            ("vision", "mass", "length_mm"),
            f"{vision.mass.length_mm:g} mm, more than the {camera.view_along_mm:g} mm that the camera sees",
            f"at most {camera.view_along_mm:g} mm of scale",
        )


def one_belt_has_one_speed(belt: BeltConfig, camera: CameraConfig) -> Iterator[Finding]:
    """A camera without an encoder states the belt's speed a second time."""
    stated_mm_s: float | None = getattr(camera, "speed_mm_s", None)
    if stated_mm_s is not None and stated_mm_s != belt.speed_mm_s:
        yield Finding(
            ("camera", "speed_mm_s"), f"{stated_mm_s:g} mm/s", f"the speed of the belt, {belt.speed_mm_s:g} mm/s"
        )


def latches_can_be_told_apart(belt: BeltConfig, camera: CameraConfig, plc: PlcConfig) -> Iterator[Finding]:
    """Frames and the PLC's trigger latches are matched by time before they are by number
    (controller/trigger_pairing.py): two exposures must be farther apart than times can be told."""
    if camera.encoder_from != "plc_trigger":
        return
    if plc.backend == "direct":
        yield Finding(
            ("camera", "encoder_from"),
            "plc_trigger with a remote I/O station, which latches no trigger",
            "frame",
            "Use the camera's own count, or a PLC.",
        )
    if camera.geometry == "line_scan":
        apart_ms = camera.view_along_mm / belt.speed_mm_s * 1000
    elif camera.frame_rate_hz is not None:
        apart_ms = 1000 / camera.frame_rate_hz
    else:
        return  # views_overlap asks for it
    spread_ms = camera.exposure_latency_max_ms - camera.exposure_latency_min_ms
    needed_ms = 2 * plc.cycle_ms + spread_ms
    if apart_ms <= needed_ms:
        yield Finding(
            ("camera", "encoder_from"),
            f"plc_trigger with exposures {apart_ms:.4g} ms apart",
            f"more than {needed_ms:.4g} ms: two times plc.cycle_ms ({plc.cycle_ms:g}) and the spread from "
            f"exposure_latency_min_ms to exposure_latency_max_ms ({spread_ms:g})",
            "Narrow the latencies, read the PLC more often, or have the camera send the count (encoder_from: frame).",
        )


def encoder_is_usable(belt: BeltConfig, jets: JetsConfig, plc: PlcConfig) -> Iterator[Finding]:
    """Counts fine enough for valves, slow enough for a counter input, unambiguous in 32 bit."""
    key: KeyPath = ("belt", "encoder_counts_per_mm")
    per_mm = belt.encoder_counts_per_mm
    per_s = per_mm * belt.speed_mm_s
    if 1 / per_mm > COARSEST_COUNT_MM:
        yield Finding(
            key, f"{per_mm:g}, so one count is {1 / per_mm:g} mm", f"a count of at most {COARSEST_COUNT_MM:g} mm"
        )
    if per_s > MAX_COUNTS_PER_S:
        yield Finding(
            key,
            f"{per_mm:g}, which is {per_s:g} counts a second at {belt.speed_mm_s:g} mm/s",
            f"at most {MAX_COUNTS_PER_S} a second, what a PLC's counter input takes",
            f"At this speed that is {MAX_COUNTS_PER_S / belt.speed_mm_s:g} counts per mm; check the unit.",
        )
    ahead = (jets.distance_mm + jets.clearing_lead_in_mm) * per_mm + per_s * plc.account_lost_after_ms / 1000
    if ahead >= HALF_COUNTER_RANGE:
        yield Finding(
            key,
            f"{per_mm:g}: feeder to valves, and the travel while a lost link is waited for, are {ahead:.3g} counts",
            f"less than {HALF_COUNTER_RANGE}, half the range of the 32-bit counter",
            "Fewer counts per mm, a shorter jets.distance_mm, or a shorter plc.account_lost_after_ms.",
        )


def plc_address_is_usable(plc: PlcConfig) -> Iterator[Finding]:
    """A URL whose port is a port."""
    if not address_is_usable(plc):
        yield Finding(("plc", "url"), f'"{getattr(plc, "url", "")}"', "host:port with a port from 1 to 65535")


def address_is_usable(plc: PlcConfig) -> bool:
    """Whether host and port can be read from the section's URL, if it has one."""
    url: str = getattr(plc, "url", "")
    try:
        return urlsplit(url).port != 0
    except ValueError:
        return False


def hmi_stays_at_home(hmi: HmiConfig | None) -> Iterator[Finding]:
    """The page is not shown to a network by accident."""
    if hmi is not None and not is_loopback(hmi.host) and not hmi.allow_remote:
        yield Finding(
            ("hmi", "host"),
            f'"{hmi.host}", which other computers can reach',
            "127.0.0.1, or allow_remote: true beside it",
            "Allow it only in a network whose computers you trust.",
        )


def patch_is_in_view(camera: CameraConfig, vision: VisionConfig) -> Iterator[Finding]:
    """A reference patch that the camera cannot see would never be missed."""
    patch = vision.health.patch
    if patch is not None and patch.along_mm + patch.length_mm > camera.view_along_mm:
        yield Finding(
            ("vision", "health", "patch", "along_mm"),
            f"{patch.along_mm:g} mm and {patch.length_mm:g} mm long",
            f"a patch within the view, {camera.view_along_mm:g} mm from the camera's datum",
        )
    if patch is not None and patch.across_mm < camera.across_start_mm:
        yield Finding(
            ("vision", "health", "patch", "across_mm"),
            f"{patch.across_mm:g} mm",
            f"a patch in the picture, which begins at {camera.across_start_mm:g} mm across",
        )


def mixes_are_of_the_models_classes(vision: VisionConfig, labels: tuple[str, ...]) -> Iterator[Finding]:
    """A class that the model never answers would look as if it had stopped coming, and can be given no share."""
    mixes: dict[KeyPath, Mapping[str, float] | None] = {
        ("vision", "health", "class_mix", "reference"): vision.health.class_mix.reference,
        ("vision", "expected_mix"): vision.expected_mix,
    }
    for path, mix in mixes.items():
        for class_id in mix or ():
            yield from class_is_the_models((*path, class_id), class_id, labels)


def the_detector_can_be_right(
    camera: CameraConfig, vision: VisionConfig, detector: DetectorManifest
) -> Iterator[Finding]:
    """What a detector refuses is said before anything starts."""
    try:
        require_usable(camera, vision, detector.input, detector.rule)
    except NeedsOperator as error:
        key, expected = "model", "a detector that fits the camera"
        if error.code == "vision.expected_mix":
            key, expected = "expected_mix", "no mix beside a detector"
        yield Finding(("vision", key), error.message, expected, error.remedy)


def the_detector_knows_the_resolution(camera: CameraConfig, detector: DetectorManifest) -> Iterator[Finding]:
    """A detector was trained for parts of some size in its input."""
    trained = detector.input.mm_per_px
    if detector.input.fit == "tiles" and trained and not 0.8 <= camera.mm_per_px / trained <= 1.25:
        yield Finding(
            ("camera", "mm_per_px"),
            f"{camera.mm_per_px:g} mm for a detector trained at {trained:g} mm",
            "the resolution that the detector knows, within a quarter",
            "Parts look smaller or larger to it than any it was taught.",
            "warning",
        )


LINE_CHECKS: tuple[Check, ...] = (
    lanes_cover_the_belt,
    orders_can_be_ahead,
    lead_is_within_the_budget,
    silence_is_noticed_in_time,
    views_overlap,
    picture_fits_the_belt,
    the_scale_can_be_seen,
    one_belt_has_one_speed,
    latches_can_be_told_apart,
    encoder_is_usable,
    plc_address_is_usable,
    hmi_stays_at_home,
    patch_is_in_view,
    mixes_are_of_the_models_classes,
    the_detector_can_be_right,
    the_detector_knows_the_resolution,
)

"""The files of the `calibration:` section: read, checked, and put in the place of nominal values."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, cast

from controller.config.checks import Check, Finding
from controller.config.document import Document, read_document
from controller.config.errors import shown_path
from controller.config.line import BeltConfig, CalibrationConfig, JetsConfig
from controller.config.sections import read_section, written
from vision.calibration import (
    BeltCalibration,
    Calibrations,
    CameraCalibration,
    CameraIdentity,
    LightCalibration,
    camera_name,
)
from vision.camera_config import CameraConfig

KINDS: dict[str, type[CameraCalibration | BeltCalibration | LightCalibration]] = {
    "camera": CameraCalibration,
    "belt": BeltCalibration,
    "light": LightCalibration,
}

NOMINAL_SHARE = 0.1
"""How far a measured value may be from the one in the line's file: farther, one of them is another machine's."""

RESOLUTION_SHARE = 0.02
"""The same of the resolution, which also says what is too small or too long to be a part."""

SPEED_SHARE = 0.2
"""Departure from the shots' speed up to which a distance without latency is used unasked: 2 mm at 1 m/s and 8 ms."""

_AHEAD = timedelta(days=1)

_Made = CameraCalibration | BeltCalibration | LightCalibration


@dataclass(frozen=True, slots=True)
class Residual:
    """How far what was measured may be off: `value`, checked at start against `limit`, both in `unit`.

    `what` is measured, `file` says so, in version `version` of its form, `created` then.
    """

    what: str
    value: float
    limit: float
    unit: str
    file: Path
    version: int
    created: datetime


def read_calibrations(document: Document, sections: dict[str, Any]) -> list[Document]:
    """Reads the files that the section names into `sections["calibrations"]`; the documents they are.

    What is wrong with a file is in its own document's problems; nothing is set where anything is.
    """
    section = cast("CalibrationConfig | None", sections.get("calibration"))
    if "calibration" not in sections:
        return []
    documents: list[Document] = []
    found: dict[str, Any] = {}
    for kind, model in KINDS.items():
        path = cast("Path | None", getattr(section, kind, None))
        if path is None or not path.exists():
            continue
        file = read_document(path)
        documents.append(file)
        if not file.readable:
            continue
        said = file.data.get("kind")
        if said != kind:
            document.problems.append(
                document.error(
                    ("calibration", kind),
                    f"{shown_path(path)}, whose kind is {written(said)}",
                    f"a calibration of kind {kind}, as `senbetsu calibrate {kind}` writes it",
                )
            )
            continue
        calibration = read_section(model, file, (), file.data, path.parent)
        if calibration is not None:
            found[kind] = calibration
    named = [kind for kind in KINDS if getattr(section, kind, None) is not None]
    if len(found) == len(named):
        sections["calibrations"] = Calibrations(**found)
    return documents


def apply_calibrations(sections: dict[str, Any]) -> None:
    """Puts the measured encoder scale and distance in the place of the nominal ones."""
    calibrations = cast("Calibrations | None", sections.get("calibrations"))
    belt, jets = cast("BeltConfig | None", sections.get("belt")), cast("JetsConfig | None", sections.get("jets"))
    made = calibrations.belt if calibrations else None
    if made is None or belt is None or jets is None:
        return
    if made.encoder is not None:
        sections["belt"] = belt.model_copy(update={"encoder_counts_per_mm": made.encoder.counts_per_mm})
    if made.jets is not None:
        sections["jets"] = jets.model_copy(update={"distance_mm": made.jets.at_mm(belt.speed_mm_s)})


def calibrations_fit_the_line(
    calibration: CalibrationConfig | None,
    calibrations: Calibrations,
    camera: CameraConfig,
    belt: BeltConfig,
    jets: JetsConfig,
    now: datetime,
) -> Iterator[Finding]:
    """What is wrong with valid calibration files on this line, whose belt and jets are still nominal, at this time."""
    if calibration is None:
        return
    for kind, made in (("camera", calibrations.camera), ("belt", calibrations.belt), ("light", calibrations.light)):
        if made is not None:
            yield from _age(kind, made, calibration, now)
            yield from _same_camera(kind, made, camera)
    if calibrations.camera is not None:
        yield from _camera_fits(calibrations.camera, camera, calibration)
    if calibrations.light is not None:
        yield from _light_fits(calibrations.light, calibration)
    if calibrations.belt is not None:
        yield from _belt_fits(calibrations.belt, belt, jets, calibration)
        if calibrations.camera is not None and calibrations.camera.created > calibrations.belt.created:
            yield Finding(
                ("calibration", "belt"),
                "a calibration of the belt that is older than the camera's",
                "one made since: the distance is measured from the datum of the camera as it is now",
                "Repeat `senbetsu calibrate belt`.",
                "warning",
            )


def _age(kind: str, made: _Made, limits: CalibrationConfig, now: datetime) -> Iterator[Finding]:
    age = now - made.created
    if age > timedelta(days=limits.max_age_days):
        yield Finding(
            ("calibration", kind),
            f"a calibration made on {made.created:%Y-%m-%d}, {age.days} days ago",
            f"one of at most {limits.max_age_days:g} days (max_age_days)",
            f"Repeat `senbetsu calibrate {kind}`.",
        )
    elif age < -_AHEAD:
        yield Finding(
            ("calibration", kind),
            f"a calibration made on {made.created:%Y-%m-%d}, which is not yet",
            "one of the past",
            "Set the clock of this PC, then repeat the calibration.",
        )


def _same_camera(kind: str, made: _Made, camera: CameraConfig) -> Iterator[Finding]:
    identity = made.camera if isinstance(made.camera, CameraIdentity) else None
    name = identity.name if identity else made.camera
    # A recording's pictures are some other camera's; that its size fits is all that can be said.
    if camera.backend != "recording" and name != camera_name(camera):
        yield Finding(
            ("calibration", kind),
            f"a calibration of the camera {name}",
            f"one of this line's camera, {camera_name(camera)}",
            f"Repeat `senbetsu calibrate {kind}` with this camera.",
        )
    if identity and identity.rows != camera.rows:
        yield Finding(
            ("calibration", kind),
            f"a calibration of pictures of {identity.size} pixels",
            f"{camera.rows} rows: {camera.view_along_mm:g} mm at {camera.mm_per_px:g} mm",
            "Set the camera as it was calibrated, or repeat the calibration.",
        )


def _camera_fits(made: CameraCalibration, camera: CameraConfig, limits: CalibrationConfig) -> Iterator[Finding]:
    if camera.geometry == "line_scan":
        yield Finding(
            ("calibration", "camera"),
            "a lens calibration for a line_scan camera",
            "none: it is for area_scan, whose rows the lens makes and not the encoder",
            "Remove the key.",
        )
    if abs(camera.mm_per_px / made.mm_per_px - 1) > RESOLUTION_SHARE:
        mm_per_px = round(made.mm_per_px, 4)
        yield Finding(
            ("camera", "mm_per_px"),
            f"{camera.mm_per_px:g} mm, where {made.mm_per_px:.4g} mm were measured",
            f"the measured resolution, to {RESOLUTION_SHARE:.0%}",
            f"Set mm_per_px: {mm_per_px:g} and view_along_mm: {mm_per_px * made.camera.rows:.6g}; or the squares of "
            "the board were declared wrongly.",
        )
    error = made.error
    for what, value, at in (("RMS", error.rms_mm, error.max_at_px), ("at the rim", error.rim_mm, error.rim_at_px)):
        if value > limits.max_camera_error_mm:
            yield Finding(
                ("calibration", "camera"),
                f"an error of {value:.2f} mm {what}, worst at column {at[0]:.0f}, row {at[1]:.0f}",
                f"at most {limits.max_camera_error_mm:g} mm (max_camera_error_mm)",
                "Calibrate again with the board in that part of the view.",
            )


def _belt_fits(
    made: BeltCalibration, belt: BeltConfig, jets: JetsConfig, limits: CalibrationConfig
) -> Iterator[Finding]:
    if made.encoder is not None:
        found, nominal = made.encoder.counts_per_mm, belt.encoder_counts_per_mm
        if abs(found / nominal - 1) > NOMINAL_SHARE:
            yield Finding(
                ("belt", "encoder_counts_per_mm"),
                f"{nominal:g}, where {found:.5g} were measured",
                f"the encoder's nominal scale, within {NOMINAL_SHARE:.0%} of the measured one",
                "Correct it, or name this line's calibration.",
            )
        percent = made.encoder.sigma_percent
        if percent > limits.max_encoder_error_percent:
            yield Finding(
                ("calibration", "belt"),
                f"an encoder scale that is known to {percent:.2g} %",
                f"to {limits.max_encoder_error_percent:g} % (max_encoder_error_percent)",
                "Calibrate again with more plates, or a longer way.",
            )
    if made.jets is None:
        return
    found = made.jets.at_mm(belt.speed_mm_s)
    if abs(found / jets.distance_mm - 1) > NOMINAL_SHARE:
        yield Finding(
            ("jets", "distance_mm"),
            f"{jets.distance_mm:g}, where {found:.5g} were measured",
            f"the nominal distance, within {NOMINAL_SHARE:.0%} of the measured one",
            "Correct it, or name this line's calibration.",
        )
    if made.jets.sigma_mm > limits.max_jets_error_mm:
        yield Finding(
            ("calibration", "belt"),
            f"a distance to the valves that is known to {made.jets.sigma_mm:.1f} mm",
            f"to {limits.max_jets_error_mm:g} mm (max_jets_error_mm)",
            "Calibrate again with more shots.",
        )
    slowest, fastest = made.jets.speeds_mm_s
    outside = belt.speed_mm_s < (1 - SPEED_SHARE) * slowest or belt.speed_mm_s > (1 + SPEED_SHARE) * fastest
    if made.jets.latency_ms is None and outside:
        yield Finding(
            ("belt", "speed_mm_s"),
            f"{belt.speed_mm_s:g} mm/s, where the shots of the calibration were at {slowest:g} to {fastest:g}",
            "about the same speed: these shots do not tell distance and delay of the valves apart",
            "Repeat `senbetsu calibrate belt` with shots at two speeds.",
            "warning",
        )


def _light_fits(made: LightCalibration, limits: CalibrationConfig) -> Iterator[Finding]:
    if made.residual_percent > limits.max_light_error_percent:
        yield Finding(
            ("calibration", "light"),
            f"a flat field that leaves the empty belt {made.residual_percent:.1f} % uneven",
            f"at most {limits.max_light_error_percent:g} % (max_light_error_percent)",
            "Clean the belt and the lens, then calibrate again with more pictures of it.",
        )


CALIBRATION_CHECKS: tuple[Check, ...] = (calibrations_fit_the_line,)


def calibration_facts(calibrations: Calibrations) -> Iterator[str]:
    """What was measured and how well, for people."""
    camera, belt, light = calibrations.camera, calibrations.belt, calibrations.light
    if camera is not None:
        e = camera.error
        yield (
            f"camera of {camera.created:%Y-%m-%d}: {e.rms_mm:.3f} mm RMS at {e.corners} corners left out, "
            f"{e.max_mm:.3f} at most (column {e.max_at_px[0]:.0f}, row {e.max_at_px[1]:.0f}), {e.rim_mm:.3f} at the rim"
            f"; {camera.mm_per_px:.4g} mm/px ({camera.mm_per_px_range[0]:.4g} to {camera.mm_per_px_range[1]:.4g})"
        )
    if belt is not None and belt.encoder is not None:
        n = belt.encoder
        yield f"belt of {belt.created:%Y-%m-%d}: {n.counts_per_mm:.5g} +- {n.sigma:.2g} counts/mm from {n.views} views"
    if belt is not None and belt.jets is not None:
        j = belt.jets
        late = "" if j.latency_ms is None else f", late by {j.latency_ms:.1f} +- {j.latency_sigma_ms or 0:.1f} ms"
        yield (
            f"jets of {belt.created:%Y-%m-%d}: {j.distance_mm:.1f} +- {j.sigma_mm:.1f} mm from the datum{late}, "
            f"from {j.shots} shots"
        )
    if light is not None:
        gains = [gain for row in light.gains for gain in row]
        balance = ", ".join(f"{v:.2f}" for v in light.white_balance)
        yield (
            f"light of {light.created:%Y-%m-%d}: gains {min(gains):.2f} to {max(gains):.2f}, "
            f"{light.residual_percent:.1f} % uneven after them; white balance {balance} (R, G, B)"
        )


def residuals(limits: CalibrationConfig | None, calibrations: Calibrations) -> tuple[Residual, ...]:
    """The residual errors of a line's calibrations, which its check has held against their limits; none without."""
    if limits is None:
        return ()
    found: list[Residual] = []

    def add(made: _Made, file: Path | None, *errors: tuple[str, float, float, str]) -> None:
        assert file is not None, "what was read was named"
        found.extend(Residual(*error, file, made.schema_version, made.created) for error in errors)

    camera, belt, light = calibrations.camera, calibrations.belt, calibrations.light
    if camera is not None:
        most = limits.max_camera_error_mm
        rms = ("camera", camera.error.rms_mm, most, "mm")
        add(camera, limits.camera, rms, ("camera, at the rim", camera.error.rim_mm, most, "mm"))
    if belt is not None and belt.encoder is not None:
        add(belt, limits.belt, ("encoder", belt.encoder.sigma_percent, limits.max_encoder_error_percent, "%"))
    if belt is not None and belt.jets is not None:
        add(belt, limits.belt, ("distance to the valves", belt.jets.sigma_mm, limits.max_jets_error_mm, "mm"))
    if light is not None:
        add(light, limits.light, ("light", light.residual_percent, limits.max_light_error_percent, "%"))
    return tuple(found)


def calibration_summary(calibrations: Calibrations) -> dict[str, Any]:
    """The same as data: what was measured, None where it was not."""
    camera, belt, light = calibrations.camera, calibrations.belt, calibrations.light
    return {
        "camera": camera.error.model_dump(mode="json") if camera else None,
        "encoder": belt.encoder.model_dump(mode="json") if belt and belt.encoder else None,
        "jets": belt.jets.model_dump(mode="json") if belt and belt.jets else None,
        "light": {"residual_percent": light.residual_percent} if light else None,
    }

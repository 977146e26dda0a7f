"""Calibration files of a line: located errors, checked against the line, put in the place of nominal values."""

import json
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest

from controller.config import CheckReport, ConfigError, ConfigErrors, check, load_config
from controller.config.calibration import residuals
from tests.controller.calibration_files import belt_file, born, camera_file, light_file
from tests.controller.changed_lines import REAL_CAMERA, changed, plain


def _check(
    site: Path, line: dict[str, Any] | None = None, files: dict[str, dict[str, Any]] | None = None, **named: Any
) -> CheckReport:
    """The good line with a real camera and calibrations; `line` and `files` replace dotted keys, None takes away."""
    data = plain(site / "good.line") | {"camera": deepcopy(REAL_CAMERA)}
    made = {"camera": camera_file(), "belt": belt_file(), "light": light_file()}
    data["calibration"] = {kind: f"{kind}.yaml" for kind in made} | named
    changed(data, line or {})
    for kind, content in made.items():
        changed(content, (files or {}).get(kind, {}))
        (site / f"{kind}.yaml").write_text(json.dumps(content, indent=1))
    (site / "line.yaml").write_text(json.dumps(data, indent=1))
    return check(site / "line.yaml")


def _only_error(site: Path, **given: Any) -> ConfigError:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, **given)
    (error,) = [e for e in refused.value.errors if e.severity == "error"]
    assert error.line is not None
    return error


def test_measured_values_stand_in_the_place_of_nominal_ones(site: Path) -> None:
    report = _check(site)
    assert report.warnings == ()
    assert report.config.belt.encoder_counts_per_mm == 9.87
    # 6 ms late at 1000 mm/s: orders have to be made for 6 mm less.
    assert report.config.jets.distance_mm == pytest.approx(893)
    assert report.config.calibrated.camera is not None
    assert "0.050 mm RMS at 300 corners" in str(report)
    assert "9.87 +- 0.001 counts/mm" in str(report)
    assert "899.0 +- 0.5 mm from the datum, late by 6.0 +- 0.4 ms" in str(report)
    assert "gains 0.90 to 1.10" in str(report)


def test_each_residual_error_is_said_beside_its_limit_and_the_version_of_its_file(site: Path) -> None:
    report = _check(site, max_camera_error_mm=0.4)
    found = {error.what: error for error in residuals(report.config.calibration, report.config.calibrated)}
    assert {what: (error.value, error.limit, error.unit, error.file.name) for what, error in found.items()} == {
        "camera": (0.05, 0.4, "mm", "camera.yaml"),
        "camera, at the rim": (0.1, 0.4, "mm", "camera.yaml"),
        "encoder": (pytest.approx(0.1 / 9.87), 0.1, "%", "belt.yaml"),
        "distance to the valves": (0.5, 2.0, "mm", "belt.yaml"),
        "light": (0.8, 5.0, "%", "light.yaml"),
    }
    made = found["camera"].created.date()
    assert f"checked camera: off by 0.05 mm, at most 0.4 allowed; camera.yaml, version 1 of {made}" in str(report)
    without = _check(site, {"calibration": None})
    assert residuals(without.config.calibration, without.config.calibrated) == ()


def test_a_line_without_calibration_says_that_its_values_are_nominal(site: Path) -> None:
    report = _check(site, {"calibration": None})
    assert report.config.belt.encoder_counts_per_mm == 10
    assert report.config.calibrated.camera is None
    assert "measured nothing" in str(report)


@pytest.mark.parametrize(
    ("kind", "change", "key_path", "says"),
    [
        ("camera", {"camera.name": "opencv device=1"}, "calibration.camera", "opencv device=1"),
        ("camera", {"camera.rows": 600}, "calibration.camera", "800 x 600"),
        ("camera", {"created": born(2020)}, "calibration.camera", "2020-01-01"),
        ("camera", {"created": born(2090)}, "calibration.camera", "not yet"),
        ("camera", {"error.rms_mm": 0.6}, "calibration.camera", "0.60 mm RMS, worst at column 10, row 20"),
        ("camera", {"error.rim_mm": 0.7}, "calibration.camera", "0.70 mm at the rim, worst at column 799"),
        ("camera", {"mm_per_px": 0.45}, "camera.mm_per_px", "0.45 mm were measured"),
        ("belt", {"camera": "genicam serial=7"}, "calibration.belt", "genicam serial=7"),
        ("belt", {"encoder.counts_per_mm": 5.0}, "belt.encoder_counts_per_mm", "where 5 were measured"),
        ("belt", {"encoder.sigma": 0.02}, "calibration.belt", "0.2 %"),
        ("belt", {"jets.distance_mm": 700}, "jets.distance_mm", "694"),
        ("belt", {"jets.sigma_mm": 3}, "calibration.belt", "3.0 mm"),
        ("belt", {"created": born(2020)}, "calibration.belt", "days ago"),
        ("light", {"camera.name": "sim"}, "calibration.light", "camera sim"),
        ("light", {"residual_percent": 7}, "calibration.light", "7.0 % uneven"),
        ("light", {"camera.rows": 320}, "calibration.light", "800 x 320"),
        ("camera", {"kind": "light"}, "calibration.camera", 'kind is "light"'),
    ],
)
def test_a_calibration_that_does_not_fit_the_line_is_refused(
    site: Path, kind: str, change: dict[str, Any], key_path: str, says: str
) -> None:
    error = _only_error(site, files={kind: change})
    assert error.key_path == key_path
    assert says in error.found
    assert error.file == site / "line.yaml"


@pytest.mark.parametrize(
    ("kind", "change", "key_path", "says"),
    [
        ("camera", {"schema_version": 2}, "schema_version", "1"),
        ("camera", {"focal_px": ["800", 800]}, "focal_px[0]", "a number"),
        ("camera", {"homography": None}, "homography", "the key homography"),
        ("belt", {"encoder.sigmas": 1}, "encoder.sigmas", "one of: counts_per_mm"),
        ("light", {"gains": [[1, 1], [1, 1, 1]]}, "", "values that agree"),
        ("light", {"white_balance": [1, 1, 9]}, "white_balance[2]", "less than or equal to 5"),
    ],
)
def test_an_error_in_a_calibration_file_is_located_in_that_file(
    site: Path, kind: str, change: dict[str, Any], key_path: str, says: str
) -> None:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, files={kind: change})
    (error,) = refused.value.errors
    assert (error.file, error.key_path) == (site / f"{kind}.yaml", key_path)
    assert says in error.expected


@pytest.mark.parametrize(
    ("line", "key_path", "says"),
    [
        ({"calibration.camera": "camra.yaml"}, "calibration.camera", "does not exist"),
        ({"calibration.max_age_days": 3}, "calibration.camera", "10 days ago"),
        ({"calibration.max_camera_error_mm": 0.07}, "calibration.camera", "0.10 mm at the rim"),
        ({"calibration.max_eror": 1}, "calibration.max_eror", "max_eror"),
        ({"camera.device": 3}, "calibration.camera", "device=0"),
    ],
)
def test_what_the_line_says_of_its_calibrations_is_checked(
    site: Path, line: dict[str, Any], key_path: str, says: str
) -> None:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, line)
    error = refused.value.errors[0]
    assert error.key_path == key_path
    assert says in error.found


def test_a_line_scan_camera_takes_no_lens_calibration(site: Path) -> None:
    line = {"camera.geometry": "line_scan", "camera.frame_rate_hz": None}
    error = _only_error(site, line=line, files={"belt": {"jets.latency_ms": 0}})
    assert error.key_path == "calibration.camera"
    assert "line_scan" in error.found


def test_a_distance_of_another_speed_and_one_older_than_the_camera_s_are_warned_of(site: Path) -> None:
    jets = {"jets.latency_ms": None, "jets.latency_sigma_ms": None, "jets.speeds_mm_s": [500, 500]}
    report = _check(site, files={"belt": jets | {"created": camera_file(days=30)["created"]}})
    assert [w.key_path for w in report.warnings] == ["belt.speed_mm_s", "calibration.belt"]
    assert report.config.jets.distance_mm == 899


def test_who_calibrates_anew_is_not_stopped_by_what_is_there(site: Path) -> None:
    with pytest.raises(ConfigErrors):
        _check(site, files={"camera": {"created": born(2020)}}, belt="missing.yaml")
    config = load_config(site / "line.yaml", without=("camera", "belt"))
    assert config.calibrated.camera is None
    assert config.calibrated.light is not None


def test_the_calibrations_travel_with_the_configuration_into_a_recording(site: Path) -> None:
    config = _check(site).config
    data = json.loads(config.model_dump_json())
    again = type(config.calibrated).model_validate_json(json.dumps(data["calibrated"]))
    assert again == config.calibrated

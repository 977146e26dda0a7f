"""A plant whose encoder and valves are not where the line believes: the real commands find out, and the line sorts."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.system.lines import demo_on_free_ports, senbetsu

TRUE_COUNTS_PER_MM = 9.87
TRUE_DISTANCE_MM = 881.0
SWEEP_MM = range(845, 918, 9)


def run_json(folder: Path, *arguments: object) -> dict[str, Any]:
    return json.loads(senbetsu(*arguments, "--json", folder=folder))


def write_line(folder: Path, distance_mm: float = 900, **calibration: str) -> Path:
    """The demo with plates of one class, its plant otherwise than the line says; the path of its file."""
    config = demo_on_free_ports()
    config["jets"]["distance_mm"] = distance_mm
    config["plant"]["feed"] |= {"parts_per_s": 6, "min_gap_mm": 40, "mix": {"ic": 1}}
    config["plant"]["belt"] = {"counts_per_mm": TRUE_COUNTS_PER_MM}
    config["plant"]["jets"]["distance_mm"] = TRUE_DISTANCE_MM
    config["plant"]["scan_ms"] = 1
    if calibration:
        config["calibration"] = calibration
    path = folder / f"line-{distance_mm:g}-{'-'.join(calibration) or 'nominal'}.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path


def landed(summary: dict[str, Any], outlet: str) -> int:
    return sum(tally["count"] for tally in summary["truth"]["outlets"][outlet].values())


@pytest.mark.slow
@pytest.mark.timeout(1500)
def test_encoder_scale_and_valve_distance_of_the_plant_are_recovered_within_what_they_say(tmp_path: Path) -> None:
    nominal = write_line(tmp_path)
    before = run_json(tmp_path, "simulate", nominal, "--for", 10, "--record", "ride.mcap")

    found = run_json(tmp_path, "calibrate", "belt", nominal, "--recording", "ride.mcap", "--target", "plates",
                     "-o", "encoder.yaml")["encoder"]  # fmt: skip
    assert abs(found["counts_per_mm"] - TRUE_COUNTS_PER_MM) < 4 * found["sigma"] + 1e-4
    assert found["sigma"] < 0.005

    rows = ["distance_mm,outcome,count"]
    for distance_mm in SWEEP_MM:
        line = write_line(tmp_path, distance_mm, belt="encoder.yaml")
        shot = run_json(tmp_path, "simulate", line, "--for", 6)
        fired, hit = shot["orders"]["fired"], landed(shot, "valuables")
        rows += [f"{distance_mm},hit,{hit}", f"{distance_mm},missed,{max(0, fired - hit)}"]
    rows.append(f"{SWEEP_MM[0]},hit,1")  # one that somebody wrote into the wrong row
    (tmp_path / "shots.csv").write_text("\n".join(rows))
    made = run_json(tmp_path, "calibrate", "belt", nominal, "--recording", "ride.mcap", "--target", "plates",
                    "--shots", "shots.csv", "-o", "belt.yaml")  # fmt: skip
    jets = made["jets"]
    # A scan of 1 ms is 1 mm of belt, by which the valves' steps are too coarse for the fit to see.
    assert abs(jets["distance_mm"] - TRUE_DISTANCE_MM) < 3 * jets["sigma_mm"] + 0.5
    assert jets["sigma_mm"] < 1.0
    assert jets["left_out"] == 1

    calibrated = run_json(tmp_path, "simulate", write_line(tmp_path, 900, belt="belt.yaml"), "--for", 10)
    assert calibrated["calibration"]["jets"] == jets
    # Of the shots: what the model does not know is not shot at, and says nothing of the calibration.
    assert landed(calibrated, "valuables") == calibrated["orders"]["fired"] > 40
    assert landed(before, "valuables") < before["orders"]["fired"]

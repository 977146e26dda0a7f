"""Cross-checks: each refuses what it is there for, says where and what to do, and lets the good line pass."""

import json
from pathlib import Path
from typing import Any

import pytest

from controller.config import CheckReport, ConfigError, ConfigErrors, check
from tests.controller.changed_lines import REAL_CAMERA, changed, plain

PLANT: dict[str, Any] = {"feed": {"mix": {"pcb": 1, "battery": 1}}, "servers": {"modbus": {"port": 15020}}}
SIM_CAMERA: dict[str, Any] = {"camera.backend": "sim", "camera.path": None, "plant": PLANT}
MODBUS: dict[str, Any] = {"plc": {"backend": "modbus", "host": "127.0.0.1", "port": 15020, "tags": "tags.yaml"}}
OPCUA: dict[str, Any] = {
    "plc": {"backend": "opcua", "url": "opc.tcp://127.0.0.1:15040", "tags": "opcua.yaml", "insecure": True}
}
DIRECT: dict[str, Any] = {
    "belt.speed_mm_s": 300,
    "plc": {
        "backend": "direct",
        "host": "127.0.0.1",
        "port": 15080,
        "encoder": {"address": 0, "counts_per_mm": 10.0},
        "inputs": {"e_stop_ok": 0, "air_ok": 1, "no_fire": 2},
        "outputs": {"first_valve": 0, "valve_count": 32, "belt_run": 64, "feed_run": 65},
        "jitter_ms": 10,
        "max_speed_mm_s": 400,
        "watchdog_ms": 200,
    },
}
SECURE: dict[str, Any] = {"certificate": "tiny.onnx", "key": "tiny.onnx", "server_certificate": "tiny.onnx"}
SCADA: dict[str, Any] = {"insecure": True, "anonymous": True}
SECURED_SCADA: dict[str, Any] = {
    "host": "192.0.2.1",
    "security": {"certificate": "tiny.onnx", "key": "tiny.onnx", "trusted": "recipes"},
    "users": [{"name": "scada", "password_hash": f"scrypt$14$8$1${'s' * 22}${'h' * 43}"}],
}
PATCH: dict[str, Any] = {"along_mm": 10, "across_mm": 5, "length_mm": 10, "width_mm": 10, "bgr": [180, 180, 180]}


def _check(site: Path, line: dict[str, Any], recipe: dict[str, Any] | None = None) -> CheckReport:
    """Check the good line of the site with some keys changed. JSON is YAML."""
    shipped = Path(__file__).parents[2] / "configs" / "tags"
    (site / "tags.yaml").write_text((shipped / "modbus-default.yaml").read_text())
    (site / "opcua.yaml").write_text((shipped / "opcua-default.yaml").read_text())
    path, recipe_path = site / "line.yaml", site / "recipes" / "good.yaml"
    path.write_text(json.dumps(changed(plain(site / "good.line"), line), indent=1))
    recipe_path.write_text(json.dumps(changed(plain(recipe_path), recipe or {}), indent=1))
    return check(path)


def _only_error(site: Path, line: dict[str, Any], recipe: dict[str, Any] | None = None) -> ConfigError:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, line, recipe)
    (error,) = refused.value.errors
    assert error.severity == "error"
    return error


def test_the_good_line_passes_without_a_warning(site: Path) -> None:
    report = _check(site, {})
    assert report.warnings == ()
    assert report.config.recipe.name == "good"
    assert report.config.recipe_path == site / "recipes" / "good.yaml"
    assert "32 lanes" in str(report)


@pytest.mark.parametrize(
    ("line", "controller_ms", "plc_ms", "request_ms"),
    [
        ({}, 400, 500, 190),
        ({"belt.speed_mm_s": 500}, 800, 1000, 200),
        ({"plc.heartbeat_budget_mm": 100}, 80, 100, 30),
        ({"jets.distance_mm": 520}, 160, 200, 70),
        ({"plc.request_timeout_ms": 100}, 400, 500, 100),
        ({"plc.heartbeat_timeout_ms": 240}, 240, 300, 110),
    ],
)
def test_the_link_s_times_follow_from_the_heartbeat_budget_and_the_belt_s_speed(
    site: Path, line: dict[str, Any], controller_ms: float, plc_ms: float, request_ms: float
) -> None:
    plc = _check(site, line).config.plc
    times = (plc.heartbeat_timeout_ms, plc.pc_timeout_ms, plc.request_timeout_ms)
    assert times == pytest.approx((controller_ms, plc_ms, request_ms))


@pytest.mark.parametrize(
    ("line", "key_path", "says"),
    [
        ({"belt.width_mm": 401}, "jets.valve_count", "Set valve_count: 33"),
        ({"jets.first_lane_mm": 1}, "jets.first_lane_mm", "0 or less"),
        ({"plc.heartbeat_budget_mm": 581}, "plc.heartbeat_budget_mm", "Set heartbeat_budget_mm: 580 or less"),
        ({"plc.heartbeat_budget_mm": 49}, "plc.heartbeat_budget_mm", "heartbeat_budget_mm of at least 50"),
        ({"plc.heartbeat_timeout_ms": 470}, "plc.heartbeat_timeout_ms", "Set heartbeat_budget_mm: 580 or less"),
        (
            {"plc.heartbeat_budget_mm": 270, "plc.request_timeout_ms": 200},
            "plc.heartbeat_budget_mm",
            "heartbeat_budget_mm of at least 275",
        ),
        (
            {"plc.heartbeat_budget_mm": 300, "plc.heartbeat_timeout_ms": 300},
            "plc.heartbeat_timeout_ms",
            "Remove heartbeat_timeout_ms",
        ),
        ({"jets.distance_mm": 419}, "jets.distance_mm", "distance_mm of at least 420"),
        ({"jets.distance_mm": 200}, "jets.distance_mm", "distance_mm of at least 420"),
        ({"jets.latency_budget_ms": 581}, "jets.distance_mm", "latency_budget_ms of at most 580"),
        ({"jets.order_lead_ms": 101}, "jets.order_lead_ms", "latency_budget_ms, 100 ms"),
        ({"plc.cycle_ms": 50}, "jets.order_lead_ms", "at least plc.cycle_ms, 50 ms"),
        ({"camera.frame_rate_hz": None}, "camera.frame_rate_hz", "at least 5.89 Hz"),
        ({"camera.encoder_from": "plc_trigger", "camera.exposure_latency_max_ms": 35}, "camera.encoder_from", "55 ms"),
        (DIRECT | {"camera.encoder_from": "plc_trigger"}, "camera.encoder_from", "or a PLC"),
        ({"camera.frame_rate_hz": 5.88}, "camera.frame_rate_hz", "It takes at least 5.89 Hz"),
        ({"camera.view_along_mm": 150}, "camera.frame_rate_hz", "view_along_mm of more than max_part_mm"),
        ({"camera.view_along_mm": 320.3}, "camera.view_along_mm", "a whole number of rows"),
        (
            {"vision.mass": {"upstream_mm": 10, "length_mm": 400}},
            "vision.mass.length_mm",
            "at most 320 mm of scale",
        ),
        ({"camera.across_start_mm": 400}, "camera.across_start_mm", "begins on the belt"),
        ({"belt.encoder_counts_per_mm": 0.5}, "belt.encoder_counts_per_mm", "at most 1 mm"),
        ({"belt.encoder_counts_per_mm": 2000}, "belt.encoder_counts_per_mm", "at most 1000000 a second"),
        ({"line.simulated": None}, "line.simulated", "this is simulated: camera, plc"),
        ({"hmi.host": "0.0.0.0"}, "hmi.host", "allow_remote: true"),  # noqa: S104
        ({"hmi.host": "sorter.plant.example"}, "hmi.host", "allow_remote: true"),
        ({"vision.health": {"patch": PATCH | {"along_mm": 315}}}, "vision.health.patch.along_mm", "within the view"),
        (
            {"vision.health": {"patch": PATCH | {"across_mm": -5}}},
            "vision.health.patch.across_mm",
            "a patch in the picture",
        ),
        (
            {"vision.health": {"class_mix": {"reference": {"pcb": 1, "batery": 1}}}},
            "vision.health.class_mix.reference.batery",
            "a class of the model",
        ),
        ({"vision.expected_mix": {"pcb": 2, "batery": 1}}, "vision.expected_mix.batery", "a class of the model"),
        ({"vision.health": {"focus": {"warn": 0.5, "alarm": 0.7}}}, "vision.health.focus", "agree"),
        ({"scada": {**SCADA, "host": "192.0.2.1"}}, "scada", "values that agree"),
        ({"scada": {**SCADA, "anonymous": False}}, "scada", "values that agree"),
        ({"scada": {**SCADA, "insecure": False}}, "scada", "values that agree"),
        (
            {"scada": {**SCADA, "users": [{"name": "x", "password_hash": "x"}]}},
            "scada.users[0].password_hash",
            "scrypt",
        ),
        ({"scada": SECURED_SCADA}, "scada.host", "allow_remote: true"),
        (
            {"scada": {**SECURED_SCADA, "allow_remote": True}, "scada.security.trusted": "tiny.onnx"},
            "scada.security.trusted",
            "a folder",
        ),
        ({**SIM_CAMERA, "scada": {**SCADA, "port": 15020}}, "plant.servers.modbus.port", "scada.port has it too"),
        ({"scada": {**SCADA, "port": 8080}}, "scada.port", "hmi.port has it too"),
        ({"hmi.port": 65536}, "hmi.port", "less than or equal to 65535"),
        ({"camera.backend": "sim", "camera.path": None}, "camera.backend", "a plant section"),
        ({**SIM_CAMERA, **MODBUS, "plc.host": "192.0.2.10"}, "plc.host", "real valves would open"),
        ({**MODBUS, "plc.host": "192.0.2.10"}, "plc.host", "real valves would open"),
        (
            {**SIM_CAMERA, **MODBUS, "plc.host": None, "plc.port": None, "plc.serial": {"device": "/dev/ttyUSB0"}},
            "plc.serial",
            "real valves would open",
        ),
        ({**OPCUA, "plc.url": "opc.tcp://127.0.0.1:99999"}, "plc.url", "a port from 1 to 65535"),
        ({**OPCUA, "plc.url": "opc.tcp://192.0.2.10:4840"}, "plc", "values that agree"),
        (
            {**OPCUA, "plc.url": "opc.tcp://plc:4840", "plc.insecure": None, "plc.security": SECURE},
            "plc.url",
            "real valves would open",
        ),
        ({**SIM_CAMERA, **MODBUS, "plant.servers": {}}, "plant.servers.modbus", "the server that the plc"),
        ({**SIM_CAMERA, "hmi.port": 15020}, "plant.servers.modbus.port", "hmi.port has it too"),
        ({**SIM_CAMERA, "jets.clearing_lead_in_mm": 349}, "jets.clearing_lead_in_mm", "at least 350 mm"),
        ({"recipe": "recipes"}, "recipe", "the path of a recipe file"),
        ({"vision.model": "no-such-model"}, "vision.model", "senbetsu models train"),
    ],
)
def test_a_line_that_cannot_work_is_refused(site: Path, line: dict[str, Any], key_path: str, says: str) -> None:
    error = _only_error(site, line)
    assert error.key_path == key_path
    assert says in f"{error.expected} {error.hint}"


def test_counts_must_stay_unambiguous_in_32_bit(site: Path) -> None:
    slow = {"belt.speed_mm_s": 10, "belt.encoder_counts_per_mm": 100_000, "jets.distance_mm": 30_000}
    error = _only_error(site, slow)
    assert error.key_path == "belt.encoder_counts_per_mm"
    assert "32-bit" in error.expected


def test_an_orders_distance_is_enough_at_exactly_the_budget(site: Path) -> None:
    assert _check(site, {"jets.distance_mm": 420}).warnings == ()


def test_a_line_scan_part_is_decided_on_only_when_its_tail_was_seen(site: Path) -> None:
    strips = {"camera.geometry": "line_scan", "camera.view_along_mm": 64, "camera.frame_rate_hz": None}
    assert _check(site, {**strips, "jets.distance_mm": 64 + 150 + 100}).warnings == ()
    error = _only_error(site, {**strips, "jets.distance_mm": 64 + 150 + 99})
    assert error.key_path == "jets.distance_mm"


def test_a_frame_rate_that_a_line_scan_camera_ignores_is_said(site: Path) -> None:
    (warning,) = _check(site, {"camera.geometry": "line_scan", "camera.view_along_mm": 64}).warnings
    assert (warning.key_path, warning.severity) == ("camera.frame_rate_hz", "warning")


def test_simulated_without_anything_simulated_is_refused(site: Path) -> None:
    error = _only_error(site, {"camera": REAL_CAMERA, **MODBUS})
    assert error.key_path == "line.simulated"
    assert error.expected == "false"


def test_a_real_line_needs_nothing_simulated(site: Path) -> None:
    real = {"camera": REAL_CAMERA, "plc": {**MODBUS["plc"], "host": "192.0.2.10"}, "line.simulated": None}
    report = _check(site, real)
    assert (report.warnings, report.config.simulated_parts) == ((), ())


def test_a_camera_that_states_another_belt_speed_is_refused(site: Path) -> None:
    error = _only_error(site, {"camera": {**REAL_CAMERA, "speed_mm_s": 900}})
    assert error.key_path == "camera.speed_mm_s"


def test_a_plant_behind_another_port_is_a_warning(site: Path) -> None:
    (warning,) = _check(site, {**SIM_CAMERA, "plc": {**MODBUS["plc"], "port": 15021}}).warnings
    assert warning.key_path == "plc.port"


def test_a_class_that_the_model_has_never_heard_of_may_be_fed_but_is_said(site: Path) -> None:
    plant = {"feed": {"mix": {"pcb": 1, "cable": 1}}}
    (warning,) = _check(site, {**SIM_CAMERA, "plant": plant}).warnings
    assert warning.key_path == "plant.feed.mix.cable"


def test_remote_hmi_is_allowed_when_said(site: Path) -> None:
    assert _check(site, {"hmi.host": "0.0.0.0", "hmi.allow_remote": True}).warnings == ()  # noqa: S104


def test_a_line_without_hmi_has_none(site: Path) -> None:
    assert _check(site, {"hmi": None}).config.hmi is None


@pytest.mark.parametrize(
    ("recipe", "key_path", "says"),
    [
        ({"default_outlet": "rset"}, "default_outlet", 'Did you mean "rest"?'),
        ({"unknown_outlet": "board"}, "unknown_outlet", 'Did you mean "boards"?'),
        ({"mass_g_per_mm2.screw": None}, "mass_g_per_mm2", "default_mass_g_per_mm2"),
        ({"mass_g_per_mm2.screws": 1}, "mass_g_per_mm2.screws", 'Did you mean "screw"?'),
        ({"outlets": []}, "outlets", "at least 1"),
    ],
)
def test_a_recipe_that_cannot_work_is_refused(site: Path, recipe: dict[str, Any], key_path: str, says: str) -> None:
    error = _only_error(site, {}, recipe)
    assert error.file.name == "good.yaml"
    assert error.key_path == key_path
    assert says in f"{error.expected} {error.hint}"


def test_the_default_outlet_needs_no_actuator_and_promises_nothing(site: Path) -> None:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, {}, {"default_outlet": "boards"})
    assert sorted(error.key_path for error in refused.value.errors) == [
        "default_outlet",
        "outlets[0].forbid",
        "outlets[0].min_purity",
    ]


def test_a_recipe_without_a_passive_outlet_is_refused(site: Path) -> None:
    boards = {"id": "boards", "actuator": "jets", "default_value_jpy_per_kg": 0}
    with pytest.raises(ConfigErrors, match="no outlet with actuator none"):
        _check(site, {}, {"outlets": [boards]})


def test_a_missing_mass_is_filled_only_when_the_recipe_says_so(site: Path) -> None:
    report = _check(site, {}, {"mass_g_per_mm2.screw": None, "default_mass_g_per_mm2": 0.01})
    recipe = report.config.recipe
    assert recipe.areal_mass_g_per_mm2("screw") == 0.01
    assert recipe.areal_mass_g_per_mm2("pcb") == 0.0045


def test_the_right_outlet_is_where_a_class_is_worth_most_and_allowed(site: Path) -> None:
    recipe = _check(site, {}).config.recipe
    assert recipe.right_outlets(["pcb", "battery", "screw"]) == {"pcb": "boards", "battery": "rest", "screw": "rest"}


def test_at_equal_worth_a_part_belongs_where_it_takes_no_shot(site: Path) -> None:
    boards = {"id": "boards", "actuator": "jets", "default_value_jpy_per_kg": 0}
    rest = {"id": "rest", "actuator": "none", "default_value_jpy_per_kg": 0}
    recipe = _check(site, {}, {"outlets": [boards, rest]}).config.recipe
    assert recipe.right_outlets(["pcb"]) == {"pcb": "rest"}


def test_a_tag_map_of_another_protocol_is_refused(site: Path) -> None:
    error = _only_error(site, {**OPCUA, "plc.tags": "tags.yaml"})
    assert error.key_path == "plc.tags"
    assert "tags.yaml:" in error.found


def test_a_broken_tag_map_is_said_with_its_own_line(site: Path) -> None:
    with pytest.raises(ConfigErrors) as refused:
        _check(site, {**SIM_CAMERA, "plc": {**MODBUS["plc"], "tags": "recipes/good.yaml"}})
    assert {error.key_path for error in refused.value.errors} == {"plc.tags"}
    assert all("good.yaml:" in error.found for error in refused.value.errors)


def test_direct_io_within_the_jets_margin_is_taken_and_says_how_fast_it_may_be(site: Path) -> None:
    report = _check(site, DIRECT)
    assert "+-10 ms as declared: +-3 mm at this speed" in str(report)
    assert "margin of 4 mm allows up to 400 mm/s" in str(report)


@pytest.mark.parametrize(
    ("changes", "key", "says"),
    [
        ({"plc.max_speed_mm_s": 500}, "plc.max_speed_mm_s", "at most 400 mm/s: jets.margin_along_mm is 4 mm"),
        ({"plc.jitter_ms": 20}, "plc.max_speed_mm_s", "at most 200 mm/s"),
        ({"belt.speed_mm_s": 450}, "belt.speed_mm_s", "at most plc.max_speed_mm_s, 400 mm/s"),
        ({"plc.encoder.counts_per_mm": 20.0}, "plc.encoder.counts_per_mm", "belt.encoder_counts_per_mm, 10"),
        ({"plc.outputs.valve_count": 16}, "plc.outputs.valve_count", "jets.valve_count, 32"),
    ],
)
def test_direct_io_that_is_not_exact_enough_for_the_belt_is_refused(
    site: Path, changes: dict[str, Any], key: str, says: str
) -> None:
    error = _only_error(site, DIRECT | changes)
    assert error.key_path == key
    assert says in error.expected


def test_direct_io_on_a_simulated_line_needs_the_plants_station(site: Path) -> None:
    error = _only_error(site, DIRECT | SIM_CAMERA)
    assert error.key_path == "plant.servers.remote_io"

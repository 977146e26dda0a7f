"""From a file to a `LineConfig`, or to everything that is wrong with it."""

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, cast

import structlog
from pydantic import BaseModel

from controller.clock import utc_now
from controller.config.backends import (
    FRAME_SOURCES,
    PLANT_NAME,
    PLANTS,
    PLC_LINKS,
    BackendUnavailable,
    available,
    backend_config,
)
from controller.config.calibration import (
    CALIBRATION_CHECKS,
    apply_calibrations,
    calibration_facts,
    read_calibrations,
    residuals,
)
from controller.config.checks import Finding, run_checks
from controller.config.direct_checks import DIRECT_CHECKS
from controller.config.document import Document, KeyPath, read_document
from controller.config.errors import ConfigError, ConfigErrors, did_you_mean, listed, shown_path
from controller.config.line import BeltConfig, CalibrationConfig, HmiConfig, JetsConfig, LineConfig, LineSection
from controller.config.line_checks import LINE_CHECKS, room_to_valves_mm
from controller.config.recipe import Recipe
from controller.config.recipe_checks import RECIPE_CHECKS
from controller.config.scada_checks import SCADA_CHECKS
from controller.config.sections import read_section, written
from controller.config.simulation_checks import SIMULATION_CHECKS
from models.registry import DetectorFile, check_runs, list_models
from plc_bridge.config import PlcConfig
from plc_bridge.scada_config import ScadaConfig
from plc_bridge.tagmap_file import PROTOCOLS, load_tag_map
from senbetsu_errors import Fatal, NeedsOperator
from vision.calibration import Calibrations
from vision.camera_config import CameraConfig
from vision.line_model import line_model, shadow_model
from vision.settings import VisionConfig

log = structlog.get_logger("config")

_OWN_SECTIONS: dict[str, type[BaseModel]] = {
    "line": LineSection,
    "belt": BeltConfig,
    "vision": VisionConfig,
    "jets": JetsConfig,
    "calibration": CalibrationConfig,
    "hmi": HmiConfig,
    "scada": ScadaConfig,
}
_BACKEND_SECTIONS: dict[str, tuple[str, type[BaseModel]]] = {
    "camera": (FRAME_SOURCES, CameraConfig),
    "plc": (PLC_LINKS, PlcConfig),
}
_SECTIONS = ("line", "belt", "camera", "vision", "plc", "jets", "calibration", "recipe", "hmi", "scada", "plant")
_OPTIONAL = ("calibration", "hmi", "scada", "plant")


@dataclass(frozen=True, slots=True)
class CheckReport:
    """A configuration that can run: what it says, and what is odd about it. `str` of it is for people."""

    config: LineConfig
    warnings: tuple[ConfigError, ...]

    def __str__(self) -> str:
        return "\n".join([*(str(warning) for warning in self.warnings), *_facts(self.config)])


def load_config(path: Path, *, without: Collection[str] = ()) -> LineConfig:
    """The line that the file at `path` describes, with its recipe, all paths absolute.

    `without` names keys of `calibration` that are not looked at, for who is about to make those files anew.
    Warnings are logged. Raises ConfigErrors with everything that is wrong.
    """
    report = check(path, without=without)
    for warning in report.warnings:
        log.warning(
            "odd configuration", at=warning.place, key=warning.key_path, found=warning.found, expected=warning.expected
        )
    return report.config


def check(path: Path, *, without: Collection[str] = (), try_model: bool = False) -> CheckReport:
    """Validates the file at `path` with its recipe, tag map and model; starts nothing.

    With `try_model` the model is loaded and asked about one grey picture too, as the line does when it starts.
    Raises ConfigErrors with everything that is wrong, warnings among it.
    """
    path = path.absolute()
    document = read_document(path)
    documents = [document]
    sections: dict[str, Any] = {}
    recipe_path = path
    if document.readable:
        document.problems += _unknown_and_missing(document)
        sections = _read_sections(document, without)
        documents += read_calibrations(document, sections)
        recipe_document = _read_recipe(document, sections)
        if recipe_document:
            documents.append(recipe_document)
            recipe_path = recipe_document.path
        _read_labels(document, sections, try_model)
        _read_tags(document, sections)
        _keep(document, run_checks(CALIBRATION_CHECKS, {**sections, "now": utc_now()}))
        apply_calibrations(sections)
        _cross_check(document, recipe_document, sections)
    findings = [finding for each in documents for finding in _in_order(each.problems)]
    if any(finding.severity == "error" for finding in findings):
        raise ConfigErrors(path, findings)
    fields = {name: section for name, section in sections.items() if name in _SECTIONS}
    room_mm = room_to_valves_mm(sections["camera"], sections["vision"], sections["jets"])
    fields["plc"] = sections["plc"].on_belt(sections["belt"].speed_mm_s, room_mm)
    fields["calibrated"] = sections.get("calibrations", Calibrations())
    return CheckReport(LineConfig(**fields, path=path, recipe_path=recipe_path), tuple(findings))


def _in_order(problems: list[ConfigError]) -> list[ConfigError]:
    return sorted(problems, key=lambda problem: (problem.line or 0, problem.column or 0))


def _unknown_and_missing(document: Document) -> Iterator[ConfigError]:
    for key in document.data:
        if key not in _SECTIONS:
            yield document.error(
                (key,),
                f'the section "{key}"',
                f"one of: {listed(_SECTIONS)}",
                did_you_mean(key, _SECTIONS),
                at_key=True,
            )
    for name in _SECTIONS:
        if document.data.get(name) is None and name not in _OPTIONAL:
            field = LineConfig.model_fields[name]
            yield document.error((name,), "nothing", f"the section {name}: {field.description}")


def _read_sections(document: Document, without: Collection[str]) -> dict[str, Any]:
    """Every valid section by name; optional ones are None where the file has none."""
    folder = document.path.parent
    sections: dict[str, Any] = {}

    def keep(name: str, model: type[BaseModel], data: Any) -> None:
        section = read_section(model, document, (name,), data, folder)
        if section is not None:
            sections[name] = section

    for name in _SECTIONS:
        data = document.data.get(name)
        if name == "calibration" and isinstance(data, dict):
            given = cast("dict[str, Any]", data)
            data = {key: value for key, value in given.items() if key not in without}
        if data is None:
            if name in _OPTIONAL and name not in document.data:
                sections[name] = None
            elif name in _OPTIONAL:
                document.problems.append(document.error((name,), "a section without keys", "its keys, or no section"))
        elif name in _OWN_SECTIONS:
            keep(name, _OWN_SECTIONS[name], _with_model_path(data, folder) if name == "vision" else data)
        elif name in _BACKEND_SECTIONS:
            model, usable = _backend_model(document, name, data)
            keep(name, model, usable)
        elif name == "plant":
            try:
                keep(name, backend_config(PLANTS, PLANT_NAME), data)
            except BackendUnavailable as error:
                document.problems.append(document.error(("plant",), error.found, error.expected, error.hint))
    return sections


def _with_model_path(data: Any, folder: Path) -> Any:
    """A model or key given by its file is meant relative to the configuration; a bare name is the registry's."""
    if not isinstance(data, dict):
        return data
    vision = cast("dict[str, Any]", data)
    paths = {
        field: str(folder / name)
        for field in ("model", "shadow_model")
        if isinstance(name := vision.get(field), str) and ("/" in name or name.endswith(".onnx"))
    }
    keys = vision.get("trusted_keys")
    if isinstance(keys, list) and all(isinstance(key, str) for key in cast("list[Any]", keys)):
        return {**vision, **paths, "trusted_keys": [str(folder / key) for key in cast("list[str]", keys)]}
    return {**vision, **paths}


def _backend_model(document: Document, name: str, data: Any) -> tuple[type[BaseModel], Any]:
    """The model of a section that a backend defines, and the part of `data` that it can judge.

    Where the backend cannot be had, its own keys cannot be judged, but those common to all can.
    """
    group, common = _BACKEND_SECTIONS[name]
    if not isinstance(data, dict):
        return common, data
    section = cast("dict[str, Any]", data)
    backend = section.get("backend")
    key: KeyPath = (name, "backend")
    if isinstance(backend, str):
        try:
            return backend_config(group, backend), section
        except BackendUnavailable as error:
            document.problems.append(document.error(key, error.found, error.expected, error.hint))
    else:
        known = listed(list(available(group)))
        document.problems.append(document.error(key, written(backend), f"the name of a backend: {known}"))
        section = {**section, "backend": ""}
    return common, {field: value for field, value in section.items() if field in common.model_fields}


def _read_recipe(document: Document, sections: dict[str, Any]) -> Document | None:
    named = document.data.get("recipe")
    if named is None:
        return None
    if not isinstance(named, str):
        document.problems.append(document.error(("recipe",), written(named), "the path of a recipe file"))
        return None
    path = document.path.parent / named
    if not path.is_file():
        near = sorted(p.name for p in path.parent.glob("*.yaml")) if path.parent.is_dir() else []
        hint = did_you_mean(path.name, near) or f"{shown_path(path.parent)} holds: {listed(near)}."
        document.problems.append(
            document.error(("recipe",), f"{shown_path(path)}, which is no file", "the path of a recipe file", hint)
        )
        return None
    recipe_document = read_document(path)
    if recipe_document.readable:
        recipe = read_section(Recipe, recipe_document, (), recipe_document.data, path.parent)
        if recipe is not None:
            sections["recipe"] = recipe
    return recipe_document


def _read_labels(document: Document, sections: dict[str, Any], try_model: bool) -> None:
    """Open and verify the model; its labels, and a detector's manifest, become sections for the checks."""
    if "vision" not in sections:
        return
    vision = cast("VisionConfig", sections["vision"])
    try:
        model = line_model(vision)
        sections["labels"] = model.manifest.labels
        if isinstance(model, DetectorFile):
            sections["detector"] = model.manifest
        if try_model:
            check_runs(model)
    except NeedsOperator as error:
        hint = " ".join(part for part in (did_you_mean(vision.model, list_models()), error.remedy) if part)
        key = ("vision", "trusted_keys") if error.code == "model.key" else ("vision", "model")
        expected = "a model that is complete and unchanged"
        if error.code in ("model.unloadable", "model.interface", "model.not_finite", "model.fusion"):
            expected = "a model that can be loaded and answers"
        if error.code in ("model.unsigned", "model.untrusted", "model.key"):
            expected = "public keys, and a model that one of them signed"
        document.problems.append(document.error(key, error.message, expected, hint))


def _read_tags(document: Document, sections: dict[str, Any]) -> None:
    """Read the tag map of a backend that has one; what is wrong with it names its own file and line."""
    plc = cast("PlcConfig | None", sections.get("plc"))
    tags: object = getattr(plc, "tags", None)
    if plc is None or not isinstance(tags, Path) or not tags.is_file() or plc.backend not in PROTOCOLS:
        return
    try:
        tag_map = load_tag_map(tags, plc.backend)
    except Fatal as error:
        for problem in error.message.splitlines():
            document.problems.append(
                document.error(("plc", "tags"), problem, f"a tag map for {plc.backend}", error.remedy)
            )
        return
    if tag_map.history is not None and plc.window_orders > tag_map.history.size:
        document.problems.append(
            document.error(
                ("plc", "window_orders"),
                f"{plc.window_orders} orders that may be open at a time",
                f"at most the {tag_map.history.size} receipts that the PLC remembers by the tag map's history: "
                "others could be overwritten before they are read",
                f"Set window_orders: {tag_map.history.size}, or enlarge the receipt history in PLC and tag map.",
            )
        )


def _cross_check(document: Document, recipe_document: Document | None, sections: dict[str, Any]) -> None:
    for checks, where in (
        (LINE_CHECKS + DIRECT_CHECKS + SIMULATION_CHECKS + SCADA_CHECKS, document),
        (RECIPE_CHECKS, recipe_document),
    ):
        if where is None:
            continue
        _keep(where, run_checks(checks, sections))


def _keep(document: Document, findings: Iterable[Finding]) -> None:
    for finding in findings:
        error = document.error(finding.path, finding.found, finding.expected, finding.hint, at_key=finding.at_key)
        document.problems.append(replace(error, severity=finding.severity))


def _facts(config: LineConfig) -> Iterator[str]:
    """What follows from a configuration, for the person who wrote it."""
    belt, camera, jets = config.belt, config.camera, config.jets
    yield f"{shown_path(config.path)}: line {config.line.name}" + (
        ", SIMULATED: " + listed(config.simulated_parts) if config.line.simulated else ""
    )
    yield f"  belt    {belt.width_mm:g} mm at {belt.speed_mm_s:g} mm/s, {belt.encoder_counts_per_mm:g} counts/mm"
    yield f"  camera  {camera.backend}, {camera.geometry}, {camera.rows} rows of {camera.mm_per_px:g} mm"
    tried: str | None = getattr(camera, "tried", None)
    if tried is not None:
        yield f"          {tried}"
    ahead_ms = (jets.distance_mm - camera.view_along_mm) / belt.speed_mm_s * 1000
    yield (
        f"  jets    {jets.valve_count} lanes of {jets.valve_pitch_mm:g} mm; {ahead_ms:.0f} ms from the view's end to "
        f"the valves, {jets.latency_budget_ms:g} ms budgeted"
    )
    yield f"  plc     {config.plc.backend}, every {config.plc.cycle_ms:g} ms"
    jitter_ms: float | None = getattr(config.plc, "jitter_ms", None)
    if jitter_ms is not None:
        off_mm, allowed_mm_s = jitter_ms / 1000 * belt.speed_mm_s, jets.margin_along_mm / jitter_ms * 1000
        yield (
            f"          switches valves itself, to +-{jitter_ms:g} ms as declared: +-{off_mm:.3g} mm at this speed; "
            f"the jets' margin of {jets.margin_along_mm:g} mm allows up to {allowed_mm_s:.4g} mm/s"
        )
    facts = list(calibration_facts(config.calibrated)) or ["nothing: the values above are nominal"]
    yield from (f"  {'measured' if i == 0 else '        '} {fact}" for i, fact in enumerate(facts))
    for error in residuals(config.calibration, config.calibrated):
        yield (
            f"  checked {error.what}: off by {error.value:.2g} {error.unit}, at most {error.limit:g} allowed; "
            f"{shown_path(error.file)}, version {error.version} of {error.created:%Y-%m-%d}"
        )
    yield f"  recipe  {config.recipe.name}: {listed([outlet.id for outlet in config.recipe.outlets])}"
    yield f"  model   {_model_fact(config.vision)}"
    if config.vision.shadow_model:
        yield f"  shadow  {_shadow_fact(config.vision, config.recipe)}"
    yield f"  hmi     http://{config.hmi.host}:{config.hmi.port}" if config.hmi else "  hmi     none"
    yield f"  scada   {_scada_fact(config.scada)}" if config.scada else "  scada   none"


def _model_fact(vision: VisionConfig) -> str:
    model = line_model(vision)
    manifest = model.manifest
    kind = f", a detector, layout {model.manifest.output.layout}" if isinstance(model, DetectorFile) else ""
    signed = f"signed with the key {model.signature.key_id}" if model.signature else "unsigned"
    trusted = ", which is trusted" if vision.trusted_keys else ""
    return f"{vision.model}: {manifest.name} {manifest.version}{kind}, {signed}{trusted}"


def _shadow_fact(vision: VisionConfig, recipe: Recipe) -> str:
    """A shadow that cannot be loaded is no error of the line: it runs without."""
    try:
        model = shadow_model(vision)
        if model:
            check_runs(model)
    except NeedsOperator as error:
        return f"{vision.shadow_model}, CANNOT BE LOADED, the line runs without it: {error.message}"
    if model is None:
        return "none"
    manifest, ours = model.manifest, line_model(vision).manifest.labels
    said = [f"{manifest.name} {manifest.version}, on {vision.shadow_share:.0%} of the parts, decides nothing"]
    new = [label for label in manifest.labels if label not in ours]
    gone = [label for label in ours if label not in manifest.labels]
    weighed = recipe.mass_g_per_mm2 if recipe.default_mass_g_per_mm2 is None else manifest.labels
    unweighed = [label for label in new if label not in weighed]
    if new:
        said.append(f"knows besides: {listed(new)}")
    if unweighed:
        said.append(f"of these the recipe has no mass for {listed(unweighed)}: counted as worth nothing")
    if gone:
        said.append(f"does not know: {listed(gone)}")
    return "; ".join(said)


def _scada_fact(scada: ScadaConfig) -> str:
    who = [*(user.name for user in scada.users), *(["anybody on this PC"] if scada.anonymous else [])]
    return f"opc.tcp://{scada.host}:{scada.port}, read-only for {listed(who)}" + (
        ", NOT ENCRYPTED" if scada.insecure else ""
    )

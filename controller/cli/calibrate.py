"""`senbetsu calibrate`: what is measured once with a printed board, plates and test shots, written into files.

docs/integrators/calibration.md goes through it at the line.
"""

import json
import sys
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from pydantic import BaseModel, ValidationError

from controller.clock import utc_now
from controller.config import load_config
from controller.config.calibration import calibration_facts
from senbetsu_errors import NeedsOperator
from vision.calibration import (
    SCHEMA_VERSION,
    BeltCalibration,
    Board,
    Calibrations,
    CameraCalibration,
    CameraIdentity,
    Dictionary,
    LightCalibration,
    camera_name,
)

calibrate_app = typer.Typer(no_args_is_help=True, help="Measure camera, belt and light; the results are files.")

_BOARD = Board()

ConfigPath = Annotated[Path, typer.Argument(metavar="CONFIG", help="The line's configuration, a YAML file.")]
Output = Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file to write.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print what was written as one JSON object.")]
Squares = Annotated[str, typer.Option(metavar="NxM", help="Squares in a row, and rows, of the board.")]
SquareMm = Annotated[float, typer.Option(min=0.1, help="Side of a square as printed: measure ten of them.")]
MarkerMm = Annotated[float, typer.Option(min=0.1, help="Side of a marker as printed.")]
DictionaryName = Annotated[Dictionary, typer.Option(help="Where the board's markers are from.")]

_SQUARES = f"{_BOARD.squares_x}x{_BOARD.squares_y}"


@calibrate_app.command()
def board(
    output: Annotated[Path, typer.Option("-o", "--output", metavar="FILE", help="The file, .png or .pdf.")],
    squares: Squares = _SQUARES,
    square_mm: SquareMm = _BOARD.square_mm,
    marker_mm: MarkerMm = _BOARD.marker_mm,
    dictionary: DictionaryName = _BOARD.dictionary,
    paper: Annotated[
        Literal["a4", "a3", "a2", "a1"] | None, typer.Option(help="Put it in the middle of a sheet, landscape.")
    ] = None,
) -> None:
    """Draw a ChArUco board to scale, to be printed at 100 %."""
    from vision.calibration_board import as_pdf, as_png, draw_board

    geometry = _board(squares, square_mm, marker_mm, dictionary)
    writers = {".png": as_png, ".pdf": as_pdf}
    if output.suffix.lower() not in writers:
        raise typer.BadParameter(f"{output} is neither .png nor .pdf", param_hint="-o")
    output.write_bytes(writers[output.suffix.lower()](draw_board(geometry, paper)))
    _say(
        f"{output}: {geometry.squares_x} x {geometry.squares_y} squares of {square_mm:g} mm. Print it at 100 %, not "
        "fitted to the page, glue it to something flat and stiff, and measure ten squares."
    )


@calibrate_app.command()
def picture(
    config: ConfigPath,
    folder: Annotated[Path, typer.Option("-o", "--output", metavar="FOLDER", help="Where the pictures go.")],
    count: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 1,
    every: Annotated[int, typer.Option(min=1, help="Keep every Nth of the camera's pictures.")] = 1,
) -> None:
    """Take pictures with the line's camera, turned as the line sees them; pictures.csv has their counts."""
    from controller.cli.calibration_input import take_pictures

    line = load_config(config, without=("camera", "belt", "light"))
    for path, encoder in take_pictures(line, folder, count, every):
        _say(f"{path} at count {encoder.count} ({encoder.basis})")


@calibrate_app.command()
def camera(
    config: ConfigPath,
    output: Output,
    pictures: Annotated[list[Path] | None, typer.Argument(metavar="[PICTURES]...", help="More of --board.")] = None,
    board: Annotated[
        list[Path] | None, typer.Option(metavar="PICTURE", help="A picture of the board lying on the belt.")
    ] = None,
    tilted: Annotated[
        list[Path] | None, typer.Option(metavar="PICTURE", help="One of it held askew: tells the focal length.")
    ] = None,
    riding: Annotated[
        bool, typer.Option("--riding", help="The board lay still on the moving belt: its way is the direction.")
    ] = False,
    squares: Squares = _SQUARES,
    square_mm: SquareMm = _BOARD.square_mm,
    marker_mm: MarkerMm = _BOARD.marker_mm,
    dictionary: DictionaryName = _BOARD.dictionary,
    as_json: AsJson = False,
) -> None:
    """Lens and place of the camera, from pictures of a board on the belt."""
    from controller.cli.calibration_input import read_pictures
    from vision.calibration_board import BoardFinder
    from vision.calibration_camera import fit_camera

    line = load_config(config, without=("camera", "belt"))
    if line.camera.geometry == "line_scan":
        raise NeedsOperator(
            "calibrate.line_scan",
            "This line's camera is a line_scan camera, whose rows are made by the encoder and not by the lens.",
            "Set camera.mm_per_px across by a ruler on the belt, and the line rate along by the encoder.",
        )
    geometry = _board(squares, square_mm, marker_mm, dictionary)
    flat = [*(board or []), *(pictures or [])]
    if not flat:
        raise typer.BadParameter("at least one picture of the board is needed", param_hint="--board")
    shown, size_px = read_pictures([*flat, *(tilted or [])], line.camera.rows)
    finder = BoardFinder(geometry)
    views = [finder.find(picture, str(path)) for path, picture in shown]
    fit = fit_camera(
        views[: len(flat)],
        size_px,
        across_start_mm=line.camera.across_start_mm,
        riding=riding,
        tilted=views[len(flat) :],
    )
    homography = [(float(a), float(b), float(c)) for a, b, c in fit.plane.homography / fit.plane.homography[2, 2]]
    made = CameraCalibration(
        **_head("camera"),
        camera=CameraIdentity(name=camera_name(line.camera), columns=size_px[0], rows=size_px[1]),
        board=geometry,
        pictures=len(shown),
        focal_px=fit.focal_px,
        focal_measured=fit.focal_measured,
        centre_px=fit.centre_px,
        distortion=fit.distortion,
        homography=(homography[0], homography[1], homography[2]),
        across_start_mm=line.camera.across_start_mm,
        direction="ride" if riding else "picture",
        mm_per_px=fit.mm_per_px,
        mm_per_px_range=fit.mm_per_px_range,
        view_along_mm=fit.view_along_mm,
        error=fit.error,
    )
    _write(output, made, as_json)
    _say("\n".join(calibration_facts(Calibrations(camera=made))))
    if not riding:
        _say("The direction of travel is taken to be up in the picture. Let the board ride (--riding) to measure it.")


@calibrate_app.command()
def belt(
    config: ConfigPath,
    output: Output,
    pictures: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Pictures of the riding board: columns picture, count.")
    ] = None,
    recording: Annotated[
        Path | None, typer.Option(metavar="FILE.mcap", help="A recording in which targets ride by.")
    ] = None,
    live_s: Annotated[
        float | None, typer.Option("--live", metavar="S", min=0.1, help="Watch the line's own camera for S seconds.")
    ] = None,
    target: Annotated[
        Literal["board", "plates"], typer.Option(help="The board, or flat plates that lie still on the belt.")
    ] = "board",
    shots: Annotated[
        Path | None, typer.Option(metavar="CSV", help="Test shots: distance_mm, speed_mm_s, outcome or mark_mm.")
    ] = None,
    squares: Squares = _SQUARES,
    square_mm: SquareMm = _BOARD.square_mm,
    marker_mm: MarkerMm = _BOARD.marker_mm,
    dictionary: DictionaryName = _BOARD.dictionary,
    as_json: AsJson = False,
) -> None:
    """Encoder scale from targets riding by, distance to the valves from test shots; either or both."""
    from controller.cli.calibration_input import read_shots, sightings_of_frames, sightings_of_pictures
    from vision.calibration_belt import fit_encoder, fit_jets

    line = load_config(config, without=("belt",))
    origins = [origin for origin in (pictures, recording, live_s) if origin is not None]
    if len(origins) > 1 or (not origins and shots is None):
        raise typer.BadParameter("give one of --pictures, --recording, --live, or --shots, or one with --shots")
    geometry = _board(squares, square_mm, marker_mm, dictionary) if target == "board" else None
    encoder = jets = None
    if origins:
        if pictures is not None:
            if geometry is None:
                raise typer.BadParameter("--pictures are of the board", param_hint="--target")
            sightings = sightings_of_pictures(line, pictures, geometry)
        else:
            sightings = sightings_of_frames(line, recording, live_s, geometry)
        encoder = fit_encoder(sightings)
    if shots is not None:
        jets = fit_jets(read_shots(shots, line.belt.speed_mm_s))
    made = BeltCalibration(**_head("belt"), camera=camera_name(line.camera), encoder=encoder, jets=jets)
    _write(output, made, as_json)
    _say("\n".join(calibration_facts(Calibrations(belt=made))))
    yaw = encoder.travel_yaw_mrad if encoder else None
    off_mm = abs(yaw or 0.0) / 1000 * line.belt.width_mm
    if off_mm > 1:
        _say(
            f"The targets' way is {yaw:.1f} mrad off the camera's direction of travel: {off_mm:.1f} mm from "
            "edge to edge of the belt. Calibrate the camera with --riding."
        )


@calibrate_app.command()
def light(
    config: ConfigPath,
    output: Output,
    empty: Annotated[list[Path], typer.Argument(metavar="PICTURES...", help="The empty belt, moved between them.")],
    patch: Annotated[str, typer.Option(metavar="X,Y,W,H", help="Where the reference patch is, in pixels.")],
    reference: Annotated[str, typer.Option(metavar="R,G,B", help="What it is to look like, 0 to 255.")],
    patch_picture: Annotated[
        Path | None, typer.Option(metavar="PICTURE", help="Which picture shows the patch; default: the first.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Flat field from the empty belt, white balance from a plain patch."""
    from controller.cli.calibration_input import numbers, read_pictures
    from vision.calibration_light import fit_light

    line = load_config(config, without=("light",))
    x, y, width, height = (round(v) for v in numbers(patch, 4, "--patch"))
    red, green, blue = numbers(reference, 3, "--reference")
    if not all(0 < v <= 255 for v in (red, green, blue)):
        raise typer.BadParameter(f"{reference} is not within 1 to 255", param_hint="--reference")
    shown, size_px = read_pictures([*empty, *([patch_picture] if patch_picture else [])], line.camera.rows)
    with_patch = shown[-1][1] if patch_picture else shown[0][1]
    fit = fit_light([p for _, p in shown[: len(empty)]], with_patch, (x, y, width, height), (red, green, blue))
    made = LightCalibration(
        **_head("light"),
        camera=CameraIdentity(name=camera_name(line.camera), columns=size_px[0], rows=size_px[1]),
        patch_px=(x, y, width, height),
        reference_rgb=(red, green, blue),
        measured_rgb=fit.measured_rgb,
        white_balance=fit.white_balance,
        gains=fit.gains,
        pictures=len(empty),
        residual_percent=fit.residual_percent,
    )
    _write(output, made, as_json)
    _say("\n".join(calibration_facts(Calibrations(light=made))))


def _board(squares: str, square_mm: float, marker_mm: float, dictionary: Dictionary) -> Board:
    across, cross, down = squares.lower().partition("x")
    if not (cross and across.isdecimal() and down.isdecimal()):
        raise typer.BadParameter(f"{squares} is not like 11x8", param_hint="--squares")
    try:
        return Board(
            squares_x=int(across),
            squares_y=int(down),
            square_mm=square_mm,
            marker_mm=marker_mm,
            dictionary=dictionary,
        )
    except ValidationError as error:
        reason = error.errors()[0]["msg"].removeprefix("Value error, ")
        raise typer.BadParameter(f"no such board: {reason}", param_hint="--squares") from error


def _head(kind: str) -> dict[str, Any]:
    command = " ".join(["senbetsu", *sys.argv[1:]])
    created = utc_now().astimezone(UTC).replace(microsecond=0)
    return {"schema_version": SCHEMA_VERSION, "kind": kind, "created": created, "command": command}


def _write(path: Path, made: BaseModel, as_json: bool) -> None:
    """The file, whole or not at all: a line may be reading it."""
    data = made.model_dump(mode="json")
    beside = path.with_name(f".{path.name}.new")
    beside.write_text("\n".join(_lines(data, 0)) + "\n", encoding="utf-8")
    beside.replace(path)
    if as_json:
        typer.echo(json.dumps(data, ensure_ascii=False, allow_nan=False))


def _lines(data: dict[str, Any], indent: int) -> list[str]:
    """Block YAML of nested mappings; text, numbers and lists are JSON, which YAML includes."""
    lines: list[str] = []
    for key, value in data.items():
        margin = " " * indent
        if isinstance(value, dict):
            lines += [f"{margin}{key}:", *_lines(cast("dict[str, Any]", value), indent + 2)]
        elif isinstance(value, list) and value and isinstance(value[0], list):
            rows = cast("list[list[float]]", value)
            lines += [f"{margin}{key}:", *(f"{margin}  - {json.dumps(row)}" for row in rows)]
        else:
            lines.append(f"{margin}{key}: {json.dumps(value, ensure_ascii=False)}")
    return lines


def _say(text: str) -> None:
    typer.echo(text, err=True)

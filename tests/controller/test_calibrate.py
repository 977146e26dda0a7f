"""`senbetsu calibrate` on rendered pictures of a real lens, and on what people hand it by mistake."""

import json
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from typer.testing import CliRunner, Result

from benchmarks.rendered_boards import LaidBoard, overhead, painted, render
from controller.cli.calibrate import calibrate_app
from controller.config import check
from senbetsu_errors import NeedsOperator
from tests.controller.changed_lines import REAL_CAMERA
from vision.calibration import Board
from vision.calibration_board import charuco
from vision.images import load_image

BOARD = Board(squares_x=16, squares_y=9, square_mm=20, marker_mm=15, dictionary="DICT_5X5_100")
BOARD_OPTIONS = ("--squares", "16x9", "--square-mm", "20", "--marker-mm", "15", "--dictionary", "DICT_5X5_100")
MM = 0.45
COUNTS_PER_MM = 9.87
ALONG_MM = (-30.0, -18.0, -6.0, 6.0, 18.0, 30.0)


def run(*arguments: object) -> Result:
    return CliRunner().invoke(calibrate_app, [str(argument) for argument in arguments])


def refused(*arguments: object) -> NeedsOperator:
    error = run(*arguments).exception
    assert isinstance(error, NeedsOperator)
    return error


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A board that rides by (board-N.png, counts.csv) and the empty belt (empty.png), 640 x 320."""
    folder = tmp_path_factory.mktemp("pictures")
    rng = np.random.default_rng(3)
    lens = overhead(rng, MM, columns=640, rows=320, barrel=-0.05)
    middle = lens.belt_of(np.array([[319.5, 159.5]]))[0]
    rays = lens.rays()
    rows = ["picture,count"]
    for i, along_mm in enumerate(ALONG_MM):
        corner = (float(middle[0]) - 160, float(middle[1]) + 90 + along_mm)
        shown = render(lens, painted([LaidBoard(charuco(BOARD), corner, square_px=96)]), rng, rays=rays)
        cv2.imwrite(str(folder / f"board-{i}.png"), shown)
        rows.append(f"board-{i}.png,{(5000 + round(along_mm * COUNTS_PER_MM)) % 2**32}")
    (folder / "counts.csv").write_text("\n".join(rows))
    empty = render(lens, painted([], belt=90), rng, rays=rays)
    empty[20:60, 20:60] = empty[20:60, 20:60] * np.array([1.5, 1.8, 1.6])
    cv2.imwrite(str(folder / "empty.png"), empty)
    return folder


@pytest.fixture
def line(site: Path) -> Path:
    """The good line with a camera of 320 rows, and room for calibration files beside it."""
    text = (site / "good.line").read_text()
    camera = REAL_CAMERA | {"mm_per_px": MM, "view_along_mm": 144, "frame_rate_hz": 60}
    begin, end = text.index("camera:"), text.index("vision:")
    text = text[:begin] + f"camera: {json.dumps(camera)}\n" + text[end:].replace("max_part_mm: 150", "max_part_mm: 100")
    path = site / "line.yaml"
    path.write_text(text)
    return path


def with_calibration(line: Path, **files: str) -> Path:
    path = line.with_name("calibrated.yaml")
    path.write_text(line.read_text() + f"calibration: {json.dumps(files)}\n")
    return path


def test_camera_belt_and_light_are_measured_written_and_taken_up_by_the_line(line: Path, pictures: Path) -> None:
    site = line.parent
    boards = sorted(pictures.glob("board-*.png"))
    result = run("camera", line, "--board", *boards, "--riding", *BOARD_OPTIONS, "-o", site / "camera.yaml", "--json")
    assert result.exit_code == 0, result.output
    camera = json.loads(result.stdout)
    assert camera["error"]["rms_mm"] < 0.1
    assert camera["camera"] == {"name": "opencv device=0", "columns": 640, "rows": 320}
    assert "at the rim" in result.stderr

    looking = with_calibration(line, camera="camera.yaml")
    (site / "shots.csv").write_text(
        "distance_mm,outcome,count\n"
        + "\n".join(f"{d},{o},5" for d in range(850, 951, 10) for o in [("missed", "hit")[abs(d - 893) < 20]])
    )
    result = run(
        "belt", looking, "--pictures", pictures / "counts.csv", *BOARD_OPTIONS, "--shots", site / "shots.csv",
        "-o", site / "belt.yaml", "--json",
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    belt = json.loads(result.stdout)
    assert belt["encoder"]["counts_per_mm"] == pytest.approx(COUNTS_PER_MM, rel=0.003)
    assert abs(belt["encoder"]["travel_yaw_mrad"]) < 3
    assert belt["jets"]["distance_mm"] == pytest.approx(892.5, abs=3 * belt["jets"]["sigma_mm"])

    result = run("light", line, pictures / "empty.png", "--patch", "24,24,32,32", "--reference", "170,170,170",
                 "-o", site / "light.yaml", "--json")  # fmt: skip
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["white_balance"][0] > json.loads(result.stdout)["white_balance"][1]

    limits: dict[str, Any] = {"camera": "camera.yaml", "belt": "belt.yaml", "light": "light.yaml"}
    report = check(with_calibration(line, **limits, max_encoder_error_percent=1))  # type: ignore[arg-type]
    assert report.config.belt.encoder_counts_per_mm == belt["encoder"]["counts_per_mm"]
    assert report.config.calibrated.light is not None


def test_the_board_is_drawn_as_png_and_pdf_and_nothing_else(tmp_path: Path) -> None:
    assert run("board", "-o", tmp_path / "board.png").exit_code == 0
    assert run("board", "-o", tmp_path / "board.pdf", "--paper", "a4").exit_code == 0
    assert cv2.imread(str(tmp_path / "board.png")) is not None
    assert (tmp_path / "board.pdf").read_bytes().startswith(b"%PDF-1.4")
    assert run("board", "-o", tmp_path / "board.jpg").exit_code == 2
    assert run("board", "-o", tmp_path / "board.png", "--squares", "11").exit_code == 2
    assert run("board", "-o", tmp_path / "board.png", "--marker-mm", "19.9").exit_code == 2


def test_a_refused_calibration_leaves_the_old_file_as_it_is(line: Path, pictures: Path) -> None:
    old = line.with_name("camera.yaml")
    old.write_text("old")
    error = refused("camera", line, "--board", pictures / "empty.png", *BOARD_OPTIONS, "-o", old)
    assert error.code == "calibrate.no_board"
    assert "empty.png" in error.message
    assert old.read_text() == "old"


def test_pictures_of_another_size_than_the_camera_s_are_refused(line: Path, pictures: Path, tmp_path: Path) -> None:
    board = cv2.imread(str(pictures / "board-0.png"))
    assert board is not None
    for name, other in (("turned.png", cv2.rotate(board, cv2.ROTATE_90_CLOCKWISE)), ("narrow.png", board[:, :600])):
        cv2.imwrite(str(tmp_path / name), other)
        error = refused(
            "camera", line, "--board", pictures / "board-1.png", tmp_path / name, *BOARD_OPTIONS, "-o", tmp_path / "c"
        )
        assert error.code == "calibrate.picture_size"
        assert name in error.message


@pytest.mark.parametrize(
    ("rows", "says"),
    [
        ("distance_mm,outcome\n900,hit\n900,perhaps\n", r'shots\.csv:3: found the outcome "perhaps"'),
        ("distance_mm,outcome\nnear,hit\n", r'shots\.csv:2: found distance_mm "near"'),
        ("distance_mm,outcome,mark_mm\n900,hit,3\n", "both outcome and mark_mm"),
        ("distance_mm,outcome,mark_mm\n900,,\n", "neither outcome nor mark_mm"),
        ("distance,outcome\n900,hit\n", r"shots\.csv:1: found the columns distance, outcome"),
        ("distance_mm,outcome\n900,hit,5,6\n", "more fields than columns"),
        ("distance_mm,outcome,count\n900,hit,2.5\n", "the count 2.5"),
        ("distance_mm,speed_mm_s,outcome\n900,-1,hit\n", "both above 0"),
        ("", "the columns none"),
    ],
)
def test_a_table_of_shots_that_cannot_be_read_is_refused_with_its_line(line: Path, rows: str, says: str) -> None:
    table = line.with_name("shots.csv")
    table.write_text(rows)
    error = refused("belt", line, "--shots", table, "-o", line.with_name("belt.yaml"))
    assert error.code == "calibrate.table"
    with pytest.raises(NeedsOperator, match=says):
        raise error


def test_counts_that_were_estimated_from_the_speed_say_nothing_of_the_encoder(line: Path, pictures: Path) -> None:
    table = pictures / "estimated.csv"
    table.write_text("picture,count,basis\nboard-0.png,100,estimated\n")
    error = refused("belt", line, "--pictures", table, *BOARD_OPTIONS, "-o", line.with_name("belt.yaml"))
    assert error.code == "calibrate.estimated"


def test_a_board_declared_with_squares_of_another_size_is_noticed_on_the_belt(line: Path, pictures: Path) -> None:
    run("camera", line, "--board", *sorted(pictures.glob("board-*.png")), "--riding", *BOARD_OPTIONS,
        "-o", line.with_name("camera.yaml"))  # fmt: skip
    looking = with_calibration(line, camera="camera.yaml")
    wrong = ("--squares", "16x9", "--square-mm", "21", "--marker-mm", "15.75", "--dictionary", "DICT_5X5_100")
    error = refused("belt", looking, "--pictures", pictures / "counts.csv", *wrong, "-o", line.with_name("belt.yaml"))
    assert error.code == "calibrate.scale"


@pytest.mark.parametrize(
    "arguments",
    [
        ("belt",),
        ("belt", "--live", "5", "--recording", "belt.mcap"),
        ("camera",),
        ("light", "line.yaml", "--patch", "1,2,3", "--reference", "170,170,170"),
        ("light", "line.yaml", "--patch", "1,2,30,40", "--reference", "170,170,400"),
    ],
)
def test_a_call_that_makes_no_sense_is_refused(line: Path, arguments: tuple[str, ...]) -> None:
    command, *rest = arguments
    assert run(command, line, *rest, "-o", line.with_name("out.yaml")).exit_code == 2


def test_pictures_are_taken_with_the_line_s_own_camera_and_numbered_on(line: Path, pictures: Path) -> None:
    frames = line.with_name("frames")
    frames.mkdir()
    for i in range(4):
        (frames / f"{i}.png").write_bytes((pictures / f"board-{i}.png").read_bytes())
    text = line.read_text().replace('"device": 0', '"images": "frames"')
    line.write_text(text)
    taken = line.with_name("taken")
    assert run("picture", line, "-o", taken, "--count", 2, "--every", 2).exit_code == 0
    assert run("picture", line, "-o", taken).exit_code == 0
    assert sorted(path.name for path in taken.glob("*.png")) == ["0000.png", "0001.png", "0002.png"]
    assert np.array_equal(load_image(taken / "0001.png"), load_image(pictures / "board-2.png"))
    rows = (taken / "pictures.csv").read_text().split()
    assert rows[0] == "picture,count,basis"
    assert rows[2].startswith("0001.png,")
    assert rows[2].endswith(",estimated")
    assert len(rows) == 4

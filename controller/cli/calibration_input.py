"""What `senbetsu calibrate` works on: pictures, frames of a camera or a recording, rows of a CSV file."""

import asyncio
import csv
from collections.abc import Callable, Iterator, Sequence
from math import isfinite
from pathlib import Path

import numpy as np
import typer
from numpy.typing import NDArray

from controller.cli.vision import make_pipeline
from controller.config import LineConfig, make_source
from senbetsu_errors import NeedsOperator
from vision.calibration import Board
from vision.calibration_belt import OUTCOMES, PlateFollower, Shot, Sighting
from vision.calibration_board import as_png
from vision.calibration_sightings import BoardFollower, refuse_estimated
from vision.frame import EncoderStamp, Frame
from vision.images import load_image
from vision.recording_source import RecordingSource
from vision.source import FrameSource

Picture = NDArray[np.uint8]

COUNTS_FILE = "pictures.csv"
MOST_SHOTS = 10_000
WATCHED_S = 600.0
"""Longest that a source may take for the pictures asked of it."""


def read_pictures(paths: Sequence[Path], rows: int) -> tuple[list[tuple[Path, Picture]], tuple[int, int]]:
    """The pictures, H x W x 3 uint8 BGR, and the one size they have (columns, rows).

    Raises NeedsOperator `calibrate.picture_size` where they differ or do not have the camera's rows, and what
    `load_image` raises.
    """
    shown = [(path, load_image(path)) for path in paths]
    first = shown[0][1].shape
    for path, picture in shown:
        if picture.shape[0] != rows or picture.shape != first:
            wanted = f"{rows} rows" if picture.shape[0] != rows else f"{first[1]} columns as {paths[0]}"
            raise NeedsOperator(
                "calibrate.picture_size",
                f"{path} has {picture.shape[1]} columns and {picture.shape[0]} rows, the line's camera gives {wanted}.",
                "Take the pictures with `senbetsu calibrate picture`; or correct camera.view_along_mm and mm_per_px.",
            )
    return shown, (first[1], first[0])


def take_pictures(line: LineConfig, folder: Path, count: int, every: int) -> list[tuple[Path, EncoderStamp]]:
    """Takes pictures into a folder and adds their counts to COUNTS_FILE in it; the files and counts.

    Raises NeedsOperator `calibrate.no_pictures` where the camera gives none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    taken: list[tuple[Path, EncoderStamp]] = []
    table = folder / COUNTS_FILE
    number = sum(1 for _ in folder.glob("*.png"))

    def keep(frame: Frame) -> bool:
        if frame.sequence % every:
            return True
        path = folder / f"{number + len(taken):04d}.png"
        path.write_bytes(as_png(frame.color))
        taken.append((path, frame.encoder))
        return len(taken) < count

    asyncio.run(_watch(make_source(line), keep, WATCHED_S))
    if not taken:
        raise NeedsOperator("calibrate.no_pictures", "The camera gave no picture.", "Check it and its trigger.")
    new = not table.exists()
    with table.open("a", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        if new:
            rows.writerow(["picture", "count", "basis"])
        rows.writerows([path.name, stamp.count, stamp.basis] for path, stamp in taken)
    return taken


async def _watch(source: FrameSource, take: Callable[[Frame], bool], for_s: float) -> int:
    """Hands frames to `take` until it says no, the source ends or the time is over; how many it got."""
    loop = asyncio.get_running_loop()
    until_s = loop.time() + for_s
    frames = 0
    async with source:
        iterator = aiter(source)
        try:
            while True:
                async with asyncio.timeout_at(until_s):
                    frame = await anext(iterator, None)
                if frame is None:
                    break
                frames += 1
                if not take(frame):
                    break
        except TimeoutError:
            pass
        finally:
            closing = getattr(iterator, "aclose", None)
            if closing is not None:
                await closing()
    return frames


def sightings_of_frames(
    line: LineConfig, recording: Path | None, live_s: float | None, board: Board | None
) -> list[Sighting]:
    """Where targets were seen: of a recording, or of the line's camera for `live_s`; of plates where no board is given.

    Raises NeedsOperator `calibrate.line_scan`, `calibrate.estimated`, and what sources raise.
    """
    if line.camera.geometry == "line_scan":
        raise NeedsOperator(
            "calibrate.line_scan",
            "A line_scan camera sees a target once, so its way cannot be measured.",
            "Compare the encoder's counts with a marked length of belt; only --shots can be used here.",
        )
    boards = BoardFollower(board, line.camera, line.calibrated) if board else None
    plates = PlateFollower(line.belt.encoder_counts_per_mm, line.vision.tracking.gate_mm)
    pipeline = None if boards else make_pipeline(line)

    def take(frame: Frame) -> bool:
        refuse_estimated(frame)
        if boards:
            boards.add(frame.encoder.count, frame.color, f"picture {frame.sequence}")
        elif pipeline:
            plates.add(frame.encoder.count, pipeline.process(frame))
        return True

    if recording is None:
        asyncio.run(_watch(make_source(line), take, live_s or 0.0))
    else:
        played = RecordingSource.Config.of(line.camera, recording, paced=False)
        asyncio.run(_watch(RecordingSource(played, line.belt.encoder_counts_per_mm), take, WATCHED_S))
    return boards.sightings if boards else plates.sightings


def sightings_of_pictures(line: LineConfig, table: Path, board: Board) -> list[Sighting]:
    """Where the board is in the pictures of a CSV file with the columns picture and count.

    Raises NeedsOperator `calibrate.table`, `calibrate.picture_size`, and what `load_image` raises.
    """
    rows = list(_rows(table, ("picture", "count")))
    for place, row in rows:
        if row.get("basis") == "estimated":
            raise NeedsOperator(
                "calibrate.estimated",
                f"{place}: the count was estimated from the belt's speed, so it says nothing of the encoder.",
                "Read the counts from the PLC (`senbetsu plc watch`).",
            )
    if not rows:
        raise NeedsOperator("calibrate.table", f"{table} has no rows.", "Write one for each picture.")
    shown, _ = read_pictures([table.parent / row["picture"] for _, row in rows], line.camera.rows)
    follower = BoardFollower(board, line.camera, line.calibrated)
    for (place, row), (path, picture) in zip(rows, shown, strict=True):
        count = _number(place, "count", row["count"])
        if count != int(count) or not 0 <= count < 2**32:
            raise _bad(place, f"the count {row['count']}", "a whole number from 0 to 4294967295")
        follower.add(int(count), picture, str(path))
    return follower.sightings


def read_shots(table: Path, speed_mm_s: float) -> list[Shot]:
    """Test shots of a CSV file: distance_mm, and outcome (hit, edge, missed) or mark_mm; speed_mm_s where it differs.

    A column count says how many shots a row stands for.

    Raises NeedsOperator `calibrate.table` with the line of what cannot be read.
    """
    shots: list[Shot] = []
    for place, row in _rows(table, ("distance_mm",)):
        distance = _number(place, "distance_mm", row["distance_mm"])
        speed = _number(place, "speed_mm_s", row.get("speed_mm_s") or str(speed_mm_s))
        outcome, mark = row.get("outcome", ""), row.get("mark_mm", "")
        if distance <= 0 or speed <= 0:
            raise _bad(place, f"a distance of {distance:g} mm at {speed:g} mm/s", "both above 0")
        count = _number(place, "count", row.get("count") or "1")
        if count != int(count) or not 0 <= count <= MOST_SHOTS:
            raise _bad(place, f"the count {count:g}", f"a whole number from 0 to {MOST_SHOTS}")
        if bool(outcome) == bool(mark):
            raise _bad(place, "both outcome and mark_mm" if mark else "neither outcome nor mark_mm", "one of the two")
        if mark:
            shots += [Shot(distance, speed, mark_mm=_number(place, "mark_mm", mark))] * int(count)
            continue
        known = OUTCOMES.get(outcome.lower())
        if known is None:
            raise _bad(place, f'the outcome "{outcome}"', f"one of {', '.join(OUTCOMES)}")
        shots += [Shot(distance, speed, known)] * int(count)
    return shots


def numbers(text: str, count: int, option: str) -> list[float]:
    """`count` numbers with commas between them. Raises typer.BadParameter."""
    try:
        values = [float(part) for part in text.split(",")]
    except ValueError:
        values = []
    if len(values) != count or not all(isfinite(value) for value in values):
        raise typer.BadParameter(f"{text} is not {count} numbers with commas between them", param_hint=option)
    return values


def _rows(table: Path, needed: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """Each row by column, stripped, with its place in the file."""
    try:
        text = table.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise NeedsOperator("calibrate.table", f"{table} cannot be read: {error}.", "Save it as UTF-8 text.") from error
    reader = csv.DictReader(text.splitlines(), restval="")
    columns = [(name or "").strip() for name in reader.fieldnames or ()]
    missing = [name for name in needed if name not in columns]
    if missing:
        raise _bad(f"{table}:1", f"the columns {', '.join(columns) or 'none'}", f"{', '.join(needed)} among them")
    for row in reader:
        place = f"{table}:{reader.line_num}"
        if None in row:
            raise _bad(place, "more fields than columns", f"{len(columns)} fields")
        yield place, {key.strip(): value.strip() for key, value in row.items()}


def _number(place: str, column: str, text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = float("nan")
    if not isfinite(value):
        raise _bad(place, f'{column} "{text}"', "a number")
    return value


def _bad(place: str, found: str, expected: str) -> NeedsOperator:
    return NeedsOperator("calibrate.table", f"{place}: found {found}, expected {expected}.", "Correct the row.")

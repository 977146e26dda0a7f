"""Frames out of recordings: whole, cut off anywhere, damaged, foreign."""

import asyncio
import json
from base64 import b64decode
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from mcap.writer import CompressionType, Writer

from senbetsu_errors import Fatal, SenbetsuError
from vision.frame import EncoderStamp, Frame
from vision.recorded_frame import JPEG_SCHEMA, decode_frame, encode_frame
from vision.recording_file import ABOUT, CLOSED, FORMAT, PROFILE, RecordingFile
from vision.recording_source import FRAME_TOPIC, RecordingSource

ROWS, COLUMNS = 8, 12
START_S = 100.0
PERIOD_S = 0.05


def frame(sequence: int, **channels: Any) -> Frame:
    color = np.random.default_rng(sequence).integers(0, 255, (ROWS, COLUMNS, 3), dtype=np.uint8)
    stamp = EncoderStamp((2**32 - 300 + 100 * sequence) % 2**32, "estimated", 1.5)
    return Frame({"color": color, **channels}, stamp, START_S + PERIOD_S * sequence, sequence)


def write(path: Path, frames: list[Frame], *, profile: str = PROFILE, about: dict[str, str] | None = None) -> None:
    with path.open("wb") as file:
        mcap = Writer(file, compression=CompressionType.NONE)
        mcap.start(profile, "test")
        stated = {"format": FORMAT, "started_at_ns": str(round(START_S * 1e9))} if about is None else about
        mcap.add_metadata(ABOUT, stated)
        channel = mcap.register_channel(FRAME_TOPIC, "json", mcap.register_schema("Frame", "jsonschema", b"{}"))
        mcap.flush()
        for each in frames:
            at_ns = round(each.captured_at_s * 1e9)
            mcap.add_message(channel, at_ns, encode_frame(each, "zstd"), at_ns)
            mcap.flush()
        mcap.add_metadata(CLOSED, {"dropped": "0"})
        mcap.finish()


def config(path: Path, **changes: Any) -> RecordingSource.Config:
    fields = {"backend": "recording", "geometry": "area_scan", "mm_per_px": 0.5, "view_along_mm": ROWS * 0.5}
    return RecordingSource.Config.model_validate({**fields, "path": path, "paced": False, **changes})


def play(source: RecordingSource) -> list[tuple[float, Frame]]:
    async def run() -> list[tuple[float, Frame]]:
        loop = asyncio.get_running_loop()
        started_s = loop.time()
        async with source:
            return [(loop.time() - started_s, each) async for each in source]

    return asyncio.run(run())


def frames_or_code(path: Path) -> list[Frame] | str:
    try:
        return [f for _, f in play(RecordingSource(config(path), 10.0))]
    except SenbetsuError as error:
        return error.code


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("recordings") / "five.mcap"
    write(path, [frame(n) for n in range(5)])
    return path


def test_frames_come_back_with_their_pixels_stamps_and_numbers(recording: Path) -> None:
    played = [f for _, f in play(RecordingSource(config(recording), 10.0))]
    assert [f.sequence for f in played] == [0, 1, 2, 3, 4]
    for each in played:
        assert np.array_equal(each.color, frame(each.sequence).color)
        assert each.encoder == frame(each.sequence).encoder
        assert each.color.flags.writeable


def test_a_further_channel_keeps_its_type_and_shape() -> None:
    height = np.linspace(0, 3, ROWS * COLUMNS, dtype=np.float32).reshape(ROWS, COLUMNS)
    height[2, 3:7] = np.nan  # the sensor saw nothing
    back = decode_frame(encode_frame(frame(1, height=height), "jpeg"))
    assert np.array_equal(back.channels["height"], height, equal_nan=True)
    assert back.channels["height"].dtype == np.float32


def test_a_jpeg_message_is_json_that_foxglove_shows() -> None:
    fields = json.loads(encode_frame(frame(3), "jpeg"))
    assert set(fields) == set(JPEG_SCHEMA["properties"])
    assert fields["format"] == "jpeg"
    assert fields["timestamp"] == {"sec": 100, "nsec": pytest.approx(150_000_000, abs=1000)}
    assert fields["frame_id"]
    assert b64decode(fields["data"]).startswith(b"\xff\xd8")


def test_a_lossless_message_is_json_and_then_the_pixels() -> None:
    message = encode_frame(frame(3), "zstd")
    head, pixels = message.split(b"\n", 1)
    assert json.loads(head)["shape"] == [ROWS, COLUMNS, 3]
    assert zstandard.decompress(pixels) == frame(3).color.tobytes()


def test_jpeg_keeps_the_picture_but_not_every_pixel() -> None:
    smooth = np.full((ROWS, COLUMNS, 3), 90, np.uint8)
    original = Frame({"color": smooth}, EncoderStamp(5, "latched"), 1.0, 0)
    back = decode_frame(encode_frame(original, "jpeg"))
    assert np.abs(back.color.astype(int) - smooth).max() <= 3


def test_a_paced_recording_plays_at_the_times_it_was_recorded(recording: Path) -> None:
    times = [at_s for at_s, _ in play(RecordingSource(config(recording, paced=True), 10.0))]
    assert times == pytest.approx([n * PERIOD_S for n in range(5)], abs=0.04)


def test_capture_times_are_moved_to_the_running_clock(recording: Path) -> None:
    async def run() -> None:
        opened_s = asyncio.get_running_loop().time()
        async with RecordingSource(config(recording), 10.0) as source:
            captured = [f.captured_at_s - opened_s async for f in source]
        assert captured == pytest.approx([n * PERIOD_S for n in range(5)], abs=0.02)

    asyncio.run(run())


def test_missing_sequence_numbers_count_as_dropped(tmp_path: Path) -> None:
    write(tmp_path / "gap.mcap", [frame(n) for n in (0, 1, 4)])
    source = RecordingSource(config(tmp_path / "gap.mcap"), 10.0)
    play(source)
    assert source.dropped == 2


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(share=st.floats(0, 1))
def test_a_recording_cut_anywhere_is_read_up_to_there(recording: Path, tmp_path: Path, share: float) -> None:
    whole = recording.read_bytes()
    path = tmp_path / "cut.mcap"
    path.write_bytes(whole[: int(share * (len(whole) - 1))])
    played = frames_or_code(path)
    if isinstance(played, str):
        assert played in ("recording.foreign", "recording.no_frames")
        return
    assert [f.sequence for f in played] == list(range(len(played)))
    file = RecordingFile(path)
    assert len(list(file.messages(FRAME_TOPIC))) == len(played)
    assert len(played) == 5 or not file.finished


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), value=st.integers(0, 255), length=st.integers(1, 12))
def test_damage_anywhere_gives_a_clear_error_or_good_frames(
    recording: Path, tmp_path: Path, place: float, value: int, length: int
) -> None:
    damaged = bytearray(recording.read_bytes())
    start = int(place * (len(damaged) - length))
    damaged[start : start + length] = bytes([value]) * length
    path = tmp_path / "damaged.mcap"
    path.write_bytes(damaged)
    played = frames_or_code(path)
    if isinstance(played, str):
        assert played.startswith("recording.")
        return
    for each in played:
        assert np.array_equal(each.color, frame(each.sequence).color)


def error_of(path: Path, **changes: Any) -> SenbetsuError:
    with pytest.raises(SenbetsuError) as caught:
        play(RecordingSource(config(path, **changes), 10.0))
    return caught.value


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    error = error_of(tmp_path / "none.mcap")
    assert error.code == "recording.unreadable"
    assert "none.mcap" in error.message


def test_a_file_that_is_no_mcap_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mcap").write_bytes(b"RIFF....AVI LIST" * 20)
    assert error_of(tmp_path / "a.mcap").code == "recording.foreign"
    (tmp_path / "empty.mcap").write_bytes(b"")
    assert error_of(tmp_path / "empty.mcap").code == "recording.foreign"


def test_somebody_elses_mcap_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "ros.mcap", [frame(0)], profile="ros2")
    error = error_of(tmp_path / "ros.mcap")
    assert error.code == "recording.foreign"
    assert "ros2" in error.message


def test_another_format_version_says_who_wrote_it(tmp_path: Path) -> None:
    write(tmp_path / "old.mcap", [frame(0)], about={"format": "0", "software": "0.0.1", "started_at_ns": "0"})
    error = error_of(tmp_path / "old.mcap")
    assert error.code == "recording.version"
    assert "0.0.1" in error.message


def test_a_recording_without_frames_is_refused(tmp_path: Path) -> None:
    write(tmp_path / "bare.mcap", [])
    assert error_of(tmp_path / "bare.mcap").code == "recording.no_frames"


def test_frames_that_do_not_fit_the_camera_section_are_refused(recording: Path) -> None:
    error = error_of(recording, view_along_mm=10.0)
    assert error.code == "recording.geometry"


def test_asking_for_frames_before_opening_is_an_error(recording: Path) -> None:
    async def run() -> None:
        with pytest.raises(Fatal):
            await anext(aiter(RecordingSource(config(recording), 10.0)))

    asyncio.run(run())

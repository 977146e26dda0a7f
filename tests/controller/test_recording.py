"""The file that a recorder leaves behind: whatever ends it, whatever the disk does."""

import json
import os
import signal
import subprocess
import sys
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from mcap.reader import make_reader

from controller.line_state import LineState
from controller.recording.about import About
from controller.recording.recording import read_recording
from controller.recording.thread import QUEUED_FRAMES, RecordingThread
from controller.recording.topics import STATE_TOPIC, STATUS_TOPIC
from controller.recording.writer import RecordingWriter
from controller.runtime import LineEvent
from plc_bridge.contract import LineFlags, LineStatus
from senbetsu_errors import NeedsOperator
from vision.frame import EncoderStamp, Frame
from vision.recorded_frame import FrameEncoding, encode_frame
from vision.recording_file import RecordingFile
from vision.recording_source import FRAME_TOPIC

ABOUT = About("test", "{}", "none 0.0.0", "0" * 64, ("a", "b"), ("all",), "zstd", "0.1.0")
START_S = 50.0


def status(at_s: float) -> LineEvent:
    flags = LineFlags.E_STOP_OK | LineFlags.AIR_OK
    block = LineStatus(
        1, 7, flags, round(at_s * 1000), 500.0, 1, 0, 0, 64, 0, 0, 0, 0, 0, 0, 0, 0, (), received_at_s=at_s
    )
    return LineEvent("status", at_s, block)


def frame_message(sequence: int, encoding: FrameEncoding = "zstd") -> bytes:
    color = np.full((4, 6, 3), sequence % 256, np.uint8)
    return encode_frame(Frame({"color": color}, EncoderStamp(sequence, "latched"), START_S, sequence), encoding)


@pytest.mark.parametrize("encoding", ["zstd", "jpeg"])
def test_a_finished_recording_opens_with_any_mcap_reader(tmp_path: Path, encoding: FrameEncoding) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, replace(ABOUT, frame_encoding=encoding), START_S)
    for n in range(30):
        writer.event(status(START_S + 0.1 * n))
        writer.frame(START_S + 0.1 * n, frame_message(n, encoding))
    writer.event(LineEvent("state", START_S + 3.0, (LineState.STOPPED, "")))
    writer.event(LineEvent("line_command", START_S + 3.0, "not recorded"))
    writer.close()
    with path.open("rb") as file:
        reader = make_reader(file, validate_crcs=True)
        summary = reader.get_summary()
        assert summary is not None
        assert {c.topic: c.message_encoding for c in summary.channels.values()}[STATUS_TOPIC] == "json"
        for schema in summary.schemas.values():
            assert schema.encoding == "jsonschema"
            assert json.loads(schema.data)["type"] == "object"
        topics: list[str] = []
        for _, channel, message in reader.iter_messages():
            topics.append(channel.topic)
            assert channel.message_encoding != "json" or json.loads(message.data)
    assert (topics.count(STATUS_TOPIC), topics.count(FRAME_TOPIC), topics.count(STATE_TOPIC)) == (30, 30, 1)


def test_what_was_recorded_is_read_back(tmp_path: Path) -> None:
    writer = RecordingWriter(tmp_path / "a.mcap", ABOUT, START_S)
    writer.event(status(START_S + 0.25))
    writer.frame(START_S + 0.5, frame_message(0))
    writer.close(dropped=3)
    recording = read_recording(tmp_path / "a.mcap")
    assert [(m.at_s, m.encoder, m.air_ok) for m in recording.belt] == [(0.25, 50250, True)]
    assert (recording.frames, recording.finished, recording.dropped) == (1, True, 3)
    assert recording.labels == ("a", "b")
    assert recording.about["simulated"] == "all"


def test_an_existing_file_is_never_overwritten(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    path.write_bytes(b"precious")
    with pytest.raises(NeedsOperator, match="exists already") as caught:
        RecordingWriter(path, ABOUT, START_S)
    assert caught.value.code == "recording.exists"
    assert path.read_bytes() == b"precious"


@pytest.mark.parametrize("where", ["missing/a.mcap", "."])
def test_a_path_that_cannot_be_written_says_so(tmp_path: Path, where: str) -> None:
    with pytest.raises(NeedsOperator) as caught:
        RecordingWriter(tmp_path / where, ABOUT, START_S)
    assert caught.value.code in ("recording.unwritable", "recording.exists")


def test_without_closing_at_most_half_a_second_is_missing(tmp_path: Path) -> None:
    path = tmp_path / "a.mcap"
    writer = RecordingWriter(path, ABOUT, START_S)
    for n in range(200):
        writer.event(status(START_S + 0.01 * n))
    times = [m.at_s for m in RecordingFile(path).messages(STATUS_TOPIC)]
    writer.abandon()
    assert times[-1] >= 1.99 - 0.5


RECORDER = """
import asyncio, resource, sys
from pathlib import Path

import structlog
from tests_recording import ABOUT, frame_message, status
from controller.recording.thread import RecordingThread
from controller.recording.writer import RecordingWriter
from senbetsu_errors import SenbetsuError

# Its own lines are counted; a log line from the writer's thread must not run into one of them.
structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))

async def main() -> None:
    loop = asyncio.get_running_loop()
    if sys.argv[2] == "small disk":
        resource.setrlimit(resource.RLIMIT_FSIZE, (45_000, 45_000))
    recorder = RecordingThread(RecordingWriter(Path(sys.argv[1]), ABOUT, loop.time(), durable=True))
    started_s = loop.time()
    for n in range(int(sys.argv[3])):
        recorder.event(status(loop.time()))
        recorder.frame(loop.time(), frame_message(n))
        print("round", loop.time() - started_s, flush=True)
        await asyncio.sleep(0.02)
    try:
        recorder.close()
    except SenbetsuError as error:
        print(error.code, recorder.dropped > 0)

asyncio.run(main())
"""


def recorder_process(tmp_path: Path, disk: str, rounds: int) -> subprocess.Popen[str]:
    (tmp_path / "tests_recording.py").symlink_to(Path(__file__))
    script = tmp_path / "recorder.py"
    script.write_text(RECORDER)
    return subprocess.Popen(
        [sys.executable, str(script), str(tmp_path / "a.mcap"), disk, str(rounds)],
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(tmp_path), str(Path(__file__).parents[2])])},
    )


def test_kill_9_leaves_a_file_that_reads_up_to_the_last_second(tmp_path: Path) -> None:
    with recorder_process(tmp_path, "disk", 10_000) as process:
        assert process.stdout is not None
        alive_s = 0.0
        while alive_s < 1.7:
            alive_s = float(process.stdout.readline().removeprefix("round"))
        process.send_signal(signal.SIGKILL)
    recording = RecordingFile(tmp_path / "a.mcap")
    frames = [m.at_s for m in recording.messages(FRAME_TOPIC)]
    assert not recording.finished
    assert frames[-1] >= alive_s - 1.0
    assert frames == sorted(frames)
    assert len(read_recording(tmp_path / "a.mcap").belt) - len(frames) in (0, 1)


def test_a_disk_that_fails_ends_the_recording_and_not_the_line(tmp_path: Path) -> None:
    with recorder_process(tmp_path, "small disk", 120) as process:
        assert process.stdout is not None
        lines = process.stdout.read().splitlines()
    assert process.returncode == 0
    assert sum(line.startswith("round") for line in lines) == 120  # every round went on
    assert lines[-1] == "recording.disk True"
    recording = RecordingFile(tmp_path / "a.mcap")
    assert list(recording.messages(STATUS_TOPIC))
    assert not recording.finished


class SlowDisk(RecordingWriter):
    """Writes a frame only when it is let."""

    let = threading.Event()

    def frame(self, at_s: float, message: bytes) -> None:
        self.let.wait()
        super().frame(at_s, message)


def test_a_message_that_json_cannot_hold_is_dropped_alone(tmp_path: Path) -> None:
    recorder = RecordingThread(RecordingWriter(tmp_path / "a.mcap", ABOUT, START_S))
    broken = status(START_S)
    object.__setattr__(broken.payload, "encoder", -1)
    recorder.event(broken)
    recorder.event(status(START_S + 1))
    assert recorder.close() == 1
    assert read_recording(tmp_path / "a.mcap").dropped == 1


def test_a_slow_disk_drops_frames_and_keeps_decisions(tmp_path: Path) -> None:
    writer = SlowDisk(tmp_path / "a.mcap", ABOUT, START_S)
    recorder = RecordingThread(writer)
    offered = 3 * QUEUED_FRAMES
    for n in range(offered):
        recorder.frame(START_S + n, frame_message(n))
        recorder.event(status(START_S + n))
    assert recorder.dropped in (offered - QUEUED_FRAMES, offered - QUEUED_FRAMES - 1)
    writer.let.set()
    recorder.close()
    recording = read_recording(tmp_path / "a.mcap")
    assert len(recording.belt) == offered
    assert recording.dropped == recorder.dropped == offered - recording.frames

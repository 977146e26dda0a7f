"""Videos, folders and streams as cameras, and the real footage of a bolt on a belt."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator
from pathlib import Path

import cv2
import numpy as np
import pytest
from pydantic import ValidationError

from senbetsu_errors import NeedsOperator, Retryable
from vision.annotate import draw_parts, write_video
from vision.classify import Classifier
from vision.frame import Frame
from vision.opencv_source import OpencvSource
from vision.parts import Part
from vision.pipeline import VisionPipeline
from vision.results import FrameResult
from vision.settings import SegmentationConfig, VisionConfig
from vision.track import Tracker, TrackerConfig
from vision.worker import frame_results


def config(**overrides: object) -> OpencvSource.Config:
    values: dict[str, object] = {
        "backend": "opencv",
        "geometry": "area_scan",
        "mm_per_px": 0.5,
        "view_along_mm": 60,
        "speed_mm_s": 100,
        "realtime": False,
    }
    return OpencvSource.Config.model_validate(values | overrides)


async def frames_of(source: OpencvSource, limit: int = 1000) -> list[Frame]:
    found: list[Frame] = []
    async with source, contextlib.aclosing(aiter(source)) as frames:
        async for frame in frames:
            found.append(frame)
            if len(found) == limit:
                break
    return found


@pytest.fixture
def video(tmp_path: Path) -> Path:
    """Ten pictures of 120 x 160 at 20 a second; picture k is k * 20 bright."""
    path = tmp_path / "belt.avi"
    assert write_video(path, (np.full((120, 160, 3), k * 20, np.uint8) for k in range(10)), 20) == 10
    return path


def test_an_mpeg_4_video_gives_every_frame_too(tmp_path: Path) -> None:
    assert write_video(tmp_path / "belt.mp4", (np.full((120, 160, 3), k * 20, np.uint8) for k in range(10)), 20) == 10
    frames = asyncio.run(frames_of(OpencvSource(config(path=tmp_path / "belt.mp4"), counts_per_mm=10)))
    assert [round(float(f.color.mean()) / 20) for f in frames] == list(range(10))


def test_a_video_gives_every_frame_with_its_estimated_count(video: Path) -> None:
    source = OpencvSource(config(path=video), counts_per_mm=10)
    frames = asyncio.run(frames_of(source))
    assert [f.sequence for f in frames] == list(range(10))
    assert [round(float(f.color.mean()) / 20) for f in frames] == list(range(10))
    # 100 mm/s at 20 frames/s and 10 counts/mm: 50 counts a frame.
    assert [f.encoder.count for f in frames] == [50 * k for k in range(10)]
    assert frames[0].encoder.basis == "estimated"
    assert frames[0].encoder.uncertainty_counts == 20
    assert source.dropped == 0


def test_a_looped_video_goes_on_with_the_count(video: Path) -> None:
    frames = asyncio.run(frames_of(OpencvSource(config(path=video, loop=True), 10), limit=25))
    assert [f.encoder.count for f in frames] == [50 * k for k in range(25)]


def test_realtime_paces_a_video_by_its_frame_rate(video: Path) -> None:
    frames = asyncio.run(frames_of(OpencvSource(config(path=video, realtime=True), 10)))
    # Nine intervals of 50 ms; the first frame may come late on a busy machine, the last never early.
    assert 0.3 < frames[-1].captured_at_s - frames[0].captured_at_s < 5


@pytest.mark.parametrize(
    ("travel", "corner"), [("up", (0, 0)), ("down", (119, 119)), ("left", (0, 119)), ("right", (119, 0))]
)
def test_pictures_are_turned_so_that_the_belt_runs_up(tmp_path: Path, travel: str, corner: tuple[int, int]) -> None:
    picture = np.zeros((120, 120, 3), np.uint8)
    picture[:10, :10] = 255
    cv2.imwrite(str(tmp_path / "a.png"), picture)
    (frame,) = asyncio.run(frames_of(OpencvSource(config(images=tmp_path, frame_rate_hz=5, travel=travel), 10)))
    assert frame.color[corner].tolist() == [255, 255, 255]


def test_a_folder_gives_its_pictures_by_name(tmp_path: Path) -> None:
    for name, level in (("b.png", 20), ("a.png", 10), ("c.png", 30)):
        cv2.imwrite(str(tmp_path / name), np.full((120, 80, 3), level, np.uint8))
    frames = asyncio.run(frames_of(OpencvSource(config(images=tmp_path, frame_rate_hz=5), 10)))
    assert [int(f.color[0, 0, 0]) for f in frames] == [10, 20, 30]


def test_what_cannot_work_is_refused_with_a_reason(tmp_path: Path, video: Path) -> None:
    broken = tmp_path / "broken.avi"
    broken.write_bytes(b"RIFF" + bytes(300))
    cases: list[tuple[OpencvSource.Config, str]] = [
        (config(path=tmp_path / "none.avi"), "no video file"),
        (config(path=broken), "cannot be opened"),
        (config(path=video, view_along_mm=70), "120 rows x 160 columns"),
        (config(images=tmp_path / "none", frame_rate_hz=5), "no folder"),
        (config(images=tmp_path, frame_rate_hz=5), "no pictures"),
    ]
    for case, complaint in cases:
        with pytest.raises(NeedsOperator, match=complaint):
            asyncio.run(frames_of(OpencvSource(case, 10)))


def test_pictures_that_change_size_or_are_corrupt_end_in_an_error(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / "a.png"), np.zeros((120, 80, 3), np.uint8))
    cv2.imwrite(str(tmp_path / "b.png"), np.zeros((120, 90, 3), np.uint8))
    with pytest.raises(NeedsOperator, match="120 x 80 before"):
        asyncio.run(frames_of(OpencvSource(config(images=tmp_path, frame_rate_hz=5), 10)))
    (tmp_path / "b.png").write_bytes(b"\x89PNG and then nothing")
    with pytest.raises(NeedsOperator, match=r"b\.png"):
        asyncio.run(frames_of(OpencvSource(config(images=tmp_path, frame_rate_hz=5), 10)))


def test_exactly_one_origin_is_needed(video: Path, tmp_path: Path) -> None:
    with pytest.raises(ValidationError, match="exactly one"):
        config()
    with pytest.raises(ValidationError, match="exactly one"):
        config(path=video, device=0)
    with pytest.raises(ValidationError, match="frame_rate_hz"):
        config(images=tmp_path)


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        ({"url": "rtsp://line:secret@192.0.2.1/belt"}, "url holds a user"),
        ({"url": "file:///etc/passwd"}, "url 'file:///etc/passwd' is no rtsp://"),
        ({"url": "rtsp://"}, "is no rtsp://"),
        ({"url": "rtsp://192.0.2.1/belt", "user": "line"}, "belong together"),
        ({"device": 0, "user": "line", "password_file": "x"}, "are for a url"),
        ({"device": -1}, "numbers start at 0"),
        ({"device": "video0"}, "a whole path"),
        ({"device": 0, "device_format": "mjpeg"}, "device_format"),
        ({"url": "rtsp://192.0.2.1/belt", "device_width_px": 640}, "device_width_px without a device"),
        ({"url": "rtsp://192.0.2.1/belt", "open_timeout_s": 0}, "open_timeout_s"),
    ],
)
def test_settings_of_live_cameras_that_cannot_be_meant_are_refused(overrides: dict[str, object], says: str) -> None:
    with pytest.raises(ValidationError, match=says) as caught:
        config(**overrides)
    assert "secret" not in str(caught.value).partition("input_value")[0]


@contextlib.asynccontextmanager
async def mjpeg_server(pictures: int) -> AsyncGenerator[str, None]:
    """A network camera: multipart JPEG over HTTP on a free port, hanging up after some pictures."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace; boundary=cut\r\n\r\n")
            for k in range(pictures):
                picture = np.random.default_rng(k).integers(0, 255, (120, 160, 3), np.uint8)
                jpeg = cv2.imencode(".jpg", picture)[1].tobytes()
                writer.write(b"--cut\r\nContent-Type: image/jpeg\r\nContent-Length: %d\r\n\r\n" % len(jpeg))
                writer.write(jpeg + b"\r\n")
                await writer.drain()
                await asyncio.sleep(0.01)
            writer.close()
            await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/camera.mjpg"


def test_a_stream_that_is_read_slowly_drops_old_frames_and_its_end_is_a_lost_camera() -> None:
    async def scenario() -> tuple[list[Frame], int, str]:
        found: list[Frame] = []
        async with mjpeg_server(60) as url:
            source = OpencvSource(config(url=url, frame_rate_hz=100), 10)
            async with source, contextlib.aclosing(aiter(source)) as frames:
                try:
                    async for frame in frames:
                        found.append(frame)
                        await asyncio.sleep(0.1)
                except Retryable as error:
                    return found, source.dropped, error.code
        return found, source.dropped, "ended"

    frames, dropped, code = asyncio.run(scenario())
    assert code == "camera.lost"
    assert frames
    assert dropped > 0
    assert frames[-1].sequence + 1 == len(frames) + dropped
    assert all(f.encoder.basis == "estimated" for f in frames)


@pytest.mark.shared_data
def test_the_bolt_on_a_real_belt_is_one_part_with_a_steady_place(
    shared_data: Path, tmp_path: Path, classifier: Classifier
) -> None:
    clip = shared_data / "belt" / "intel_ccby4" / "bolt-multi-size-detection.avi"
    # 22.4 px a frame measured in the clip, 14.286 frames/s, 0.5 mm a pixel assumed.
    camera = config(path=clip, travel="right", view_along_mm=240, speed_mm_s=22.4 * 14.286 * 0.5)
    settings = VisionConfig(
        model="test", min_area_mm2=30, max_part_mm=200, unknown_below=0.5,
        segmentation=SegmentationConfig(contrast=24, noise_sigmas=4),
    )  # fmt: skip
    pipeline = VisionPipeline(camera, settings, 135, 10, classifier)
    tracker = Tracker(TrackerConfig.of(camera, settings, 10, len(pipeline.labels)))

    async def scenario() -> tuple[list[Part], list[np.ndarray]]:
        parts: list[Part] = []
        drawn: list[np.ndarray] = []
        async with (
            OpencvSource(camera, 10) as source,
            contextlib.aclosing(frame_results(source, pipeline)) as results,
        ):
            async for result in results:
                assert isinstance(result, FrameResult)
                count = result.encoder.count
                parts += tracker.update(count, result.detections, result.view_along_mm)
                blank = np.zeros((480, 270, 3), np.uint8)
                drawn.append(draw_parts(blank, tracker.visible(count), camera, lambda part: f"{part.part_id} 銅"))
        return parts, drawn

    parts, drawn = asyncio.run(scenario())
    assert len(parts) == 1
    bolt = parts[0]
    assert bolt.views >= 12
    assert bolt.uncertainty_mm < 2
    assert bolt.across_max_mm - bolt.across_min_mm == pytest.approx(116, abs=6)
    assert write_video(tmp_path / "annotated.mp4", drawn, 14.286) == 37
    assert (tmp_path / "annotated.mp4").stat().st_size > 5000
    assert max(int(picture.max()) for picture in drawn) > 150


@pytest.mark.parametrize(
    ("origin", "said"),
    [
        ({"url": "rtsp://192.0.2.1/belt"}, "GStreamer's RTSP server"),
        ({"url": "http://192.0.2.1/belt"}, "FFmpeg's HTTP server"),
        ({"url": "rtsps://192.0.2.1/belt"}, "NOT TRIED: rtsps://"),
        ({"url": "udp://192.0.2.1:5000"}, "NOT TRIED: udp://"),
        ({"device": 0}, "NOT TRIED with a real device"),
    ],
)
def test_each_way_to_pictures_says_what_it_was_tried_with(origin: dict[str, object], said: str) -> None:
    assert said in config(**origin).tried


def test_files_say_what_they_were_tried_with(video: Path, tmp_path: Path) -> None:
    assert config(path=video).tried.startswith("tried with videos")
    assert config(images=tmp_path, frame_rate_hz=5).tried.startswith("tried with JPEG")

"""A label from a browser's request to the disk: typed, from this server's own page, on this PC only."""

import asyncio
import contextlib
import json
from collections.abc import AsyncGenerator, Callable, Coroutine
from pathlib import Path
from typing import Any

import cv2
import httpx
import numpy as np
import pytest

from controller.hmi.commands import LabelPart
from controller.hmi.feed import SnapshotFeed
from controller.hmi.publisher import LENGTH_BYTES, SnapshotPublisher
from controller.hmi.server import HmiServer
from controller.odd_keeping import OddKeeping
from controller.odd_store import INDEX, ModelName, OddStore
from tests.controller.deciding_parts import LABELS
from tests.controller.snapshots import EMPTY
from tests.controller.test_hmi import browser
from tests.controller.test_odd_parts import CAMERA, DOUBTFUL, decision, odd_parts
from vision.crop_desk import CropDesk
from vision.frame import EncoderStamp, Frame
from vision.results import Detections, FrameResult

NONE, NO = np.zeros(0), np.zeros(0, np.bool_)
NOTHING = Detections(NONE, NONE, NONE, NONE, NONE, NONE, NONE, np.zeros((0, 3), np.float32), NO, NO, NO, NO)


class Vision:
    """The other end of the requests: a real desk with one real frame, whose answers come with the next result."""

    def __init__(self) -> None:
        self.desk = CropDesk(CAMERA, 10)
        color = np.random.default_rng(1).integers(0, 255, (600, 600, 3), np.uint8)
        self.desk.keep(Frame({"color": color}, EncoderStamp(2000, "latched"), 0.0, 77))

    def result(self) -> FrameResult:
        return FrameResult(78, EncoderStamp(2500, "latched"), 0.0, 0.0, 0, 300.0, NOTHING, crops=self.desk.answers())


class LabelledLine:
    """A publisher, a HMI, and what keeps odd parts, on real sockets and a real disk."""

    def __init__(self, folder: Path, client: httpx.AsyncClient, keeping: OddKeeping, vision: Vision) -> None:
        self.folder, self.client, self.keeping, self.vision = folder, client, keeping, vision

    async def post(self, body: Any, **headers: str) -> httpx.Response:
        sent = {"Origin": str(self.client.base_url).rstrip("/"), "Content-Type": "application/json"} | headers
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        return await self.client.post("/api/label", content=content, headers=sent)

    async def frames(self) -> None:
        """Results keep coming."""
        count = 2500
        while True:
            count += 500
            self.keeping.frame(self.vision.result(), count)
            self.keeping.send()
            await asyncio.sleep(0.01)

    def index(self) -> dict[str, Any]:
        return json.loads((self.folder / INDEX).read_text())


@contextlib.asynccontextmanager
async def labelled_line(tmp_path: Path) -> AsyncGenerator[LabelledLine]:
    vision, parts, folder = Vision(), odd_parts(per_minute=600), tmp_path / "odd"
    keeping = OddKeeping(parts, OddStore(folder, 50, LABELS, ModelName("parts", "1.0.0"), True), vision.desk.ask)
    path = tmp_path / "s.sock"
    async with (
        SnapshotPublisher(path, keeping.command) as publisher,
        HmiServer(path, "127.0.0.1", 0, folder) as hmi,
        browser(hmi) as client,
    ):
        publisher.publish(EMPTY)
        line = LabelledLine(folder, client, keeping, vision)
        frames = asyncio.create_task(line.frames())
        try:
            while not (await client.get("/healthz")).json()["runtime_connected"]:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            yield line
        finally:
            frames.cancel()
            await asyncio.wait([frames])
            await keeping.close()


@pytest.fixture(autouse=True)
def private(tmp_path: Path) -> None:
    tmp_path.chmod(0o700)


def run(main: Callable[[], Coroutine[Any, Any, None]]) -> None:
    async def bounded() -> None:
        async with asyncio.timeout(30):
            await main()

    asyncio.run(bounded())


def test_a_picked_part_lands_labelled_on_the_disk_with_its_picture(tmp_path: Path) -> None:
    async def main() -> None:
        async with labelled_line(tmp_path) as line:
            line.keeping.decided(decision(part_id=5), 0.0)
            answer = await line.post({"kind": "label_part", "part_id": 5, "label": "relay"})
            assert (answer.status_code, answer.json()) == (200, {"odd_id": 1})
            index = line.index()
            names = {c["id"]: c["name"] for c in index["categories"]}
            assert names[index["annotations"][0]["category_id"]] == "relay"
            picture = await line.client.get("/odd/1.png")
            shown = cv2.imdecode(np.frombuffer(picture.content, np.uint8), cv2.IMREAD_COLOR)
            assert shown is not None
            assert shown.shape[:2] == (index["images"][0]["height"], index["images"][0]["width"])

    run(main)


def test_an_odd_part_is_kept_by_itself_and_labelled_later(tmp_path: Path) -> None:
    async def main() -> None:
        async with labelled_line(tmp_path) as line:
            line.keeping.decided(decision(part_id=6, probabilities=DOUBTFUL), 1.0)
            while not line.keeping.recent:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            assert line.keeping.recent[0]["label"] is None
            answer = await line.post({"kind": "label_odd_part", "odd_id": 1, "label": "battery"})
            assert answer.status_code == 200
            assert line.keeping.recent[0]["label"] == "battery"
            assert line.keeping.summary()["by_reason"] == {"low margin": 1}

    run(main)


def test_what_is_refused_says_why_and_changes_nothing(tmp_path: Path) -> None:
    async def main() -> None:
        async with labelled_line(tmp_path) as line:
            command = {"kind": "label_part", "part_id": 5, "label": "relay"}
            line.keeping.decided(decision(part_id=5), 0.0)
            for body, headers, status, said in (
                (command, {"Origin": "http://evil.example"}, 403, "Only a page of this HMI"),
                (command, {"Origin": ""}, 403, "Only a page of this HMI"),
                (command, {"Content-Type": "text/plain"}, 415, "JSON"),
                (command | {"label": "Not A Class"}, {}, 422, "label"),
                (command | {"speed": 9}, {}, 422, "speed"),
                ({"kind": "stop_the_line"}, {}, 422, "kind"),
                (b"{" * 5000, {}, 413, "too long"),
                (b"{", {}, 422, "JSON"),
                (command | {"part_id": 99}, {}, 409, "Nothing is known of part 99"),
                ({"kind": "label_odd_part", "odd_id": 9, "label": "relay"}, {}, 409, "not kept any more"),
            ):
                answer = await line.post(body, **headers)
                assert (answer.status_code, said in answer.json()["error"]) == (status, True), answer.text
            assert not (line.folder / INDEX).exists()
            assert (await line.client.get("/odd/7.png")).status_code == 404
            assert (await line.client.get("/odd/..%2Fannotations.coco.json")).status_code == 404
            assert (await line.client.get("/api/label")).status_code == 405

    run(main)


def test_a_reader_that_sends_what_is_no_command_is_cut_off_and_others_are_not(tmp_path: Path) -> None:
    async def main() -> None:
        async with labelled_line(tmp_path) as line:
            for message in (b"\xff" * LENGTH_BYTES, (4).to_bytes(4, "big") + b"nope"):
                reader, writer = await asyncio.open_unix_connection(tmp_path / "s.sock")
                writer.write(message)
                while await reader.read(65536):
                    pass
                writer.close()
                await writer.wait_closed()
            line.keeping.decided(decision(part_id=5), 0.0)
            assert (await line.post({"kind": "label_part", "part_id": 5, "label": "relay"})).status_code == 200

    run(main)


def test_without_the_runtime_a_label_is_refused_at_once(tmp_path: Path) -> None:
    async def main() -> None:
        async with HmiServer(tmp_path / "nobody.sock", "127.0.0.1", 0) as hmi, browser(hmi) as client:
            answer = await client.post(
                "/api/label",
                json={"kind": "label_part", "part_id": 1, "label": "ic"},
                headers={"Origin": f"http://127.0.0.1:{hmi.port}"},
            )
            assert answer.status_code == 503
            assert "does not answer" in answer.json()["error"]

    run(main)


def test_a_line_without_odd_parts_says_so(tmp_path: Path) -> None:
    async def main() -> None:
        path = tmp_path / "s.sock"
        async with SnapshotPublisher(path):
            feed = SnapshotFeed(path)
            reading = asyncio.create_task(feed.run())
            while not feed.connected:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
            reply = await feed.command(LabelPart(kind="label_part", part_id=1, label="ic"))
            assert "no odd parts" in reply.message
            reading.cancel()
            await asyncio.wait([reading])

    run(main)

"""Writes a recording: an MCAP file that can be read however its writing ended.

Chunks are small and closed every half second of recorded time, so that a `kill -9` costs no more than
that. Chunks are not compressed: frames are, one by one (docs/decisions/0007-recording-format.md).
"""

import contextlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from mcap.writer import CompressionType, Writer

from controller.clock import utc_now
from controller.recording.about import CONFIG_ATTACHMENT, About
from controller.recording.topics import MESSAGES, message_of
from controller.runtime import LineEvent
from senbetsu_errors import NeedsOperator
from vision.recorded_frame import JPEG_SCHEMA, JPEG_SCHEMA_NAME, LOSSLESS_MESSAGE_ENCODING
from vision.recording_file import ABOUT, CLOSED, FORMAT, PROFILE
from vision.recording_source import FRAME_TOPIC

FLUSH_EVERY_NS = 500_000_000
CHUNK_BYTES = 1024 * 1024


class RecordingWriter:
    """One recording, written from one thread. `started_at_s` is the loop's time at its beginning.

    Every half second of recorded time the operating system gets what was written; `durable` waits
    until the disk has it, so that a power cut costs no more either.

    Raises NeedsOperator (`recording.exists`, `recording.unwritable`) from the constructor, OSError from
    writing.
    """

    def __init__(self, path: Path, about: About, started_at_s: float, *, durable: bool = False) -> None:
        try:
            self._file = path.open("xb")
        except FileExistsError as error:
            raise NeedsOperator(
                "recording.exists", f"{path} exists already.", "Recordings are never overwritten: name another file."
            ) from error
        except OSError as error:
            raise NeedsOperator(
                "recording.unwritable",
                f"{path} cannot be written: {error.strerror}.",
                "Name a file in a folder of yours.",
            ) from error
        self.path = path
        self.messages = 0
        self._about = about
        self._durable = durable
        self._mcap = Writer(self._file, chunk_size=CHUNK_BYTES, compression=CompressionType.NONE)
        self._flushed_ns = round(started_at_s * 1e9)
        self._mcap.start(PROFILE, f"senbetsu {about.software}")
        self._say(self._flushed_ns)
        self._channels = {
            topic: self._channel(topic, f"senbetsu.{model.__name__}", model.model_json_schema())
            for topic, model in MESSAGES.items()
        }
        self._channels[FRAME_TOPIC] = (
            self._channel(FRAME_TOPIC, JPEG_SCHEMA_NAME, JPEG_SCHEMA)
            if about.frame_encoding == "jpeg"
            else self._mcap.register_channel(FRAME_TOPIC, LOSSLESS_MESSAGE_ENCODING, schema_id=0)
        )
        self.flush()

    def event(self, event: LineEvent) -> None:
        """Write what happened on the line; kinds that have no topic are left out."""
        found = message_of(event, self._about.labels)
        if found:
            topic, message = found
            self._write(topic, event.at_s, message.model_dump_json().encode())

    def frame(self, at_s: float, message: bytes) -> None:
        """Write a frame (as vision.recorded_frame.encode_frame made it) that came at `at_s`."""
        self._write(FRAME_TOPIC, at_s, message)

    def flush(self) -> None:
        """Close the chunk and hand it over."""
        self._mcap.flush()
        if self._durable:
            os.fdatasync(self._file.fileno())

    def close(self, dropped: int = 0) -> None:
        """Write the index and how many messages had to be dropped."""
        try:
            self._mcap.add_metadata(CLOSED, {"dropped": str(dropped), "messages": str(self.messages)})
            self._mcap.finish()
        finally:
            self._file.close()

    def abandon(self) -> None:
        """Close the file as it is, after an OSError; what was not written yet is lost."""
        with contextlib.suppress(OSError):
            self._file.close()

    def _say(self, started_at_ns: int) -> None:
        about = self._about
        self._mcap.add_metadata(
            ABOUT,
            {
                "format": FORMAT,
                "started_at_ns": str(started_at_ns),
                "started_at_utc": utc_now().isoformat(timespec="milliseconds"),
                "software": about.software,
                "line": about.line,
                "model": about.model,
                "model_sha256": about.model_sha256,
                "labels": ",".join(about.labels),
                "simulated": ", ".join(about.simulated),
                "frame_encoding": about.frame_encoding,
            },
        )
        config = about.config_json.encode()
        self._mcap.add_attachment(started_at_ns, started_at_ns, CONFIG_ATTACHMENT, "application/json", config)

    def _channel(self, topic: str, name: str, schema: Mapping[str, Any]) -> int:
        schema_id = self._mcap.register_schema(name, "jsonschema", json.dumps(schema).encode())
        return self._mcap.register_channel(topic, "json", schema_id)

    def _write(self, topic: str, at_s: float, data: bytes) -> None:
        at_ns = round(at_s * 1e9)
        self._mcap.add_message(self._channels[topic], at_ns, data, at_ns, self.messages)
        self.messages += 1
        if at_ns - self._flushed_ns >= FLUSH_EVERY_NS:
            self._flushed_ns = at_ns
            self.flush()

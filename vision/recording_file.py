"""Reading a recording: an MCAP file of ours, whole or cut off at any byte.

Only the streaming reader is used. A seeking reader needs the index at the end, which a file has not
that ended with a `kill -9` or a power cut (docs/decisions/0007-recording-format.md).
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, cast

import zstandard
from mcap.exceptions import EndOfFile, InvalidMagic, McapError
from mcap.records import Attachment, Channel, Chunk, Header, McapRecord, Message, Metadata
from mcap.stream_reader import StreamReader, breakup_chunk

from senbetsu_errors import Fatal, NeedsOperator

FORMAT = "1"
"""Version of what stands in the messages; a reader refuses any other."""

PROFILE = "senbetsu"
ABOUT = "senbetsu.recording"
"""Metadata at the start of the file: format, started_at_ns and what else the recorder said of itself."""

CLOSED = "senbetsu.closed"
"""Metadata at the end of a file that was closed in order."""

LARGEST_RECORD_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class RecordedMessage:
    """One message. `at_s` is seconds since the recording's start, on the recorder's monotonic clock."""

    topic: str
    at_s: float
    data: bytes


class RecordingFile:
    """A recording on disk. Everything written before its first message is read at once.

    Raises NeedsOperator (`recording.unreadable`, `recording.foreign`, `recording.version`) from the
    constructor, Fatal (`recording.corrupt`) from it and from `messages`. A file that merely ends too
    early is read up to there and says `finished` False.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.about: dict[str, str] = {}
        self.attachments: dict[str, bytes] = {}
        self.closing: dict[str, str] = {}
        self.finished = False
        for record in self._records():
            if isinstance(record, Header) and record.profile != PROFILE:
                raise self._foreign(f"an MCAP file of the profile {record.profile!r}")
            if isinstance(record, Metadata) and record.name == ABOUT:
                self.about = dict(record.metadata)
            elif isinstance(record, Attachment):
                self.attachments[record.name] = record.data
            elif isinstance(record, (Channel, Message)):
                break
        if not self.about:
            raise self._foreign("an MCAP file that ends before it says what it is")
        written_as = self.about.get("format")
        if written_as != FORMAT:
            raise NeedsOperator(
                "recording.version",
                f"{path} was recorded in format {written_as} by Senbetsu {self.about.get('software', '(unknown)')}; "
                f"this version reads format {FORMAT}.",
                "Read it with the version that recorded it.",
            )
        self._started_at_ns = self._stated_start()

    @property
    def started_at_s(self) -> float:
        """The recording's start on the recorder's monotonic clock."""
        return self._started_at_ns / 1e9

    def messages(self, *topics: str) -> Iterator[RecordedMessage]:
        """Every message of the topics (all for none), as written; sets `finished` and `closing` at the end."""
        names: dict[int, str] = {}
        for record in self._records():
            if isinstance(record, Channel):
                names[record.id] = record.topic
            elif isinstance(record, Message):
                topic = names.get(record.channel_id)
                if topic is None:
                    raise self._corrupt(f"a message of the unknown channel {record.channel_id}")
                if not topics or topic in topics:
                    yield RecordedMessage(topic, (record.log_time - self._started_at_ns) / 1e9, record.data)
            elif isinstance(record, Metadata) and record.name == CLOSED:
                self.closing = dict(record.metadata)
                self.finished = True

    def _records(self) -> Iterator[McapRecord]:
        try:
            file = self.path.open("rb")
        except OSError as error:
            raise NeedsOperator(
                "recording.unreadable", f"{self.path} cannot be read: {error.strerror}.", "Name a recording (.mcap)."
            ) from error
        with file:
            whole = _WholeReads(file)
            reader = StreamReader(cast("IO[bytes]", whole), emit_chunks=True, record_size_limit=LARGEST_RECORD_BYTES)
            try:
                for record in reader.records:
                    if isinstance(record, Chunk):
                        yield from breakup_chunk(record, validate_crc=True)
                    else:
                        yield record
            except InvalidMagic as error:
                raise self._foreign("not an MCAP file") from error
            except EndOfFile as error:
                if not whole.cut:
                    raise self._corrupt("a record longer than what holds it") from error
            except (McapError, ValueError, KeyError, struct.error, zstandard.ZstdError, MemoryError) as error:
                # A wrong CRC is a ValueError of mcap's.
                raise self._corrupt(str(error)) from error

    def _stated_start(self) -> int:
        try:
            return int(self.about["started_at_ns"])
        except (KeyError, ValueError) as error:
            raise self._corrupt("no time of its start") from error

    def _foreign(self, found: str) -> NeedsOperator:
        return NeedsOperator(
            "recording.foreign",
            f"{self.path} is no recording of Senbetsu: {found}.",
            "Name a file that `senbetsu record` has written.",
        )

    def _corrupt(self, found: str) -> Fatal:
        return Fatal(
            "recording.corrupt",
            f"{self.path} is damaged: {found}.",
            "Copy the file again from where it was recorded.",
        )


class _WholeReads:
    """Raises EndOfFile for a short read, where mcap's reader would hand over half a record."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.cut = False

    def read(self, length: int) -> bytes:
        if length > LARGEST_RECORD_BYTES:
            raise McapError(f"something of {length} bytes is announced")
        data = self._file.read(length)
        if len(data) < length:
            self.cut = True
            raise EndOfFile
        return data

"""The runtime's side of the HMI: a unix socket that hands out the newest snapshot, and takes commands.

On the socket every snapshot is u32 big-endian length, then the bytes of `controller.snapshot.encode`.
Each reader has room for one waiting snapshot: a newer one replaces it, so a reader that is slow
or stuck loses pictures and never costs the runtime time or memory. Commands (controller.hmi.commands) of a
reader are done one after the other; the next one is read when the reply to the last one is on its way.
"""

import asyncio
import contextlib
import os
import socket
import stat
from pathlib import Path
from types import TracebackType
from typing import Self

import structlog

from controller.hmi.commands import LONGEST_COMMAND_BYTES, REPLY_BIT, Envelope, OnCommand, Reply
from controller.snapshot import Snapshot, encode
from senbetsu_errors import Fatal, SenbetsuError

LENGTH_BYTES = 4
_SOCKET_PATH_LIMIT_BYTES = 107
"""sun_path of Linux's sockaddr_un less its closing zero, unix(7)."""

_log = structlog.stdlib.get_logger(__name__)


class _Reader:
    """One connected reader, the one snapshot that waits for it, and the one reply."""

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, on_command: OnCommand | None
    ) -> None:
        self._reader = reader
        self._writer = writer
        self._on_command = on_command
        self._waiting: bytes | None = None
        self._reply: bytes | None = None
        self._replied = asyncio.Event()
        self._news = asyncio.Event()

    def offer(self, packed: bytes) -> None:
        self._waiting = packed
        self._news.set()

    async def run(self) -> None:
        """Serves until the reader is gone, sends what is no command, or this task is cancelled."""
        async with asyncio.TaskGroup() as tasks:
            writing = tasks.create_task(self._write(), name="hmi snapshots")
            tasks.create_task(self._take_commands(writing), name="hmi commands")

    async def _take_commands(self, writing: asyncio.Task[None]) -> None:
        try:
            while True:
                length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
                if length > LONGEST_COMMAND_BYTES:
                    raise ValueError(f"a command of {length} bytes")
                envelope = Envelope.model_validate_json(await self._reader.readexactly(length))
                self._reply = (await self._done(envelope)).model_dump_json().encode()
                self._replied.clear()
                self._news.set()
                await self._replied.wait()
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # it only ever listened, or it went away
        except ValueError as error:
            _log.warning("a reader sent what is no command", reason=str(error).splitlines()[0])
        writing.cancel()

    async def _done(self, envelope: Envelope) -> Reply:
        if self._on_command is None:
            return Reply(
                number=envelope.number,
                code="hmi.no_commands",
                message="This line keeps no odd parts.",
                remedy="Add vision.odd_parts to its configuration.",
            )
        try:
            odd_id = await self._on_command(envelope.command)
        except SenbetsuError as error:
            return Reply(number=envelope.number, code=error.code, message=error.message, remedy=error.remedy)
        except OSError as error:
            return Reply(number=envelope.number, code="odd_parts.disk", message=f"It could not be written: {error}.")
        return Reply(number=envelope.number, odd_id=odd_id)

    async def _write(self) -> None:
        # With no buffer of its own, drain() returns only when the kernel has taken every byte.
        self._writer.transport.set_write_buffer_limits(high=0)
        try:
            while True:
                await self._news.wait()
                self._news.clear()
                reply, self._reply = self._reply, None
                if reply is not None:
                    self._writer.write((len(reply) | REPLY_BIT).to_bytes(LENGTH_BYTES, "big") + reply)
                    await self._writer.drain()
                    self._replied.set()
                packed, self._waiting = self._waiting, None
                if packed is not None:
                    self._writer.write(len(packed).to_bytes(LENGTH_BYTES, "big") + packed)
                    await self._writer.drain()
        except ConnectionError:
            pass  # the HMI went away; it comes back by itself
        finally:
            # close() would wait for a stuck reader to take the rest; abort() does not.
            self._writer.transport.abort()
            with contextlib.suppress(ConnectionError):
                await self._writer.wait_closed()


class SnapshotPublisher:
    """Async context manager that serves snapshots on the unix socket `path` (mode 0600).

    The socket's folder is made if missing (mode 0700) and must be closed to everybody else.
    `on_command` does what a reader asks for; without it nothing is done.
    Entering raises Fatal: `hmi.socket_folder` (not private, or path too long), `hmi.socket_in_use`.
    """

    def __init__(self, path: Path, on_command: OnCommand | None = None) -> None:
        self._path = path
        self._on_command = on_command
        self._server: asyncio.Server | None = None
        self._readers: dict[asyncio.Task[None], _Reader] = {}
        self._newest: Snapshot | None = None
        self._refused = ""

    async def __aenter__(self) -> Self:
        _prepare(self._path)
        self._server = await asyncio.start_unix_server(self._on_connect, self._path)
        os.chmod(self._path, 0o600)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is None:
            return
        self._server.close()
        tasks = list(self._readers)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._path.unlink(missing_ok=True)

    def publish(self, snapshot: Snapshot) -> None:
        """Hands the snapshot to every reader; never waits, never raises.

        A snapshot that cannot be encoded is a defect, but not one that may stop the line: it is
        logged once and not sent, and the page says since when it has no data.
        """
        self._newest = snapshot
        if self._readers:
            packed = self._packed(snapshot)
            for reader in self._readers.values():
                if packed is not None:
                    reader.offer(packed)

    def _packed(self, snapshot: Snapshot) -> bytes | None:
        try:
            packed = encode(snapshot)
        except Fatal as defect:
            if defect.message != self._refused:
                _log.error("snapshot not published", code=defect.code, reason=defect.message)
                self._refused = defect.message
            return None
        self._refused = ""
        return packed

    def _on_connect(self, incoming: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        reader = _Reader(incoming, writer, self._on_command)
        if self._newest is not None and (packed := self._packed(self._newest)) is not None:
            reader.offer(packed)
        task = asyncio.get_running_loop().create_task(reader.run(), name="hmi reader")
        self._readers[task] = reader
        task.add_done_callback(self._on_gone)

    def _on_gone(self, task: asyncio.Task[None]) -> None:
        del self._readers[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("snapshot reader failed", exc_info=error)


def _prepare(path: Path) -> None:
    """Makes the private folder and clears a socket that a crashed runtime left."""
    if len(os.fsencode(path)) > _SOCKET_PATH_LIMIT_BYTES:
        raise Fatal(
            "hmi.socket_folder",
            f"The socket path {path} is longer than {_SOCKET_PATH_LIMIT_BYTES} bytes.",
            "Use a shorter runtime folder (XDG_RUNTIME_DIR).",
        )
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    folder = path.parent.stat()
    if folder.st_uid != os.geteuid() or stat.S_IMODE(folder.st_mode) & 0o077:
        raise Fatal(
            "hmi.socket_folder",
            f"The folder {path.parent} is open to other users (mode {stat.S_IMODE(folder.st_mode):04o}).",
            f"Run chmod 700 {path.parent}, as its owner.",
        )
    if path.exists():
        _clear_stale(path)


def _clear_stale(path: Path) -> None:
    if path.is_socket():
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                probe.connect(str(path))
            except ConnectionRefusedError:
                path.unlink()
                return
    raise Fatal(
        "hmi.socket_in_use",
        f"{path} is in use, or is not a socket.",
        "Another runtime publishes there: stop it, or give this one a folder of its own.",
    )

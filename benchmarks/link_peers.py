"""The other end of the links that are measured: PLCs in processes of their own, and a bad cable to them.

`python -m benchmarks.link_peers modbus|opcua [instant]` serves a virtual PLC and prints its port;
a line on stdin makes it print, as JSON, what it fired.
"""

import asyncio
import json
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from random import Random

from plc_bridge.contract import CommandImage, JetOrder
from plc_bridge.tagmap import default_tag_map
from plc_bridge.virtual_plc import ALL_WELL, PlcInputs, PlcOutputs, VirtualPlc
from senbetsu_errors import NeedsOperator
from sim.modbus_server import serve_modbus
from sim.opcua_server import serve_opcua

COUNTS_PER_MM = 10.0
SPEED_MM_S = 1000.0
SCAN_S = 0.002
STOP_WAIT_S = 5


class CountingPlc(VirtualPlc):
    """A virtual PLC that counts how often each order of each session opened its valves."""

    def __init__(self, pc_timeout_ms: float) -> None:
        super().__init__(counts_per_mm=COUNTS_PER_MM, pc_timeout_ms=pc_timeout_ms)
        self.fired_orders: Counter[tuple[int, int]] = Counter()

    def scan(self, now_s: float, encoder_raw: int, belt_speed_mm_s: float, inputs: PlcInputs = ALL_WELL) -> PlcOutputs:
        """One cycle, with its account."""
        was_open = [id(entry) for entry in self._open]
        kept = list(self._open)
        outputs = super().scan(now_s, encoder_raw, belt_speed_mm_s, inputs)
        self.fired_orders.update((self._pc_epoch, e.seq) for e in self._open if id(e) not in was_open)
        del kept  # until here no new entry could have the id of an old one
        return outputs

    def account(self) -> dict[str, int]:
        """How many orders fired, how many of them more than once, and how many records came again."""
        return {
            "fired": len(self.fired_orders),
            "doubled": sum(times > 1 for times in self.fired_orders.values()),
            "duplicated": self.status().duplicated,
        }


class InstantPlc(CountingPlc):
    """Takes and fires what a command block brings before the request is answered, as link_plc.c does."""

    def write_command(self, image: CommandImage) -> None:
        """Take and execute the block at once."""
        super().write_command(image)
        self.scan(0.0, self._encoder, 0.0)
        for order in image.orders:
            assert isinstance(order, JetOrder), "the benchmark sends jets only"
            self.scan(0.0, order.on_count, 0.0)
            self.scan(0.0, order.off_count, 0.0)


async def _serve(protocol: str, instant: bool) -> None:
    plc = InstantPlc(1e9) if instant else CountingPlc(500.0)
    serve = serve_modbus if protocol == "modbus" else serve_opcua
    loop = asyncio.get_running_loop()
    questions = asyncio.StreamReader()
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(questions), sys.stdin)
    async with serve(plc, "127.0.0.1", 0, default_tag_map("modbus" if protocol == "modbus" else "opcua")) as port:
        plc.scan(0.0, 0, 0.0)
        print(port, flush=True)  # noqa: T201 - read by whoever started this process
        scanning = None if instant else asyncio.create_task(_scan(plc))
        while await questions.readline():
            print(json.dumps(plc.account()), flush=True)  # noqa: T201
        if scanning is not None:
            scanning.cancel()
            await asyncio.wait([scanning])


async def _scan(plc: VirtualPlc) -> None:
    """Scan along a belt that always runs; a scan that comes late is made up for, as time goes on anyway."""
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    while True:
        now_s = loop.time()
        plc.scan(now_s, round((now_s - started_s) * SPEED_MM_S * COUNTS_PER_MM) & 0xFFFF_FFFF, SPEED_MM_S)
        await asyncio.sleep(SCAN_S)


class Peer:
    """A PLC in its own process; `port` is where it listens."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process
        assert process.stdout is not None
        line = process.stdout.readline()
        if not line.strip():
            raise RuntimeError("the benchmark's own PLC did not come up")
        self.port = int(line)

    def account(self) -> dict[str, int]:
        """What the PLC fired, by its own count."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write("account\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def _running(command: list[str]) -> Generator[Peer]:
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Peer(process)
        finally:
            process.terminate()
            process.wait(STOP_WAIT_S)


@contextmanager
def virtual_plc(protocol: str, instant: bool = False) -> Generator[Peer]:
    """The virtual PLC behind its server."""
    with _running([sys.executable, "-m", __name__, protocol, *(["instant"] if instant else [])]) as peer:
        yield peer


@contextmanager
def libmodbus_plc() -> Generator[Peer]:
    """link_plc.c, compiled now. Raises `NeedsOperator` `bench.libmodbus` where that cannot be."""
    flags = None
    if shutil.which("cc") and shutil.which("pkg-config"):
        asked = subprocess.run(
            ["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False
        )
        flags = asked.stdout.split() if asked.returncode == 0 else None
    if flags is None:
        raise NeedsOperator(
            "bench.libmodbus",
            "The Modbus figures need a C compiler and libmodbus.",
            "Install gcc, pkg-config and libmodbus-dev.",
        )
    source = Path(__file__).with_name("link_plc.c")
    with tempfile.TemporaryDirectory() as folder:
        program = Path(folder, "link_plc")
        subprocess.run(["cc", "-O2", "-Wall", "-Werror", "-o", program, source, *flags], check=True)
        with _running([str(program)]) as peer:
            yield peer


class BadCable:
    """A TCP proxy that can swallow whole pieces of the stream while connections stay open.

    `loss` is the share of pieces (a request or an answer, for request and answer protocols on an
    otherwise idle connection) that is swallowed, half of them requests, half answers; `silent` swallows all.
    """

    def __init__(self, loss: float, random: Random) -> None:
        self.silent = False
        self.swallowed = 0
        self._loss = loss
        self._random = random
        self._open: set[asyncio.StreamWriter] = set()

    @asynccontextmanager
    async def to(self, port: int) -> AsyncGenerator[int]:
        """Listen, and connect each client on to `port`; yields the port that it listens on."""

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
            pair = {writer, far_writer}
            self._open |= pair
            try:
                async with asyncio.TaskGroup() as both:
                    both.create_task(self._pump(reader, far_writer))
                    both.create_task(self._pump(far_reader, writer))
            finally:
                self._open -= pair

        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            server.close()
            for writer in list(self._open):
                writer.close()
            await server.wait_closed()
            while self._open:  # noqa: ASYNC110 - the pumps end by themselves, their sockets are closed
                await asyncio.sleep(0.01)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while piece := await reader.read(65536):
                if self.silent or (self._loss and self._random.random() < self._loss / 2):
                    self.swallowed += 1
                else:
                    writer.write(piece)
        except ConnectionError:
            pass
        finally:
            writer.close()


if __name__ == "__main__":
    asyncio.run(_serve(sys.argv[1], "instant" in sys.argv[2:]))

"""`senbetsu run` on the demo line with its plant, beside the floor of its own work in the same run.

The floor is what no layout can do without, each at its bare library call: a frame of the demo's size
brought over loopback TCP (the camera's "decode": it sends raw pixels), one onnxruntime run on the
mean batch of crops, and one Modbus round trip (FC16 of a full mailbox, then FC3 of the status block)
to a pymodbus server in another process.
"""

import importlib
import json
import multiprocessing
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.figures import Figure, report
from controller.config import load_config
from models.registry import open_model
from plc_bridge.contract import MAILBOX_SIZE

CONFIG = Path(__file__).resolve().parent.parent / "configs" / "demo.yaml"
SECONDS = 60
CROPS_IN_VIEW = 5
ROUNDS = 300


def _percentiles_ms(samples_s: list[float]) -> dict[str, float]:
    p50, p99, p999 = np.percentile(np.asarray(samples_s) * 1000.0, [50, 99, 99.9])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "p999": round(float(p999), 3)}


def _timed(call: Callable[[], object], rounds: int) -> list[float]:
    for _ in range(5):
        call()
    samples: list[float] = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        samples.append(time.perf_counter() - start)
    return samples


def _frame_over_loopback(frame_bytes: int) -> list[float]:
    """Bare receive of one frame, sender in a thread of its own."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        client = socket.create_connection(server.getsockname())
        peer, _ = server.accept()
        payload = bytes(frame_bytes)

        def send() -> None:
            while peer.recv(1):
                peer.sendall(payload)

        sender = threading.Thread(target=send)
        sender.start()
        buffer = memoryview(bytearray(frame_bytes))

        def receive() -> None:
            client.sendall(b"x")
            got = 0
            while got < frame_bytes:
                got += client.recv_into(buffer[got:])

        samples = _timed(receive, ROUNDS)
        client.close()
        sender.join()
        peer.close()
    return samples


def _inference(model_name: str) -> list[float]:
    ort: Any = importlib.import_module("onnxruntime")  # its stubs are incomplete
    model = open_model(model_name)
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(model.data, options, providers=["CPUExecutionProvider"])
    size = model.manifest.input.size_px
    feed = {model.manifest.input.name: np.zeros((CROPS_IN_VIEW, size, size, 3), np.uint8)}
    return _timed(lambda: session.run(None, feed), ROUNDS)


def _serve_modbus(port: int) -> None:
    import asyncio

    from pymodbus.server import ModbusTcpServer
    from pymodbus.simulator import DataType, SimData, SimDevice

    async def serve() -> None:
        registers = [SimData(0, count=1000, values=0, datatype=DataType.REGISTERS)]
        bits = [SimData(0, count=16, values=False, datatype=DataType.BITS)]
        device = SimDevice(id=0, simdata=(bits, bits, registers, registers))
        await ModbusTcpServer(device, address=("127.0.0.1", port)).serve_forever()

    asyncio.run(serve())


def _modbus_round_trip() -> list[float]:
    from pymodbus.client import ModbusTcpClient

    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    server = multiprocessing.get_context("spawn").Process(target=_serve_modbus, args=(port,), daemon=True)
    server.start()
    client = ModbusTcpClient("127.0.0.1", port=port, retries=0)
    deadline = time.perf_counter() + 20
    while not client.connect():
        if time.perf_counter() > deadline:
            raise RuntimeError("the bench's own Modbus server did not come up")
        time.sleep(0.1)
    mailbox = [0] * (9 * MAILBOX_SIZE + 10)

    def exchange() -> None:
        client.write_registers(200, mailbox)
        client.read_holding_registers(0, count=120)

    samples = _timed(exchange, ROUNDS)
    client.close()
    server.terminate()
    server.join()
    return samples


def measure() -> dict[str, Any]:
    """Frames dropped and frame-to-order latency of the demo line, its plant included, on this machine."""
    config = load_config(CONFIG)
    rows = round(config.camera.view_along_mm / config.camera.mm_per_px)
    columns = round(config.belt.width_mm / config.camera.mm_per_px)
    parts = {
        "frame over loopback": _frame_over_loopback(rows * columns * 3),
        f"onnxruntime, {CROPS_IN_VIEW} crops": _inference(config.vision.model),
        "Modbus FC16 + FC3": _modbus_round_trip(),
    }
    floor = {name: _percentiles_ms(samples) for name, samples in parts.items()}
    floor_p50 = sum(f["p50"] for f in floor.values())
    with tempfile.TemporaryFile() as messages:
        done = subprocess.run(
            [sys.executable, "-m", "controller.cli", "run", str(CONFIG), "--for", str(SECONDS), "--json"],
            stdout=subprocess.PIPE,
            stderr=messages,
            check=False,
        )
        messages.seek(0)
        if done.returncode != 0:
            raise RuntimeError(messages.read().decode(errors="replace"))
    run = json.loads(done.stdout)
    latency = run["latency_ms"]["frame_to_order"]
    figures = [
        Figure("frames dropped", run["frames"]["dropped"], "frames", at_most=0),
        Figure("frames captured", run["frames"]["captured"] / (run["ran_s"] - run["links"]["downtime_s"]), "1/s"),
        Figure("frame to order p50", latency["p50"], "ms"),
        Figure("frame to order p99", latency["p99"], "ms", at_most=50.0),
        Figure("frame to order p99.9", latency["p999"], "ms"),
        Figure("frame to order p50 over floor p50", latency["p50"] / floor_p50, "x"),
        Figure("late orders", run["orders"]["late"] + run["missed_by_reason"].get("late", 0), "orders", at_most=0),
    ]
    return report("realtime", figures, {"ms": floor, "sum_of_p50_ms": round(floor_p50, 3), "seconds": SECONDS})

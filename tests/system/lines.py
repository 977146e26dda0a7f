"""Lines for system tests: the demo on free ports, and `senbetsu` as a process."""

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, cast

from ruamel.yaml import YAML

CONFIGS = Path(__file__).resolve().parent.parent.parent / "configs"


def free_ports(count: int) -> list[int]:
    """Ports nobody listens on now, all different."""
    with ExitStack() as stack:
        sockets = [stack.enter_context(socket.create_server(("127.0.0.1", 0))) for _ in range(count)]
        return [s.getsockname()[1] for s in sockets]


def shipped(name: str) -> dict[str, Any]:
    """A shipped configuration as plain data."""
    return cast("Any", YAML(typ="safe")).load((CONFIGS / name).read_text())


def demo_on_free_ports(name: str = "demo.yaml") -> dict[str, Any]:
    """A shipped configuration on ports of its own, as plain data to change and to `write`."""
    config = shipped(name)
    modbus, opcua, camera, hmi = free_ports(4)
    config["plc"] |= {"port": modbus, "tags": str(CONFIGS / config["plc"]["tags"])}
    config["recipe"] = str(CONFIGS / config["recipe"])
    config["camera"]["port"] = camera
    config["hmi"]["port"] = hmi
    config["plant"]["servers"] = {
        "modbus": {"host": "127.0.0.1", "port": modbus},
        "opcua": {"host": "127.0.0.1", "port": opcua},
        "camera": {"host": "127.0.0.1", "port": camera},
    }
    return config


def direct_io_on_free_ports() -> dict[str, Any]:
    """The line without a PLC on ports of its own."""
    config = shipped("direct-io.yaml")
    station, camera, hmi = free_ports(3)
    config["plc"]["port"] = config["plant"]["servers"]["remote_io"]["port"] = station
    config["plant"]["servers"]["camera"] = {"host": "127.0.0.1", "port": camera}
    config["camera"]["port"] = camera
    config["recipe"] = str(CONFIGS / config["recipe"])
    config["hmi"]["port"] = hmi
    return config


def real_belt_with_plc(plc: dict[str, Any], shared_data: Path) -> dict[str, Any]:
    """The line on real footage, with a PLC of its own; nothing of it is simulated by itself."""
    config = shipped("real-belt.yaml")
    config["line"]["simulated"] = False
    config["camera"]["path"] = str(shared_data / "belt" / "intel_ccby4" / "bolt-multi-size-detection.avi")
    config["recipe"] = str(CONFIGS / config["recipe"])
    config["plc"] = plc
    (config["hmi"]["port"],) = free_ports(1)
    return config


def write(folder: Path, config: dict[str, Any]) -> Path:
    """Write a configuration into `folder`; JSON is YAML too."""
    path = folder / "line.yaml"
    path.write_text(json.dumps(config, indent=1))
    return path


def senbetsu(*arguments: object, folder: Path | None = None) -> str:
    """What `senbetsu ARGUMENTS` prints, run in `folder`; it must succeed."""
    done = subprocess.run(
        [sys.executable, "-m", "controller.cli", *map(str, arguments)],
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=600,
        check=False,
    )
    assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class Running:
    """A `senbetsu` process in a session of its own, its output in files."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.out_path, self.err_path = folder / "stdout", folder / "stderr"
        with self.out_path.open("wb") as out, self.err_path.open("wb") as err:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "controller.cli", *arguments],
                stdout=out,
                stderr=err,
                stdin=subprocess.DEVNULL,
                start_new_session=True,
            )

    @property
    def messages(self) -> str:
        """What it said on stderr so far, its children included."""
        return self.err_path.read_text(errors="replace")

    def wait_for(self, text: str, within_s: float = 60.0) -> None:
        """Wait until `text` was said; fails with everything that was said."""
        deadline = time.monotonic() + within_s
        while text not in self.messages:
            assert self.process.poll() is None, f"ended with {self.process.returncode}:\n{self.messages}"
            assert time.monotonic() < deadline, f"never said {text!r}:\n{self.messages}"
            time.sleep(0.05)

    def interrupt(self) -> None:
        """Ctrl-C."""
        self.process.send_signal(signal.SIGINT)

    def end(self, within_s: float = 60.0) -> int:
        """Wait for its end; its exit code."""
        return self.process.wait(within_s)

    def left_behind(self) -> list[str]:
        """Command lines of processes of ours that have this one's configuration and still live."""
        marker = str(self.out_path.parent)
        found: list[str] = []
        for entry in Path("/proc").iterdir():
            if not entry.name.isdigit() or int(entry.name) == os.getpid():
                continue
            try:
                words = (entry / "cmdline").read_bytes().decode(errors="replace").split("\0")
            except OSError:
                continue
            if "controller.cli" in words and any(marker in w for w in words):
                found.append(" ".join(words))
        return found


@contextmanager
def running(folder: Path, *arguments: str) -> Generator[Running]:
    """Start `senbetsu ARGUMENTS`; it is gone afterwards whatever happened."""
    process = Running(folder, *arguments)
    try:
        yield process
    finally:
        if process.process.poll() is None:
            process.process.kill()
        process.process.wait()

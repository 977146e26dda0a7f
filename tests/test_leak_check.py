"""The fixture that polices every other test catches what it is there to catch."""

import subprocess
import sys
from pathlib import Path

import pytest

LEAKS = {
    "thread": (
        "import threading\nSTOP = threading.Event()\n"
        "def test_it():\n    threading.Thread(target=STOP.wait, daemon=True).start()\n"
    ),
    "socket": "import socket\nKEPT = []\ndef test_it():\n    KEPT.append(socket.create_server(('127.0.0.1', 0)))\n",
    "task": (
        "import asyncio\nLOOP = asyncio.new_event_loop()\nKEPT = []\n"
        "def test_it():\n    KEPT.append(LOOP.create_task(asyncio.sleep(9)))\n"
    ),
    "child process": (
        "import subprocess, sys\nKEPT = []\n"
        "def test_it():\n    KEPT.append(subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(5)']))\n"
    ),
}


@pytest.mark.parametrize("kind", LEAKS)
def test_a_leaked_thing_fails_the_test_that_leaked_it(kind: str, tmp_path: Path) -> None:
    (tmp_path / "conftest.py").write_text((Path(__file__).parent / "conftest.py").read_text())
    (tmp_path / "test_leak.py").write_text(LEAKS[kind])
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:randomly", "-p", "no:cacheprovider", str(tmp_path)],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "left behind" in done.stdout, done.stdout + done.stderr
    assert kind in done.stdout

"""Fixtures for every test: nothing may outlive the test that started it."""

import asyncio
import gc
import os
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import pytest
from hypothesis import settings

# Speed is measured in benchmarks/, never by a test; a failing example prints how to run it again.
settings.register_profile("senbetsu", deadline=None, print_blob=True)
settings.load_profile("senbetsu")

REPOSITORY = Path(__file__).resolve().parent.parent
SHARED_DATA = REPOSITORY.parent / "shared" / "data"


def _open_sockets() -> set[str]:
    """Inode names of the sockets this process holds."""
    found: set[str] = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            target = os.readlink(f"/proc/self/fd/{entry}")
        except OSError:
            continue
        if target.startswith("socket:"):
            found.add(target)
    return found


def _child_processes() -> set[str]:
    """Pids of the processes this one started and has not reaped."""
    return set(Path(f"/proc/self/task/{os.getpid()}/children").read_text().split())


def _is_pending_task(candidate: object) -> bool:
    # type() and not isinstance(): the latter reads __class__, which a dead weak proxy raises on
    return issubclass(type(candidate), asyncio.Task) and not cast("asyncio.Task[object]", candidate).done()


SETTLING_S = 1.0
"""A server's thread may take a moment to notice that it was closed; a leak stays."""


@pytest.fixture(autouse=True)
def nothing_leaks() -> Iterator[None]:
    """Fails the test that leaves a thread, a socket, a child process or a pending task behind."""
    # What was there before is set aside: it need not be looked through again after each of a thousand tests.
    gc.collect()
    gc.freeze()
    threads = set(threading.enumerate())
    sockets = _open_sockets()
    children = _child_processes()
    yield

    def leaks() -> dict[str, list[str]]:
        found = {
            "threads": [t.name for t in threading.enumerate() if t not in threads and t.is_alive()],
            "tasks": [repr(o) for o in gc.get_objects() if _is_pending_task(o)],
            "sockets": sorted(_open_sockets() - sockets),
            "child processes": sorted(_child_processes() - children),
        }
        return {kind: left for kind, left in found.items() if left}

    deadline = time.monotonic() + SETTLING_S
    while (left := leaks()) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not left, f"left behind: {left}"


@pytest.fixture
def shared_data() -> Path:
    """The folder of real images, or a skip that says why."""
    if not SHARED_DATA.is_dir():
        pytest.skip(f"real images are not here: {SHARED_DATA}")
    return SHARED_DATA

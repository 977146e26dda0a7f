"""Child processes of ours: started with the same interpreter, stopped in order, never left behind."""

import asyncio
import ctypes
import os
import signal
import sys

STOP_BOUND_S = 5.0
_PR_SET_PDEATHSIG = 1


async def start_child(command: str, *arguments: str, pass_fds: tuple[int, ...] = ()) -> asyncio.subprocess.Process:
    """Start `senbetsu COMMAND ...`; its messages go to our stderr. Ctrl-C reaches only the parent."""
    return await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "controller.cli",
        command,
        *arguments,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=sys.stderr.fileno(),
        pass_fds=pass_fds,
        start_new_session=True,
        env={**os.environ, "SENBETSU_PARENT": str(os.getpid())},
    )


async def stop_child(child: asyncio.subprocess.Process) -> None:
    """Ask it to stop in order, then insist."""
    if child.returncode is not None:
        return
    child.terminate()
    try:
        async with asyncio.timeout(STOP_BOUND_S):
            await child.wait()
    except TimeoutError:
        child.kill()
        await child.wait()


def die_with_parent() -> None:
    """Called first in a child: have the kernel end us when the parent dies, however it dies.

    Linux only (prctl); where the parent is gone already, end at once.
    """
    parent = os.environ.get("SENBETSU_PARENT")
    if parent is None:
        return
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != int(parent):
        raise SystemExit(1)

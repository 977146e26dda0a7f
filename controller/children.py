"""Child processes of ours: started with the same interpreter, stopped in order, never left behind."""

import asyncio
import ctypes
import os
import signal
import sys

import structlog

log = structlog.get_logger("children")

STOP_BOUND_S = 5.0
FIRST_RESTART_S = 0.5
LONGEST_RESTART_S = 60.0
RAN_WELL_S = 60.0
"""A child that ran this long is started again as soon as one that failed for the first time."""
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


async def keep_child(command: str, *arguments: str) -> None:
    """Run `senbetsu COMMAND ...` until cancelled: where it ends by itself it is started again, ever later.

    For children that the line can do without: whatever becomes of them is logged, never raised.
    """
    wait_s = FIRST_RESTART_S
    loop = asyncio.get_running_loop()
    while True:
        started_s = loop.time()
        try:
            child = await start_child(command, *arguments)
        except OSError as error:
            log.error("child not started", command=command, reason=str(error), again_in_s=wait_s)
        else:
            try:
                code = await child.wait()
            finally:
                await stop_child(child)
            if loop.time() - started_s > RAN_WELL_S:
                wait_s = FIRST_RESTART_S
            log.error("child ended", command=command, exit_code=code, again_in_s=wait_s)
        await asyncio.sleep(wait_s)
        wait_s = min(2 * wait_s, LONGEST_RESTART_S)


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

"""libmodbus's server, compiled for the tests; a skip that says why where it cannot be."""

import asyncio
import shutil
import subprocess
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

SOURCE = Path(__file__).parent / "libmodbus_server.c"


def compile_server(folder: Path) -> Path:
    """The server's executable."""
    if shutil.which("gcc") is None:
        pytest.skip("no gcc: libmodbus's server cannot be compiled")
    flags = subprocess.run(
        ["pkg-config", "--cflags", "--libs", "libmodbus"], capture_output=True, text=True, check=False
    )
    if flags.returncode:
        pytest.skip("libmodbus-dev is not installed")
    executable = folder / "libmodbus_server"
    command = ["gcc", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(executable), str(SOURCE), *flags.stdout.split()]
    subprocess.run(command, check=True, capture_output=True, text=True)
    return executable


@asynccontextmanager
async def libmodbus_server(executable: Path) -> AsyncGenerator[int]:
    """Run it; yields its port."""
    process = await asyncio.create_subprocess_exec(
        executable, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        yield int(await process.stdout.readline())
    finally:
        process.stdin.close()
        assert await process.wait() == 0

"""The HMI process: snapshots in over the runtime's socket, a web page out."""

import os
from pathlib import Path

from controller.config import load_config
from controller.hmi.server import serve_hmi
from senbetsu_errors import Fatal

HMI_NICENESS = 10
"""People looking must not take the processor from the line."""


async def run_hmi(config_path: Path, socket_path: Path) -> None:
    """Serve the HMI of a line until told to stop."""
    os.nice(HMI_NICENESS)
    config = load_config(config_path)
    if config.hmi is None:
        raise Fatal("hmi.none", "This line has no hmi section.")
    await serve_hmi(socket_path, config.hmi.host, config.hmi.port, config.odd_folder)

"""What a camera's driver process and the source that started it say to each other over their socket.

A message is the lengths of header and body (u32 each, network order), the header (JSON) and the body
(a picture's raw bytes, else nothing). The source sends its request first, then one `next` for each
picture that it wants; it closes its half of the connection to end the driver.
"""

import asyncio
import json
import socket
import struct
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal

_LENGTHS = struct.Struct("!II")
_LONGEST_HEADER = 64 * 1024
_LONGEST_BODY = 1 << 30


async def send(connection: socket.socket, header: dict[str, Any], body: NDArray[np.uint8] | None = None) -> None:
    """Send one message. Raises ConnectionError where the other side is gone."""
    loop = asyncio.get_running_loop()
    head = json.dumps(header, allow_nan=False).encode()
    await loop.sock_sendall(connection, _LENGTHS.pack(len(head), 0 if body is None else body.nbytes) + head)
    if body is not None:
        await loop.sock_sendall(connection, np.ascontiguousarray(body).data.cast("B"))


async def receive(connection: socket.socket) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """The next message, its body as uint8 [bytes], writable. Raises EOFError where the other side is gone,
    Fatal `camera.driver_wire` for what is no message."""
    lengths = await _exactly(connection, _LENGTHS.size)
    header_bytes, body_bytes = cast("tuple[int, int]", _LENGTHS.unpack(lengths.tobytes()))
    if header_bytes > _LONGEST_HEADER or body_bytes > _LONGEST_BODY:
        raise Fatal("camera.driver_wire", f"A camera's driver announced {header_bytes} + {body_bytes} bytes.")
    header = json.loads((await _exactly(connection, header_bytes)).tobytes())
    return cast("dict[str, Any]", header), await _exactly(connection, body_bytes)


async def _exactly(connection: socket.socket, count: int) -> NDArray[np.uint8]:
    loop = asyncio.get_running_loop()
    taken = np.empty(count, np.uint8)
    rest = taken.data
    while rest:
        try:
            size = await loop.sock_recv_into(connection, rest)
        except ConnectionError as error:
            raise EOFError(str(error)) from error
        if size == 0:
            raise EOFError("the connection was closed")
        rest = rest[size:]
    return taken

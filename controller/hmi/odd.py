"""The HMI's routes for odd parts: their pictures, and saying what they are.

Saying it shapes what a model learns, so it is taken only from a page of this very server, opened on the line's own PC:
there is no password, being in front of the machine is the right. Others see and cannot label.
"""

import asyncio
from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from controller.hmi.commands import LONGEST_COMMAND_BYTES, Command, LabelOddPart, LabelPart
from controller.hmi.feed import SnapshotFeed
from controller.hmi.guard import Guard
from controller.odd_store import picture_name
from plc_bridge.config import is_loopback
from senbetsu_errors import Retryable

_COMMAND: TypeAdapter[LabelOddPart | LabelPart] = TypeAdapter(Command)


def odd_routes(feed: SnapshotFeed, folder: Path | None) -> list[Route]:
    """The routes; without a folder nothing is there to be seen, and labels are refused by the runtime."""

    async def picture(request: Request) -> Response:
        # A whole number makes the name, so nothing outside of the folder can be asked for.
        path = None if folder is None else folder / picture_name(request.path_params["number"])
        try:
            data = b"" if path is None else await asyncio.to_thread(path.read_bytes)
        except FileNotFoundError:
            data = b""
        if not data:
            return JSONResponse({"error": "this odd part is not kept"}, status_code=404)
        return Response(data, media_type="image/png", headers={"Cache-Control": "private, max-age=3600"})

    async def label(request: Request) -> Response:
        if not Guard.is_own_page(request.headers):
            return _refused(403, "Only a page of this HMI may label parts.")
        if request.client is None or not is_loopback(request.client.host):
            return _refused(403, "Parts are labelled at the line's own PC only.")
        if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
            return _refused(415, "A command is JSON.")
        body = bytearray()
        async for chunk in request.stream():
            body += chunk
            if len(body) > LONGEST_COMMAND_BYTES:
                return _refused(413, "This is too long for a command.")
        try:
            command = _COMMAND.validate_json(bytes(body))
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            return _refused(422, f"{'.'.join(map(str, first['loc'])) or 'The command'}: {first['msg']}.")
        try:
            reply = await feed.command(command)
        except Retryable as error:
            return _refused(503, f"{error.message} {error.remedy}")
        if reply.odd_id is None:
            return _refused(409, f"{reply.message} {reply.remedy}".strip())
        return JSONResponse({"odd_id": reply.odd_id}, headers={"Cache-Control": "no-store"})

    return [Route("/odd/{number:int}.png", picture), Route("/api/label", label, methods=["POST"])]


def _refused(status: int, said: str) -> JSONResponse:
    return JSONResponse({"error": said}, status_code=status, headers={"Cache-Control": "no-store"})

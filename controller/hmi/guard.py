"""Who may talk to the HMI: checks before the application, headers after it.

A web page somewhere else can make the operator's browser call this server. Two checks stop it:
the Host header must be an address, `localhost` or the configured name (DNS rebinding needs a name
of the attacker's), and a WebSocket's Origin must be this very server, because WebSockets are not
bound by the same-origin policy. So must the Origin of what changes something (`Guard.is_own_page`).
"""

import ipaddress
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """ASGI middleware around `app`; `host` is the configured name or address."""

    def __init__(self, app: ASGIApp, host: str) -> None:
        self._app = app
        self._names = {"localhost", host.lower()}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Refuses with 421 (Host) or, for a WebSocket, 403 before it is accepted (Host, Origin)."""
        headers = Headers(scope=scope)
        host = headers.get("host", "")
        if scope["type"] == "websocket":
            if self._is_ours(host) and _netloc(headers.get("origin", "")) == host.lower():
                await self._app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        if self._is_ours(host):
            await self._app(scope, receive, send_with_headers)
        else:
            refusal = PlainTextResponse("This HMI does not answer to that host name.\n", status_code=421)
            await refusal(scope, receive, send_with_headers)

    @staticmethod
    def is_own_page(headers: Headers) -> bool:
        """Whether a request that changes something comes from a page of this very server."""
        return _netloc(headers.get("origin", "")) == headers.get("host", "").lower() != ""

    def _is_ours(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        return name in self._names or _is_address(name)


def _netloc(origin: str) -> str:
    try:
        return urlsplit(origin).netloc.lower()
    except ValueError:
        return ""


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True

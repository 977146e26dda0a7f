"""Who may look, and that nobody may do more: the library's own defaults let everyone do everything.

asyncua 2.1 checks a client's rights by the policy of its channel. A channel without security, which every
server must accept for discovery, has no rights to check, and sessions and subscriptions are found by numbers
that count up. So the checks are made here, at login and at the session itself.
"""

import base64
import hashlib
import hmac
import os
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, cast

import structlog
from asyncua import ua
from asyncua.common.utils import ServiceError
from asyncua.crypto.permission_rules import User, UserRole
from asyncua.server.binary_server_asyncio import BinaryServer, OPCUAProtocol
from asyncua.server.internal_server import InternalServer
from asyncua.server.internal_session import InternalSession
from asyncua.server.server import Server
from asyncua.server.subscription_service import SubscriptionService
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.serialization import Encoding

from plc_bridge.scada_config import ScadaConfig
from plc_bridge.scada_ua import StatusCodes, node_id, status_code

_log = structlog.stdlib.get_logger("scada")

MOST_CONNECTIONS = 32
MOST_SUBSCRIPTIONS = 64
MOST_MONITORED_ITEMS = 2000
"""Of one subscription."""
SHORTEST_PUBLISHING_MS = 100.0
"""Pictures do not come faster."""
LONGEST_QUEUE = 100
CHUNK_BYTES = 65535
"""What is agreed with each client as the most it may send at once."""
MOST_BUFFERED_BYTES = 1024 * 1024
LONGEST_SESSION_MS = 120_000.0

_LOG2_N, _BLOCK, _PARALLEL, _SALT_BYTES, _HASH_BYTES = 14, 8, 1, 16, 32
_CERTIFICATE_SUFFIXES = {".pem", ".crt", ".cer", ".der"}


def hash_password(password: str) -> str:
    """What goes into the configuration for a password: scrypt with a salt of its own, some 40 ms of work."""
    salt = os.urandom(_SALT_BYTES)
    return "$".join(
        ("scrypt", str(_LOG2_N), str(_BLOCK), str(_PARALLEL), _text(salt), _text(_derived(password, salt, _LOG2_N)))
    )


def password_matches(password: str, stored: str) -> bool:
    """Whether `stored`, as `hash_password` made it, is of this password."""
    _, log2_n, _, _, salt, expected = stored.split("$")
    return hmac.compare_digest(_derived(password, _bytes(salt), int(log2_n)), _bytes(expected))


def _derived(password: str, salt: bytes, log2_n: int) -> bytes:
    n = 2**log2_n
    memory_bytes = 128 * _BLOCK * (n + _PARALLEL + 2)
    return hashlib.scrypt(
        password.encode(), salt=salt, n=n, r=_BLOCK, p=_PARALLEL, maxmem=memory_bytes, dklen=_HASH_BYTES
    )


def _text(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def _bytes(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


class Gatekeeper:
    """The user manager: names, passwords and the certificate of the client's channel.

    `now` is asked for the time, to judge whether a certificate is still valid. A check of a password holds up
    this process, and nothing else, for some 40 ms; an unknown name costs as much, so that names cannot be guessed.
    """

    def __init__(self, config: ScadaConfig, now: Callable[[], datetime]) -> None:
        self._hashes = {user.name: user.password_hash for user in config.users}
        self._nobodys = hash_password("")
        self._anonymous = config.anonymous
        self._security = config.security
        self._now = now

    def get_user(
        self, iserver: object, username: str | None = None, password: str | None = None, certificate: Any = None
    ) -> User | None:
        """The user, or None for who may not look. `certificate` is the one that opened the channel, DER."""
        if self._security is not None and self.refusal(certificate) is not None:
            return None
        if username is None:
            return User(role=UserRole.User) if self._anonymous else None
        right = password_matches(password or "", self._hashes.get(username, self._nobodys))
        if right and username in self._hashes:
            return User(role=UserRole.User, name=username)
        _log.warning("scada login refused", user=username[:64])
        return None

    async def check_certificate(self, certificate: x509.Certificate, _: object) -> None:
        """The hook of asyncua when a session is made: says to the client what is wrong with its certificate."""
        code = self.refusal(certificate.public_bytes(Encoding.DER))
        if code is not None:
            raise ServiceError(code)

    def refusal(self, der: bytes | None) -> int | None:
        """The status code by which a client with this certificate is turned away; None for one of ours."""
        if self._security is None:
            return None
        if der is None:
            return StatusCodes.BadCertificateUntrusted
        if der not in trusted_certificates(self._security.trusted):
            certificate = x509.load_der_x509_certificate(der)
            _log.warning(
                "scada client not trusted",
                subject=certificate.subject.rfc4514_string()[:200],
                sha256=certificate.fingerprint(hashes.SHA256()).hex(),
                remedy=f"put its certificate into {self._security.trusted}",
            )
            return StatusCodes.BadCertificateUntrusted
        certificate = x509.load_der_x509_certificate(der)
        if not certificate.not_valid_before_utc <= self._now() <= certificate.not_valid_after_utc:
            _log.warning("scada client's certificate not valid now", subject=certificate.subject.rfc4514_string()[:200])
            return StatusCodes.BadCertificateTimeInvalid
        return None


def trusted_certificates(folder: Path) -> set[bytes]:
    """The certificates in a folder, DER. Files that hold none are named in the log and left out."""
    return set(_certificates(folder))


def _certificates(folder: Path) -> Iterator[bytes]:
    for path in sorted(folder.iterdir()) if folder.is_dir() else []:
        if path.suffix.lower() not in _CERTIFICATE_SUFFIXES:
            continue
        try:
            content = path.read_bytes()
            pem = content.lstrip().startswith(b"-----BEGIN")
            load = x509.load_pem_x509_certificate if pem else x509.load_der_x509_certificate
            yield load(content).public_bytes(Encoding.DER)
        except (OSError, ValueError) as error:
            _log.warning("no certificate", file=str(path), reason=str(error))


def identity_tokens(config: ScadaConfig) -> list[type]:
    """How one may log in."""
    tokens: list[type] = [ua.UserNameIdentityToken] if config.users else []
    return [*tokens, ua.AnonymousIdentityToken] if config.anonymous else tokens


class ReadOnlyServer(InternalServer):
    """The core of the server with sessions that only look, and with bounds on what a client can take."""

    def __init__(self, gatekeeper: Gatekeeper) -> None:
        super().__init__(user_manager=cast(Any, gatekeeper))
        self.max_connections = MOST_CONNECTIONS
        self.max_subscriptions = MOST_SUBSCRIPTIONS
        self.max_monitored_item_queue_size = LONGEST_QUEUE
        self.max_unacked_messages_per_subscription = LONGEST_QUEUE
        self.max_session_timeout_ms = LONGEST_SESSION_MS
        self.max_pending_activation_seconds = 10.0
        self.allow_remote_admin = False
        self.certificate_validator = cast(Any, gatekeeper.check_certificate)
        self.subscription_service = _BoundedSubscriptions(self.aspace, iserver=self)
        self.isession.subscription_service = self.subscription_service

    def create_session(
        self,
        name: str,
        user: User = User(role=UserRole.Anonymous),  # noqa: B008 - as in theirs
        external: bool = False,
    ) -> InternalSession:
        """A session for a client."""
        return _LookingSession(self, self.aspace, self.subscription_service, name, user=user, external=external)

    def register_server(self, server: Any, conf: Any = None) -> None:
        """Refused: this is no discovery server, and asyncua would let anybody fill its list."""
        raise ServiceError(StatusCodes.BadServiceUnsupported)


class BoundedServer(Server):
    """The library's server on a socket that buffers no more of a message than a message may have."""

    async def start(self) -> None:
        """Listen. Raises OSError where that is not possible."""
        await self._setup_server_nodes()
        await self.iserver.start()
        host, port = self._get_bind_socket_info()
        listener = _Listener(self.iserver, cast(str, host), cast(int, port), self.limits)
        listener.set_policies(self._policies)
        try:
            await listener.start()
        except OSError:
            await self.iserver.stop()
            raise
        self.bserver = listener

    @property
    def listening_port(self) -> int:
        """The port, also where 0 was asked for."""
        assert self.bserver is not None
        return self.bserver.port


class _Listener(BinaryServer):
    def _make_protocol(self) -> OPCUAProtocol:
        return _BoundedProtocol(self.iserver, self._policies, self.clients, self.closing_tasks, self.limits)


class _BoundedProtocol(OPCUAProtocol):
    def data_received(self, data: bytes) -> None:
        """As theirs, which waits for as many bytes as a stranger announces, and copies them all with each packet."""
        if len(self._buffer) + len(data) > MOST_BUFFERED_BYTES:
            _log.warning("scada client dropped", peer=str(self.peer_name), reason="a message of more than it may have")
            if self.transport is not None:
                self.transport.abort()
            self._buffer = b""
            return
        super().data_received(data)


class _BoundedSubscriptions(SubscriptionService):
    """Subscriptions that cannot spin faster than pictures come, nor hold any number of items."""

    async def create_subscription(self, params: Any, *arguments: Any, **options: Any) -> Any:
        asked = params.RequestedPublishingInterval
        # not (a >= b) and not a < b: what a client sends may be NaN.
        params.RequestedPublishingInterval = asked if asked >= SHORTEST_PUBLISHING_MS else SHORTEST_PUBLISHING_MS
        return await super().create_subscription(params, *arguments, **options)

    async def create_monitored_items(self, params: Any) -> Any:
        wanted = len(params.ItemsToCreate)
        held = self._items.get(params.SubscriptionId, 0)
        if held + wanted > MOST_MONITORED_ITEMS:
            raise ServiceError(StatusCodes.BadTooManyMonitoredItems)
        # Deleted ones stay counted: a client that keeps making and deleting items makes a new subscription.
        self._items = {i: n for i, n in self._items.items() if i in self.subscriptions}
        self._items[params.SubscriptionId] = held + wanted
        return await super().create_monitored_items(params)

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._items: dict[int, int] = {}


class _LookingSession(InternalSession):
    """A client's session: it looks, at what is there and through its own subscriptions, and does no more."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        # Theirs count up from 1000: who guessed one could go on with another client's session.
        self.iserver.unregister_external_session(self)
        self.auth_token = node_id(os.urandom(32))
        self.iserver.register_external_session(self)

    async def write(self, params: Any) -> Any:
        return [_refused() for _ in params.NodesToWrite]

    async def call(self, params: Any) -> Any:
        return [ua.CallMethodResult(StatusCode=_refused()) for _ in params]

    async def add_nodes(self, params: Any) -> Any:
        return [ua.AddNodesResult(StatusCode=_refused()) for _ in params]

    async def delete_nodes(self, params: Any) -> Any:
        return [_refused() for _ in params.NodesToDelete]

    async def add_references(self, params: Any) -> Any:
        return [_refused() for _ in params]

    async def delete_references(self, params: Any) -> Any:
        return [_refused() for _ in params]

    async def history_read(self, params: Any) -> Any:
        raise ServiceError(StatusCodes.BadServiceUnsupported)

    async def transfer_subscriptions(self, params: Any, callback: Any) -> Any:
        raise ServiceError(StatusCodes.BadServiceUnsupported)

    # In asyncua any client may change or end any other's subscription: their numbers count up too.

    async def create_monitored_items(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return await super().create_monitored_items(params)

    async def modify_monitored_items(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return await super().modify_monitored_items(params)

    async def delete_monitored_items(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return await super().delete_monitored_items(params)

    async def set_monitoring_mode(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return await super().set_monitoring_mode(params)

    async def set_publishing_mode(self, params: Any) -> Any:
        self._must_own(*params.SubscriptionIds)
        return await super().set_publishing_mode(params)

    async def delete_subscriptions(self, ids: Any) -> Any:
        self._must_own(*ids)
        return await super().delete_subscriptions(ids)

    def modify_subscription(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return super().modify_subscription(params)

    def republish(self, params: Any) -> Any:
        self._must_own(params.SubscriptionId)
        return super().republish(params)

    def _must_own(self, *subscription_ids: int) -> None:
        known = self.subscription_service.subscriptions
        if any(i not in known or known[i].session_id != self.session_id for i in subscription_ids):
            raise ServiceError(StatusCodes.BadSubscriptionIdInvalid)


def _refused() -> ua.StatusCode:
    return status_code(StatusCodes.BadUserAccessDenied)

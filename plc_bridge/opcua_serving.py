"""What every secured OPC UA server of ours needs on top of the library's (docs/decisions/0017)."""

from collections.abc import Callable, Sequence
from typing import Any, cast

from asyncua import ua
from asyncua.crypto import security_policies
from asyncua.crypto.permission_rules import PermissionRuleset, SimpleRoleRuleset
from asyncua.server.server import Server
from cryptography import x509
from cryptography.hazmat.primitives import serialization

from plc_bridge import pki

Trusts = Callable[[x509.Certificate], bool]


class _DiscoveryOnly(PermissionRuleset):
    """Nothing that needs a session. Asking for endpoints needs none."""

    def check_validity(self, user: object, action_type: object, body: object) -> bool:
        return False


class _GuardedChannel(security_policies.SecurityPolicyFactory):
    """Makes the security of one channel; one that is unsigned or of a stranger may only discover."""

    def __init__(self, kind: Any, mode: ua.MessageSecurityMode, identity: pki.Identity | None, trusts: Trusts) -> None:
        certificate = identity.certificate if identity else None
        key = identity.key if identity else None
        super().__init__(  # pyright: ignore[reportUnknownMemberType]
            kind, mode, certificate, key, permission_ruleset=SimpleRoleRuleset()
        )
        self._trusts = trusts

    def create(self, peer_certificate: bytes | None) -> Any:
        policy = cast(Any, super()).create(peer_certificate)
        if not peer_certificate or not self._trusts(pki.split_chain(peer_certificate)[0]):
            policy.permissions = _DiscoveryOnly()
        return policy


async def secure_server(
    server: Server, identity: pki.Identity, policies: Sequence[ua.SecurityPolicyType], trusts: Trusts
) -> None:
    """Offer these policies only, and serve nobody but clients that `trusts` says yes to; call it
    between `init` and `start`. `trusts` runs in the loop, once for each connection: it must be quick.

    The library (2.1.0) by itself serves sessions on unsecured channels although no such endpoint is
    announced, and judges the certificate that a client names when it creates a session, not the one
    whose key it has shown on the channel. Both are closed here, at the channel.
    """
    encoding = serialization.Encoding.DER
    key = identity.key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    await server.load_certificate(identity.certificate.public_bytes(encoding), "der")
    await server.load_private_key(cast(Any, key), format="der")
    await server.set_application_uri(pki.application_uri(identity.certificate) or "")
    server.set_security_policy(list(policies))
    kinds = cast("dict[Any, tuple[Any, ua.MessageSecurityMode, int]]", security_policies.SECURITY_POLICY_TYPE_MAP)
    guarded = [_GuardedChannel(kinds[policy][0], kinds[policy][1], identity, trusts) for policy in policies]
    unsecured = _GuardedChannel(
        security_policies.SecurityPolicyNone, ua.MessageSecurityMode.None_, None, lambda _: False
    )
    # The first that matches is used, and `start` appends the library's own to this list: no public way leads here.
    cast(Any, server)._policies.extend([*guarded, unsecured])  # noqa: SLF001

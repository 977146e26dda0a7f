"""What an OPC UA server or the library says, as one sentence with its remedy."""

import struct
from collections.abc import Generator, Mapping
from contextlib import contextmanager

from asyncua import ua
from cryptography.exceptions import InvalidSignature

from senbetsu_errors import NeedsOperator, Retryable

OURS_TO_TRUST = "Let the server trust our certificate: it usually waits in the server's list of rejected ones."
_CLOCK = "Compare the clocks of both computers; `senbetsu pki show CONFIG` shows how far they are apart."
_USER = "Check name and password, or the user certificate, on both sides."
_NODE = "Check the nodes in the tag map with `senbetsu plc probe`."

_REFUSALS: Mapping[str, tuple[str, str, str]] = {
    "BadUserAccessDenied": ("plc.user_refused", "refuses the user or the password", _USER),
    "BadIdentityTokenRejected": ("plc.user_refused", "refuses the user or the password", _USER),
    "BadIdentityTokenInvalid": ("plc.user_refused", "cannot use the user's token", _USER),
    "BadUserSignatureInvalid": ("plc.user_refused", "refuses the user certificate's signature", _USER),
    "BadCertificateUntrusted": ("plc.we_are_untrusted", "does not trust our certificate", OURS_TO_TRUST),
    "BadSecurityChecksFailed": ("plc.we_are_untrusted", "fails our security check: it may not trust us", OURS_TO_TRUST),
    "BadCertificateInvalid": ("plc.we_are_untrusted", "calls our certificate invalid", OURS_TO_TRUST),
    "BadCertificateChainIncomplete": ("plc.we_are_untrusted", "does not know our certificate's issuer", OURS_TO_TRUST),
    "BadCertificateUriInvalid": (
        "plc.certificate_uri",
        "says that our application URI is not the one in our certificate",
        "Make a new certificate with `senbetsu pki init`.",
    ),
    "BadCertificateHostNameInvalid": (
        "plc.certificate_host",
        "says that our certificate does not name this computer",
        "Make one with its names: `senbetsu pki init FOLDER --overwrite --host NAME`.",
    ),
    "BadCertificateTimeInvalid": ("plc.clock", "says that our certificate is not valid now", _CLOCK),
    "BadInvalidTimestamp": ("plc.clock", "refuses the time stamp of our request", _CLOCK),
    "BadNodeIdUnknown": ("plc.opcua_refused", "does not have a node of the tag map", _NODE),
    "BadNodeIdInvalid": ("plc.opcua_refused", "does not have a node of the tag map", _NODE),
    "BadNotWritable": ("plc.opcua_refused", "does not let us write the command node", _NODE),
    "BadTypeMismatch": ("plc.opcua_refused", "has a command node of another type", _NODE),
    "BadOutOfRange": ("plc.opcua_refused", "refuses the command block as a whole", "Both ends need the same tag map."),
}
_OPERATOR_MUST_ACT = ("BadUser", "BadIdentity", "BadCertificate", "BadSecurity", "BadNode", "BadType", "BadNot")
"""Beginnings of the other status codes that no repetition heals."""

_NOT_UNDERSTOOD = (ua.UaError, InvalidSignature, struct.error, ValueError, LookupError, TypeError, AttributeError)
"""What the library raises on an answer that is no OPC UA."""


@contextmanager
def translated(url: str) -> Generator[None]:
    """Around calls into the library: what they raise comes out as `Retryable` or `NeedsOperator`."""
    try:
        yield
    except ua.UaStatusCodeError as error:
        raise of_status(url, ua.StatusCode(error.code)) from error
    except TimeoutError as error:
        raise Retryable(
            "plc.no_answer", f"The OPC UA server at {url} does not answer in time.", "Check PLC, cable and firewall."
        ) from error
    except OSError as error:
        raise Retryable(
            "plc.unreachable",
            f"The OPC UA connection to {url} failed: {error.strerror or error or type(error).__name__}.",
            "Check address, port, cable and firewall.",
        ) from error
    except _NOT_UNDERSTOOD as error:
        raise Retryable(
            "plc.not_understood",
            f"The OPC UA server at {url} answers something that cannot be understood: {error!r}.",
            "Check that an OPC UA server listens at this address and port.",
        ) from error


def of_status(url: str, status: ua.StatusCode) -> Retryable | NeedsOperator:
    """What a bad status code means, as an error to raise."""
    name = status.name
    if name in _REFUSALS:
        code, what, remedy = _REFUSALS[name]
        return NeedsOperator(code, f"The OPC UA server at {url} {what} ({name}).", remedy)
    sentence = f"The OPC UA server at {url} answers {name}."
    if name.startswith(_OPERATOR_MUST_ACT):
        return NeedsOperator("plc.opcua_refused", sentence, "Check user, certificates and node ids on both sides.")
    return Retryable("plc.connection_lost", sentence, "It is tried again.")

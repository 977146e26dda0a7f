"""Everything that speaks against an OPC UA connection, without waiting for the line to run into it."""

import asyncio
from datetime import datetime

from cryptography import x509

from plc_bridge.opcua_config import Config
from plc_bridge.opcua_connect import discover, identity_findings, offered_certificate, server_findings
from plc_bridge.opcua_link import OpcuaWire
from plc_bridge.pki import Finding
from senbetsu_errors import NeedsOperator, Retryable


async def preflight(config: Config, now: datetime) -> list[Finding]:
    """Check our certificates, then the server's offer, then log in and look for the tag map's nodes.

    Sends no command. Raises `Fatal` `config.tags` for a tag map that is wrong in itself.
    """
    findings = await asyncio.to_thread(identity_findings, config, now)
    try:
        offer = await discover(config.url, config.connect_timeout_ms / 1000)
        findings += await asyncio.to_thread(server_findings, config, offer, now)
    except (Retryable, NeedsOperator) as error:
        return [*findings, Finding(error.code, error.message, error.remedy)]
    if any(finding.fatal for finding in findings):
        return findings
    wire = OpcuaWire(config)
    try:
        async with asyncio.timeout(config.connect_timeout_ms / 1000):
            await wire.open()
    except (Retryable, NeedsOperator) as error:
        findings.append(Finding(error.code, error.message, error.remedy))
    except TimeoutError:
        sentence = f"The session with {config.url} is not open within {config.connect_timeout_ms:g} ms."
        findings.append(Finding("plc.no_answer", sentence, "Raise plc.connect_timeout_ms, or look at the PLC's load."))
    finally:
        await wire.close()
    return findings


async def fetch_certificate(url: str, timeout_s: float) -> x509.Certificate:
    """The certificate that a server shows, trusted by nobody yet. Raises `Retryable`, or
    `NeedsOperator` `plc.certificate_missing`."""
    offer = await discover(url, timeout_s)
    for endpoint in offer.endpoints:
        try:
            chain = offered_certificate(endpoint)
        except (ValueError, IndexError):
            continue
        if chain:
            return chain[0]
    raise NeedsOperator(
        "plc.certificate_missing", f"The server at {url} shows no certificate.", "Enable a secured endpoint on it."
    )

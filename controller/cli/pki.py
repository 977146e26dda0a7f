"""`senbetsu pki`: our OPC UA certificate, and which servers are trusted."""

import asyncio
import socket
import sys
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from controller.clock import utc_now
from controller.config import load_config
from senbetsu_errors import NeedsOperator

if TYPE_CHECKING:
    from cryptography import x509

    from plc_bridge.opcua_config import Config
    from plc_bridge.pki import Finding
    from plc_bridge.pki_trust import TrustList

pki_app = typer.Typer(no_args_is_help=True, help="OPC UA certificates: ours, and the servers that are trusted.")

Place = Annotated[
    Path, typer.Argument(metavar="FOLDER|CONFIG", help="The certificates' folder, or a line's configuration.")
]
_FETCH_TIMEOUT_S = 5.0


@pki_app.command()
def init(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Where certificates and trust list shall lie.")],
    name: Annotated[str, typer.Option(help="Common name in the certificate.")] = "senbetsu",
    uri: Annotated[str | None, typer.Option(help="Application URI; default: urn:HOST:NAME.")] = None,
    host: Annotated[list[str] | None, typer.Option(help="DNS name or IP address of this computer; repeatable.")] = None,
    days: Annotated[int, typer.Option(min=1, max=3650, help="How long it is valid.")] = 1095,
    bits: Annotated[int, typer.Option(min=2048, max=4096, help="Length of the RSA key.")] = 2048,
    server: Annotated[bool, typer.Option("--server", help="For a server too, as the virtual plant is one.")] = False,
    overwrite: Annotated[
        bool, typer.Option("--overwrite", help="Replace a pair; the old one is kept as .old.")
    ] = False,
) -> None:
    """Make our certificate and key (readable by their owner only), and an empty trust list beside them."""
    from plc_bridge import pki
    from plc_bridge.pki_trust import TrustList

    certificate, key = _own(folder)
    for path in (certificate, key):
        if not path.exists():
            continue
        if not overwrite:
            raise NeedsOperator(
                "pki.exists", f"{path} exists already.", "Servers trust that one; --overwrite makes a new one."
            )
        path.replace(path.with_name(path.name + ".old"))
    this = socket.gethostname()
    hosts = host or list(dict.fromkeys([this, "localhost", "127.0.0.1"]))
    identity = pki.make_identity(name, uri or f"urn:{this}:{name}", hosts, utc_now(), days, server=server, bits=bits)
    TrustList(folder).make_folders()
    certificate.parent.mkdir(mode=0o700, exist_ok=True)
    pki.write_identity(identity, certificate, key)
    console = Console()
    console.print(_table("our certificate", [identity.certificate], utc_now()))
    console.print(f"certificate {certificate}\nkey         {key}", highlight=False, soft_wrap=True)
    console.print("Let the PLC trust the certificate, and trust the PLC's: senbetsu pki trust", highlight=False)


@pki_app.command()
def show(place: Place) -> None:
    """Print every certificate; with CONFIG also what speaks against the connection. Exit 1 if something does."""
    from plc_bridge import pki
    from plc_bridge.opcua_preflight import preflight
    from plc_bridge.pki_trust import TrustList, certificates_in

    config = _device(place) if place.is_file() else None
    now = utc_now()
    console = Console()
    own, trust_list = _own(place)[0], TrustList(place)
    if config is not None:
        security = config.security
        own = security.certificate if security else None
        trust_list = TrustList(security.trust_list) if security and security.trust_list else None
    if own is not None and own.exists():
        console.print(_table("ours", [pki.load_certificate(own)], now))
    if trust_list is not None:
        for title, folder in (
            ("trusted", trust_list.trusted),
            ("issuers", trust_list.issuers),
            ("rejected", trust_list.rejected),
        ):
            console.print(_table(title, certificates_in(folder), now))
    if config is not None:
        _report(console, config, asyncio.run(preflight(config, now)))


@pki_app.command()
def trust(
    place: Place,
    certificate: Annotated[
        Path | None, typer.Argument(metavar="[CERTIFICATE]", help="A certificate file, for example a rejected one.")
    ] = None,
    fetch: Annotated[str | None, typer.Option(metavar="URL", help="Ask this server for its certificate.")] = None,
    thumbprint: Annotated[
        str | None, typer.Option(help="The thumbprint it must have (SHA-1 or SHA-256), read at the server itself.")
    ] = None,
) -> None:
    """Trust a server's certificate from now on, after showing it."""
    from plc_bridge import pki
    from plc_bridge.opcua_preflight import fetch_certificate

    if (certificate is None) == (fetch is None):
        raise NeedsOperator("pki.which", "Which certificate is meant?", "Give a file, or --fetch opc.tcp://HOST:PORT.")
    if certificate is not None:
        candidate = pki.load_certificate(certificate)
    else:
        candidate = asyncio.run(fetch_certificate(str(fetch), _FETCH_TIMEOUT_S))
    console = Console()
    console.print(_table("to be trusted", [candidate], utc_now()))
    if thumbprint is not None and not pki.same_thumbprint(candidate, thumbprint):
        raise NeedsOperator(
            "pki.thumbprint",
            f"The certificate's thumbprint is {pki.thumbprint(candidate)}, not {thumbprint}.",
            "It is another server's, or somebody is in between: nothing was trusted.",
        )
    if fetch is not None and thumbprint is None:
        _ask(candidate)
    path = _trust_list(place).trust(candidate)
    console.print(f"trusted: {path}", highlight=False, soft_wrap=True)


def _ask(candidate: "x509.Certificate") -> None:
    from plc_bridge import pki

    if not sys.stdin.isatty():
        raise NeedsOperator(
            "pki.confirm",
            "A certificate that came over the network is not trusted unseen.",
            f"Compare it at the server, then say --thumbprint {pki.thumbprint(candidate)}.",
        )
    typer.confirm("Does the server itself show this thumbprint?", abort=True)


def _own(folder: Path) -> tuple[Path, Path]:
    return folder / "own" / "cert.der", folder / "own" / "key.pem"


def _trust_list(place: Path) -> "TrustList":
    from plc_bridge.pki_trust import TrustList

    if not place.is_file():
        return TrustList(place)
    security = _device(place).security
    if security is None or security.trust_list is None:
        raise NeedsOperator(
            "pki.no_trust_list", f"{place} names no trust list.", "Set plc.security.trust_list, or give the folder."
        )
    return TrustList(security.trust_list)


def _device(path: Path) -> "Config":
    from plc_bridge.opcua_config import Config

    device = load_config(path).plc
    if isinstance(device, Config):
        return device
    raise NeedsOperator("pki.no_opcua", f"The PLC backend of {path} is {device.backend}.", "Certificates are OPC UA's.")


def _table(title: str, certificates: "list[x509.Certificate]", now: datetime) -> Table:
    from plc_bridge import pki

    table = Table(title=title, title_justify="left", show_header=False)
    for certificate in certificates:
        left = pki.days_left(certificate, now)
        start, end = certificate.not_valid_before_utc, certificate.not_valid_after_utc
        table.add_row("subject", pki.subject(certificate))
        table.add_row("URI", pki.application_uri(certificate) or "none")
        table.add_row("hosts", ", ".join(pki.hosts(certificate)) or "none")
        table.add_row("thumbprint", pki.thumbprint(certificate))
        table.add_row(
            "valid",
            f"{start:%Y-%m-%d} to {end:%Y-%m-%d}, {f'{left:.0f} days left' if left > 0 else 'EXPIRED'}",
            end_section=True,
        )
    if not certificates:
        table.add_row("none")
    return table


def _report(console: Console, config: "Config", findings: "list[Finding]") -> None:
    fatal = [finding for finding in findings if finding.fatal]
    verdict = "the line cannot connect" if fatal else "the line can connect"
    console.print(f"{config.url}: {verdict}", highlight=False)
    for finding in findings:
        mark = "error" if finding.fatal else "warning"
        console.print(f"  {mark} [{finding.code}] {finding.sentence} {finding.remedy}", highlight=False, markup=False)
    if fatal:
        raise typer.Exit(1)

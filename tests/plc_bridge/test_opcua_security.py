"""OPC UA with certificates and a password, and what happens when they are wrong."""

import asyncio
import datetime
import ipaddress
from collections.abc import Callable
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from plc_bridge.link import LinkState
from plc_bridge.opcua_link import Config, OpcuaLink, Security, User
from plc_bridge.tagmap import default_tag_map
from plc_bridge.tagmap_file import default_tag_map_path
from sim.opcua_server import ServerCertificate, serve_opcua
from tests.plc_bridge.contract_body import Bench, until


def make_certificate(folder: Path, name: str) -> tuple[Path, Path]:
    key = rsa.generate_private_key(65537, 2048)
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    names = [x509.UniformResourceIdentifier(f"urn:test:{name}"), x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(start)
        .not_valid_after(start + datetime.timedelta(days=36500))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .sign(key, hashes.SHA256())
    )
    paths = folder / f"{name}.crt", folder / f"{name}.key"
    paths[0].write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    paths[1].write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return paths


def test_certificates_and_password_open_the_link_and_wrong_ones_do_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server_crt, server_key = make_certificate(tmp_path, "server")
    client_crt, client_key = make_certificate(tmp_path, "client")
    other_crt, _ = make_certificate(tmp_path, "other")
    (tmp_path / "password").write_text("right\n")
    monkeypatch.setenv("WRONG_PASSWORD", "wrong")
    pair = ServerCertificate(server_crt.read_bytes(), server_key.read_bytes())

    async def run() -> None:
        bench = Bench()
        scan = asyncio.create_task(bench.run())
        serving = serve_opcua(
            bench.plc, "127.0.0.1", 0, default_tag_map("opcua"), certificate=pair, passwords={"line": "right"}
        )
        async with serving as port:

            async def reaches(condition: Callable[[OpcuaLink], bool], server: Path, user: User | None) -> None:
                link = OpcuaLink(
                    Config(
                        url=f"opc.tcp://127.0.0.1:{port}",
                        tags=default_tag_map_path("opcua"),
                        security=Security(certificate=client_crt, key=client_key, server_certificate=server),
                        user=user,
                        connect_timeout_ms=3000,
                    )
                )
                await link.connect()
                try:
                    await until(lambda: condition(link), timeout_s=20)
                finally:
                    await link.close()

            right = User(name="line", password_file=tmp_path / "password")
            wrong = User(name="line", password_env="WRONG_PASSWORD")  # noqa: S106  (the variable's name)
            unset = User(name="line", password_env="NOT_SET_ANYWHERE")  # noqa: S106  (the variable's name)
            await reaches(lambda link: link.health.state is LinkState.CONNECTED, server_crt, right)
            await reaches(lambda link: "BadUserAccessDenied" in link.health.reason, server_crt, wrong)
            await reaches(lambda link: "NOT_SET_ANYWHERE is not set" in link.health.reason, server_crt, unset)
            await reaches(lambda link: link.health.reason != "", other_crt, right)
        scan.cancel()
        await asyncio.wait([scan])

    asyncio.run(run())

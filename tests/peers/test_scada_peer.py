"""The SCADA server as node-opcua sees it: a client, a type system and a security stack that others wrote."""

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from plc_bridge.scada_config import ScadaConfig
from plc_bridge.scada_points import points
from plc_bridge.scada_server import ScadaServer
from tests.plc_bridge.scada_line import LINE, NOW, VALVES, picture
from tests.plc_bridge.test_scada_access import LOCAL, PASSWORD, make_certificate, secured

SCRIPT = Path(__file__).with_name("scada_client.js")
REPOSITORY = SCRIPT.parents[2]

pytestmark = pytest.mark.timeout(180)


@pytest.fixture(autouse=True)
def node_opcua_is_here() -> None:
    if shutil.which("node") is None:
        pytest.skip("node is not installed, so node-opcua cannot run")
    if not (REPOSITORY / "node_modules" / "node-opcua").is_dir():
        pytest.skip("node-opcua is not installed: `npm ci` brings it")


def seen_by_peer(config: ScadaConfig, **asked: str) -> dict[str, Any]:
    """What the peer says after a look at a server that shows one picture."""

    async def main() -> dict[str, Any]:
        async with ScadaServer(config, LINE, lambda: NOW) as server:
            await server.show(picture(alarms=(VALVES,)), 0.0)
            words = json.dumps({"url": f"opc.tcp://127.0.0.1:{server.port}", **asked})
            process = await asyncio.create_subprocess_exec(
                "node", str(SCRIPT), words, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY
            )
            try:
                async with asyncio.timeout(120):
                    said, _ = await process.communicate()
            finally:
                if process.returncode is None:
                    process.kill()
                    await process.wait()
            return json.loads([line for line in said.splitlines() if line.startswith(b"{")][-1])

    return asyncio.run(main())


def test_an_independent_client_reads_everything_and_can_change_nothing(tmp_path: Path) -> None:
    said = seen_by_peer(LOCAL, folder=str(tmp_path / "pki"))
    assert "error" not in said
    for point in points(LINE):
        value = said["values"][point.path]
        known = point.value(LINE, picture(alarms=(VALVES,))) is not None
        assert (value["status"] == "Good") == known, point.path
        assert not known or value["type"] == point.type.name, point.path
    assert said["type"] == ["true:PackMLBaseObjectType"]
    assert "PackMLBaseObjectType.BaseStateMachine.MachineState.ExecuteState.CurrentState.Id" in said["typeNodes"]
    assert (
        said["values"]["PackML.BaseStateMachine.MachineState.ExecuteState.CurrentState"]["value"]["text"] == "Execute"
    )
    assert set(said["writes"].values()) == {"BadUserAccessDenied"}
    assert set(said["calls"].values()) == {"BadUserAccessDenied"}
    assert "PackML.SetMachSpeed" in said["calls"]
    # PackML's own structures, decoded by the types that the server shows.
    (alarm,) = said["values"]["PackML.Admin.Alarm"]["value"]
    (count, *_) = said["values"]["PackML.Admin.ProdProcessedCount"]["value"]
    assert (alarm["message"], alarm["value"]) == (f"{VALVES.code}: {VALVES.text}", 400)
    assert (count["name"], count["count"], count["unit"]["displayName"]["text"]) == ("valuables/pcb", 3, "pcs")


@pytest.mark.slow
def test_it_gets_in_with_a_trusted_certificate_and_the_password_and_not_without(tmp_path: Path) -> None:
    for name in ("server", "client", "stranger"):
        make_certificate(tmp_path, name)
    (tmp_path / "trusted").mkdir()
    shutil.copy(tmp_path / "client.pem", tmp_path / "trusted")

    def seen_as(name: str, password: str) -> dict[str, Any]:
        return seen_by_peer(
            secured(tmp_path),
            folder=str(tmp_path / "pki"),
            certificate=str(tmp_path / f"{name}.pem"),
            key=str(tmp_path / f"{name}-key.pem"),
            uri=f"urn:test:{name}",
            user="scada",
            password=password,
        )

    assert seen_as("client", PASSWORD)["values"]["Senbetsu.Parts.Seen"]["status"] == "Good"
    assert "BadUserAccessDenied" in seen_as("client", "wrong password")["error"]
    assert "BadCertificateUntrusted" in seen_as("stranger", PASSWORD)["error"]
    assert "error" in seen_by_peer(secured(tmp_path), folder=str(tmp_path / "pki"))

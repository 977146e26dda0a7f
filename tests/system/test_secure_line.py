"""The demo line over signed and encrypted OPC UA, with certificates that `senbetsu pki` made."""

import json
import re
import shutil
from pathlib import Path

import pytest

from tests.system.lines import CONFIGS, free_ports, running

pytestmark = [pytest.mark.slow, pytest.mark.alone, pytest.mark.timeout(300)]


def said(folder: Path, *arguments: str, code: int = 0) -> str:
    """What `senbetsu ARGUMENTS` printed, lines joined; it must end with that exit code."""
    folder.mkdir(exist_ok=True)
    with running(folder, *arguments) as command:
        ended = command.end(120)
        output = " ".join((command.out_path.read_text() + command.messages).split())
    assert ended == code, output
    assert "Traceback" not in output
    return output


@pytest.fixture
def secure(tmp_path: Path) -> Path:
    """The shipped folder, on free ports; its certificates are yet to be made."""
    folder = tmp_path / "secure"
    shutil.copytree(CONFIGS / "secure", folder)
    opcua, camera, hmi = free_ports(3)
    text = (folder / "line.yaml").read_text().replace("../configs/", f"{CONFIGS}/")
    text = text.replace("15040", str(opcua)).replace("port: 8080", f"port: {hmi}")
    text = text.replace("backend: sim ", f"port: {camera}\n  backend: sim ", 1)
    text = text.replace("  servers:\n", f"  servers:\n    camera: {{port: {camera}}}\n")
    (folder / "line.yaml").write_text(text)
    return folder


def test_the_line_runs_encrypted_once_both_ends_trust_each_other(tmp_path: Path, secure: Path) -> None:
    line, pki, plant_pki, out = (
        str(secure / "line.yaml"),
        str(secure / "pki"),
        str(secure / "plant-pki"),
        tmp_path / "out",
    )
    url = re.search(r"opc\.tcp://\S+", (secure / "line.yaml").read_text())
    assert url is not None
    assert "which does not exist" in said(out, "check", line, code=2)
    assert "1095 days left" in said(out, "pki", "init", pki)
    said(out, "pki", "init", plant_pki, "--name", "plant", "--server")
    assert "exists already" in said(out, "pki", "init", pki, code=1)
    said(out, "check", line)
    with running(tmp_path, "plant", line) as plant:
        plant.wait_for("plant ready")
        assert "plc.certificate_untrusted" in said(out, "pki", "show", line, code=1)
        refused = said(out, "pki", "trust", line, "--fetch", url[0], code=1)
        assert "not trusted unseen" in refused
        thumbprint = re.search(r"--thumbprint ([0-9A-F]{40})", refused)
        assert thumbprint is not None
        wrong = said(out, "pki", "trust", line, "--fetch", url[0], "--thumbprint", "00" * 20, code=1)
        assert "nothing was trusted" in wrong
        said(out, "pki", "trust", line, "--fetch", url[0], "--thumbprint", thumbprint[1])
        untrusted = said(out, "pki", "show", line, code=1)
        assert "plc.we_are_untrusted" in untrusted
        (rejected,) = (secure / "plant-pki" / "rejected").iterdir()
        said(out, "pki", "trust", plant_pki, str(rejected))
        assert "the line can connect" in said(out, "pki", "show", line)
        assert "no problems" in said(out, "plc", "probe", line)
        plant.interrupt()
        assert plant.end(30) == 0
    with running(out, "run", line, "--for", "12", "--json") as run:
        assert run.end(120) == 0, run.messages
        summary = json.loads(run.out_path.read_text())
    assert summary["orders"]["fired"] > 0
    assert summary["links"]["reconnects"] == 0
    assert summary["orders"]["duplicated"] == 0

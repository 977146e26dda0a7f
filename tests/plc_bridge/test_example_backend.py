"""examples/plc_backend: a third party's package, installed as one, keeps the contract and is known by its name."""

import asyncio
import importlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncGenerator, Callable, Coroutine
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, cast

import pytest
from ruamel.yaml import YAML

from plc_bridge.link import LinkState, PlcLink
from tests.plc_bridge.contract_body import CONTRACT, Bench, MakeLink, until
from tests.plc_bridge.json_lines_plc_server import serve_json_lines

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGE = REPOSITORY / "examples" / "plc_backend"
CONFIGS = REPOSITORY / "configs"


@pytest.fixture(scope="module")
def site_packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The package installed by pip into a folder of its own."""
    target = tmp_path_factory.mktemp("site-packages")
    source = target.parent / "source"
    shutil.copytree(PACKAGE, source)
    options = ["--quiet", "--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    subprocess.run([sys.executable, "-m", "pip", "install", *options, "--target", target, source], check=True)
    return target


@pytest.fixture
def make_link(site_packages: Path, monkeypatch: pytest.MonkeyPatch) -> MakeLink:
    cast(Any, monkeypatch).syspath_prepend(str(site_packages))
    backend: Any = importlib.import_module("json_lines_plc")

    @asynccontextmanager
    async def json_lines(bench: Bench) -> AsyncGenerator[PlcLink]:
        async with serve_json_lines(lambda: bench.plc) as port:
            yield backend.JsonLinesLink(backend.Config(host="127.0.0.1", port=port))

    return json_lines


@pytest.mark.slow
@pytest.mark.parametrize("promise", CONTRACT, ids=lambda f: f.__name__)
def test_it_keeps_every_promise(make_link: MakeLink, promise: Callable[[MakeLink], Coroutine[Any, Any, None]]) -> None:
    asyncio.run(promise(make_link))


def test_it_stays_under_150_lines_of_python() -> None:
    assert sum(len(path.read_text().splitlines()) for path in PACKAGE.rglob("*.py")) < 150


@pytest.mark.parametrize("answer", [b"[]\n", b"{}\n", b"hello\n", b"x" * 100_000])
def test_a_server_that_is_no_such_plc_is_named_and_nothing_is_fired(make_link: MakeLink, answer: bytes) -> None:
    async def run() -> None:
        async def rude(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            while await reader.readline():
                writer.write(answer)
            writer.close()

        server = await asyncio.start_server(rude, "127.0.0.1", 0)
        backend: Any = importlib.import_module("json_lines_plc")
        link = backend.JsonLinesLink(backend.Config(host="127.0.0.1", port=server.sockets[0].getsockname()[1]))
        await link.connect()
        await until(lambda: "127.0.0.1" in link.health.reason)
        assert link.health.state is LinkState.CONNECTING
        await link.close()
        server.close()
        await server.wait_closed()
        await asyncio.sleep(0.05)

    asyncio.run(run())


def _check(folder: Path, plc: dict[str, Any], site_packages: Path | None) -> "subprocess.CompletedProcess[str]":
    yaml: Any = YAML(typ="safe", pure=True)
    line: dict[str, Any] = yaml.load((CONFIGS / "demo.yaml").read_text())
    line["plc"] = plc
    line["recipe"] = str(CONFIGS / line["recipe"])
    (folder / "line.yaml").write_text(json.dumps(line))
    paths = [str(REPOSITORY), *([str(site_packages)] if site_packages else [])]
    return subprocess.run(
        [sys.executable, "-m", "controller.cli", "check", str(folder / "line.yaml")],
        env=os.environ | {"PYTHONPATH": os.pathsep.join(paths)},
        capture_output=True,
        text=True,
        check=False,
    )


PLC = {"backend": "json-lines", "host": "127.0.0.1", "port": 15090}


def test_check_knows_it_by_its_name_once_it_is_installed(tmp_path: Path, site_packages: Path) -> None:
    done = _check(tmp_path, PLC, site_packages)
    assert done.returncode == 0, done.stderr
    assert "json-lines, every 10 ms" in done.stderr


def test_check_judges_its_section_by_its_own_model(tmp_path: Path, site_packages: Path) -> None:
    done = _check(tmp_path, PLC | {"port": 70_000}, site_packages)
    assert done.returncode == 2
    assert "error in plc.port" in done.stderr


def test_check_says_how_to_come_by_it_where_it_is_not_installed(tmp_path: Path) -> None:
    done = _check(tmp_path, PLC, None)
    assert done.returncode == 2
    assert "entry point in senbetsu.plc_links" in done.stderr

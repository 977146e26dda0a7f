"""What the design says of folders and imports holds for whatever is added later."""

import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).resolve().parent.parent


def _settings() -> dict[str, Any]:
    return tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["tool"]["importlinter"]


def test_every_top_level_package_is_in_the_import_contracts() -> None:
    packages = {p.parent.name for p in REPOSITORY.glob("*/__init__.py")} - {"tests", "benchmarks"}
    assert packages == set(_settings()["root_packages"])
    layers = {name.strip() for layer in _settings()["contracts"][0]["layers"] for name in layer.split("|")}
    assert packages == layers


def test_import_contracts_hold() -> None:
    linter = Path(sys.executable).parent / "lint-imports"
    done = subprocess.run([linter], cwd=REPOSITORY, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_the_error_module_imports_nothing() -> None:
    assert "import" not in (REPOSITORY / "senbetsu_errors.py").read_text()

"""Every broken configuration says exactly what is wrong with it, where, and what to do.

`SENBETSU_WRITE_EXPECTED=1 pytest tests/controller/test_config_broken.py` writes the expected texts
anew; read the difference before committing it.
"""

import os
from pathlib import Path

import pytest

from controller.config import ConfigError, ConfigErrors, check, load_config
from models.registry import list_models
from senbetsu_errors import Fatal

FOLDER = Path(__file__).parent / "broken_configs"
BROKEN = sorted(path.name for path in FOLDER.glob("*.yaml"))


@pytest.mark.parametrize("name", BROKEN)
def test_a_broken_configuration_is_refused_with_every_error_located(site: Path, name: str) -> None:
    with pytest.raises(ConfigErrors) as refused:
        check(site / name)
    shipped = ", ".join(list_models()) or "none"
    said = f"{refused.value}\n".replace(f"{site.parent}/", "").replace(
        f"models: {shipped}.", "models: (those shipped)."
    )
    expected = FOLDER / name.replace(".yaml", ".expected.txt")
    if os.environ.get("SENBETSU_WRITE_EXPECTED"):
        expected.write_text(said)
    assert said == expected.read_text()
    assert all(_points_into_its_file(error) for error in refused.value.errors)


def _points_into_its_file(error: ConfigError) -> bool:
    if error.line is None or error.column is None:
        return True
    lines = [*error.file.read_text().splitlines(), ""]
    return 1 <= error.line <= len(lines) and 1 <= error.column <= len(lines[error.line - 1]) + 1


def test_errors_are_fatal_with_a_stable_code(site: Path) -> None:
    with pytest.raises(Fatal) as refused:
        load_config(site / "unknown-keys.yaml")
    assert refused.value.code == "config.invalid"


def test_a_missing_file_names_its_neighbours(site: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"(?s)no such file.*empty\.yaml"):
        check(site / "demmo.yaml")


def test_a_folder_in_place_of_a_file_is_refused(site: Path) -> None:
    with pytest.raises(ConfigErrors, match=r"(?s)found: +a folder.*good\.yaml"):
        check(site / "recipes")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"\x89PNG\r\n\x1a\n\x00\x00", "a byte that is no text (0x89 at offset 0)"),
        (b"line: {name: a\x00b}", "no text (code 0x00)"),
        (b"line: {name: a}\nbelt: \x07", "binary.yaml:2:7"),
        (b"# " + b"x" * 1_000_001, "more than 1000000 bytes"),
        (b"a: &a [" + b"[" * 100 + b"]" * 100 + b"]", "nests or repeats itself"),
        (
            b"a: &a [x, x, x, x, x, x, x, x, x]\nb: &b [*a, *a, *a, *a, *a, *a, *a, *a, *a]\n"
            b"c: &c [*b, *b, *b, *b, *b, *b, *b, *b, *b]\nd: &d [*c, *c, *c, *c, *c, *c, *c, *c, *c]\n"
            b"e: &e [*d, *d, *d, *d, *d, *d, *d, *d, *d]\n",
            "nests or repeats itself",
        ),
        (b"a: &a {b: *a}", "nests or repeats itself"),
        (b"[" * 800, "expected"),
    ],
    ids=["picture", "nul", "control character", "too large", "deep", "aliases of aliases", "recursive", "brackets"],
)
def test_what_is_no_configuration_is_refused_in_words(site: Path, content: bytes, said: str) -> None:
    path = site / "binary.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigErrors) as refused:
        check(path)
    assert said in str(refused.value)

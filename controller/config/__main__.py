"""`python -m controller.config` writes configs/schema/ anew; a test holds it to the code."""

from pathlib import Path

from controller.config.schema import write_schemas

write_schemas(Path(__file__).resolve().parents[2] / "configs" / "schema")

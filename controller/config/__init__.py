"""The configuration of a line: read, checked, explained (docs/integrators/configuration.md)."""

from controller.config.backends import make_link, make_source
from controller.config.errors import ConfigError, ConfigErrors
from controller.config.line import BeltConfig, HmiConfig, JetsConfig, LineConfig, LineSection
from controller.config.load import CheckReport, check, load_config
from controller.config.recipe import Outlet, Recipe
from controller.config.schema import build_schemas, write_schemas

__all__ = [
    "BeltConfig",
    "CheckReport",
    "ConfigError",
    "ConfigErrors",
    "HmiConfig",
    "JetsConfig",
    "LineConfig",
    "LineSection",
    "Outlet",
    "Recipe",
    "build_schemas",
    "check",
    "load_config",
    "make_link",
    "make_source",
    "write_schemas",
]

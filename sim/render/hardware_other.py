"""Cables."""

from collections.abc import Mapping

from sim.render.looks import Painter

PAINTERS: Mapping[str, Painter] = {}

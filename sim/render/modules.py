"""Modules and their housings. Every class with its looks, and a painter that draws one of them."""

from collections.abc import Mapping

from sim.render import batteries, boards, cameras, displays, glass, housings, machines
from sim.render.canvas import Painter
from sim.render.dice import Looks, mixed

_ASLANT = 0.4  # the share of parts that is seen from the side

LOOKS: Mapping[str, Looks] = {
    **batteries.LOOKS,
    **boards.LOOKS,
    **displays.LOOKS,
    "camera_module": cameras.LOOKS["camera_module"],
    **machines.LOOKS,
    **housings.LOOKS,
    **glass.LOOKS,
}
"""Each class's looks (kinds, sides, opened, broken) with their weights."""

PAINTERS: Mapping[str, Painter] = {class_id: mixed(looks, _ASLANT) for class_id, looks in LOOKS.items()}

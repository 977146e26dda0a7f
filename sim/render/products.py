"""Products: what is disassembled or shredded. Every class with its looks, and a painter that draws one of them."""

from collections.abc import Mapping

from sim.render import phones
from sim.render.canvas import Painter
from sim.render.dice import Looks, mixed

LOOKS: Mapping[str, Looks] = {**phones.LOOKS}
"""Each class's looks (front, back, opened, ...) with their weights."""

PAINTERS: Mapping[str, Painter] = {class_id: mixed(looks) for class_id, looks in LOOKS.items()}

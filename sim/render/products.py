"""Products: what is taken apart or shredded. Every class with its looks, and a painter that draws one of them."""

from collections.abc import Mapping

from sim.render import cameras, consoles, phones
from sim.render.canvas import Painter
from sim.render.dice import Looks, mixed

_ASLANT = 0.4  # the share of parts that is seen from the side

LOOKS: Mapping[str, Looks] = {
    **phones.LOOKS,
    "digital_camera": cameras.LOOKS["digital_camera"],
    "video_camera": cameras.LOOKS["video_camera"],
    **consoles.LOOKS,
}
"""Each class's looks (front, back, opened, broken) with their weights."""

PAINTERS: Mapping[str, Painter] = {class_id: mixed(looks, _ASLANT) for class_id, looks in LOOKS.items()}

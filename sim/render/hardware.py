"""Hardware and the rest: screws, nuts and washers, cables, and what is none of the classes."""

from collections.abc import Mapping

from sim.render import hardware_cables, hardware_nuts, hardware_other, hardware_screws
from sim.render.canvas import Painter

PAINTERS: Mapping[str, Painter] = {
    **hardware_screws.PAINTERS,
    **hardware_nuts.PAINTERS,
    **hardware_cables.PAINTERS,
    **hardware_other.PAINTERS,
}

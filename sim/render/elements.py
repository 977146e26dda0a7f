"""Electronic elements, by family: capacitors, chips, coils and quartzes, connectors, diodes, LEDs, resistors."""

from collections.abc import Mapping

from sim.render import (
    elements_capacitors,
    elements_chips,
    elements_coils,
    elements_connectors,
    elements_diodes,
    elements_electrolytic,
    elements_lamps,
    elements_resistors,
    elements_transistors,
)
from sim.render.canvas import Painter

PAINTERS: Mapping[str, Painter] = {
    **elements_electrolytic.PAINTERS,
    **elements_capacitors.PAINTERS,
    **elements_chips.PAINTERS,
    **elements_transistors.PAINTERS,
    **elements_resistors.PAINTERS,
    **elements_diodes.PAINTERS,
    **elements_coils.PAINTERS,
    **elements_lamps.PAINTERS,
    **elements_connectors.PAINTERS,
}

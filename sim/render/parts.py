"""`make_part`: a random part of a class, as the camera sees it from above.

Sizes are typical real ones in mm. The pictures are drawn, not photographed: a model trained on them
knows this plant, not a site.
"""

from collections.abc import Mapping

import numpy as np

from senbetsu_errors import Fatal
from sim.render import elements, hardware, modules
from sim.render.light import Light, PartImage
from sim.render.looks import Painter

__all__ = ["AREAL_MASS_G_PER_MM2", "CLASSES", "Light", "PartImage", "make_part"]

_PAINTERS: Mapping[str, Painter] = {
    "smartphone": modules.smartphone,
    "battery": modules.battery,
    "pcb": modules.circuit_board,
    "metal_housing": modules.metal_housing,
    "plastic_housing": modules.plastic_housing,
    **elements.PAINTERS,
    **hardware.PAINTERS,
}

CLASSES: tuple[str, ...] = tuple(_PAINTERS)

# Grams per mm2 of footprint. Placeholders: orders of magnitude from density times typical
# thickness (a phone 180 g / 10,000 mm2, FR4 1.6 mm with parts on it), not measurements.
AREAL_MASS_G_PER_MM2: Mapping[str, float] = {
    "smartphone": 0.018,
    "battery": 0.009,
    "pcb": 0.0045,
    "metal_housing": 0.008,
    "plastic_housing": 0.0025,
    "capacitor_al": 0.016,
    "capacitor_ta": 0.012,
    "capacitor_ceramic": 0.006,
    "ic": 0.006,
    "transistor": 0.008,
    "inductor": 0.014,
    "crystal": 0.008,
    "connector": 0.006,
    "screw": 0.012,
    "nut_washer": 0.012,
    "cable": 0.006,
    "led": 0.004,
    "resistor": 0.004,
    "diode": 0.006,
    "other": 0.002,
}


def make_part(class_id: str, rng: np.random.Generator, mm_per_px: float, light: Light | None = None) -> PartImage:
    """Draw one part of the class, its look, size and rotation (uniform) taken from `rng`.

    The same state of `rng` gives the same part. Raises Fatal for a class that nobody can draw.
    """
    painter = _PAINTERS.get(class_id)
    if painter is None:
        raise Fatal(
            "render.unknown_class",
            f"The renderer has no class {class_id!r}.",
            f"Use one of: {', '.join(CLASSES)}.",
        )
    angle_deg = float(rng.uniform(0.0, 360.0))
    canvas = painter(rng, mm_per_px)
    return canvas.finish(class_id, AREAL_MASS_G_PER_MM2[class_id], angle_deg, light or Light())

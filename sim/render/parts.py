"""`make_part`: a random part of a class, as the camera sees it from above.

Sizes are typical real ones in mm. The pictures are drawn, not photographed: a model trained on them
knows this plant, not a site.
"""

from collections.abc import Mapping
from functools import cache
from itertools import chain
from zlib import crc32

import numpy as np

from models.classes import load_classes
from senbetsu_errors import Fatal
from sim.render import elements, hardware, modules, products
from sim.render.canvas import Painter
from sim.render.light import Light, NothingLeftError, PartImage

__all__ = ["CLASSES", "PAINTERS", "PartImage", "areal_mass_g_per_mm2", "class_seed", "make_part"]

PAINTERS: Mapping[str, Painter] = dict(
    chain.from_iterable(module.PAINTERS.items() for module in (modules, elements, hardware, products))
)
"""Every class that can be drawn, with its painter."""

CLASSES: tuple[str, ...] = tuple(PAINTERS)


@cache
def areal_mass_g_per_mm2(class_id: str) -> float:
    """Grams per mm2 of footprint, from the mass model of `models/classes.yaml`: orders of magnitude, not measurements.

    Raises Fatal for a class that is not in there.
    """
    masses = {part_class.id: part_class.mass.g_per_mm2 for part_class in load_classes()}
    if class_id not in masses:
        raise Fatal(
            "render.no_mass", f"models/classes.yaml has no class {class_id!r}.", "Add the class that is drawn to it."
        )
    return masses[class_id]


def class_seed(class_id: str) -> int:
    """A number of the class for seeds, the same whatever other classes there are."""
    return crc32(class_id.encode())


def make_part(class_id: str, rng: np.random.Generator, mm_per_px: float, light: Light | None = None) -> PartImage:
    """Draw one part of the class, its look, size and rotation (uniform) taken from `rng`.

    The same state of `rng` gives the same part. Raises Fatal for a class that nobody can draw.
    """
    painter = PAINTERS.get(class_id)
    if painter is None:
        raise Fatal(
            "render.unknown_class",
            f"The renderer has no class {class_id!r}.",
            f"Use one of: {', '.join(CLASSES)}.",
        )
    while True:
        angle_deg = float(rng.uniform(0.0, 360.0))
        canvas = painter(rng, mm_per_px)
        try:
            return canvas.finish(class_id, areal_mass_g_per_mm2(class_id), angle_deg, light or Light())
        except NothingLeftError:  # one in some ten thousand: the next one is drawn
            continue

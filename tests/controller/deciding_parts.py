"""Parts, footprints and a recipe for tests of the deciding side."""

from collections.abc import Sequence

import numpy as np

from controller.config import Recipe
from vision.parts import Footprints, Part

LABELS = ("pcb", "battery", "plastic")

RECIPE = Recipe.model_validate(
    {
        "name": "test",
        "outlets": [
            {
                "id": "valuables",
                "actuator": "jets",
                "default_value_jpy_per_kg": -400,
                "value_jpy_per_kg": {"pcb": 1000},
                "forbid": ["battery"],
            },
            {"id": "residue", "actuator": "none", "default_value_jpy_per_kg": 0},
        ],
        "default_outlet": "residue",
        "unknown_outlet": "residue",
        "shot_cost_jpy": 0.001,
        "forbidden_above": 0.2,
        "mass_g_per_mm2": {"pcb": 0.005, "battery": 0.01, "plastic": 0.0025},
    }
)


def part(
    part_id: int,
    probabilities: Sequence[float],
    *,
    belt_counts: float = 0.0,
    across_mm: float = 100.0,
    half_mm: float = 10.0,
    uncertainty_mm: float = 0.0,
    oversize: bool = False,
    unknown_share: float = 0.0,
    clump_share: float = 0.0,
) -> Part:
    """A square part of `2 * half_mm`, its centroid at `belt_counts`."""
    return Part(
        part_id=part_id,
        belt_counts=belt_counts,
        ahead_mm=half_mm,
        behind_mm=half_mm,
        across_mm=across_mm,
        across_min_mm=across_mm - half_mm,
        across_max_mm=across_mm + half_mm,
        area_mm2=4 * half_mm * half_mm,
        probabilities=np.array(probabilities, np.float32),
        views=3,
        uncertainty_mm=uncertainty_mm,
        sliding=False,
        oversize=oversize,
        unknown_share=unknown_share,
        clump_share=clump_share,
        outline_mm=np.zeros((0, 2), np.float32),
    )


def footprints(parts: Sequence[Part], counts_per_mm: float = 10.0) -> Footprints:
    """What the tracker would say of these parts."""
    return Footprints(
        np.array([p.part_id for p in parts]),
        np.array([p.belt_counts / counts_per_mm - p.ahead_mm for p in parts]),
        np.array([p.belt_counts / counts_per_mm + p.behind_mm for p in parts]),
        np.array([p.across_min_mm for p in parts]),
        np.array([p.across_max_mm for p in parts]),
        np.array([p.area_mm2 for p in parts]),
        np.stack([p.probabilities for p in parts]),
    )

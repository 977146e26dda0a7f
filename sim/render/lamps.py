"""Lamps as inspection stations and people have them, at random."""

import numpy as np

from sim.render.light import Lamp, Light, Surroundings


def random_light(rng: np.random.Generator) -> Light:
    """One lamp, two, a ring, a diffuse dome or a low lamp from the side, with or without something to mirror."""
    azimuth = float(rng.uniform(0, 360))
    surroundings = None
    if rng.random() < 0.6:
        surroundings = Surroundings(
            float(rng.uniform(0.05, 0.6)),
            float(rng.uniform(0, 360)),
            float(rng.uniform(0.5, 3.0)),
            float(rng.uniform(0, 2 * np.pi)),
        )
    kind = rng.random()
    if kind < 0.35:  # one lamp
        return Light(azimuth, float(rng.uniform(35, 75)), float(rng.uniform(0.3, 0.65)), (), surroundings)
    if kind < 0.6:  # two, about opposite each other, seldom alike
        second = Lamp(azimuth + float(rng.uniform(120, 240)), float(rng.uniform(30, 70)), float(rng.uniform(0.2, 0.5)))
        return Light(azimuth, float(rng.uniform(30, 70)), float(rng.uniform(0.25, 0.6)), (second,), surroundings)
    if kind < 0.75:  # a ring, as three lamps
        elevation = float(rng.uniform(45, 80))
        ring = tuple(Lamp(azimuth + turn, elevation, 1 / 3) for turn in (120.0, 240.0))
        return Light(azimuth, elevation, float(rng.uniform(0.35, 0.6)), ring, surroundings)
    if kind < 0.9:  # a dome
        return Light(azimuth, float(rng.uniform(60, 85)), float(rng.uniform(0.75, 0.95)), (), surroundings)
    return Light(azimuth, float(rng.uniform(14, 32)), float(rng.uniform(0.3, 0.55)), (), surroundings)  # a low lamp

"""Encoder scale and distance to the valves, from what was seen and what the shots did. Pure.

Encoder: a target that lies on the belt is seen at several counts; its way in millimetres over its way in counts is
the scale. Jets: the point of a sweep of distances that is in the middle of what hits, or the marks that shots left.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import NeedsOperator
from vision.calibration import EncoderScale, JetDistance
from vision.frame import unwrap_count
from vision.results import Detections

Floats = NDArray[np.float64]
Outcome = Literal["hit", "edge", "missed"]
OUTCOMES: dict[str, Outcome] = {"hit": "hit", "edge": "edge", "missed": "missed"}
_SHARE: dict[Outcome, float] = {"hit": 1.0, "edge": 0.5, "missed": 0.0}

_OUTLIER_SIGMAS = 5.0
_MOST_LEFT_OUT = 0.2
_SHORTEST_TRAVEL_MM = 50.0
_WORST_RESIDUAL_MM = 2.0
_SIMILAR = 0.25  # share by which the areas of two views of one plate may differ
_LAPSE = 0.04  # share of shots that end at random, or were written down wrongly: one bad row moves nothing
_TELLS = 5.0  # by how much, in log likelihood, a window must explain the shots better than chance alone
_SPEEDS_APART = 1.25


# ---- the encoder


@dataclass(frozen=True, slots=True)
class Sighting:
    """A target at a raw encoder count, where the camera saw it: downstream of the datum, from the belt's edge."""

    target: int
    count: int
    along_mm: float
    across_mm: float


def fit_encoder(sightings: Sequence[Sighting]) -> EncoderScale:
    """Counts per millimetre from targets that lie still on the belt, each seen at two counts at least.

    along = count / counts_per_mm - (the target's own place): least squares with one slope for all, started from
    the median of all slopes and without what does not fit. Raises NeedsOperator `calibrate.few_sightings`,
    `calibrate.backwards`, `calibrate.inconsistent`.
    """
    target, counts, along, across = _columns(sightings)
    travel = max((float(np.ptp(along[target == t])) for t in set(target.tolist())), default=0.0)
    if len(target) < 3 or travel < _SHORTEST_TRAVEL_MM:
        raise NeedsOperator(
            "calibrate.few_sightings",
            f"{len(target)} sightings of targets that were seen more than once, the longest way {travel:.0f} mm; it "
            f"takes 3 and {_SHORTEST_TRAVEL_MM:.0f} mm.",
            "Let a flat plate or the board lie still on the belt and move through the whole view.",
        )
    mm_per_count = _median_slope(target, counts, along)
    if mm_per_count <= 0:
        raise NeedsOperator(
            "calibrate.backwards",
            "The targets move upstream while the count rises.",
            "Swap the encoder's tracks, or turn the picture so that the belt runs up (camera.travel).",
        )
    kept = np.ones(len(target), np.bool_)
    residuals = _of_targets(along - mm_per_count * counts, target, kept)
    for _ in range(4):
        limit = _OUTLIER_SIGMAS * max(1.4826 * float(np.median(np.abs(residuals[kept]))), 0.02)
        kept = np.abs(residuals) <= limit
        x, y = _centred(counts, target, kept), _centred(along, target, kept)
        mm_per_count = float(x[kept] @ y[kept] / (x[kept] @ x[kept]))
        residuals = _of_targets(along - mm_per_count * counts, target, kept)
    left_out = int((~kept).sum())
    targets = len(set(target[kept].tolist()))
    freedom = int(kept.sum()) - targets - 1
    rms = float(np.sqrt((residuals[kept] ** 2).sum() / max(1, freedom)))
    if left_out > _MOST_LEFT_OUT * len(kept) or rms > _WORST_RESIDUAL_MM or freedom < 1:
        raise NeedsOperator(
            "calibrate.inconsistent",
            f"The sightings contradict each other: {rms:.2f} mm RMS, and {left_out} of {len(kept)} do not fit.",
            "Use targets that cannot slide or roll, and counts that were latched when the picture was taken.",
        )
    x, y, z = (_centred(values, target, kept)[kept] for values in (counts, along, across))
    return EncoderScale(
        counts_per_mm=1 / mm_per_count,
        sigma=rms / float(np.sqrt(x @ x)) / mm_per_count**2,
        views=int(kept.sum()),
        left_out=left_out,
        residual_mm=rms,
        travel_mm=travel,
        travel_yaw_mrad=1000 * float(np.arctan((y @ z) / (y @ y))),
    )


def _columns(sightings: Sequence[Sighting]) -> tuple[NDArray[np.int64], Floats, Floats, Floats]:
    """Targets seen at two different counts or more, their counts unwrapped and from their first."""
    by_target: dict[int, list[Sighting]] = {}
    for sighting in sightings:
        by_target.setdefault(sighting.target, []).append(sighting)
    rows: list[tuple[int, float, float, float]] = []
    for target, seen in by_target.items():
        count, first = seen[0].count, seen[0].count
        if len({s.count for s in seen}) < 2:
            continue
        for s in seen:
            count = unwrap_count(s.count, count)
            rows.append((target, float(count - first), s.along_mm, s.across_mm))
    table = np.array(rows, np.float64).reshape(-1, 4)
    return table[:, 0].astype(np.int64), table[:, 1], table[:, 2], table[:, 3]


def _median_slope(target: NDArray[np.int64], counts: Floats, along: Floats) -> float:
    """Median of the slopes between all views of a target (Theil and Sen), weighted by their distance."""
    slopes: list[Floats] = []
    ways: list[Floats] = []
    for t in set(target.tolist()):
        at = np.flatnonzero(target == t)
        first, second = np.triu_indices(len(at), 1)
        way = counts[at[second]] - counts[at[first]]
        apart = way != 0
        slopes.append((along[at[second]] - along[at[first]])[apart] / way[apart])
        ways.append(np.abs(way[apart]))
    slope, way = np.concatenate(slopes), np.concatenate(ways)
    order = np.argsort(slope)
    return float(slope[order][np.searchsorted(np.cumsum(way[order]), way.sum() / 2)])


def _centred(values: Floats, target: NDArray[np.int64], kept: NDArray[np.bool_]) -> Floats:
    """Values less the mean of their target's kept ones."""
    _, index = np.unique(target, return_inverse=True)
    sums = np.bincount(index[kept], values[kept], minlength=int(index.max()) + 1)
    counts = np.bincount(index[kept], minlength=len(sums))
    return values - (sums / np.maximum(counts, 1))[index]


def _of_targets(values: Floats, target: NDArray[np.int64], kept: NDArray[np.bool_]) -> Floats:
    """Values less the median of their target's kept ones: a mean would lean towards what does not fit."""
    out = values.copy()
    for t in set(target.tolist()):
        of_it = target == t
        out[of_it] -= np.median(values[of_it & kept]) if (of_it & kept).any() else np.median(values[of_it])
    return out


class PlateFollower:
    """Makes sightings of the blobs of successive frames: which blob is which one of the frame before."""

    def __init__(self, counts_per_mm: float, gate_mm: float) -> None:
        """`counts_per_mm` only predicts from frame to frame; it may be off by as much as the gate bears."""
        self._counts_per_mm = counts_per_mm
        self._gate_mm = gate_mm
        self._targets = 0
        self._count = 0
        self._last: list[tuple[int, float, float, float]] = []
        self.sightings: list[Sighting] = []

    def add(self, raw_count: int, found: Detections) -> None:
        """Takes the next frame's detections; what runs out of the picture is no sighting."""
        count = unwrap_count(raw_count, self._count)
        moved_mm = (count - self._count) / self._counts_per_mm
        self._count = count
        whole = np.flatnonzero(~(found.cut | found.oversize))
        now: list[tuple[int, float, float, float]] = []
        for i in whole:
            along, across, area = float(found.along_mm[i]), float(found.across_mm[i]), float(found.area_mm2[i])
            near = [
                (np.hypot(along - a - moved_mm, across - c), target)
                for target, a, c, size in self._last
                if abs(size - area) <= _SIMILAR * size
            ]
            distance, target = min(near, default=(float("inf"), -1))
            if distance > self._gate_mm:
                target = self._targets
                self._targets += 1
            now.append((target, along, across, area))
        # Two blobs that claim one target are both doubtful: neither goes on.
        claimed = [target for target, *_ in now]
        self._last = [row for row in now if claimed.count(row[0]) == 1]
        self.sightings += [Sighting(target, raw_count, along, across) for target, along, across, _ in self._last]


# ---- the jets


@dataclass(frozen=True, slots=True)
class Shot:
    """One shot at a target with orders made for `distance_mm`.

    `mark_mm` is where it hit, from the target's middle, positive towards its downstream end; or `outcome` says
    whether it did.
    """

    distance_mm: float
    speed_mm_s: float
    outcome: Outcome | None = None
    mark_mm: float | None = None


@dataclass(frozen=True, slots=True)
class _AtSpeed:
    speed_mm_s: float
    distance_mm: float
    sigma_mm: float
    shots: int
    left_out: int


def fit_jets(shots: Sequence[Shot]) -> JetDistance:
    """The distance that orders are to be made for, and with shots at two speeds the latency that is in it.

    Raises NeedsOperator `calibrate.few_shots`, `calibrate.sweep_open`, `calibrate.inconsistent`.
    """
    speeds = sorted({shot.speed_mm_s for shot in shots})
    found = [_at_speed(speed, [shot for shot in shots if shot.speed_mm_s == speed]) for speed in speeds]
    if not found:
        raise NeedsOperator("calibrate.few_shots", "There are no shots.", "Write one row a shot.")
    total, left_out = sum(f.shots for f in found), sum(f.left_out for f in found)
    weights = np.array([1 / f.sigma_mm**2 for f in found])
    distances = np.array([f.distance_mm for f in found])
    same_speed = len(found) < 2 or speeds[-1] < _SPEEDS_APART * speeds[0]
    distance, latency_s = float((weights @ distances) / weights.sum()), None
    sigma_mm, latency_sigma_s = float(weights.sum() ** -0.5), None
    if not same_speed:
        distance, sigma_mm, latency_s, latency_sigma_s = _two_apart(np.array(speeds), distances, weights)
    return JetDistance(
        distance_mm=distance,
        sigma_mm=sigma_mm,
        latency_ms=None if latency_s is None else 1000 * latency_s,
        latency_sigma_ms=None if latency_sigma_s is None else 1000 * latency_sigma_s,
        speeds_mm_s=(speeds[0], speeds[-1]),
        shots=total,
        left_out=left_out,
    )


def _two_apart(speeds: Floats, distances: Floats, weights: Floats) -> tuple[float, float, float, float]:
    """Distance and its sigma in mm, latency and its sigma in s: distance at a speed = distance - speed x latency."""
    terms = np.column_stack([np.ones(len(speeds)), -speeds])
    covariance = np.linalg.inv(terms.T @ (weights[:, None] * terms))
    distance, latency_s = covariance @ terms.T @ (weights * distances)
    off = np.abs(terms @ np.array([distance, latency_s]) - distances) * np.sqrt(weights)
    if off.max() > _OUTLIER_SIGMAS:
        raise NeedsOperator(
            "calibrate.inconsistent",
            f"No one distance and latency fit the shots at {len(speeds)} speeds.",
            "Repeat the speed that stands out.",
        )
    sigma, latency_sigma = np.sqrt(np.diag(covariance)).tolist()
    return float(distance), sigma, float(latency_s), latency_sigma


def _at_speed(speed_mm_s: float, shots: Sequence[Shot]) -> _AtSpeed:
    marks = np.array([shot.distance_mm + shot.mark_mm for shot in shots if shot.mark_mm is not None])
    if len(marks) == len(shots):
        return _from_marks(speed_mm_s, marks)
    if len(marks):
        raise NeedsOperator(
            "calibrate.inconsistent",
            f"The shots at {speed_mm_s:g} mm/s have marks and outcomes mixed.",
            "Use one of the two for each speed.",
        )
    return _from_outcomes(speed_mm_s, shots)


def _from_marks(speed_mm_s: float, marks: Floats) -> _AtSpeed:
    """Bar and belt see the target's middle `mark_mm` apart, so the distance was short by just that."""
    if len(marks) < 3:
        raise NeedsOperator(
            "calibrate.few_shots", f"{len(marks)} marks at {speed_mm_s:g} mm/s; it takes 3.", "Shoot again."
        )
    off = np.abs(marks - np.median(marks))
    kept = off <= _OUTLIER_SIGMAS * max(1.4826 * float(np.median(off)), 0.5)
    if (~kept).sum() > max(1, _MOST_LEFT_OUT * len(marks)):
        raise NeedsOperator(
            "calibrate.inconsistent",
            f"{(~kept).sum()} of {len(marks)} marks at {speed_mm_s:g} mm/s do not fit the others.",
            "Check that the target lay still and that its middle was measured.",
        )
    used = marks[kept]
    spread = max(float(used.std(ddof=1)), 0.25)  # nobody reads a ruler better
    return _AtSpeed(speed_mm_s, float(used.mean()), spread / float(np.sqrt(len(used))), len(used), int((~kept).sum()))


def _from_outcomes(speed_mm_s: float, shots: Sequence[Shot]) -> _AtSpeed:
    """The middle of what hits: chance of a hit falls off alike on either side of it.

    hit = 1 / (1 + exp((|distance - middle| - half width) / slope)), with a few shots that end at random. The
    posterior over a grid of all three, flat priors (slope and width: flat in the logarithm), gives mean and sigma.
    """
    distances = np.array([shot.distance_mm for shot in shots])
    share = np.array([_SHARE[shot.outcome or "missed"] for shot in shots])
    if len(shots) < 6 or not share.any():
        raise NeedsOperator(
            "calibrate.few_shots",
            f"{len(shots)} shots at {speed_mm_s:g} mm/s, {int((share > 0).sum())} of which hit; it takes 6, and hits.",
            "Shoot at more distances about the expected one.",
        )
    places, index = np.unique(distances, return_inverse=True)
    hits, misses = np.bincount(index, share), np.bincount(index, 1 - share)
    span = float(np.ptp(places))
    middles: Floats = np.linspace(float(places[0]), float(places[-1]), 201)
    widths = np.geomspace(span / 100, span, 25)
    slopes = np.geomspace(span / 200, span / 6, 9)
    off = np.abs(places - middles[:, None])[:, None, None, :]
    chance = _chance(off, widths[None, :, None, None], slopes[None, None, :, None])
    log = np.log(chance) @ hits + np.log1p(-chance) @ misses
    weight = np.exp(log - log.max())
    of_middle = weight.sum(axis=(1, 2))
    of_middle /= of_middle.sum()
    middle = float(of_middle @ middles)
    step = float(middles[1] - middles[0])
    sigma = float(np.sqrt(of_middle @ (middles - middle) ** 2 + step**2 / 12))
    best = np.unravel_index(int(np.argmax(log)), log.shape)
    fitted = _chance(np.abs(distances - middles[best[0]]), widths[best[1]], slopes[best[2]])
    # Half of the lapses hit: an outcome of a chance below _LAPSE is more likely one of them than a shot of this window.
    # That it is rare tells nothing: of many shots at the window's flank some do hit.
    lapsed = ((share == 1.0) & (fitted < _LAPSE)) | ((share == 0.0) & (1 - fitted < _LAPSE))
    _refuse_open_sweep(speed_mm_s, places, float(middles[best[0]]), float(widths[best[1]]))
    always = float(np.clip(share.mean(), 0.01, 0.99))
    by_chance = share.sum() * np.log(always) + (1 - share).sum() * np.log(1 - always)
    if lapsed.sum() > max(1, 0.1 * len(shots)) or log.max() - by_chance < _TELLS:
        raise NeedsOperator(
            "calibrate.inconsistent",
            f"The {len(shots)} shots at {speed_mm_s:g} mm/s contradict each other: hits lie among misses.",
            "Check that all targets were alike and lay still, and that the rows say what happened.",
        )
    return _AtSpeed(speed_mm_s, middle, sigma, len(shots) - int(lapsed.sum()), int(lapsed.sum()))


def _chance(off: Floats, width: Floats, slope: Floats) -> Floats:
    return _LAPSE / 2 + (1 - _LAPSE) / (1 + np.exp(np.clip((off - width) / slope, -50, 50)))


def _refuse_open_sweep(speed_mm_s: float, places: Floats, middle: float, width: float) -> None:
    for side, beyond in (("below", middle - width < places[0]), ("above", middle + width > places[-1])):
        if beyond:
            raise NeedsOperator(
                "calibrate.sweep_open",
                f"At {speed_mm_s:g} mm/s shots still hit at an end of the sweep, {places[0]:g} to {places[-1]:g} mm.",
                f"Go on with the sweep {side} it until shots miss.",
            )

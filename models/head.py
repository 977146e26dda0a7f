"""The linear head of a net, fitted in plain numpy: multinomial logistic regression that stays near a given head."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_ITERATIONS = 200
_MEMORY = 10
_TOLERANCE = 1e-6
_ARMIJO = 1e-4
_SMALLEST_STEP = 1e-6

Floats = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Head:
    """logits = embedding @ weight.T + bias: `weight` float32 [C, D], `bias` float32 [C]."""

    weight: Floats
    bias: Floats

    def logits(self, embeddings: Floats) -> Floats:
        """float32 [N, C] of embeddings [N, D]."""
        return embeddings @ self.weight.T + self.bias


@dataclass(frozen=True, slots=True)
class Scaling:
    """Mean and spread of every embedding value, float32 [D]: heads are compared in values scaled by them."""

    mean: Floats
    spread: Floats

    @classmethod
    def of(cls, embeddings: Floats) -> "Scaling":
        """Of embeddings [N, D]; a value that never changes counts little."""
        spread = embeddings.std(axis=0)
        return cls(embeddings.mean(axis=0), np.maximum(spread, 1e-3 * max(float(spread.max(initial=0.0)), 1e-12)))

    def scaled(self, embeddings: Floats) -> Floats:
        """Embeddings [N, D] as [N, D + 1]: scaled, and a one for the bias."""
        ones = np.ones((len(embeddings), 1), np.float32)
        return np.hstack([(embeddings - self.mean) / self.spread, ones]).astype(np.float32, copy=False)

    def inside(self, head: Head) -> Floats:
        """The head for scaled embeddings, [C, D + 1]."""
        bias = head.bias + head.weight @ self.mean
        return np.hstack([head.weight * self.spread, bias[:, None]]).astype(np.float32, copy=False)

    def outside(self, scaled: Floats) -> Head:
        """The head for embeddings as they are."""
        weight = (scaled[:, :-1] / self.spread).astype(np.float32, copy=False)
        return Head(weight, (scaled[:, -1] - weight @ self.mean).astype(np.float32, copy=False))


def certain(labels: NDArray[np.int64], classes: int) -> Floats:
    """Probabilities float32 [N, classes] that are 1 for each row's label."""
    return np.eye(classes, dtype=np.float32)[labels]


def fit_head(embeddings: Floats, truth: Floats, weights: NDArray[np.float64], near: Head, stiffness: float) -> Head:
    """The head that answers the probabilities `truth` [N, C] for embeddings [N, D], and stays near `near`.

    Minimises the mean cross-entropy, row i counting `weights[i]`, plus stiffness / 2 * |W - near|^2 with both heads
    in values scaled by the embeddings' own spread. Full batch, L-BFGS (Nocedal and Wright, Numerical Optimization,
    2nd ed., algorithm 7.4): no random choice.
    """
    scaling = Scaling.of(embeddings)
    rows = scaling.scaled(embeddings)
    start = scaling.inside(near)
    shares = (weights / weights.sum()).astype(np.float32)

    def loss(head: Floats) -> tuple[float, Floats]:
        logits = rows @ head.T
        logits -= logits.max(axis=1, keepdims=True)
        powers = np.exp(logits)
        sums = powers.sum(axis=1, keepdims=True)
        surprise = np.log(sums[:, 0]) - (logits * truth).sum(axis=1)
        moved = head - start
        value = float(shares @ surprise) + stiffness / 2 * float((moved * moved).sum())
        slope = ((powers / sums - truth) * shares[:, None]).T @ rows + np.float32(stiffness) * moved
        return value, slope.astype(np.float32, copy=False)

    return scaling.outside(_lowest(loss, start))


def _lowest(loss: Callable[[Floats], tuple[float, Floats]], start: Floats) -> Floats:
    """L-BFGS with backtracking, until a step gains less than a millionth."""
    at = start
    value, slope = loss(at)
    steps: list[Floats] = []
    bends: list[Floats] = []
    for _ in range(_ITERATIONS):
        direction = _direction(slope, steps, bends)
        descent = float((slope * direction).sum())
        length = 1.0
        there = at - direction
        new_value, new_slope = loss(there)
        while new_value > value - _ARMIJO * length * descent and length > _SMALLEST_STEP:
            length /= 2
            there = (at - np.float32(length) * direction).astype(np.float32, copy=False)
            new_value, new_slope = loss(there)
        if new_value >= value:
            return at
        step, bend = there - at, new_slope - slope
        if float((step * bend).sum()) > 0:
            steps, bends = [*steps, step][-_MEMORY:], [*bends, bend][-_MEMORY:]
        gained = value - new_value
        at, value, slope = there, new_value, new_slope
        if gained < _TOLERANCE * max(1.0, abs(value)):
            return at
    return at


def _direction(slope: Floats, steps: list[Floats], bends: list[Floats]) -> Floats:
    """The inverse Hessian's estimate times the slope, by the two-loop recursion."""
    direction = slope.copy()
    shares: list[float] = []
    for step, bend in zip(reversed(steps), reversed(bends), strict=True):
        share = float((step * direction).sum() / (step * bend).sum())
        shares.append(share)
        direction -= np.float32(share) * bend
    if steps:
        direction *= np.float32((steps[-1] * bends[-1]).sum() / (bends[-1] ** 2).sum())
    else:
        direction /= np.float32(max(1.0, float(np.sqrt((slope**2).sum()))))
    for step, bend, share in zip(steps, bends, reversed(shares), strict=True):
        direction += step * np.float32(share - float((bend * direction).sum() / (step * bend).sum()))
    return direction

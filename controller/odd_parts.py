"""Which parts are worth a picture to label and teach, and what is written beside it. Pure: no clock, no I/O.

odd = skipped + asked, and asked + picked = answered + without picture + waiting, always.
"""

from collections import deque
from dataclasses import dataclass, field
from math import isfinite
from typing import Literal

import numpy as np

from controller.decide import Decision
from models.fusion import MEASURES
from vision.camera_config import CameraConfig
from vision.odd_config import OddPartsConfig
from vision.parts import Part
from vision.results import CropAnswer, CropRequest

Reason = Literal["unknown class", "oversize", "clump", "low margin", "views disagree", "picked"]

_FRAMES_KNOWN = 1024
_PARTS_KNOWN = 512
_MOST_WAITING = 32  # half of what vision takes; one that was not answered by then never will be
_BURST_S = 10.0  # this much of the allowed rate may come at once
_DISAGREES_AT = 1 / 3  # share of a part's views from which they disagree


@dataclass(frozen=True, slots=True)
class OddPart:
    """A part with its picture and what is known of it. Pixels are those of the crop; `outline_px` may be empty."""

    png: bytes
    reasons: tuple[Reason, ...]
    label: str | None
    class_id: str
    probabilities: dict[str, float]
    bbox_px: tuple[float, float, float, float]
    outline_px: tuple[tuple[float, float], ...]
    part_id: int
    encoder_counts: int
    frame_sequence: int
    views: int
    disagreeing: int
    length_mm: float
    width_mm: float
    area_mm2: float
    mm_per_px: float
    motion: Literal["lies", "slides", "rolls"]
    measures: dict[str, float] = field(default_factory=dict[str, float])
    """What was measured of it, by the names of `models.fusion.MEASURES`."""


@dataclass(slots=True)
class OddCounts:
    """What became of odd parts; see the module."""

    odd: int = 0
    skipped: int = 0
    asked: int = 0
    picked: int = 0
    answered: int = 0
    without_picture: int = 0


@dataclass(frozen=True, slots=True)
class _Asked:
    decision: Decision
    frame_sequence: int
    reasons: tuple[Reason, ...]
    label: str | None


def reasons_of(decision: Decision, margin: float) -> tuple[Reason, ...]:
    """Why a part is odd; nothing for one that is not."""
    part = decision.part
    reasons: list[Reason] = []
    if part.oversize:
        return ("oversize",)
    if decision.reason in ("unknown class", "clump"):
        reasons.append(decision.reason)
    if len(part.probabilities) > 1:
        second, best = np.partition(part.probabilities, -2)[-2:].tolist()
        if best - second < margin:
            reasons.append("low margin")
    if part.views > 1 and part.disagreeing >= _DISAGREES_AT * part.views:
        reasons.append("views disagree")
    return tuple(reasons)


class OddParts:
    """Asks for pictures of odd parts, at most `per_minute`, and of parts that somebody picked."""

    def __init__(self, config: OddPartsConfig, camera: CameraConfig, labels: tuple[str, ...]) -> None:
        self.counts = OddCounts()
        self._config = config
        self._camera = camera
        self._labels = labels
        self._frames: dict[int, int] = {}
        self._decided: dict[int, Decision] = {}
        self._allowed = 1.0
        self._allowed_at_s = 0.0
        self._waiting: dict[int, _Asked] = {}
        self._next_ticket = 1
        self._requests: deque[CropRequest] = deque()

    @property
    def waiting(self) -> int:
        """Pictures that were asked for and have not come yet."""
        return len(self._waiting)

    def frame(self, sequence: int, counts: int) -> None:
        """A frame was exposed at this (unwrapped) count."""
        self._frames[counts] = sequence
        if len(self._frames) > _FRAMES_KNOWN:
            del self._frames[next(iter(self._frames))]

    def decided(self, decision: Decision, now_s: float) -> None:
        """A part was decided on at loop time `now_s`."""
        self._decided[decision.part.part_id] = decision
        if len(self._decided) > _PARTS_KNOWN:
            del self._decided[next(iter(self._decided))]
        reasons = reasons_of(decision, self._config.margin)
        if not reasons:
            return
        self.counts.odd += 1
        rate = self._config.per_minute / 60
        most = max(1.0, rate * _BURST_S)
        self._allowed = min(most, self._allowed + rate * (now_s - self._allowed_at_s))
        self._allowed_at_s = now_s
        if self._allowed < 1 or self._ask(decision, reasons, None) is None:
            self.counts.skipped += 1
            return
        self._allowed -= 1
        self.counts.asked += 1

    def pick(self, part_id: int, label: str) -> int | None:
        """Somebody says that this part is a `label`; the ticket of its picture, None where the part is forgotten."""
        decision = self._decided.get(part_id)
        if decision is None:
            return None
        ticket = self._ask(decision, ("picked", *reasons_of(decision, self._config.margin)), label)
        self.counts.picked += ticket is not None
        return ticket

    def requests(self) -> list[CropRequest]:
        """What to ask vision for now; each once."""
        wanted = list(self._requests)
        self._requests.clear()
        return wanted

    def answer(self, crop: CropAnswer) -> OddPart | None:
        """The part whose picture came; None where the frame was gone already or nobody waits for it."""
        asked = self._waiting.pop(crop.ticket, None)
        if asked is None:
            return None
        if not crop.png:
            self.counts.without_picture += 1
            return None
        self.counts.answered += 1
        return self._odd_part(asked, crop)

    def _ask(self, decision: Decision, reasons: tuple[Reason, ...], label: str | None) -> int | None:
        part = decision.part
        sequence = self._frames.get(round(part.seen_counts))
        if sequence is None:
            return None
        if len(self._waiting) >= _MOST_WAITING:
            del self._waiting[next(iter(self._waiting))]
            self.counts.without_picture += 1
        ticket = self._next_ticket
        self._next_ticket += 1
        along_min, along_max, across_min, across_max = _seen_box(part)
        self._requests.append(CropRequest(ticket, sequence, along_min, along_max, across_min, across_max))
        self._waiting[ticket] = _Asked(decision, sequence, reasons, label)
        return ticket

    def _odd_part(self, asked: _Asked, crop: CropAnswer) -> OddPart:
        part = asked.decision.part
        mm = self._camera.mm_per_px
        last_row = self._camera.rows - 1
        along_min, along_max, across_min, across_max = _seen_box(part)

        def at(along_mm: float, across_mm: float) -> tuple[float, float]:
            x = (across_mm - self._camera.across_start_mm) / mm - 0.5 - crop.left_px
            return round(x, 1), round(last_row - along_mm / mm - crop.top_px, 1)

        left, top = at(along_max, across_min)
        right, bottom = at(along_min, across_max)
        outline = tuple(
            at(part.seen_along_mm + along, part.seen_across_mm + across) for along, across in part.outline_mm.tolist()
        )
        return OddPart(
            png=crop.png,
            reasons=asked.reasons,
            label=asked.label,
            class_id=asked.decision.class_id,
            probabilities={name: round(float(p), 5) for name, p in zip(self._labels, part.probabilities, strict=True)},
            bbox_px=(left, top, round(right - left + 1, 1), round(bottom - top + 1, 1)),
            outline_px=outline if len(outline) > 2 else (),
            part_id=part.part_id,
            encoder_counts=round(part.seen_counts),
            frame_sequence=asked.frame_sequence,
            views=part.views,
            disagreeing=part.disagreeing,
            length_mm=round(along_max - along_min, 2),
            width_mm=round(across_max - across_min, 2),
            area_mm2=round(part.area_mm2, 2),
            mm_per_px=mm,
            motion="slides" if part.sliding else "rolls" if part.rolling else "lies",
            measures={
                name: round(value, 3)
                for name, value in zip(MEASURES, part.measures.tolist(), strict=True)
                if isfinite(value)
            },
        )


def _seen_box(part: Part) -> tuple[float, float, float, float]:
    """Along min and max, across min and max, in the picture in which the part was seen last."""
    shift_mm = part.seen_across_mm - part.across_mm
    return (
        part.seen_along_mm - part.behind_mm,
        part.seen_along_mm + part.ahead_mm,
        part.across_min_mm + shift_mm,
        part.across_max_mm + shift_mm,
    )

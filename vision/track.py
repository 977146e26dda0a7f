"""Views of one part in several pictures, brought together in belt coordinates.

A part that lies still does not move in belt coordinates, so association is the nearest neighbour
inside a small gate, however far the belt ran between two pictures. Plain and synchronous: position
comes in as the encoder count, nothing here knows the time.

All tracks live in one table (track_table.py) in the order in which they were first seen. The usual
picture (every part where it must be, some new, some gone) takes a fixed number of numpy calls; what
is rare is only looked for where a count says that there is some.
"""

from dataclasses import dataclass
from math import hypot
from typing import cast

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision import track_table as at
from vision.association import any_touch, explain, nearest_pairs
from vision.camera_config import CameraConfig
from vision.estimate import fused_probabilities, positions
from vision.parts import Footprints, Part, VisiblePart
from vision.results import Detections
from vision.settings import VisionConfig
from vision.track_table import Flags, Floats

Indices = NDArray[np.intp]

_NEW_VIEW_MM = 0.5  # a picture from a belt that moved less shows nothing new
_NO_OUTLINE = np.zeros((0, 2), np.float32)
_GONE_AFTER = 2  # pictures on end, for each whole view and one more, in which a part was not where it must be


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """`edge_mm`: how near the edge of the view a blob counts as cut. `remember_mm`: how far beyond the
    view a returned part is remembered, for a belt that runs backwards. The others are `TrackingConfig`'s.
    """

    counts_per_mm: float
    class_count: int
    line_scan: bool = False
    gate_mm: float = 8.0
    decide_at: float = 0.9
    sliding_mm: float = 3.0
    edge_mm: float = 1.0
    remember_mm: float = 30.0

    @classmethod
    def of(
        cls, camera: CameraConfig, settings: VisionConfig, counts_per_mm: float, class_count: int
    ) -> "TrackerConfig":
        """The tracker's settings for one camera."""
        return cls(
            counts_per_mm=counts_per_mm,
            class_count=class_count,
            line_scan=camera.geometry == "line_scan",
            gate_mm=settings.tracking.gate_mm,
            decide_at=settings.tracking.decide_at,
            sliding_mm=settings.tracking.sliding_mm,
            edge_mm=2 * camera.mm_per_px,
        )


class Tracker:
    """Follows parts from picture to picture; returns each once, when it must be decided.

    `vanished` counts what was not there any more in at least twice as many pictures as it had been
    seen in: reflections, dirt on the lens, a part that somebody took away.
    """

    def __init__(self, config: TrackerConfig) -> None:
        self.vanished = 0
        self._config = config
        self._table = at.empty_table(config.class_count)
        self._count = 0
        self._next_id = 1
        self._outlines: dict[int, NDArray[np.float32]] = {}
        self._e: float | None = None
        self._e_of_last_view = -np.inf
        self._last_travel = 0.0

    def update(
        self, encoder: int, detections: Detections, view_along_mm: float, uncertainty_counts: float = 0.0
    ) -> list[Part]:
        """Takes one picture's detections; returns the parts that are ready now, upstream ones last.

        `encoder` is the unwrapped count of the picture. A part is ready when its downstream edge has
        passed the decide line, or when the next picture would not show it whole, or (`oversize`) when
        it reaches the end of the view without ever having been seen whole. In line scan every part is
        ready at once. Raises Fatal `vision.class_count` if the probabilities have another width.
        """
        seen_count = len(detections)
        if seen_count and detections.probabilities.shape[1] != self._config.class_count:
            raise Fatal(
                "vision.class_count",
                f"Detections carry {detections.probabilities.shape[1]} classes, expected {self._config.class_count}.",
            )
        e = encoder / self._config.counts_per_mm
        travel = 0.0 if self._e is None else e - self._e
        ready: list[Part] = []
        if travel < -(view_along_mm + self._config.remember_mm):
            # The encoder was reset or the belt ran back a whole view: nothing known lies here any more.
            ready = self.flush()
            travel = 0.0
        new_view = abs(e - self._e_of_last_view) >= _NEW_VIEW_MM
        self._e = e
        if new_view:
            self._e_of_last_view = e
            self._tracks()[:, at.MISSES] += 1
        if seen_count:
            self._associate(e, detections, view_along_mm, uncertainty_counts, new_view)
        step = max(travel, self._last_travel, 0.0)
        self._last_travel = travel
        if self._count:
            ready += self._due(e, view_along_mm, step)
            self._forget(e, view_along_mm)
        return ready

    def flush(self) -> list[Part]:
        """Returns every part not returned yet, and forgets all: the end of a recording, a new belt."""
        ready = self._returned(np.flatnonzero(self._tracks()[:, at.RETURNED] == 0))
        self._count = 0
        self._outlines.clear()
        self._e = None
        self._e_of_last_view = -np.inf
        self._last_travel = 0.0
        return ready

    def visible(self, encoder: int) -> list[VisiblePart]:
        """Every part remembered, where it lies at this (unwrapped) encoder count."""
        e = encoder / self._config.counts_per_mm
        found: list[VisiblePart] = []
        tracks = self._tracks()
        chances = fused_probabilities(tracks[:, at.LOGP], tracks[:, at.VIEWS])
        for track, probabilities in zip(tracks, chances, strict=True):
            best = int(np.argmax(probabilities)) if probabilities.any() else None
            found.append(
                VisiblePart(
                    part_id=int(track[at.ID]),
                    along_mm=float(e - track[at.P]),
                    across_mm=float(track[at.X]),
                    along_min_mm=float(e - track[at.REAR]),
                    along_max_mm=float(e - track[at.FRONT]),
                    across_min_mm=float(track[at.X_MIN]),
                    across_max_mm=float(track[at.X_MAX]),
                    label_index=best,
                    probability=0.0 if best is None else float(probabilities[best]),
                    decided=bool(track[at.RETURNED]),
                    oversize=not track[at.VIEWS],
                    outline_mm=self._outlines.get(int(track[at.ID]), np.zeros((0, 2), np.float32)),
                )
            )
        return found

    def footprints(self) -> Footprints:
        """Every part remembered, returned already or not: who may lie in the way of a shot."""
        tracks = self._tracks()
        return Footprints(
            tracks[:, at.ID].astype(np.int64),
            tracks[:, at.FRONT].copy(),
            tracks[:, at.REAR].copy(),
            tracks[:, at.X_MIN].copy(),
            tracks[:, at.X_MAX].copy(),
            tracks[:, at.AREA].copy(),
            fused_probabilities(tracks[:, at.LOGP], tracks[:, at.VIEWS]),
        )

    def _tracks(self) -> Floats:
        """The live rows of the table; a view, writing to it writes to the table."""
        return self._table[: self._count]

    def _associate(
        self, e: float, detections: Detections, view_along_mm: float, uncertainty_counts: float, new_view: bool
    ) -> None:
        whole: Flags = ~(detections.cut | detections.oversize)
        seen = at.seen_table(e, detections, whole)
        off_mm = hypot(uncertainty_counts / self._config.counts_per_mm, self._config.edge_mm / 4)
        if self._config.line_scan or not self._count:
            self._add(np.arange(len(seen)), seen, detections, off_mm)
            return
        tracks = self._tracks()
        pair_d, pair_t = nearest_pairs(
            detections, detections.cut & (detections.along_mm * 2 > view_along_mm),
            e, tracks[:, at.EDGES].T, self._config.gate_mm,
        )  # fmt: skip
        pair_whole = whole.take(pair_d)
        chosen, others = pair_whole.nonzero()[0], (~pair_whole).nonzero()[0]
        fused_d, fused_t = pair_d.take(chosen), pair_t.take(chosen)
        again_d, again_t = pair_d.take(others), pair_t.take(others)
        new = (np.bincount(pair_d, minlength=len(seen)) == 0).nonzero()[0]
        pieces: Flags | None = None
        shapes = cast("Floats", seen.take(new, axis=0))[:, at.FOOTPRINT].T.copy()
        known = tracks[:, at.FOOTPRINT].T.copy()
        # Most of what was not there before lies clear of all that was.
        if len(new) and any_touch(shapes, known):
            free = np.bincount(pair_t, minlength=len(tracks)) == 0
            found = explain(shapes, whole[new], known, tracks[:, at.VIEWS] > 0, free)
            continues, again = found.continues >= 0, found.again >= 0
            fused_d = np.concatenate([fused_d, new[continues]])
            fused_t = np.concatenate([fused_t, found.continues[continues]])
            again_d = np.concatenate([again_d, new[again]])
            again_t = np.concatenate([again_t, found.again[again]])
            new = new[~(continues | again)]
            pieces = found.pieces
        if len(again_d):
            tracks[again_t, at.MISSES] = 0
            part_only = tracks[again_t, at.VIEWS] == 0
            if np.count_nonzero(part_only):
                at.add_cut_view(tracks, again_t[part_only], seen[again_d[part_only]])
        if len(fused_d):
            self._fuse(fused_d, fused_t, seen, detections, off_mm, new_view)
        if len(new):
            self._add(new, seen, detections, off_mm)
        if pieces is not None and np.count_nonzero(pieces):
            kept = np.ones(self._count, np.bool_)
            kept[: len(pieces)] = ~pieces
            self._keep(kept)

    def _fuse(
        self,
        fused_d: Indices,
        fused_t: Indices,
        seen: Floats,
        detections: Detections,
        off_mm: float,
        new_view: bool,
    ) -> None:
        """One whole view more of each of these tracks; unless the belt stood still, then only their first."""
        tracks = self._tracks()
        rows = tracks.take(fused_t, axis=0)
        rows[:, at.MISSES] = 0
        if detections.outlines_mm or not new_view:
            first = (rows[:, at.VIEWS] == 0).nonzero()[0]
            self._keep_outlines(rows[first, at.ID], fused_d[first], detections)
            if not new_view:
                tracks[fused_t, at.MISSES] = 0
                fused_d, fused_t, rows = fused_d[first], fused_t[first], rows[first]
        at.add_whole_view(rows, seen.take(fused_d, axis=0), off_mm)
        tracks[fused_t] = rows

    def _add(self, which: Indices, seen: Floats, detections: Detections, off_mm: float) -> None:
        """New tracks for these detections."""
        first, last = self._count, self._count + len(which)
        if last > len(self._table):
            self._table = np.concatenate([self._table, np.zeros((last, self._table.shape[1]))])
        fresh = self._table[first:last]
        at.start(fresh, seen.take(which, axis=0), self._next_id, off_mm)
        self._next_id += len(which)
        self._count = last
        self._keep_outlines(fresh[:, at.ID], which, detections)

    def _keep_outlines(self, ids: Floats, which: Indices, detections: Detections) -> None:
        if detections.outlines_mm:
            centres = np.stack([detections.along_mm[which], detections.across_mm[which]], axis=1).astype(np.float32)
            for part_id, index, centre in zip(ids.tolist(), which.tolist(), centres, strict=True):
                self._outlines[int(part_id)] = detections.outlines_mm[index] - centre

    def _due(self, e: float, view_along_mm: float, step_mm: float) -> list[Part]:
        """Returns the parts that must be decided before the next picture, `step_mm` from here."""
        tracks = self._tracks()
        due = tracks[:, at.RETURNED] == 0
        if self._config.line_scan:
            return self._returned(due.nonzero()[0])
        end = view_along_mm - self._config.edge_mm
        due &= tracks[:, at.FRONT] <= e - min(self._config.decide_at * view_along_mm, end - step_mm)
        which = due.nonzero()[0]
        never_whole = tracks[:, at.VIEWS][which] == 0
        if np.count_nonzero(never_whole):
            # It may yet be seen whole, until it reaches the end.
            which = which[~(never_whole & (tracks[which, at.FRONT] > e - end))]
        return self._returned(which)

    def _returned(self, which: Indices) -> list[Part]:
        """Marks these tracks as returned and makes their parts."""
        if not len(which):
            return []
        tracks = self._tracks()
        tracks[which, at.RETURNED] = 1
        chosen = tracks.take(which, axis=0)
        views = chosen[:, at.VIEWS]
        found = positions(at.history(chosen), views, self._config.sliding_mm)
        place = found.mean_mm + chosen[:, at.ORIGIN]
        never_whole = views == 0
        # A part that slides, or was never seen whole, is where it was seen last.
        last = (found.sliding | never_whole).nonzero()[0]
        if len(last):
            place[last] = chosen[last, at.VIEW]
        p_mm, x_mm, across_mm = chosen[:, at.P], chosen[:, at.X], place[:, 1]
        # The columns of Part that are numbers, in its order.
        numbers = np.empty((7, len(which)))
        np.multiply(place[:, 0], self._config.counts_per_mm, out=numbers[0])
        np.maximum(p_mm - chosen[:, at.FRONT], 0, out=numbers[1])
        np.maximum(chosen[:, at.REAR] - p_mm, 0, out=numbers[2])
        numbers[3] = across_mm
        np.add(chosen[:, at.ACROSS].T, across_mm - x_mm, out=numbers[4:6])
        numbers[6] = chosen[:, at.AREA]
        ids = chosen[:, at.ID].astype(np.int64).tolist()
        columns = zip(
            ids,
            *numbers.tolist(),
            fused_probabilities(chosen[:, at.LOGP], views),
            views.astype(np.int64).tolist(),
            np.hypot(found.spread_mm, chosen[:, at.OFF_MM]).tolist(),
            found.sliding.tolist(),
            never_whole.tolist(),
            [self._outlines.get(part_id, _NO_OUTLINE) for part_id in ids],
            strict=True,
        )
        return [Part._make(column) for column in columns]

    def _forget(self, e: float, view_along_mm: float) -> None:
        # Whatever lies that far beyond the end was returned when it reached the end.
        self._keep(self._tracks()[:, at.REAR] >= e - (view_along_mm + self._config.remember_mm))
        tracks = self._tracks()
        missed = tracks[:, at.MISSES] >= _GONE_AFTER
        if np.count_nonzero(missed):
            missed &= tracks[:, at.MISSES] >= _GONE_AFTER * (1 + tracks[:, at.VIEWS])
            missed &= tracks[:, at.RETURNED] == 0
            self.vanished += int(np.count_nonzero(missed))
            self._keep(~missed)

    def _keep(self, kept: Flags) -> None:
        """Forgets the other tracks."""
        which = kept.nonzero()[0]
        if len(which) == self._count:
            return
        tracks = self._tracks()
        if self._outlines:
            for part_id in tracks[~kept, at.ID].tolist():
                self._outlines.pop(int(part_id), None)
        self._count = len(which)
        self._table[: self._count] = tracks.take(which, axis=0)

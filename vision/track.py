"""Views of one part in several pictures, brought together in belt coordinates.

A part that lies still does not move in belt coordinates, so association is the nearest neighbour
inside a small gate, however far the belt ran between two pictures. Plain and synchronous: position
comes in as the encoder count, nothing here knows the time.

All tracks live in one table (track_table.py) in the order in which they were first seen. What goes over
every track of every picture is compiled (compiled.py); what is rare is numpy.
"""

from dataclasses import dataclass
from math import hypot

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision import track_table as at
from vision.association import explain, nearest_pairs, torn_off, unexplained
from vision.camera_config import CameraConfig
from vision.estimate import estimates, fused_probabilities, mean_measures
from vision.parts import Footprints, Part, VisiblePart
from vision.results import Detections
from vision.settings import VisionConfig
from vision.track_table import Flags, Floats, Indices

_NEW_VIEW_MM = 0.5  # of belt not seen before, below which a picture shows nothing new
_NO_OUTLINE = np.zeros((0, 2), np.float32)


@dataclass(frozen=True, slots=True)
class TrackerConfig:
    """`edge_mm`: how near the edge of the view a blob counts as cut. `remember_mm`: how far beyond the
    view a returned part is remembered, for a belt that runs backwards. `act_at_mm`: how far downstream of the
    datum parts are acted on, for which the place of those that move is predicted; 0 predicts nothing. The
    others are `TrackingConfig`'s.
    """

    counts_per_mm: float
    class_count: int
    line_scan: bool = False
    gate_mm: float = 8.0
    decide_at: float = 0.9
    sliding_mm: float = 3.0
    edge_mm: float = 1.0
    remember_mm: float = 30.0
    act_at_mm: float = 0.0

    @classmethod
    def of(
        cls,
        camera: CameraConfig,
        settings: VisionConfig,
        counts_per_mm: float,
        class_count: int,
        act_at_mm: float = 0.0,
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
            act_at_mm=act_at_mm,
        )


class Tracker:
    """Follows parts from picture to picture; returns each once, when it must be decided.

    `vanished` counts what is not returned: what was not there any more in at least twice as many pictures
    as it had been seen in (reflections, dirt on the lens, a part that somebody took away), and pieces that a
    picture or two tore off a larger part.
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
        # Only belt that comes into view is new: an encoder that trembles over a standing belt, or a belt that rolls
        # back and on again, shows the same side of the same parts, and must not make their class surer.
        new_view = e >= self._e_of_last_view + _NEW_VIEW_MM
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
        ready = self._returned(at.take_due(self._tracks(), 0.0, 0.0, True))
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
        chances = fused_probabilities(tracks, np.arange(len(tracks)))
        for track, probabilities in zip(tracks, chances, strict=True):
            best = int(np.argmax(probabilities)) if probabilities.any() else None
            moved, moved_across = (e - track[at.E]) * track[at.DRIFT], (e - track[at.E]) * track[at.DRIFT_X]
            found.append(
                VisiblePart(
                    part_id=int(track[at.ID]),
                    along_mm=float(e - track[at.P] - moved),
                    across_mm=float(track[at.X] + moved_across),
                    along_min_mm=float(e - track[at.REAR] - moved),
                    along_max_mm=float(e - track[at.FRONT] - moved),
                    across_min_mm=float(track[at.X_MIN] + moved_across),
                    across_max_mm=float(track[at.X_MAX] + moved_across),
                    label_index=best,
                    probability=0.0 if best is None else float(probabilities[best]),
                    decided=bool(track[at.RETURNED]),
                    oversize=not track[at.VIEWS],
                    outline_mm=self._outlines.get(int(track[at.ID]), np.zeros((0, 2), np.float32)),
                )
            )
        return found

    def footprints(self, belt_min_mm: float, belt_max_mm: float) -> Footprints:
        """Every part remembered, returned already or not, that will reach into this stretch of the belt where
        parts are acted on: who may lie in the way of a shot there."""
        tracks = self._tracks()
        moving = tracks[:, at.DRIFT].any() or tracks[:, at.DRIFT_X].any()
        shown = at.where_acted_on(tracks, self._config.act_at_mm) if moving else tracks
        near = ((shown[:, at.FRONT] <= belt_max_mm) & (shown[:, at.REAR] >= belt_min_mm)).nonzero()[0]
        rows = shown.take(near, axis=0)
        return Footprints(
            rows[:, at.ID].astype(np.int64),
            rows[:, at.FRONT],
            rows[:, at.REAR],
            rows[:, at.X_MIN],
            rows[:, at.X_MAX],
            rows[:, at.AREA],
            fused_probabilities(tracks, near),
        )

    def _tracks(self) -> Floats:
        """The live rows of the table; a view, writing to it writes to the table."""
        return self._table[: self._count]

    def _associate(
        self, e: float, detections: Detections, view_along_mm: float, uncertainty_counts: float, new_view: bool
    ) -> None:
        seen = at.seen_table(e, detections, view_along_mm)
        off_mm = hypot(uncertainty_counts / self._config.counts_per_mm, self._config.edge_mm / 4)
        if self._config.line_scan or not self._count:
            self._add(np.arange(len(seen)), seen, detections, off_mm)
            return
        tracks = self._tracks()
        pair_d, pair_t = nearest_pairs(seen, tracks, self._config.gate_mm)
        new, touching = unexplained(seen, pair_d, tracks)
        pieces: Flags | None = None
        if touching:
            free = np.bincount(pair_t, minlength=len(tracks)) == 0
            found = explain(
                seen[new, at.FOOTPRINT].T, seen[new, at.VIEWS] > 0,
                tracks[:, at.FOOTPRINT].T, tracks[:, at.VIEWS] > 0, free,
            )  # fmt: skip
            track_of = np.where(found.continues >= 0, found.continues, found.again)
            known = track_of >= 0
            pair_d = np.concatenate([pair_d, new[known]])
            pair_t = np.concatenate([pair_t, track_of[known]])
            new = new[~known]
            pieces = found.pieces
        if detections.outlines_mm:
            first = ((seen[pair_d, at.VIEWS] > 0) & (tracks[pair_t, at.VIEWS] == 0)).nonzero()[0]
            self._keep_outlines(tracks[pair_t[first], at.ID], pair_d[first], detections)
        at.add_views(tracks, seen, pair_d, pair_t, off_mm, new_view, self._config.sliding_mm)
        if len(new):
            self._add(new, seen, detections, off_mm)
        if pieces is not None and np.count_nonzero(pieces):
            kept = np.ones(self._count, np.bool_)
            kept[: len(pieces)] = ~pieces
            self._keep(kept)

    def _add(self, which: Indices, seen: Floats, detections: Detections, off_mm: float) -> None:
        """New tracks for these detections."""
        first, last = self._count, self._count + len(which)
        if last > len(self._table):
            self._table = np.concatenate([self._table, np.zeros((last, self._table.shape[1]))])
        fresh = self._table[first:last]
        at.start(fresh, seen, which, self._next_id, off_mm)
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
        end_mm = view_along_mm - self._config.edge_mm
        decide_mm = min(self._config.decide_at * view_along_mm, end_mm - step_mm)
        which = at.take_due(self._tracks(), e - decide_mm, e - end_mm, self._config.line_scan)
        if not len(which):
            return []
        pieces = torn_off(self._tracks(), which)
        self.vanished += int(np.count_nonzero(pieces))
        return self._returned(which[~pieces])

    def _returned(self, which: Indices) -> list[Part]:
        """The parts of these tracks."""
        if not len(which):
            return []
        tracks = self._tracks()
        (
            ids, p_mm, ahead_mm, behind_mm, across_mm, across_min_mm, across_max_mm, area_mm2,
            views, uncertainty_mm, slides, never_whole, across_uncertainty_mm, rolls, disagreeing,
            seen_e, seen_along_mm, seen_across_mm, unknown_share, clump_share,
        ) = estimates(tracks, which, self._config.sliding_mm, self._config.act_at_mm).tolist()  # fmt: skip
        part_ids = list(map(int, ids))
        columns = zip(
            part_ids,
            [p * self._config.counts_per_mm for p in p_mm],
            ahead_mm,
            behind_mm,
            across_mm,
            across_min_mm,
            across_max_mm,
            area_mm2,
            fused_probabilities(tracks, which),
            map(int, views),
            uncertainty_mm,
            map(bool, slides),
            map(bool, never_whole),
            unknown_share,
            clump_share,
            [self._outlines.get(part_id, _NO_OUTLINE) for part_id in part_ids],
            map(bool, rolls),
            across_uncertainty_mm,
            map(int, disagreeing),
            [e * self._config.counts_per_mm for e in seen_e],
            seen_along_mm,
            seen_across_mm,
            mean_measures(tracks, which),
            strict=True,
        )
        return [Part._make(column) for column in columns]

    def _forget(self, e: float, view_along_mm: float) -> None:
        kept, vanished = at.still_there(self._tracks(), e - (view_along_mm + self._config.remember_mm))
        self.vanished += vanished
        self._keep(kept)

    def _keep(self, kept: Flags) -> None:
        """Forgets the other tracks."""
        tracks = self._tracks()
        if self._outlines:
            for part_id in tracks[~kept, at.ID].tolist():
                self._outlines.pop(int(part_id), None)
        self._count = at.keep(tracks, kept)

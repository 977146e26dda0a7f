"""Views of one part in several pictures, brought together in belt coordinates.

A part that lies still does not move in belt coordinates, so association is the nearest neighbour
inside a small gate, however far the belt ran between two pictures. Plain and synchronous: position
comes in as the encoder count, nothing here knows the time.

All tracks live in one table, a row a quantity and a column a track, so that a picture costs a fixed
number of numpy calls. `p` is the belt coordinate in mm: encoder / counts_per_mm - along_mm; it grows
upstream, so a part's downstream edge (`front`) has the smaller p.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from vision.association import explain, nearest_pairs
from vision.camera_config import CameraConfig
from vision.estimate import fused_probabilities, log_probabilities, positions
from vision.parts import Footprints, Part, VisiblePart
from vision.results import Detections
from vision.settings import VisionConfig

_HISTORY = 8  # views kept for position statistics
_ID, _P, _X, _FRONT, _REAR, _X_MIN, _X_MAX, _AREA, _VIEWS, _WHOLE, _RETURNED, _MISSES, _OFF_MM = range(13)
_PLACE = slice(_P, _X_MAX + 1)
_HIST_P, _HIST_X, _HIST_E = 13, 13 + _HISTORY, 13 + 2 * _HISTORY
_LOGP = 13 + 3 * _HISTORY

_OTHER_EDGE_MM = 1e6
_NEW_VIEW_MM = 0.5  # a picture from a belt that moved less shows nothing new
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
        self._table = np.zeros((_LOGP + config.class_count, 64))
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
        if len(detections) and detections.probabilities.shape[1] != self._config.class_count:
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
        if len(detections):
            self._associate(e, detections, view_along_mm, uncertainty_counts, new_view)
        elif not self._count:
            self._last_travel = travel
            return ready
        else:
            self._tracks()[_MISSES] += new_view
        tracks = self._tracks()
        step = max(travel, self._last_travel, 0.0)
        self._last_travel = travel
        front_along = e - tracks[_FRONT]
        end = view_along_mm - self._config.edge_mm
        if self._config.line_scan:
            due = tracks[_RETURNED] == 0
        else:
            last_chance = min(self._config.decide_at * view_along_mm, end - step)
            due = (tracks[_RETURNED] == 0) & (front_along >= np.where(tracks[_WHOLE] > 0, last_chance, end))
        if due.any():
            ready += self._returned(np.flatnonzero(due))
        self._forget(e, view_along_mm, end)
        return ready

    def flush(self) -> list[Part]:
        """Returns every part not returned yet, and forgets all: the end of a recording, a new belt."""
        ready = self._returned(np.flatnonzero(self._tracks()[_RETURNED] == 0))
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
        for track in self._tracks().T:
            probabilities = fused_probabilities(track[_LOGP:, None], track[_VIEWS : _VIEWS + 1])[0]
            best = int(np.argmax(probabilities)) if probabilities.any() else None
            found.append(
                VisiblePart(
                    part_id=int(track[_ID]),
                    along_mm=float(e - track[_P]),
                    across_mm=float(track[_X]),
                    along_min_mm=float(e - track[_REAR]),
                    along_max_mm=float(e - track[_FRONT]),
                    across_min_mm=float(track[_X_MIN]),
                    across_max_mm=float(track[_X_MAX]),
                    label_index=best,
                    probability=0.0 if best is None else float(probabilities[best]),
                    decided=bool(track[_RETURNED]),
                    oversize=not track[_WHOLE],
                    outline_mm=self._outlines.get(int(track[_ID]), np.zeros((0, 2), np.float32)),
                )
            )
        return found

    def footprints(self) -> Footprints:
        """Every part remembered, returned already or not: who may lie in the way of a shot."""
        tracks = self._tracks()
        return Footprints(
            tracks[_ID].astype(np.int64),
            tracks[_FRONT].copy(),
            tracks[_REAR].copy(),
            tracks[_X_MIN].copy(),
            tracks[_X_MAX].copy(),
            tracks[_AREA].copy(),
            fused_probabilities(tracks[_LOGP:], tracks[_VIEWS]),
        )

    def _tracks(self) -> NDArray[np.float64]:
        """The live columns of the table; a view, writing to it writes to the table."""
        return self._table[:, : self._count]

    def _associate(
        self, e: float, detections: Detections, view_along_mm: float, uncertainty_counts: float, new_view: bool
    ) -> None:
        # Rows as in the table: p, across, front, rear, across min and max.
        place = np.empty((6, len(detections)))
        np.subtract(e, detections.along_mm, out=place[0])
        place[1] = detections.across_mm
        np.subtract(e, detections.along_max_mm, out=place[2])
        np.subtract(e, detections.along_min_mm, out=place[3])
        place[4] = detections.across_min_mm
        place[5] = detections.across_max_mm
        whole = ~(detections.cut | detections.oversize)
        off_mm = uncertainty_counts / self._config.counts_per_mm
        if self._config.line_scan or not self._count:
            self._add(np.arange(len(detections)), place, detections, whole, e, off_mm)
            return
        tracks = self._tracks()
        tracks[_MISSES] += new_view
        pair_d, pair_t = self._by_edge(place, detections.cut & (detections.along_mm * 2 > view_along_mm))
        matched = np.zeros(len(detections), np.bool_)
        matched[pair_d] = True
        is_whole = whole[pair_d]
        fused_d, fused_t, again_d, again_t = pair_d[is_whole], pair_t[is_whole], pair_d[~is_whole], pair_t[~is_whole]
        rest = (~matched).nonzero()[0]
        new = rest
        pieces: NDArray[np.bool_] | None = None
        if len(rest):
            free = np.ones(self._count, np.bool_)
            free[pair_t] = False
            known = tracks[_FRONT : _X_MAX + 1]
            found = explain(place[_FRONT - _P :, rest], whole[rest], known, tracks[_WHOLE] > 0, free)
            continues, again = found.continues >= 0, found.again >= 0
            fused_d = np.concatenate([fused_d, rest[continues]])
            fused_t = np.concatenate([fused_t, found.continues[continues]])
            again_d = np.concatenate([again_d, rest[again]])
            again_t = np.concatenate([again_t, found.again[again]])
            new = rest[~(continues | again)]
            pieces = found.pieces
        if len(again_d):
            self._see_cut_again(again_t, place[:, again_d], detections.area_mm2[again_d])
        if len(fused_d):
            self._fuse(fused_d, fused_t, place, detections, e, off_mm, new_view)
        if len(new):
            self._add(new, place, detections, whole, e, off_mm)
        if pieces is not None and pieces.any():
            gone = np.zeros(self._count, np.bool_)
            gone[: len(pieces)] = pieces
            self._remove(gone)

    def _by_edge(
        self, place: NDArray[np.float64], leaving: NDArray[np.bool_]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Pairs (detection, track) by the edge that both views truly show: the downstream one, also of
        a part that is still entering; the upstream one of a part that is leaving."""
        tracks = self._tracks()
        # The two edges are told apart by a distance across that no belt has.
        seen = np.empty((2, len(leaving)))
        seen[0] = np.where(leaving, place[_REAR - _P], place[_FRONT - _P])
        seen[1] = place[_X - _P] + leaving * _OTHER_EDGE_MM
        known = np.empty((2, 2 * self._count))
        known[0, : self._count], known[0, self._count :] = tracks[_FRONT], tracks[_REAR]
        known[1, : self._count], known[1, self._count :] = tracks[_X], tracks[_X] + _OTHER_EDGE_MM
        pair_d, pair_t = nearest_pairs(seen, known, self._config.gate_mm)
        return pair_d, pair_t % self._count

    def _see_cut_again(self, at: NDArray[np.intp], place: NDArray[np.float64], area_mm2: NDArray[np.float64]) -> None:
        """Tracks `at` were seen cut once more: one never seen whole grows by what this view shows."""
        tracks = self._tracks()
        tracks[_MISSES, at] = 0
        part_only = tracks[_WHOLE, at] == 0
        if not part_only.any():
            return
        at, place = at[part_only], place[:, part_only]
        np.minimum.at(tracks[_FRONT], at, place[_FRONT - _P])
        np.maximum.at(tracks[_REAR], at, place[_REAR - _P])
        np.minimum.at(tracks[_X_MIN], at, place[_X_MIN - _P])
        np.maximum.at(tracks[_X_MAX], at, place[_X_MAX - _P])
        np.maximum.at(tracks[_AREA], at, area_mm2[part_only])
        tracks[_P, at] = (tracks[_FRONT, at] + tracks[_REAR, at]) / 2
        tracks[_X, at] = (tracks[_X_MIN, at] + tracks[_X_MAX, at]) / 2

    def _fuse(
        self,
        pair_d: NDArray[np.intp],
        pair_t: NDArray[np.intp],
        place: NDArray[np.float64],
        detections: Detections,
        e: float,
        off_mm: float,
        new_view: bool,
    ) -> None:
        """One whole view more of each of these tracks; unless the belt stood still, then only their first."""
        tracks = self._tracks()
        tracks[_MISSES, pair_t] = 0
        views = tracks[_VIEWS, pair_t]
        first = (views == 0).nonzero()[0]
        if len(first):
            tracks[_WHOLE, pair_t[first]] = 1
            self._keep_outlines(tracks[_ID, pair_t[first]], pair_d[first], detections)
        if not new_view:
            pair_d, pair_t, views = pair_d[first], pair_t[first], views[first]
        slot = views.astype(np.intp) % _HISTORY
        at = place[:, pair_d]
        tracks[_PLACE, pair_t] = at
        tracks[_HIST_P + slot, pair_t] = at[0]
        tracks[_HIST_X + slot, pair_t] = at[1]
        tracks[_HIST_E + slot, pair_t] = e
        views += 1
        tracks[_VIEWS, pair_t] = views
        tracks[_AREA, pair_t] += (detections.area_mm2[pair_d] - tracks[_AREA, pair_t]) / views
        tracks[_LOGP:, pair_t] += log_probabilities(detections.probabilities[pair_d]).T
        if off_mm:
            tracks[_OFF_MM, pair_t] = np.maximum(tracks[_OFF_MM, pair_t], off_mm)

    def _add(
        self,
        which: NDArray[np.intp],
        place: NDArray[np.float64],
        detections: Detections,
        whole: NDArray[np.bool_],
        e: float,
        off_mm: float,
    ) -> None:
        """New columns for these detections."""
        first, last = self._count, self._count + len(which)
        if last > self._table.shape[1]:
            self._table = np.concatenate([self._table, np.zeros((len(self._table), last))], axis=1)
        fresh = self._table[:, first:last]
        fresh[:] = 0
        ids = np.arange(self._next_id, self._next_id + len(which), dtype=np.float64)
        self._next_id += len(which)
        is_whole = whole[which]
        at = place[:, which]
        fresh[_PLACE] = at
        fresh[_AREA] = detections.area_mm2[which]
        fresh[_VIEWS] = is_whole
        fresh[_WHOLE] = is_whole
        fresh[_OFF_MM] = off_mm
        fresh[_HIST_P] = at[0]
        fresh[_HIST_X] = at[1]
        fresh[_HIST_E] = e
        fresh[_LOGP:] = np.where(is_whole, log_probabilities(detections.probabilities[which]).T, 0)
        fresh[_ID] = ids
        self._keep_outlines(ids, which, detections)
        self._count = last

    def _keep_outlines(self, ids: NDArray[np.float64], which: NDArray[np.intp], detections: Detections) -> None:
        if detections.outlines_mm:
            centres = np.stack([detections.along_mm[which], detections.across_mm[which]], axis=1).astype(np.float32)
            for part_id, index, centre in zip(ids.tolist(), which.tolist(), centres, strict=True):
                self._outlines[int(part_id)] = detections.outlines_mm[index] - centre

    def _returned(self, which: NDArray[np.intp]) -> list[Part]:
        """Marks these tracks as returned and makes their parts."""
        if not len(which):
            return []
        tracks = self._tracks()
        tracks[_RETURNED, which] = 1
        chosen = tracks[:, which]
        history = chosen[_HIST_P:_LOGP].reshape(3, _HISTORY, -1)
        found = positions(history, chosen[_VIEWS], self._config.sliding_mm)
        # A part that slides, or was never seen whole, is where it was seen last.
        seen_whole = chosen[_WHOLE] > 0
        last = found.sliding | ~seen_whole
        p_best = np.where(last, chosen[_P], found.p_mm)
        x_best = np.where(last, chosen[_X], found.across_mm)
        uncertainty = np.sqrt(found.spread_mm**2 + chosen[_OFF_MM] ** 2 + (self._config.edge_mm / 4) ** 2)
        probabilities = fused_probabilities(chosen[_LOGP:], chosen[_VIEWS])
        nothing = np.zeros((0, 2), np.float32)
        columns = (
            chosen[_ID].astype(np.int64),
            p_best * self._config.counts_per_mm,
            np.maximum(chosen[_P] - chosen[_FRONT], 0),
            np.maximum(chosen[_REAR] - chosen[_P], 0),
            x_best,
            x_best + chosen[_X_MIN] - chosen[_X],
            x_best + chosen[_X_MAX] - chosen[_X],
            chosen[_AREA],
            chosen[_VIEWS].astype(np.int64),
            uncertainty,
            found.sliding,
            ~seen_whole,
        )
        parts: list[Part] = []
        for values, chances in zip(zip(*(c.tolist() for c in columns), strict=True), probabilities, strict=True):
            part_id, p_counts, ahead, behind, across, left, right, area, views, off, slides, oversize = values
            parts.append(
                Part(
                    part_id, p_counts, ahead, behind, across, left, right, area, chances,
                    views, off, slides, oversize, self._outlines.get(part_id, nothing),
                )
            )  # fmt: skip
        return parts

    def _forget(self, e: float, view_along_mm: float, end: float) -> None:
        tracks = self._tracks()
        left = (tracks[_RETURNED] > 0) & (e - tracks[_REAR] > view_along_mm + self._config.remember_mm)
        gone = (tracks[_RETURNED] == 0) & (tracks[_MISSES] >= _GONE_AFTER * (1 + tracks[_VIEWS]))
        if gone.any():
            self.vanished += int(gone.sum())
            left |= gone
        if left.any():
            self._remove(left)

    def _remove(self, gone: NDArray[np.bool_]) -> None:
        tracks = self._tracks()
        kept = ~gone
        for part_id in tracks[_ID, gone].tolist():
            self._outlines.pop(int(part_id), None)
        remaining = int(kept.sum())
        self._table[:, :remaining] = tracks[:, kept]
        self._count = remaining

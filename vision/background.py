"""What the empty belt looks like, learned while parts lie on it.

The belt runs along the columns, so a column sees the same stretch of it all the time and one colour
describes it. Area scan adds a coarse field of light over the picture (lamps, lens shading). A
camera's automatic exposure moves all colours together and is followed from picture to picture; so are the bands
that a lamp on mains draws into the rows of a line-scan camera or a rolling shutter.
"""

import cv2
import numpy as np
from numpy.typing import NDArray

from vision.belt_samples import exposure_of
from vision.settings import SegmentationConfig

_SAMPLE_ROWS = 24
_COLUMN_PHASES = 2  # a lesson takes every second column
_LESSON_EVERY = 4  # pictures, once the belt is known: it changes slowly
_BLOCK_PX = 32
_CELLS = 12
_EXPOSURE_ROWS = 24
_EXPOSURE_COLUMNS = 50
_NEAR_LEVELS = 30
_NEAR_SHARE = 0.25  # of the sample, from which it shows the belt
_MIN_NOISE = 0.5
_BESIDE_PARTS = np.ones((1, 25), np.uint8)  # pixels along a row around a part from which nothing is learned
_BAND_LEVELS = 3.0  # the least difference between rows that is followed


class _Scratch:
    """Pictures on the way to a mask, made once: fresh memory for each would cost more than what is computed."""

    def __init__(self, shape: tuple[int, int, int]) -> None:
        self.absolute = np.zeros(shape, np.uint8)
        self.channels = [np.zeros(shape[:2], np.uint8) for _ in range(3)]
        self.difference = np.zeros(shape[:2], np.uint8)
        self.mask = np.zeros(shape[:2], np.uint8)


class BeltBackground:
    """Learns the belt's colours from pictures of one size, H x W x 3 uint8, parts in view or not.

    `foreground` of a picture first, then `adapt` with the same picture.
    """

    def __init__(self, settings: SegmentationConfig, *, area_scan: bool) -> None:
        self._settings = settings
        self._area_scan = area_scan
        self._frames = 0
        self._lessons = 0
        self._belt: NDArray[np.float32] = np.zeros((0, 3), np.float32)
        self._field: NDArray[np.float32] = np.zeros((_CELLS, _CELLS, 3), np.float32)
        self._noise_mean: NDArray[np.float32] = np.zeros(0, np.float32)
        self._noise_var: NDArray[np.float32] = np.zeros(0, np.float32)
        self._bare_at_frame: NDArray[np.int32] = np.zeros(0, np.int32)
        # What is expected, as painted: the float model above moves it only by whole grey levels.
        self._picture = np.zeros((0, 0, 3), np.uint8)
        self._expected = self._picture  # with the bands of the newest picture
        self._threshold = np.zeros((0, 0), np.uint8)
        self._scratch = _Scratch((0, 0, 3))
        self._painted_belt: NDArray[np.float32] = self._belt
        self._painted_field: NDArray[np.float32] = self._field

    def foreground(self, color: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """The raw foreground mask of a picture, H x W uint8, 255 where it differs from the belt.

        The next call overwrites it.
        """
        if len(self._belt) != color.shape[1]:
            self._start(color)
        elif self._picture.shape != color.shape:
            self._paint(color.shape[0])
        self._follow_exposure(color)
        self._compare(color)
        cv2.compare(self._scratch.difference, self._threshold, cv2.CMP_GT, self._scratch.mask)
        return self._scratch.mask

    def adapt(self, color: NDArray[np.uint8], mask: NDArray[np.uint8]) -> None:
        """Moves the colours towards the bare belt of this picture: where `mask` (H x W) is 0.

        A belt that is known is looked at every few pictures only, and then moves as far as in all of them.
        """
        settings = self._settings
        self._frames += 1
        if self._frames <= settings.learn_frames:
            rate = max(settings.adapt_rate, 1.0 / (1 + self._frames // _COLUMN_PHASES))
        elif self._frames % _LESSON_EVERY == 0:
            rate = 1 - (1 - settings.adapt_rate) ** _LESSON_EVERY
        else:
            return
        step = max(1, color.shape[0] // _SAMPLE_ROWS)
        rows = slice((self._lessons * 7) % step, None, step)
        columns = slice(self._lessons % _COLUMN_PHASES, None, _COLUMN_PHASES)
        self._lessons += 1
        sample = color[rows, columns]
        covered = np.ascontiguousarray(mask[rows])
        seen_bare = (covered[:, columns] == 0).sum(axis=0)
        # Not from a part's shadow, nor from its face where that has the belt's colour: it would widen the noise and
        # pull the belt's colour towards the parts'.
        bare = (cv2.dilate(covered, _BESIDE_PARTS)[:, columns] == 0).astype(np.float32)
        residual = _signed_difference(sample, self._expected[rows, columns]) * bare[..., None]
        bare_rows = bare.sum(axis=0)
        enough = bare_rows * 4 >= len(sample)
        mean = residual.sum(axis=0) / np.maximum(bare_rows, 1)[:, None]
        self._belt[columns] += np.where(enough[:, None], rate * mean, 0)
        if self._area_scan:
            left = _resized(residual - mean * bare[..., None], _CELLS, _CELLS, cv2.INTER_AREA)
            share = _resized(bare, _CELLS, _CELLS, cv2.INTER_AREA)
            self._field += rate * np.where(share > 0.25, 1 / np.maximum(share, 0.25), 0)[..., None] * left
        self._learn_noise(self._scratch.difference[rows, columns], bare, columns, rate, enough)
        self._relearn_covered(color, columns, seen_bare * 20 < len(sample))
        if self._has_moved():
            self._paint(color.shape[0])

    def _start(self, color: NDArray[np.uint8]) -> None:
        """First estimate from one picture: the commonest colour of every block of columns."""
        rows, width = color.shape[:2]
        sample = color[:: max(1, rows // (4 * _SAMPLE_ROWS))].astype(np.float32)
        starts = range(0, width, _BLOCK_PX)
        blocks = np.array([_commonest_colour(sample[:, s : s + _BLOCK_PX].reshape(-1, 3)) for s in starts], np.float32)
        usual = _running_median(blocks, 9)
        strange = np.abs(blocks - usual).max(axis=1) > _NEAR_LEVELS / 2
        blocks[strange] = usual[strange]
        centres = [s + min(_BLOCK_PX, width - s) / 2 - 0.5 for s in starts]
        at = np.arange(width, dtype=np.float64)
        self._frames = self._lessons = 0
        self._belt = np.stack([np.interp(at, centres, blocks[:, c]) for c in range(3)], axis=1).astype(np.float32)
        self._field = _first_field(sample - self._belt) if self._area_scan else np.zeros_like(self._field)
        self._bare_at_frame = np.zeros(width, np.int32)
        self._noise_mean = np.full(width, 0.0, np.float32)
        self._noise_var = np.full(width, 0.0, np.float32)
        self._paint(rows)
        self._compare(color)
        noise = self._scratch.difference[:: max(1, rows // _SAMPLE_ROWS)]
        middle = float(np.median(noise))
        spread = max(_MIN_NOISE, 1.48 * float(np.median(np.abs(noise - middle))))
        self._noise_mean = np.full(width, middle, np.float32)
        self._noise_var = np.full(width, spread**2, np.float32)
        self._paint(rows)

    def _compare(self, color: NDArray[np.uint8]) -> None:
        """Absolute difference summed over the channels (saturating), averaged over 3 x 3 pixels, which
        takes two thirds of the sensor's noise away."""
        scratch = self._scratch
        blue, green, red = scratch.channels
        cv2.absdiff(color, self._expected, scratch.absolute)
        cv2.split(scratch.absolute, scratch.channels)
        cv2.add(blue, green, blue)
        cv2.add(blue, red, blue)
        cv2.blur(blue, (3, 3), scratch.difference)

    def _follow_exposure(self, color: NDArray[np.uint8]) -> None:
        """Moves all colours by the median difference of the pixels that still look like belt, and expects this
        picture's bands."""
        self._expected = self._picture
        rows = slice(self._frames % 7, None, max(1, color.shape[0] // _EXPOSURE_ROWS))
        columns = slice(self._frames % 5, None, max(1, color.shape[1] // _EXPOSURE_COLUMNS))
        sample, expected = color[rows, columns], self._picture[rows, columns]
        near, shift, brighter, is_near = exposure_of(sample, expected, _NEAR_LEVELS, _NEAR_SHARE)
        if near < _NEAR_SHARE * is_near.size:
            return
        if shift.any():
            shift = shift.astype(np.float32)
            self._belt += shift
            self._painted_belt = self._painted_belt + shift
            cv2.add(self._picture, np.append(shift, 0).astype(np.float64), self._picture)  # a cv2 scalar
        self._expect_bands(brighter, is_near, rows)

    def _expect_bands(self, brightness: NDArray[np.float64], near: NDArray[np.bool_], rows: slice) -> None:
        """Adds to the expected picture what whole rows of it are brighter or darker.

        `brightness` [R, C] is the sampled rows' difference, `near` what of it may be belt.
        """
        count = near.sum(axis=1)
        level = (brightness * near).sum(axis=1) / np.maximum(count, 1)
        enough = np.flatnonzero(count * 4 >= near.shape[1])
        if len(enough) < 2 or np.ptp(level[enough]) < _BAND_LEVELS:
            return
        # A mean may have been drawn by parts; the median of what is near says whether these are bands.
        level = np.nanmedian(np.where(near, brightness, np.nan)[enough], axis=1)
        level = _running_median(level[:, None].astype(np.float32), 5)[:, 0]  # a seam that lies along a row is no band
        if np.ptp(level) < _BAND_LEVELS:
            return
        height, width = self._picture.shape[:2]
        at = np.arange(height)
        steps = np.rint(np.interp(at, at[rows][enough], level)).astype(np.int16)
        lines = np.repeat(np.stack([np.maximum(steps, 0), np.maximum(-steps, 0)]).astype(np.uint8), 3 * width, axis=1)
        brighter, darker = lines.reshape(2, height, width, 3)
        self._expected = np.asarray(cv2.subtract(cv2.add(self._picture, brighter), darker), np.uint8)

    def _learn_noise(
        self,
        difference: NDArray[np.uint8],
        bare: NDArray[np.float32],
        columns: slice,
        rate: float,
        enough: NDArray[np.bool_],
    ) -> None:
        """Mean and variance of the bare belt's summed difference, per column."""
        count = np.maximum(bare.sum(axis=0), 1)
        mean = (difference * bare).sum(axis=0) / count
        var = (((difference - mean) ** 2) * bare).sum(axis=0) / count
        self._noise_mean[columns] += np.where(enough, rate * (mean - self._noise_mean[columns]), 0)
        self._noise_var[columns] += np.where(enough, rate * (var - self._noise_var[columns]), 0)

    def _relearn_covered(self, color: NDArray[np.uint8], columns: slice, covered: NDArray[np.bool_]) -> None:
        """A column that shows no belt for longer than learning takes was learned from a part, or the
        light changed for good: it is learned anew."""
        self._bare_at_frame[columns][~covered] = self._frames
        stuck = self._frames - self._bare_at_frame[columns] > self._settings.learn_frames
        if stuck.any():
            step = max(1, color.shape[0] // _SAMPLE_ROWS)
            found = np.median(color[::step, columns][:, stuck], axis=0)
            at = np.flatnonzero(stuck) * _COLUMN_PHASES + columns.start
            self._belt[at] = found
            self._bare_at_frame[at] = self._frames

    def _has_moved(self) -> bool:
        belt = np.abs(self._belt - self._painted_belt).max(initial=0.0)
        field = np.abs(self._field - self._painted_field).max(initial=0.0)
        return bool(belt > 0.75 or field > 0.75)

    def _paint(self, rows: int) -> None:
        """Paints the expected picture and its threshold."""
        width = len(self._belt)
        if self._scratch.mask.shape != (rows, width):
            self._scratch = _Scratch((rows, width, 3))
        if self._area_scan:
            bands = _resized(self._field, width, _CELLS, cv2.INTER_LINEAR) + self._belt
            bands = np.clip(np.rint(bands), 0, 255).astype(np.uint8)
            self._picture = cv2.resize(bands, (width, rows), interpolation=cv2.INTER_LINEAR).astype(
                np.uint8, copy=False
            )
        else:
            line = np.clip(np.rint(self._belt), 0, 255).astype(np.uint8)
            self._picture = np.ascontiguousarray(np.broadcast_to(line, (rows, width, 3)))
        self._expected = self._picture
        spread = np.sqrt(np.maximum(self._noise_var, _MIN_NOISE**2))
        level = self._noise_mean + self._settings.noise_sigmas * spread + self._settings.contrast
        line = np.clip(cv2.blur(level[None], (_BLOCK_PX, 1)), 0, 254).astype(np.uint8)
        self._threshold = np.ascontiguousarray(np.broadcast_to(line, (rows, width)))
        self._painted_belt = self._belt.copy()
        self._painted_field = self._field.copy()


def _signed_difference(color: NDArray[np.uint8], picture: NDArray[np.uint8]) -> NDArray[np.float32]:
    return cv2.subtract(color, picture, dtype=cv2.CV_32F).astype(np.float32, copy=False)


def _resized(values: NDArray[np.float32], width: int, height: int, method: int) -> NDArray[np.float32]:
    return cv2.resize(values, (width, height), interpolation=method).astype(np.float32, copy=False)


def _first_field(residual: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median residual of every cell of the picture, from the pixels near the belt's colour."""
    field = np.zeros((_CELLS, _CELLS, 3), np.float32)
    for row, band in enumerate(np.array_split(residual, _CELLS)):
        for column, cell in enumerate(np.array_split(band, _CELLS, axis=1)):
            values = cell.reshape(-1, 3)
            near = values[np.abs(values).max(axis=1, initial=0) < _NEAR_LEVELS]
            if len(near) * 2 >= max(1, len(values)):
                field[row, column] = np.median(near, axis=0)
    # Light changes slowly; a cell unlike those around it is filled by a part.
    padded = np.pad(field, ((2, 2), (2, 2), (0, 0)), mode="edge")
    around = np.lib.stride_tricks.sliding_window_view(padded, (5, 5), axis=(0, 1))
    return np.median(around, axis=(-2, -1)).astype(np.float32)


def _commonest_colour(pixels: NDArray[np.float32]) -> NDArray[np.float32]:
    """Median of the pixels, N x 3, whose brightness is nearest to the commonest brightness."""
    brightness = pixels.mean(axis=1)
    histogram = np.bincount((brightness / 4).astype(np.intp), minlength=66).astype(np.float64)
    mode = float(np.argmax(np.convolve(histogram, np.ones(3), mode="same"))) * 4 + 2
    return np.median(pixels[np.abs(brightness - mode) <= 8], axis=0).astype(np.float32)


def _running_median(values: NDArray[np.float32], width: int) -> NDArray[np.float32]:
    """Median over `width` neighbours along the first axis, edges repeated: N x 3."""
    padded = np.pad(values, ((width // 2, width // 2), (0, 0)), mode="edge")
    windows = np.lib.stride_tricks.sliding_window_view(padded, width, axis=0)
    return np.median(windows, axis=-1).astype(np.float32)

"""From looks at pictures and from decided parts to metrics with a state each. Plain: time comes in as an argument."""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import log, sqrt
from typing import Literal

from vision.health_config import HealthConfig, HighLimits, Limits
from vision.results import PictureSample

State = Literal["learning", "ok", "warn", "alarm"]
Level = Literal["ok", "warn", "alarm"]

_LOOKS = 40
"""Looks whose mean is a metric: parts differ in how sharp their edges are, by 40 % from look to look."""

_FEWEST_LOOKS = 8
_FEWEST_PARTS = 50
_PSEUDO_COUNT = 0.5
_CHANCE_Z = 3.09
"""Quantile 0.999 of the standard normal distribution."""


@dataclass(frozen=True, slots=True)
class Metric:
    """A value now (None while there is none), its state, and its limits (None where it has none)."""

    value: float | None
    state: State
    warn: float | None
    alarm: float | None


@dataclass(frozen=True, slots=True)
class HealthAlarm:
    """A limit that is not kept: stable code, one sentence, and whether it is only a warning."""

    code: str
    text: str
    level: Literal["warn", "alarm"]


class LimitWatch:
    """One metric against its limits: hysteresis, and a delay before every change of state."""

    def __init__(self, limits: Limits | None) -> None:
        self.limits = limits
        self.level: Level = "ok"
        self._coming: Level = "ok"
        self._since_s = 0.0

    def update(self, value: float, now_s: float) -> Level:
        """The state, the metric being `value` at `now_s` (never before the last one)."""
        if self.limits is None:
            return "ok"
        wanted = self._wanted(value, self.limits)
        if wanted != self._coming:
            self._coming, self._since_s = wanted, now_s
        if wanted != self.level and now_s - self._since_s >= self.limits.for_s:
            self.level = wanted
        return self.level

    def _wanted(self, value: float, limits: Limits) -> Level:
        """A limit that is broken stays so until the value is back by the hysteresis."""
        sign = 1 if isinstance(limits, HighLimits) else -1
        warned, alarmed = self.level != "ok", self.level == "alarm"

        def beyond(limit: float, broken: bool) -> bool:
            return sign * value > sign * limit * (1 - sign * limits.hysteresis * broken)

        if beyond(limits.alarm, alarmed):
            return "alarm"
        return "warn" if beyond(limits.warn, warned) else "ok"


def population_stability_index(now: Sequence[float], reference: Sequence[float]) -> float:
    """PSI = sum over classes of (a - e) ln(a / e), a and e the shares now and in the reference (Siddiqi, Credit Risk
    Scorecards, 2006). Both are counts; half a part is added to each class, so that an empty one has a share."""
    classes = len(now)
    total_now, total_reference = (sum(counts) + classes * _PSEUDO_COUNT for counts in (now, reference))
    psi = 0.0
    for count, expected in zip(now, reference, strict=True):
        a, e = (count + _PSEUDO_COUNT) / total_now, (expected + _PSEUDO_COUNT) / total_reference
        psi += (a - e) * log(a / e)
    return psi


def psi_of_chance(classes: int, now: float, reference: float) -> float:
    """What PSI reaches in one of a thousand windows by chance alone, the mix being the same: PSI is distributed
    as (1/now + 1/reference) chi-squared of classes - 1 degrees (Yurdakul, Statistical Properties of Population
    Stability Index, 2018); the quantile by Wilson and Hilferty's approximation (1931)."""
    degrees = max(classes - 1, 1)
    k = 2 / (9 * degrees)
    return degrees * (1 - k + _CHANCE_Z * sqrt(k)) ** 3 * (1 / now + 1 / reference)


_TEXTS: Mapping[str, tuple[str, str]] = {
    "focus": ("vision.out_of_focus", "Edges of parts are {value:.0%} as sharp as they were."),
    "motion_blur": ("vision.motion_blur", "Edges are smeared along the belt: {value:.0%} as sharp as they were."),
    "too_dark": ("vision.too_dark", "The belt is {value:.0%} as bright as in its reference."),
    "too_bright": ("vision.too_bright", "The belt is {value:.0%} as bright as in its reference."),
    "saturated": ("vision.saturated", "{value:.0%} of the picture is at its brightest, where nothing can be told."),
    "patch_drift": (
        "vision.patch_drift",
        "The reference patch differs from its calibration by {value:.0f} grey levels.",
    ),
    "stale_frames": ("vision.stale_frames", "{value:.0%} of the frames are repeated or out of order."),
    "unknown_rate": ("vision.unknown_rate", "{value:.0%} of the newest parts are explained by no class."),
    "class_mix": ("vision.class_mix", "The mix of classes is not the usual one (PSI {value:.2f})."),
    "parts_per_frame": ("vision.crowded", "{value:.0f} parts are in view at a time."),
}


class HealthMonitor:
    """The health of one camera's vision: `picture` and `part` as they come, `metrics` and `alarms` when asked.

    Memory is bounded by `class_mix.window_parts`.
    """

    def __init__(self, config: HealthConfig, labels: Sequence[str]) -> None:
        self._config = config
        self._labels = tuple(labels)
        limits: dict[str, Limits | None] = {
            "focus": config.focus,
            "motion_blur": config.motion_blur,
            "too_dark": config.too_dark,
            "too_bright": config.too_bright,
            "saturated": config.saturated,
            "patch_drift": config.patch_drift,
            "stale_frames": config.stale_frames,
            "unknown_rate": config.unknown_rate,
            "class_mix": config.class_mix.limits,
            "parts_per_frame": config.parts_per_frame,
        }
        if config.patch is None:
            del limits["patch_drift"]
        self._watches = {name: LimitWatch(limit) for name, limit in limits.items()}
        self._values: dict[str, float | None] = dict.fromkeys(self._watches)
        self._raised: Counter[str] = Counter()
        self._looks: deque[PictureSample] = deque(maxlen=_LOOKS)
        self._learned = {
            "brightness": _Reference(config.brightness_reference, config.learn_looks),
            "focus": _Reference(config.focus_reference, config.learn_looks),
            "across": _Reference(None, config.learn_looks),
            "along": _Reference(None, config.learn_looks),
        }
        self._window: deque[int] = deque(maxlen=config.class_mix.window_parts)
        self._in_window: Counter[int] = Counter()
        self._unknown: deque[bool] = deque(maxlen=config.class_mix.window_parts)
        self._mix_learned: Counter[int] | None = None if config.class_mix.reference else Counter()

    def picture(self, sample: PictureSample, now_s: float) -> None:
        """A look at a picture, at loop time `now_s`."""
        self._looks.append(sample)
        self._learned["brightness"].learn(sample.belt_level)
        if sample.sharp_across is not None and sample.sharp_along is not None:
            self._learned["focus"].learn(sample.sharp_across)
            self._learned["across"].learn(sample.sharp_across)
            self._learned["along"].learn(sample.sharp_along)
        looks = self._looks
        sharp = [
            (s.sharp_across, s.sharp_along) for s in looks if s.sharp_across is not None and s.sharp_along is not None
        ]
        brightness = self._learned["brightness"].share(_mean([s.belt_level for s in looks]))
        mean_across = _mean([a for a, _ in sharp])
        mean_along = _mean([a for _, a in sharp])
        self._set("too_dark", brightness, now_s)
        self._set("too_bright", brightness, now_s)
        self._set("saturated", _mean([s.saturated for s in looks]), now_s)
        across, along = self._learned["across"].share(mean_across), self._learned["along"].share(mean_along)
        self._set("motion_blur", None if across is None or along is None else along / max(across, 1e-6), now_s)
        self._set("focus", self._learned["focus"].share(mean_across), now_s)
        self._set("parts_per_frame", _mean([float(s.parts) for s in looks]), now_s)
        self._set("patch_drift", self._patch_drift(), now_s)
        first, last = looks[0], looks[-1]
        if len(looks) > 1 and last.frames > first.frames:
            self._set("stale_frames", (last.stale_frames - first.stale_frames) / (last.frames - first.frames), now_s)

    def part(self, label_index: int, unknown: bool, now_s: float) -> None:
        """A part was decided on at loop time `now_s`: its best class, and whether it counts as unknown."""
        self._unknown.append(unknown)
        self._set("unknown_rate", _mean(self._unknown, _FEWEST_PARTS), now_s)
        if unknown:
            return
        learned = self._mix_learned
        if learned is not None and learned.total() < self._config.class_mix.learn_parts:
            learned[label_index] += 1
            return
        if len(self._window) == self._window.maxlen:
            self._in_window[self._window[0]] -= 1
        self._window.append(label_index)
        self._in_window[label_index] += 1
        if len(self._window) == self._window.maxlen:
            self._set("class_mix", self._class_mix(), now_s)

    def metrics(self) -> dict[str, Metric]:
        """Every metric by name."""
        return {
            name: Metric(
                None if (value := self._values[name]) is None else round(value, 4),
                "learning" if value is None else watch.level,
                None if watch.limits is None else watch.limits.warn,
                None if watch.limits is None else watch.limits.alarm,
            )
            for name, watch in self._watches.items()
        }

    def alarms(self) -> list[HealthAlarm]:
        """What is not kept now, in the order of the metrics."""
        return [
            HealthAlarm(code, text.format(value=self._values[name]), watch.level)
            for name, watch in self._watches.items()
            if watch.level != "ok" and not (name == "focus" and self._watches["motion_blur"].level != "ok")
            for code, text in [_TEXTS[name]]
        ]

    @property
    def raised(self) -> dict[str, int]:
        """How often each code was raised since the start, warnings and alarms together."""
        return dict(self._raised)

    @property
    def references(self) -> dict[str, float | None]:
        """What was learned, or configured, of a good picture, for the configuration."""
        return {
            "brightness_reference": self._learned["brightness"].value,
            "focus_reference": self._learned["focus"].value,
        }

    def _set(self, name: str, value: float | None, now_s: float) -> None:
        if value is None or name not in self._watches:
            return
        watch = self._watches[name]
        before = watch.level
        self._values[name] = value
        if watch.update(value, now_s) != "ok" and before == "ok":
            self._raised[_TEXTS[name][0]] += 1

    def _patch_drift(self) -> float | None:
        patch = self._config.patch
        seen = [s.patch_bgr for s in self._looks if s.patch_bgr is not None]
        if patch is None or len(seen) < _FEWEST_LOOKS:
            return None
        newest = seen[-_FEWEST_LOOKS:]
        return max(abs(sum(s[c] for s in newest) / len(newest) - patch.bgr[c]) for c in range(3))

    def _class_mix(self) -> float:
        """PSI of the window, 0 where chance alone explains it."""
        configured = self._config.class_mix.reference
        known = range(len(self._labels))
        if configured is not None:
            # As if seen in so many parts: a class that it does not name may then be mistaken for now and then.
            scale = self._config.class_mix.learn_parts / sum(configured.values())
            reference = [configured.get(label, 0.0) * scale for label in self._labels]
        else:
            assert self._mix_learned is not None
            reference = [float(self._mix_learned[k]) for k in known]
        now = [float(self._in_window[k]) for k in known]
        occupied = [k for k in known if now[k] or reference[k]]
        psi = population_stability_index([now[k] for k in occupied], [reference[k] for k in occupied])
        return psi if psi > psi_of_chance(len(occupied), sum(now), sum(reference)) else 0.0


class _Reference:
    """A value given, or the mean of the first ones."""

    def __init__(self, given: float | None, learn: int) -> None:
        self.value = given
        self._learn = learn
        self._seen: list[float] = []

    def learn(self, value: float | None) -> None:
        if self.value is None and value is not None:
            self._seen.append(value)
            if len(self._seen) >= self._learn:
                self.value = sum(self._seen) / len(self._seen)

    def share(self, value: float | None) -> float | None:
        return None if value is None or self.value is None else value / max(self.value, 1e-6)


def _mean(values: Sequence[float], fewest: int = _FEWEST_LOOKS) -> float | None:
    return sum(values) / len(values) if len(values) >= fewest else None

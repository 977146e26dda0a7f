"""What a camera hands over: named channels and the encoder count latched at exposure."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

EncoderBasis = Literal["latched", "estimated"]


@dataclass(frozen=True, slots=True)
class EncoderStamp:
    """The belt's encoder when a frame was exposed.

    `count` is the raw 32-bit counter of the wire, 0 <= count < 2**32; it wraps. `basis` says how it
    was obtained: "latched" by hardware at exposure, or "estimated" from a stated speed, then good to
    +- `uncertainty_counts`.
    """

    count: int
    basis: EncoderBasis
    uncertainty_counts: float = 0.0


@dataclass(frozen=True, slots=True)
class Frame:
    """One picture of the belt.

    `channels["color"]` is H x W x 3 uint8, BGR; `channels["height"]`, where there is one, H x W
    float32 in mm; `channels["mass"]`, where readings of an in-line scale came since the frame before, R x 2
    float32 (`vision.weighing`). Row 0 is the downstream edge for every geometry: what enters the view last is in
    the last row. Column 0 is the belt's left edge seen in transport direction.

    `encoder` is the count at which the belt stood when the LAST row lay on the camera's datum line
    (for area scan: the moment of exposure; for line scan: the moment of the strip's last line).
    `captured_at_s` is monotonic (the event loop's clock), for latency and liveness only.
    `sequence` counts exposures of this source from 0; a gap is lost frames.
    """

    channels: Mapping[str, NDArray[Any]]
    encoder: EncoderStamp
    captured_at_s: float
    sequence: int

    @property
    def color(self) -> NDArray[np.uint8]:
        """The colour channel, H x W x 3 uint8 BGR."""
        return self.channels["color"]


def count_difference(later: int, earlier: int) -> int:
    """Signed distance in counts between two raw 32-bit counters, in -2**31 .. 2**31 - 1."""
    return (later - earlier + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000


def unwrap_count(raw: int, reference: int) -> int:
    """The unwrapped (64-bit) count that equals `raw` modulo 2**32 and lies nearest to `reference`."""
    return reference + count_difference(raw, reference & 0xFFFF_FFFF)

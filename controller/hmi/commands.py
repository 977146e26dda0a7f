"""What the HMI may ask of the runtime, typed: to say what a part is. Nothing here moves anything.

On the socket a command goes up as u32 big-endian length and the JSON of an `Envelope`; its `Reply` comes down between
the snapshots, told from them by the highest bit of its length.
"""

from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from controller.odd_store import LABEL

Label = Annotated[str, Field(pattern=f"^{LABEL.pattern}$")]
"""A class id, known or new."""

REPLY_BIT = 0x8000_0000
LONGEST_COMMAND_BYTES = 4096


class LabelOddPart(BaseModel, frozen=True, extra="forbid", strict=True):
    """An odd part that was kept is a `label`."""

    kind: Literal["label_odd_part"]
    odd_id: int = Field(ge=1)
    label: Label


class LabelPart(BaseModel, frozen=True, extra="forbid", strict=True):
    """A part that was decided on is a `label`: keep its picture as one."""

    kind: Literal["label_part"]
    part_id: int = Field(ge=1)
    label: Label


Command = Annotated[LabelOddPart | LabelPart, Field(discriminator="kind")]


class Envelope(BaseModel, frozen=True, extra="forbid", strict=True):
    """A command and the number that its reply bears."""

    number: int = Field(ge=0)
    command: Command


class Reply(BaseModel, frozen=True, extra="forbid", strict=True):
    """Whether it was done: the odd part's id, or the error's code, sentence and remedy."""

    number: int
    odd_id: int | None = None
    code: str = ""
    message: str = ""
    remedy: str = ""


OnCommand = Callable[[LabelOddPart | LabelPart], Awaitable[int]]
"""Does a command and gives the odd part's id, or raises a SenbetsuError that says why not."""

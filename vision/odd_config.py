"""The `vision.odd_parts:` part of the configuration: which parts are kept as pictures to label and teach."""

from pydantic import BaseModel, Field


class OddPartsConfig(BaseModel, frozen=True, extra="forbid"):
    """Where crops of odd parts go, how many and how often."""

    folder: str = Field(
        min_length=1,
        title="Folder",
        description="Where they are kept, relative to this file; made where it is missing.",
    )
    keep: int = Field(
        default=500,
        ge=1,
        le=20_000,
        title="Keep",
        description="Most parts kept: the oldest unlabelled one gives way; labelled ones stay, and a folder full of "
        "them takes no more.",
    )
    per_minute: float = Field(
        default=10.0, gt=0, le=600, title="A minute", description="Most odd parts taken a minute, the first that come."
    )
    margin: float = Field(
        default=0.2,
        ge=0,
        le=1,
        title="Margin",
        description="A part whose best class is less than this ahead of the second one is odd.",
    )
    picture_memory_mb: float = Field(
        default=200.0,
        gt=0,
        le=16_000,
        title="Picture memory",
        description="Memory for the newest pictures, from which crops are cut; 200 MB are 65 of 1600 x 640 pixels.",
    )

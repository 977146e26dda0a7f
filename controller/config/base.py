"""What every section of ours has in common."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Section(BaseModel):
    """Frozen, no unknown keys, no NaN and no infinity."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Text = Annotated[str, Field(pattern=r"^\S", max_length=64)]
"""A name for people to read, in any language."""

OutletId = Annotated[str, Field(pattern=r"^[^\s.]+$", max_length=64)]
"""A name that is also a key in results: no spaces, no dots."""

ClassId = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$", max_length=64)]

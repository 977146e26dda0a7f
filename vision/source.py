"""The seam to cameras (contract): an async context manager that iterates frames.

A backend is a class with a pydantic model `Config` (its part of the configuration, which has a
literal field `backend`) and a constructor that takes it with the common camera settings. It is
registered by the entry point group `senbetsu.frame_sources`; built-ins register the same way.
"""

from collections.abc import AsyncIterator
from types import TracebackType
from typing import Protocol, Self

from vision.frame import Frame


class FrameSource(Protocol):
    """A camera, a file, a recording or the simulated plant.

    Iteration ends (StopAsyncIteration) when the source is exhausted (a video ends). A source that
    is lost raises `senbetsu_errors.Retryable` from iteration; a setting that can never work raises
    `NeedsOperator` or `Fatal` from `__aenter__`. `dropped` counts frames the source knows it lost.
    """

    dropped: int

    async def __aenter__(self) -> Self: ...

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

    def __aiter__(self) -> AsyncIterator[Frame]: ...

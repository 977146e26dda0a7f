"""Loops that numba compiles to machine code: what numpy would need dozens of small calls a picture for.

Types are given with each, so that the code is compiled (or, from the second start on, loaded) when its
module is imported, before a line runs, and never while it runs: an array of another kind is refused.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

from numba import njit, types  # pyright: ignore[reportMissingTypeStubs]

_F = TypeVar("_F", bound=Callable[..., Any])

F8: Any = types.float64
I8: Any = types.int64
BOOL: Any = types.boolean
TABLE: Any = types.Array(F8, 2, "C")
CHANCES: Any = types.Array(types.float32, 2, "C")
FLOATS: Any = types.Array(F8, 1, "C")
INDICES: Any = types.Array(I8, 1, "C")
FLAGS: Any = types.Array(BOOL, 1, "C")
CORNERS: Any = types.Array(I8, 2, "C")
POINTS: Any = types.Array(types.int32, 2, "C")
PICTURE: Any = types.Array(types.uint8, 3, "C", readonly=True)
CROPS: Any = types.Array(types.uint8, 4, "C")
FLAG_TABLE: Any = types.Array(BOOL, 2, "C")
WRITABLE_BYTES: Any = types.Array(types.uint8, 2, "C")
BYTES: Any = types.Array(types.uint8, 2, "C", readonly=True)
# Only read, and of any layout:
COLUMN: Any = types.Array(F8, 1, "A", readonly=True)
FLAG_COLUMN: Any = types.Array(BOOL, 1, "A", readonly=True)
SAMPLE: Any = types.Array(types.uint8, 3, "A", readonly=True)
F4_ROWS: Any = types.Array(types.float32, 2, "A", readonly=True)


def compiled(returns: Any, *takes: Any) -> Callable[[_F], _F]:
    """A function of these types; a tuple of types is returned as a tuple, None as nothing.

    Strict IEEE arithmetic: equal input, equal bits.
    """
    signature = (types.Tuple(returns) if isinstance(returns, tuple) else returns or types.void)(*takes)

    def compile_now(function: _F) -> _F:
        try:
            return cast("_F", njit(signature, cache=True)(function))
        except RuntimeError:  # nowhere to keep the compiled code: it is compiled at every start
            return cast("_F", njit(signature)(function))

    return compile_now

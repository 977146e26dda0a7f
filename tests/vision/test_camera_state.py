"""Where a camera stands: each loss and recovery told once, waits that double, downtime that adds up."""

import math
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from senbetsu_errors import Retryable
from vision.camera_state import FIRST_RETRY_S, LONGEST_RETRY_S, CameraChange, CameraState, CameraWatch

STEPS = st.lists(st.tuples(st.booleans(), st.floats(0.001, 100)))
"""Whether a frame came (or an attempt failed), and how long after the step before."""


@given(STEPS)
def test_changes_alternate_and_downtime_is_the_time_between_loss_and_recovery(steps: list[tuple[bool, float]]) -> None:
    watch = CameraWatch(0.0)
    at_s = 0.0
    changes: list[CameraChange] = [watch.newest]
    for delivered, pause_s in steps:
        at_s += pause_s
        error = Retryable("camera.lost", f"gone at {at_s}")
        change = watch.delivered(at_s) if delivered else watch.lost(error, at_s)[0]
        assert (change is None) == (changes[-1].state is (CameraState.DELIVERING if delivered else CameraState.LOST))
        if change is not None:
            assert change is watch.newest
            assert bool(change.reason) == (not delivered)
            changes.append(change)
    downtime_s = reopened = 0
    for before, after in pairwise(changes):
        if (before.state, after.state) == (CameraState.LOST, CameraState.DELIVERING):
            downtime_s += after.at_s - before.at_s
            reopened += 1
        assert after.reopened == reopened
        assert math.isclose(after.downtime_s, downtime_s, abs_tol=1e-9)


def test_waits_double_up_to_the_longest_and_begin_anew_after_a_frame() -> None:
    watch = CameraWatch(0.0)
    waits = [watch.lost(Retryable("camera.lost", "gone"), float(n))[1] for n in range(7)]
    assert waits == [FIRST_RETRY_S * 2**n for n in range(5)] + [LONGEST_RETRY_S, LONGEST_RETRY_S]
    watch.delivered(10.0)
    assert watch.lost(Retryable("camera.lost", "gone"), 11.0)[1] == FIRST_RETRY_S


def test_an_end_keeps_the_account() -> None:
    watch = CameraWatch(0.0)
    watch.delivered(1.0)
    watch.lost(Retryable("camera.lost", "gone"), 2.0)
    watch.delivered(5.0)
    assert watch.ended(6.0) == CameraChange(CameraState.ENDED, "", 6.0, 1, 3.0)

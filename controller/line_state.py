"""What the line is doing, as one word and why. Pure; PackML comes with the operators' issue."""

from dataclasses import dataclass
from enum import Enum

from plc_bridge.contract import LineCommand, LineFlags
from plc_bridge.link import LinkState


class LineState(Enum):
    """The states a line goes through, and the two in which it waits for a device."""

    WAITING_FOR_PLC = "waiting for PLC"
    WAITING_FOR_CAMERA = "waiting for camera"
    NOT_READY = "not ready"
    RUNNING = "running"
    CLEARING = "clearing"
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True)
class Conditions:
    """All that the state follows from. `flags` is None while no status has been read."""

    wanted: LineCommand
    link: LinkState
    link_reason: str
    flags: LineFlags | None
    camera_alive: bool


def line_state(now: Conditions) -> tuple[LineState, str]:
    """The state and the reason for it, in one sentence for people (empty when all is well)."""
    if now.wanted is LineCommand.STOP:
        return LineState.STOPPED, ""
    if now.link is not LinkState.CONNECTED or now.flags is None:
        return LineState.WAITING_FOR_PLC, now.link_reason or "No status from the PLC yet."
    if not now.camera_alive:
        return LineState.WAITING_FOR_CAMERA, "No frame and no sign of life from vision."
    if LineFlags.FIRE in now.flags:
        return LineState.NOT_READY, "The PLC reports fire."
    if LineFlags.E_STOP_OK not in now.flags:
        return LineState.NOT_READY, "An emergency stop is pressed or not wired."
    if LineFlags.AIR_OK not in now.flags:
        return LineState.NOT_READY, "Air pressure is missing."
    if now.wanted is LineCommand.CLEAR:
        return LineState.CLEARING, ""
    return LineState.RUNNING, ""


def command_for(wanted: LineCommand, camera_alive: bool, safe: bool) -> LineCommand:
    """What to ask of the PLC: without eyes or with a safety input missing the belt shall stand."""
    if wanted in (LineCommand.RUN, LineCommand.CLEAR) and not (camera_alive and safe):
        return LineCommand.STOP
    return wanted

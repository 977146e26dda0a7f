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
    camera_reason: str = ""

    @property
    def blind_because(self) -> str:
        """Why there are no eyes, in one sentence, where there are none."""
        return self.camera_reason or "No frame and no sign of life from vision."


def line_state(now: Conditions) -> tuple[LineState, str]:
    """The state and the reason for it, in one sentence for people (empty when all is well)."""
    if now.wanted is LineCommand.STOP:
        return LineState.STOPPED, ""
    if now.link is not LinkState.CONNECTED or now.flags is None:
        return LineState.WAITING_FOR_PLC, now.link_reason or "No status from the PLC yet."
    if not now.camera_alive:
        return LineState.WAITING_FOR_CAMERA, now.blind_because
    if LineFlags.FIRE in now.flags:
        return LineState.NOT_READY, "The PLC reports fire."
    if LineFlags.E_STOP_OK not in now.flags:
        return LineState.NOT_READY, "An emergency stop is pressed or not wired."
    if LineFlags.AIR_OK not in now.flags:
        return LineState.NOT_READY, "Air pressure is missing."
    if now.wanted is LineCommand.CLEAR:
        return LineState.CLEARING, ""
    return LineState.RUNNING, ""


@dataclass(frozen=True, slots=True)
class Fault:
    """Something that is wrong now and needs somebody: stable code, one sentence, severity 1 to 1000."""

    code: str
    text: str
    severity: int


def standing_faults(now: Conditions, valve_fault: int) -> list[Fault]:
    """All that is wrong, the worst first; `valve_fault` has bit n set where valve n is faulty.

    What only the PLC knows is not said while the link is down.
    """
    faults: list[Fault] = []
    connected = now.link is LinkState.CONNECTED and now.flags is not None
    if connected and now.flags is not None:
        if LineFlags.FIRE in now.flags:
            faults.append(Fault("line.fire", "The PLC reports fire.", 950))
        if LineFlags.E_STOP_OK not in now.flags:
            faults.append(Fault("line.e_stop", "An emergency stop is pressed or not wired.", 900))
    elif now.wanted is not LineCommand.STOP:
        faults.append(Fault("plc.link_down", now.link_reason or "No status from the PLC yet.", 800))
    if not now.camera_alive and now.wanted is not LineCommand.STOP:
        faults.append(Fault("camera.silent", now.blind_because, 700))
    if connected and now.flags is not None and LineFlags.AIR_OK not in now.flags:
        faults.append(Fault("line.air", "Air pressure is missing.", 650))
    if connected and (valves := faulty_valves(valve_fault)):
        numbers = ", ".join(map(str, valves))
        faults.append(Fault("jets.valve_fault", f"The PLC reports faulty valves: {numbers}.", 400))
    return faults


def faulty_valves(valve_fault: int) -> tuple[int, ...]:
    """The numbers, from 0, of the bits that are set."""
    return tuple(number for number in range(valve_fault.bit_length()) if valve_fault >> number & 1)


def command_for(wanted: LineCommand, camera_alive: bool, safe: bool) -> LineCommand:
    """What to ask of the PLC: without eyes or with a safety input missing the belt shall stand."""
    if wanted in (LineCommand.RUN, LineCommand.CLEAR) and not (camera_alive and safe):
        return LineCommand.STOP
    return wanted

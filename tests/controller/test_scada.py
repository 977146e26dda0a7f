"""From the snapshot to what SCADA shows: states, faults, and nothing invented."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.config import load_config
from controller.line_state import Conditions, LineState, faulty_valves, line_state, standing_faults
from controller.scada import packml_state, picture_of, scada_line
from controller.snapshot import AlarmView, InputsView, LinkView, OrdersView, decode, encode
from plc_bridge.contract import LineCommand, LineFlags
from plc_bridge.link import LinkState
from plc_bridge.scada_picture import PackMLState
from tests.controller.snapshots import EMPTY

NOW = datetime(2026, 5, 4, 3, 2, 1, tzinfo=UTC)
WELL = LineFlags.E_STOP_OK | LineFlags.AIR_OK | LineFlags.READY
SNAPSHOT = replace(EMPTY, links={"plc": LinkView("connected", "", 2)}, inputs=InputsView(True, True, False))

conditions = st.builds(
    Conditions,
    wanted=st.sampled_from(LineCommand),
    link=st.sampled_from(LinkState),
    link_reason=st.just("gone"),
    flags=st.none() | st.integers(0, 31).map(LineFlags),
    camera_alive=st.booleans(),
)


@pytest.mark.parametrize(
    ("state", "e_stop_ok", "fire", "shown"),
    [
        (LineState.RUNNING, True, False, PackMLState.EXECUTE),
        (LineState.CLEARING, True, False, PackMLState.STOPPING),
        (LineState.STOPPED, True, False, PackMLState.STOPPED),
        (LineState.WAITING_FOR_CAMERA, True, False, PackMLState.HELD),
        (LineState.WAITING_FOR_PLC, False, False, PackMLState.ABORTED),
        (LineState.NOT_READY, True, False, PackMLState.HELD),
        (LineState.NOT_READY, False, False, PackMLState.ABORTED),
        (LineState.NOT_READY, True, True, PackMLState.ABORTED),
    ],
)
def test_a_line_state_is_shown_as_the_packml_state_it_corresponds_to(
    state: LineState, e_stop_ok: bool, fire: bool, shown: PackMLState
) -> None:
    assert packml_state(state, e_stop_ok, fire) is shown


@settings(deadline=None)
@given(conditions, st.integers(0, 2**64 - 1))
def test_whatever_happens_execute_is_shown_only_when_nothing_is_wrong_but_valves(
    now: Conditions, valve_fault: int
) -> None:
    flags = now.flags if now.flags is not None else LineFlags(0)
    shown = packml_state(line_state(now)[0], LineFlags.E_STOP_OK in flags, LineFlags.FIRE in flags)
    faults = {fault.code for fault in standing_faults(now, valve_fault)}
    if shown is PackMLState.EXECUTE:
        assert faults <= {"jets.valve_fault"}
    elif shown is not PackMLState.STOPPED and now.wanted is not LineCommand.CLEAR:
        assert faults - {"jets.valve_fault"}


def test_the_worst_fault_is_said_first_and_each_only_once() -> None:
    everything = Conditions(LineCommand.RUN, LinkState.CONNECTED, "", LineFlags.FIRE, camera_alive=False)
    faults = standing_faults(everything, 0b1010)
    assert [f.code for f in faults] == ["line.fire", "line.e_stop", "camera.silent", "line.air", "jets.valve_fault"]
    assert sorted((f.severity for f in faults), reverse=True) == [f.severity for f in faults]
    assert faults[-1].text == "The PLC reports faulty valves: 1, 3."


def test_what_only_the_plc_knows_is_not_said_while_the_link_is_down() -> None:
    lost = Conditions(LineCommand.RUN, LinkState.LOST, "Heartbeat lost.", LineFlags(0), camera_alive=True)
    assert [(f.code, f.text) for f in standing_faults(lost, 1)] == [("plc.link_down", "Heartbeat lost.")]


def test_a_line_that_was_told_to_stop_misses_no_link() -> None:
    stopped = Conditions(LineCommand.STOP, LinkState.CLOSED, "", WELL, camera_alive=False)
    assert standing_faults(stopped, 0) == []


@settings(deadline=None)
@given(st.sets(st.integers(0, 63)))
def test_every_bit_of_the_fault_mask_is_a_valve(valves: set[int]) -> None:
    assert faulty_valves(sum(1 << valve for valve in valves)) == tuple(sorted(valves))


def test_a_picture_is_the_snapshot_that_crossed_the_socket() -> None:
    snapshot = replace(
        SNAPSHOT,
        seen=9,
        orders=OrdersView(sent=5, fired=4, lost=1),
        faulty_valves=(3,),
        landed={"valuables": {"pcb": 2.5}},
        outlet_recovery={"valuables": 0.5},
        value_ratio=0.75,
        missed_by_reason={"late": 1},
        alarms=(AlarmView("line.air", "Air pressure is missing.", 60.0, 650),),
    )
    picture = picture_of(decode(encode(snapshot)), NOW)
    assert (picture.at, picture.seen, picture.packml) == (NOW, 9, PackMLState.EXECUTE)
    assert (picture.orders.sent, picture.orders.fired, picture.orders.lost) == (5, 4, 1)
    assert (picture.link_up, picture.reconnects, picture.faulty_valves) == (True, 2, (3,))
    assert (picture.pieces, picture.value_ratio) == ({"valuables": {"pcb": 2.5}}, 0.75)
    (alarm,) = picture.alarms
    assert (alarm.code, alarm.since, alarm.severity) == ("line.air", NOW - timedelta(minutes=1), 650)


def test_an_alarm_keeps_its_time_while_it_stands_and_gets_a_new_one_when_it_returns() -> None:
    standing = replace(SNAPSHOT, alarms=(AlarmView("line.air", "", 60.0, 650),))
    first = picture_of(standing, NOW)
    later = replace(standing, alarms=(AlarmView("line.air", "", 60.26, 650),))
    assert picture_of(later, NOW + timedelta(seconds=0.25), first).alarms == first.alarms
    again = replace(standing, alarms=(AlarmView("line.air", "", 0.1, 650),))
    (alarm,) = picture_of(again, NOW + timedelta(seconds=0.25), first).alarms
    assert alarm.since == NOW + timedelta(seconds=0.15)


def test_without_a_link_the_inputs_are_not_known() -> None:
    waiting = replace(SNAPSHOT, state="waiting for PLC", inputs=None, links={"plc": LinkView("lost", "gone", 0)})
    picture = picture_of(waiting, NOW)
    assert (picture.e_stop_ok, picture.air_ok, picture.fire, picture.link_up) == (None, None, None, False)
    assert picture.packml is PackMLState.ABORTED


def test_a_lines_outlets_and_classes_come_from_recipe_and_model() -> None:
    config = load_config(Path(__file__).parents[2] / "configs" / "demo.yaml")
    line = scada_line(config, ("battery", "pcb"))
    assert line.outlets == tuple(outlet.id for outlet in config.recipe.outlets)
    assert line.classes == ("battery", "pcb")
    assert line.simulated_parts == ("camera", "plant")
    assert set(line.purity_floor) < set(line.outlets)

"""The page for integrators says what the code serves."""

from typing import Any

from asyncua import ua
from asyncua.ua.ua_binary import variant_to_binary
from hypothesis import given, settings
from hypothesis import strategies as st

from controller.line_state import Conditions, standing_faults
from plc_bridge.contract import LineCommand, LineFlags
from plc_bridge.link import LinkState
from plc_bridge.scada_picture import ScadaAlarm
from plc_bridge.scada_points import points
from plc_bridge.scada_tables import PAGE, with_tables
from tests.plc_bridge.scada_line import LINE, NOW, picture


def test_the_tables_of_the_page_are_generated_from_the_code() -> None:
    page = PAGE.read_text(encoding="utf-8")
    assert page == with_tables(page), "run python -m plc_bridge.scada_tables"


def test_every_alarm_that_can_stand_is_on_the_page_with_its_severity() -> None:
    page = PAGE.read_text(encoding="utf-8")
    wrong = Conditions(LineCommand.RUN, LinkState.CONNECTED, "", LineFlags.FIRE, camera_alive=False)
    lost = Conditions(LineCommand.RUN, LinkState.LOST, "", None, camera_alive=True)
    faults = [*standing_faults(wrong, 1), *standing_faults(lost, 0)]
    assert len(faults) == 6
    for fault in faults:
        assert f"| {fault.code} | {fault.severity} |" in page


text = st.text(st.characters(codec="utf-8"), max_size=20)
number = st.integers(0, 2**40)
share = st.none() | st.floats(0, 1)
pictures = st.fixed_dictionaries(
    {
        "state": text,
        "encoder": st.integers(-(2**62), 2**62),
        "seen": number,
        "speed_mm_s": st.floats(-1e4, 1e4),
        "uptime_s": st.floats(0, 1e12),
        "outcomes": st.just({}),
        "missed_by_reason": st.dictionaries(text, number, max_size=4),
        "purity": st.dictionaries(st.sampled_from(LINE.outlets), share),
        "pieces": st.dictionaries(
            st.sampled_from(LINE.outlets), st.dictionaries(st.sampled_from(LINE.classes), st.floats(0, 1e12))
        ),
        "faulty_valves": st.lists(st.integers(0, 63), max_size=64).map(tuple),
        "alarms": st.lists(st.builds(ScadaAlarm, text, text, st.just(NOW), st.integers(1, 1000)), max_size=3).map(
            tuple
        ),
    }
)


@settings(deadline=None)
@given(pictures)
def test_whatever_a_picture_holds_can_be_written_on_the_wire(changes: dict[str, Any]) -> None:
    for point in points(LINE):
        if point.type is ua.VariantType.ExtensionObject:
            continue  # made of classes that the nodeset brings; the server's tests have them
        value: Any = point.value(LINE, picture(**changes))
        if value is not None:
            sent = ua.Variant(value, point.type, is_array=point.array)
            first = variant_to_binary(sent)[0]
            assert (first & 0x3F, first & 0x80) == (point.type.value, 0x80 * point.array), point.path


def test_every_point_has_a_place_of_its_own() -> None:
    paths = [point.path for point in points(LINE)]
    assert len(paths) == len(set(paths))
    # No point stands where another one needs a folder.
    assert not [p for p in paths if any(q.startswith(f"{p}.") for q in paths)]

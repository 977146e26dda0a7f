"""The page for integrators says what the code serves."""

from controller.line_state import Conditions, standing_faults
from plc_bridge.contract import LineCommand, LineFlags
from plc_bridge.link import LinkState
from plc_bridge.scada_points import points
from plc_bridge.scada_tables import PAGE, with_tables
from tests.plc_bridge.scada_line import LINE


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


def test_every_point_has_a_place_of_its_own() -> None:
    paths = [point.path for point in points(LINE)]
    assert len(paths) == len(set(paths))
    # No point stands where another one needs a folder.
    assert not [p for p in paths if any(q.startswith(f"{p}.") for q in paths)]

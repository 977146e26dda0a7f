"""Every part ends in exactly one outcome, whatever order things happen in."""

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from controller.decide import Decision
from controller.ledger import Ledger
from controller.schedule import PlannedShot
from plc_bridge.contract import Receipt, ReceiptCode
from senbetsu_errors import Fatal
from tests.controller.deciding_parts import part


def _decision(part_id: int, actuated: bool, unknown: bool = False) -> Decision:
    outlet = "valuables" if actuated else "residue"
    return Decision(
        part(part_id, [1.0]), outlet, actuated, "pcb", 1.0, 1.0, "unknown class" if unknown else "best value"
    )


class LedgerAccount(RuleBasedStateMachine):
    """Parts are decided, ordered, fired, refused, lost and passed in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.ledger = Ledger("residue")
        self.ordered: list[int] = []
        self.counts = 0
        self.next_id = 0

    @rule(actuated=st.booleans(), unknown=st.booleans())
    def decide(self, actuated: bool, unknown: bool) -> None:
        self.next_id += 1
        self.ledger.decided(_decision(self.next_id, actuated, unknown), self.counts + 100)
        if actuated:
            self.ledger.ordered(PlannedShot(self.next_id, 1, 2, 10, 20))
            self.ordered.append(self.next_id)

    @rule(code=st.sampled_from(list(ReceiptCode)), data=st.data())
    def receive(self, code: ReceiptCode, data: st.DataObject) -> None:
        if self.ordered:
            part_id = self.ordered.pop(data.draw(st.integers(0, len(self.ordered) - 1)))
            self.ledger.receipt(part_id, Receipt(part_id, code, 0))

    @rule(step=st.integers(0, 300))
    def move(self, step: int) -> None:
        self.counts += step
        self.ledger.belt_at(self.counts)

    @rule()
    def stop(self) -> None:
        self.ledger.stopped("line stopped")
        assert not self.ledger.on_belt

    @invariant()
    def closes(self) -> None:
        self.ledger.check()
        orders = self.ledger.orders
        assert orders.open == len(self.ordered)
        assert self.ledger.seen == self.next_id


TestLedgerAccount = LedgerAccount.TestCase
TestLedgerAccount.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)


def test_a_part_meant_to_pass_passes_only_when_it_has_left_the_bar_behind() -> None:
    ledger = Ledger("residue")
    ledger.decided(_decision(1, actuated=False), gone_by_counts=500)
    ledger.belt_at(499)
    assert ledger.outcomes["passed"] == 0
    ledger.belt_at(500)
    assert ledger.outcomes["passed"] == 1


def test_a_missed_part_is_expected_in_the_default_outlet() -> None:
    ledger = Ledger("residue")
    ledger.decided(_decision(1, actuated=True), gone_by_counts=500)
    ledger.ordered(PlannedShot(1, 1, 2, 10, 20))
    ledger.receipt(1, Receipt(1, ReceiptCode.LATE, 0))
    assert ledger.missed_by_reason == {"late": 1}
    assert ledger.expected["residue"].tolist() == [1.0]


def test_deciding_a_part_twice_is_a_defect_that_is_said_aloud() -> None:
    ledger = Ledger("residue")
    ledger.decided(_decision(1, actuated=False), 500)
    with pytest.raises(Fatal, match="decided twice"):
        ledger.decided(_decision(1, actuated=False), 500)

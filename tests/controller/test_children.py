"""Children that the line can do without are started again, ever later, and never left behind."""

import asyncio
from pathlib import Path

import structlog.testing

from controller.children import FIRST_RESTART_S, keep_child


def test_a_child_that_keeps_ending_is_started_again_ever_later_and_gone_when_nobody_wants_it(tmp_path: Path) -> None:
    async def main() -> list[float]:
        with structlog.testing.capture_logs() as said:
            # A real command that ends at once, with 2: there is no such file.
            kept = asyncio.create_task(keep_child("check", str(tmp_path / "no-such-line.yaml")))
            async with asyncio.timeout(60):
                while len(said) < 2:
                    assert not kept.done()
                    await asyncio.sleep(0.02)
            kept.cancel()
            await asyncio.wait([kept])
        assert kept.cancelled()
        assert [(line["event"], line["exit_code"]) for line in said] == [("child ended", 2)] * 2
        return [line["again_in_s"] for line in said]

    assert asyncio.run(main()) == [FIRST_RESTART_S, 2 * FIRST_RESTART_S]


def test_a_child_that_is_still_starting_is_gone_when_nobody_wants_it(tmp_path: Path) -> None:
    async def main() -> None:
        kept = asyncio.create_task(keep_child("check", str(tmp_path / "no-such-line.yaml")))
        await asyncio.sleep(0.2)
        kept.cancel()
        await asyncio.wait([kept])
        assert kept.cancelled()

    asyncio.run(main())

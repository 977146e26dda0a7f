"""The contact sheet of the documentation can be drawn again."""

from pathlib import Path

import cv2
import pytest

from senbetsu_errors import NeedsOperator
from sim.render.sheet import main


@pytest.mark.slow
def test_the_sheet_is_written_as_a_small_picture(tmp_path: Path) -> None:
    path = tmp_path / "parts.png"
    main([str(path)])
    sheet = cv2.imread(str(path))
    assert sheet is not None
    assert sheet.shape[0] > 500
    assert path.stat().st_size < 500_000


@pytest.mark.parametrize("arguments", [[], ["a.png", "b.png"]])
def test_a_sheet_without_one_file_name_is_refused(arguments: list[str]) -> None:
    with pytest.raises(NeedsOperator, match="one file name"):
        main(arguments)

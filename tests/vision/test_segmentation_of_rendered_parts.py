"""Parts as the plant feeds them are one blob each, black ones on a dark belt too, however long the line runs."""

from sim.feed import PartKey, PartStock
from sim.optics import BeltOptics, PlacedPart
from vision.segmentation import Picture, Segmenter
from vision.settings import SegmentationConfig

MM_PER_PX = 0.5
ALONG, ACROSS = 5, 10  # parts in view
PITCH_ALONG_MM, PITCH_ACROSS_MM = 64.0, 80.0
EXPOSURES = 6


def test_the_belt_is_not_learned_from_the_faces_of_black_parts() -> None:
    stock = PartStock(2027, MM_PER_PX)
    nearly_belt = [stock.draw(PartKey("ic", variant)) for variant in (17, 1)]
    placed = [
        PlacedPart(nearly_belt[k % 2], -(k // ACROSS + 0.5) * PITCH_ALONG_MM, (k % ACROSS + 0.5) * PITCH_ACROSS_MM)
        for k in range(ALONG * ACROSS)
    ]
    optics = BeltOptics(
        mm_per_px=MM_PER_PX,
        view_along_mm=ALONG * PITCH_ALONG_MM,
        belt_width_mm=ACROSS * PITCH_ACROSS_MM,
        noise_sigma=3,
        seed=1,
        belt_loop_mm=2 * ALONG * PITCH_ALONG_MM,
    )
    segmenter = Segmenter(SegmentationConfig(split_solidity=0), min_area_px=24, max_part_px=300, area_scan=True)
    for exposure in range(EXPOSURES):
        picture = Picture(optics.render(0.0, placed, exposure))
        assert len(segmenter.blobs(picture, segmenter.foreground(picture))) == len(placed)

"""The virtual camera puts parts where the geometry says, and strips join."""

from collections.abc import Iterator

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from senbetsu_errors import Fatal
from sim.config import PlantBeltConfig
from sim.optics import BeltOptics, PlacedPart
from sim.render.belt import BeltKind
from sim.render.canvas import Canvas
from sim.render.light import Light
from sim.render.parts import make_part

MM_PER_PX = 0.5
ROWS, COLUMNS = 320, 400


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(threads)


def camera(view_along_mm: float = ROWS * MM_PER_PX, noise_sigma: float = 0.0, vignetting: float = 0.1) -> BeltOptics:
    return BeltOptics(
        mm_per_px=MM_PER_PX,
        view_along_mm=view_along_mm,
        belt_width_mm=COLUMNS * MM_PER_PX,
        noise_sigma=noise_sigma,
        seed=7,
        geometry="line_scan" if view_along_mm < 100 else "area_scan",
        vignetting=vignetting,
        belt_loop_mm=600.0,
    )


def part(class_id: str, seed: int, belt_mm: float, across_mm: float) -> PlacedPart:
    return PlacedPart(make_part(class_id, np.random.default_rng(seed), MM_PER_PX), belt_mm, across_mm)


def disc(belt_mm: float, across_mm: float, radius_mm: float = 8.0) -> PlacedPart:
    """A flat white disc: its middle can be measured in the picture."""
    canvas = Canvas(2 * radius_mm, 2 * radius_mm, MM_PER_PX, np.random.default_rng(0))
    canvas.disc(0, 0, radius_mm, (255, 255, 255), 0.0)
    return PlacedPart(canvas.finish("other", 0.01, 0.0, Light()), belt_mm, across_mm)


def drawn(optics: BeltOptics, encoder_mm: float, parts: list[PlacedPart]) -> NDArray[np.bool_]:
    """Where the picture with parts differs clearly from the bare belt."""
    bare = optics.render(encoder_mm, (), 0).astype(np.int16)
    return np.abs(optics.render(encoder_mm, parts, 0).astype(np.int16) - bare).max(axis=2) > 40


@pytest.mark.parametrize(("belt_mm", "encoder_mm"), [(0.0, 80.0), (1234.4, 1310.15), (-70.0, 0.25), (5e8, 5e8 + 77.7)])
@pytest.mark.parametrize("across_mm", [100.0, 60.3])
def test_a_part_lies_where_its_belt_coordinate_says(belt_mm: float, encoder_mm: float, across_mm: float) -> None:
    optics = camera(vignetting=0.0)
    bare = optics.render(encoder_mm, (), 0).astype(np.float64)
    picture = optics.render(encoder_mm, [disc(belt_mm, across_mm)], 0)
    coverage = np.clip((picture - bare) / (255.0 - bare), 0, 1).mean(axis=2)
    moments = cv2.moments(coverage.astype(np.float32))
    along_mm = encoder_mm - belt_mm
    # half a pixel is the rounding to whole pixels; the part's own shadow takes a few hundredths
    assert moments["m01"] / moments["m00"] == pytest.approx(ROWS - 1 - along_mm / MM_PER_PX, abs=0.55)
    assert moments["m10"] / moments["m00"] == pytest.approx(across_mm / MM_PER_PX, abs=0.52)


def test_the_centroid_of_a_part_is_that_of_its_alpha() -> None:
    for class_id in ("cable", "led", "pcb"):
        image = part(class_id, 3, 0.0, 100.0).image
        rows, columns = np.indices(image.alpha.shape)
        weight = image.alpha / image.alpha.sum()
        assert (rows * weight).sum() == pytest.approx(image.centroid_row_px, abs=1e-6)
        assert (columns * weight).sum() == pytest.approx(image.centroid_col_px, abs=1e-6)


def test_a_part_moves_downstream_with_the_belt() -> None:
    optics = camera()
    white = disc(0.0, 100.0)
    first, _ = np.nonzero(drawn(optics, 40.0, [white]))
    later, _ = np.nonzero(drawn(optics, 60.0, [white]))
    assert first.mean() - later.mean() == pytest.approx(40.0, abs=0.01)


def test_the_belt_moves_with_its_travel_and_closes_on_itself() -> None:
    optics = camera(vignetting=0.0)
    here, there = optics.render(100.0, (), 0), optics.render(120.0, (), 0)
    assert np.array_equal(here[40:], there[:-40])
    assert np.array_equal(here, optics.render(100.0 + 600.0, (), 0))


def test_line_scan_strips_join_to_the_area_scan_picture() -> None:
    strip_mm = 128 * MM_PER_PX
    strips, whole = camera(strip_mm), camera(4 * strip_mm, vignetting=0.0)
    strips_flat = camera(strip_mm, vignetting=0.0)
    parts = [
        part("pcb", 2, 1003.3, 60.0),
        part("cable", 5, 1063.71, 140.0),
        part("screw", 1, 1064.25, 30.0),
        part("smartphone", 1, 1128.0, 90.0),
    ]
    # the last row of a strip is its newest line, and newer lines lie upstream (below)
    travels_mm = [1000.0 + strip_mm * step for step in range(1, 5)]
    joined = np.concatenate([strips_flat.render(travel, parts, 0) for travel in travels_mm])
    assert np.array_equal(joined, whole.render(travels_mm[-1], parts, 0))
    # with lens shading strips still join: it does not vary along the belt
    shaded = strips.render(travels_mm[0], (), 0).astype(np.float64)
    dimming = shaded / strips_flat.render(travels_mm[0], (), 0)
    assert dimming[:, :20].mean() < 0.95 < dimming[:, 190:210].mean()
    assert np.ptp(dimming.mean(axis=(1, 2))) < 0.005


@pytest.mark.parametrize(("belt_mm", "across_mm"), [(0, 0), (159, 199), (80, -5), (-20, 100), (170, 100), (80, 210)])
def test_a_part_is_clipped_at_every_edge(belt_mm: float, across_mm: float) -> None:
    assert drawn(camera(), 160.0, [disc(belt_mm, across_mm, 40.0)]).sum() > 500


@pytest.mark.parametrize(("belt_mm", "across_mm"), [(400, 100), (-300, 100), (80, 900), (80, -900)])
def test_a_part_out_of_view_leaves_no_trace(belt_mm: float, across_mm: float) -> None:
    optics = camera()
    phone = part("smartphone", 3, belt_mm, across_mm)
    assert np.array_equal(optics.render(160.0, [phone], 0), optics.render(160.0, (), 0))


def test_noise_is_the_exposure_s_own_and_repeatable() -> None:
    optics, twin = camera(noise_sigma=3.0), camera(noise_sigma=3.0)
    clean = camera()
    first = optics.render(50.0, (), 4)
    assert np.array_equal(first, twin.render(50.0, (), 4))
    assert not np.array_equal(first, optics.render(50.0, (), 5))
    noise = first.astype(np.float64) - clean.render(50.0, (), 4)
    assert noise.std() == pytest.approx(3.0, abs=0.2)
    assert abs(noise.mean()) < 0.2


def test_a_picture_is_the_caller_s_own() -> None:
    optics = camera()
    first = optics.render(10.0, (), 0)
    kept = first.copy()
    optics.render(20.0, [part("pcb", 1, 0.0, 50.0)], 1)
    assert np.array_equal(first, kept)


def test_the_contact_shadow_is_soft_and_close() -> None:
    optics = camera(vignetting=0.0)
    white = disc(0.0, 100.0)
    change = optics.render(80.0, [white], 0).astype(np.int16) - optics.render(80.0, (), 0)
    darkest = change.min()
    assert -45 < darkest < -5
    rows, columns = np.nonzero(change.min(axis=2) < -3)
    assert np.ptp(rows) * MM_PER_PX < white.image.length_mm + 6
    assert np.ptp(columns) * MM_PER_PX < white.image.length_mm + 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("mm_per_px", 0.0), ("view_along_mm", -1.0), ("view_along_mm", float("nan")), ("belt_width_mm", 1e9)],
)
def test_sizes_that_give_no_picture_are_refused(name: str, value: float) -> None:
    sizes = {"mm_per_px": 0.5, "view_along_mm": 160.0, "belt_width_mm": 200.0, name: value}
    with pytest.raises(Fatal, match="no picture"):
        BeltOptics(
            mm_per_px=sizes["mm_per_px"],
            view_along_mm=sizes["view_along_mm"],
            belt_width_mm=sizes["belt_width_mm"],
            noise_sigma=1.0,
            seed=1,
        )


def test_an_impossible_lens_is_refused() -> None:
    with pytest.raises(Fatal, match="vignetting"):
        camera(vignetting=1.5)


def test_heights_lie_where_the_picture_shows_the_part_and_are_its_own() -> None:
    optics = camera(vignetting=0.0)
    block = Canvas(30.0, 20.0, MM_PER_PX, np.random.default_rng(0))
    block.rect(0, 0, 30, 20, (255, 255, 255), 8.0, 0)
    image = block.finish("other", 0.01, 0.0, Light())
    heights = optics.heights(1080.0, [PlacedPart(image, 1000.0, 100.0, 3.0)], 0)
    assert heights.shape == (ROWS, COLUMNS)
    assert heights.dtype == np.float32
    rows, columns = np.nonzero(np.nan_to_num(heights) > 5.0)
    shown_rows, shown_columns = np.nonzero(drawn(optics, 1080.0, [PlacedPart(image, 1000.0, 100.0)]))
    assert rows.mean() == pytest.approx(shown_rows.mean(), abs=0.5)
    assert columns.mean() == pytest.approx(shown_columns.mean(), abs=0.5)
    assert np.nanmedian(heights[rows, columns]) == pytest.approx(11.0, abs=0.1)
    assert np.nanmedian(heights) == pytest.approx(0.0, abs=0.02)
    assert 0 < np.isnan(heights).mean() < 0.02


def test_heights_are_the_exposure_s_own_and_repeatable() -> None:
    optics, twin = camera(), camera()
    parts = [part("pcb", 1, 0.0, 100.0)]
    first = optics.heights(80.0, parts, 4)
    assert np.array_equal(first, twin.heights(80.0, parts, 4), equal_nan=True)
    assert not np.array_equal(first, optics.heights(80.0, parts, 5), equal_nan=True)


def test_brightness_scales_the_picture_and_smear_blurs_it_along_the_belt_only() -> None:
    optics = camera(vignetting=0.0)
    white = disc(0.0, 100.0)
    plain = optics.render(80.0, [white], 0)
    dim = optics.render(80.0, [white], 0, brightness=0.8)
    assert dim.mean() == pytest.approx(0.8 * plain.mean(), rel=0.01)
    smear_mm = 6.0
    smeared = optics.render(80.0, [white], 0, smear_mm=smear_mm)
    edge = smeared[:, 200].astype(np.float64).mean(axis=1)
    soft = np.count_nonzero((edge > 90) & (edge < 230))
    assert soft == pytest.approx(2 * smear_mm / MM_PER_PX, abs=6)
    across = smeared[160].astype(np.float64).mean(axis=1)
    assert np.count_nonzero((across > 90) & (across < 230)) <= 6


def test_another_belt_is_another_colour() -> None:
    def tone(kind: BeltKind) -> list[float]:
        optics = BeltOptics(
            mm_per_px=MM_PER_PX,
            view_along_mm=100.0,
            belt_width_mm=100.0,
            noise_sigma=0,
            seed=1,
            vignetting=0,
            look=PlantBeltConfig(kind=kind, wear=0.5, structure="diamonds").look(),
        )
        picture = optics.render(0, (), 0)
        return np.median(picture.reshape(-1, 3), axis=0).tolist()

    assert tone("green_pvc")[1] > 1.4 * tone("green_pvc")[2]
    assert tone("white_pvc")[0] > 180
    assert max(tone("black")) < 45

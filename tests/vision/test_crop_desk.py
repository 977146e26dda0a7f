"""A part's picture is cut from the frame it was seen in, as long as that frame is kept."""

import cv2
import numpy as np

from vision.camera_config import CameraConfig
from vision.crop_desk import CropDesk
from vision.frame import EncoderStamp, Frame
from vision.results import CropRequest

CAMERA = CameraConfig(backend="none", geometry="area_scan", mm_per_px=0.5, view_along_mm=100)


def _frame(sequence: int) -> Frame:
    color = np.full((200, 300, 3), 50, np.uint8)
    # 20 x 40 px, rows 80..99: along = (199 - row) / 2 = 50..59.5 mm; columns 100..139: across = 50..69.5 mm.
    color[80:100, 100:140] = (10, 20, 30 + sequence)
    return Frame({"color": color}, EncoderStamp(sequence, "latched"), float(sequence), sequence)


def _wanted(ticket: int, sequence: int) -> CropRequest:
    return CropRequest(ticket, sequence, 50.0, 59.5, 50.0, 69.5)


def test_the_crop_holds_the_part_with_a_margin_and_says_where_it_was_cut() -> None:
    desk = CropDesk(CAMERA, 10)
    desk.keep(_frame(3))
    desk.ask(_wanted(7, 3))
    (answer,) = desk.answers()
    assert answer.ticket == 7
    picture = cv2.imdecode(np.frombuffer(answer.png, np.uint8), cv2.IMREAD_COLOR)
    assert picture is not None
    rows, columns = slice(80 - answer.top_px, 100 - answer.top_px), slice(100 - answer.left_px, 140 - answer.left_px)
    assert (picture[rows, columns] == (10, 20, 33)).all()
    assert (picture == 50).all(axis=2).any()
    assert picture.shape[0] < 60
    assert picture.shape[1] < 80


def test_a_frame_that_is_gone_is_answered_without_a_picture() -> None:
    desk = CropDesk(CAMERA, 0.5)  # two frames of 180 kB
    for sequence in range(5):
        desk.keep(_frame(sequence))
    desk.ask(_wanted(1, 0))
    desk.ask(_wanted(2, 4))
    gone, there = desk.answers()
    assert gone.png == b""
    assert there.png


def test_a_picture_answers_few_requests_at_a_time_and_forgets_none_of_64() -> None:
    desk = CropDesk(CAMERA, 10)
    desk.keep(_frame(0))
    for ticket in range(64):
        desk.ask(_wanted(ticket, 0))
    tickets: list[int] = []
    while answers := desk.answers():
        assert len(answers) <= 2
        tickets += [answer.ticket for answer in answers]
    assert tickets == list(range(64))


def test_a_rectangle_beside_the_picture_has_no_picture() -> None:
    desk = CropDesk(CAMERA, 10)
    desk.keep(_frame(0))
    desk.ask(CropRequest(1, 0, 500.0, 510.0, 900.0, 910.0))
    assert [answer.png for answer in desk.answers()] == [b""]


def test_a_camera_that_counts_anew_is_never_answered_with_its_old_pictures() -> None:
    desk = CropDesk(CAMERA, 10)
    for sequence in (0, 1, 2, 0):
        desk.keep(_frame(sequence))
    desk.ask(_wanted(1, 2))
    desk.ask(_wanted(2, 0))
    old, new = desk.answers()
    assert old.png == b""
    assert new.png

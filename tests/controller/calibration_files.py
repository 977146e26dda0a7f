"""Calibration files of a good line's camera, as plain data to change."""

from datetime import UTC, datetime, timedelta
from typing import Any

from controller.clock import utc_now

NAME = "opencv device=0"


def days_ago(days: float) -> str:
    return (utc_now() - timedelta(days=days)).astimezone(UTC).isoformat()


def _head(kind: str, days: float) -> dict[str, Any]:
    return {"schema_version": 1, "created": days_ago(days), "command": "test", "kind": kind}


def camera_file(days: float = 10) -> dict[str, Any]:
    return _head("camera", days) | {
        "camera": {"name": NAME, "columns": 800, "rows": 640},
        "board": {"squares_x": 11, "squares_y": 8, "square_mm": 20, "marker_mm": 15, "dictionary": "DICT_4X4_100"},
        "pictures": 5,
        "focal_px": [800, 800],
        "focal_measured": False,
        "centre_px": [399.5, 319.5],
        "distortion": [-0.1, 0.01, 0, 0, 0],
        "homography": [[0, -400, 160], [400, 0, 200], [0, 0, 1]],
        "across_start_mm": 0,
        "direction": "ride",
        "mm_per_px": 0.498,
        "mm_per_px_range": [0.498, 0.53],
        "view_along_mm": 321,
        "error": {
            "rms_mm": 0.05,
            "max_mm": 0.2,
            "max_at_px": [10, 20],
            "corners": 300,
            "left_out": 1,
            "rim_mm": 0.1,
            "rim_at_px": [799, 0],
            "coverage": 0.8,
        },
    }


def belt_file(days: float = 5) -> dict[str, Any]:
    return _head("belt", days) | {
        "camera": NAME,
        "encoder": {
            "counts_per_mm": 9.87,
            "sigma": 0.001,
            "views": 100,
            "left_out": 2,
            "residual_mm": 0.1,
            "travel_mm": 250,
            "travel_yaw_mrad": 0.1,
        },
        "jets": {
            "distance_mm": 899,
            "sigma_mm": 0.5,
            "latency_ms": 6,
            "latency_sigma_ms": 0.4,
            "speeds_mm_s": [500, 1500],
            "shots": 80,
            "left_out": 1,
        },
    }


def light_file(days: float = 5) -> dict[str, Any]:
    return _head("light", days) | {
        "camera": {"name": NAME, "columns": 800, "rows": 640},
        "patch_px": [10, 10, 40, 40],
        "reference_rgb": [180, 180, 180],
        "measured_rgb": [170, 180, 160],
        "white_balance": [1.06, 1, 1.12],
        "gains": [[1.1, 1, 1.1], [1.05, 0.9, 1.05], [1.1, 1, 1.1]],
        "pictures": 3,
        "residual_percent": 0.8,
    }


def born(year: int) -> str:
    return datetime(year, 1, 1, tzinfo=UTC).isoformat()

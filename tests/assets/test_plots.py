"""Charts of block characters say what the numbers say."""

from __future__ import annotations

from assets.plots import COLUMNS, LEVELS, curves


def lines_of(points: list[dict[str, float]]) -> list[str]:
    return str(curves(points, "step", ["loss", "f1"]).value).splitlines()


def test_a_curve_falls_where_its_values_fall():
    points = [{"step": 10.0 * n, "loss": 7.0 - n} for n in range(8)]

    lines = lines_of(points)

    assert lines[2] == f"| loss | 7 | {LEVELS[::-1]} | 0 | 0 | 7 | 8 |"
    assert lines[-1] == "step 0 to 70"


def test_of_many_points_the_last_of_each_stretch_is_shown():
    points = [{"step": float(n), "loss": float(n % 3)} for n in range(1, 10 * COLUMNS + 1)]

    shown = lines_of(points)[2].split("|")[3].strip()

    assert len(shown) == COLUMNS
    expected = [LEVELS[round(7 * ((10 * n) % 3) / 2)] for n in range(1, COLUMNS + 1)]
    assert shown == "".join(expected)


def test_what_is_not_measured_at_every_point_has_fewer():
    points = [{"step": 1.0, "loss": 1.0}, {"step": 2.0, "loss": 1.0, "f1": 0.5}]

    lines = lines_of(points)

    assert lines[2:4] == [
        "| loss | 1 | ▁▁ | 1 | 1 | 1 | 2 |",
        "| f1 | 0.5 | ▁ | 0.5 | 0.5 | 0.5 | 1 |",
    ]


def test_a_run_without_points_says_so():
    assert lines_of([])[-1] == "nothing was trained"

"""The picture of a rollout."""

from __future__ import annotations

from itertools import pairwise
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from sluice.charts.rollout import BOTTOM, GREEN, HEIGHT, LEFT, RED, RIGHT, TOP, WIDTH, Moment, chart

SVG = "{http://www.w3.org/2000/svg}"
PERCENT = st.floats(0, 100)


def lines(picture: str) -> list[list[tuple[float, float]]]:
    root = ElementTree.fromstring(picture)  # noqa: S314 - our own document
    found = []
    for line in root.iter(f"{SVG}polyline"):
        pairs = [pair.split(",") for pair in line.get("points", "").split()]
        found.append([(float(x), float(y)) for x, y in pairs])
    return found


@given(
    st.text(st.characters(codec="utf-8", exclude_categories=["C"]), max_size=20),
    st.lists(st.builds(Moment, st.floats(0, 1e5), PERCENT, st.none() | PERCENT), max_size=20),
    st.booleans(),
)
def test_every_rollout_has_a_picture_and_nothing_lies_outside_of_it(
    title: str, moments: list[Moment], good: bool
) -> None:
    """Well-formed XML whatever the title, and all points inside the frame."""
    for line in lines(chart(title, sorted(moments, key=lambda moment: moment.at), good=good)):
        for x, y in line:
            assert LEFT <= x <= WIDTH - RIGHT
            assert TOP <= y <= HEIGHT - BOTTOM


def test_the_weight_moves_in_steps_and_the_success_rate_skips_what_was_not_measured() -> None:
    """A weight holds until it changes; moments without a measure draw no point."""
    weight, success = lines(chart("t", [Moment(0, 0), Moment(50, 10, 99.0), Moment(100, 0)], good=True))
    assert len(weight) == 5
    assert all(a[0] == b[0] or a[1] == b[1] for a, b in pairwise(weight))
    assert len(success) == 1


def test_the_frame_says_how_it_ended() -> None:
    """Green where it was promoted, red where it was rolled back."""
    assert f'stroke="{GREEN}" stroke-width="2"/>' in chart("t", [], good=True)
    assert f'stroke="{RED}" stroke-width="2"/>' in chart("t", [], good=False)

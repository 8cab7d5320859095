"""Judges side by side as a picture: false alarms (x) against the median seconds to a bad release (y)."""

from __future__ import annotations

from collections.abc import Sequence
from xml.sax.saxutils import escape

from sluice.charts.rollout import BLUE, BOTTOM, GREEN, GREY, HEIGHT, LEFT, RED, RIGHT, TOP, WIDTH
from sluice.replay.tuning import Tried

COLOURS = (BLUE, RED, GREEN)
LINE = 14
"""Pixels that a name needs below another one."""


def tuning_chart(rows: Sequence[Tried]) -> str:
    """A dot for each judge, low and left is good; hollow where bad releases ended before it could have seen one.

    A judge that neither saw a bad release nor missed one for that reason has no seconds, and no dot.
    """
    spots = [(row, seconds) for row in rows if (seconds := _seconds(row)) is not None]
    slowest = max((seconds for _, seconds in spots), default=1.0) or 1.0
    most = max((row.false_alarms for row, _ in spots), default=0.0) or 0.01
    colours = dict(zip(dict.fromkeys(row.kind for row in rows), COLOURS, strict=False))
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="11">',
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="8" fill="#ffffff" stroke="{GREY}"/>',
        f'<text x="{LEFT}" y="24" font-size="14" fill="#0f172a">seconds to a bad release, against false alarms</text>',
        *_axes(most, slowest),
    ]
    named: list[tuple[float, float]] = []
    for row, seconds in spots:
        x, y = _x(row.false_alarms / most), _y(seconds / slowest)
        # Judges that lie on top of each other cannot all be named; each tells its name where one points at it.
        name = str(row.judge) if all(abs(y - b) >= LINE or abs(x - a) > WIDTH / 3 for a, b in named) else ""
        named += [(x, y)] if name else []
        parts.append(_dot(x, y, colours.get(row.kind, GREY), row, name))
    return "".join([*parts, "</svg>"])


def _seconds(row: Tried) -> float | None:
    return row.judge.earliest if row.median_s is None and row.too_short else row.median_s


def _x(share: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * share, 1)


def _y(share: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * share, 1)


def _dot(x: float, y: float, colour: str, row: Tried, name: str) -> str:
    fill = "#ffffff" if row.median_s is None else colour
    right = x > WIDTH / 2
    label = (
        f'<text x="{x - 8 if right else x + 8}" y="{y + 4}" text-anchor="{"end" if right else "start"}" '
        f'fill="{colour}">{escape(name)}</text>'
    )
    return (
        f'<circle cx="{x}" cy="{y}" r="4" fill="{fill}" stroke="{colour}" stroke-width="1.5">'
        f"<title>{escape(str(row.judge))}: sees {row.seen} of {row.bad}</title></circle>{label if name else ''}"
    )


def _axes(most: float, slowest: float) -> list[str]:
    lines = []
    for share in (0, 0.5, 1):
        x, y = _x(share), _y(share)
        lines.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{GREY}" stroke-width="0.4"/>')
        lines.append(
            f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{GREY}">{share * slowest:.3g} s</text>'
            f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="middle" fill="{GREY}">{100 * share * most:.3g} %</text>'
        )
    return lines

"""A rollout as a picture: the canary's weight as steps and its success rate as a line, over time. SVG, no library needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.sax.saxutils import escape

WIDTH, HEIGHT = 760, 300
LEFT, RIGHT, TOP, BOTTOM = 48, 48, 40, 34
BLUE, GREEN, RED, GREY = "#2563eb", "#16a34a", "#dc2626", "#94a3b8"


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment of a rollout: seconds since its start, the canary's weight (%), its success rate (% or None)."""

    at: float
    weight: float
    success: float | None = None


def chart(title: str, moments: Sequence[Moment], *, good: bool) -> str:
    """The rollout as an SVG document; the frame is green where it was promoted and red where it was rolled back."""
    length = max((moment.at for moment in moments), default=1.0) or 1.0
    frame = GREEN if good else RED
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        'font-family="system-ui, sans-serif" font-size="12">',
        f'<rect x="1" y="1" width="{WIDTH - 2}" height="{HEIGHT - 2}" rx="8" fill="#ffffff" '
        f'stroke="{frame}" stroke-width="2"/>',
        f'<text x="{LEFT}" y="24" font-size="14" fill="#0f172a">{escape(title)}</text>',
        *_grid(length),
        _line(_steps(moments, length), BLUE),
        _line([(_x(m.at, length), _y(m.success)) for m in moments if m.success is not None], frame),
        f'<text x="{WIDTH - RIGHT}" y="24" text-anchor="end"><tspan fill="{BLUE}">weight %</tspan>'
        f'<tspan dx="12" fill="{frame}">success %</tspan></text>',
        "</svg>",
    ]
    return "".join(parts)


def _x(at: float, length: float) -> float:
    return round(LEFT + (WIDTH - LEFT - RIGHT) * at / length, 1)


def _y(percent: float) -> float:
    return round(HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * percent / 100, 1)


def _steps(moments: Sequence[Moment], length: float) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for moment in moments:
        if points:
            points.append((_x(moment.at, length), points[-1][1]))
        points.append((_x(moment.at, length), _y(moment.weight)))
    return points


def _line(points: Sequence[tuple[float, float]], colour: str) -> str:
    path = " ".join(f"{x},{y}" for x, y in points)
    return f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2" stroke-linejoin="round"/>'


def _grid(length: float) -> list[str]:
    lines = []
    for percent in (0, 25, 50, 75, 100):
        y = _y(percent)
        lines.append(f'<line x1="{LEFT}" y1="{y}" x2="{WIDTH - RIGHT}" y2="{y}" stroke="{GREY}" stroke-width="0.4"/>')
        lines.append(f'<text x="{LEFT - 8}" y="{y + 4}" text-anchor="end" fill="{GREY}">{percent}</text>')
    for share in (0, 0.25, 0.5, 0.75, 1):
        x = _x(share * length, length)
        lines.append(
            f'<text x="{x}" y="{HEIGHT - 12}" text-anchor="middle" fill="{GREY}">{share * length:.0f} s</text>'
        )
    return lines

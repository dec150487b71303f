"""A figure: what was measured in rounds, what was wanted, and how both are shown."""

import html
import statistics
from dataclasses import asdict, dataclass, field


@dataclass
class Figure:
    """`rounds` has one value a round; the figure is their median. `limit` is None where nothing is wanted."""

    bench: str
    case: str
    what: str
    unit: str
    rounds: "list[float]"
    limit: "float | None" = None
    at_least: bool = False
    held: "bool | None" = field(init=False)

    def __post_init__(self):
        self.held = None
        if self.limit is not None:
            self.held = self.value >= self.limit if self.at_least else self.value <= self.limit

    @property
    def value(self):
        return statistics.median(self.rounds)

    def as_json(self):
        return {**asdict(self), "value": self.value, "min": min(self.rounds), "max": max(self.rounds)}


def number(value):
    """Three digits that count."""
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:#.3g}"


def _wanted(figure):
    if figure.limit is None:
        return ""
    return f"{'>=' if figure.at_least else '<='} {number(figure.limit)}"


def _verdict(figure):
    return {None: "", True: "held", False: "falls short"}[figure.held]


def table(figures):
    rows = [("bench", "case", "what", "median", "min - max", "wanted", "")]
    for f in figures:
        spread = f"{number(min(f.rounds))} - {number(max(f.rounds))}" if len(f.rounds) > 1 else ""
        unit = f" {f.unit}" if f.unit else ""
        rows.append((f.bench, f.case, f.what, number(f.value) + unit, spread, _wanted(f), _verdict(f)))
    widths = [max(len(row[i]) for row in rows) for i in range(len(rows[0]))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    return "\n".join(lines)


# The picture

_ROW, _LEFT, _WIDTH = 22, 400, 420
_COLORS = {None: "#7a869a", True: "#2e7d4f", False: "#b3422f"}
_TEXT = 'font-family="sans-serif" font-size="12"'


def picture(figures, title):
    """SVG: a bar a figure that has a limit, as a part of that limit (the line), with the spread over the rounds."""
    shown = [f for f in figures if f.limit]
    most = max((max(f.rounds) / f.limit for f in shown), default=1)
    # Wide enough for the limit and what exceeds it; a figure far beyond is cut off.
    scale = _WIDTH / min(max(1.25, most), 3)

    def x(f, value):
        return _LEFT + min(value / f.limit * scale, _WIDTH)

    height = _ROW * (len(shown) + 2)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 110}" height="{height}">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="8" y="16" {_TEXT} font-weight="bold">{html.escape(title)}</text>',
    ]
    for i, f in enumerate(shown, start=1):
        top, middle = i * _ROW + 4, i * _ROW + 12
        label = html.escape(f"{f.case}: {f.what} {_wanted(f)}")
        parts += [
            f'<text x="{_LEFT - 8}" y="{middle + 4}" text-anchor="end" {_TEXT}>{label}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{x(f, f.value) - _LEFT:.1f}" height="{_ROW - 6}" '
            f'fill="{_COLORS[f.held]}"/>',
            f'<line x1="{x(f, min(f.rounds)):.1f}" x2="{x(f, max(f.rounds)):.1f}" y1="{middle}" y2="{middle}" '
            'stroke="black" stroke-width="2"/>',
            f'<text x="{_LEFT + _WIDTH + 6}" y="{middle + 4}" {_TEXT}>{number(f.value)} {html.escape(f.unit)}</text>',
        ]
    line = _LEFT + scale
    parts += [
        f'<line x1="{line:.1f}" x2="{line:.1f}" y1="{_ROW}" y2="{height - _ROW}" stroke="black" stroke-dasharray="4"/>',
        f'<text x="{line:.1f}" y="{height - 6}" text-anchor="middle" {_TEXT}>the limit</text>',
        "</svg>",
    ]
    return "\n".join(parts) + "\n"

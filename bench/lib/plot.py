# SPDX-License-Identifier: Apache-2.0
"""Plots as SVG: a row a workload, a point a program, a bar from quartile to quartile."""
from html import escape

COLOURS = {"coal": "#555555", "sluice_callbacks": "#0b62a4", "sluice_coroutines": "#5aa9e6", "rustls_server": "#d1581b",
           "go_server": "#2e8b57", "asio_ssl_server": "#8e44ad", "bare_client": "#555555", "stream": "#0b62a4",
           "connect": "#5aa9e6"}
LEFT, RIGHT, TOP, STEP, LINE = 270, 30, 64, 14, 12
WIDTH = 860


class Axis:
    """From figures to places; what is beyond the end is drawn at the end, with its figure."""

    def __init__(self, low, high):
        self.low, self.high = low, high

    def place(self, value):
        share = (min(max(value, self.low), self.high) - self.low) / (self.high - self.low)
        return LEFT + share * (WIDTH - LEFT - RIGHT)


def text(x, y, content, anchor="start", size=12, colour="#222222"):
    style = f'text-anchor="{anchor}" font-size="{size}" fill="{colour}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {style}>{escape(content)}</text>'


def line(x1, y1, x2, y2, colour, width=1.0):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}" stroke-width="{width}"/>'


def legend(names, labels):
    made, x = [], 25
    for name in names:
        made.append(f'<circle cx="{x}" cy="40" r="4.5" fill="{COLOURS[name]}"/>' + text(x + 9, 44, labels[name]))
        x += 30 + 7 * len(labels[name])
    return made


def dots(title, rows, labels, low, high, unit="", ticks=()):
    """`rows`: a title and, for each program, (figure, low quartile, high quartile)."""
    names = [name for name in labels if any(name in points for _, points in rows)]
    axis, y, made = Axis(low, high), TOP, []
    for row, points in rows:
        height = STEP * len(names) + 10
        made.append(text(LEFT - 12, y + height / 2 + 2, row, "end"))
        made.append(line(20, y, WIDTH - RIGHT, y, "#dddddd"))
        for number, name in enumerate(name for name in names if name in points):
            figure, first, last = points[name]
            at, x = y + LINE + number * STEP, axis.place(figure)
            made.append(line(axis.place(first), at, axis.place(last), at, COLOURS[name], 2.5))
            made.append(f'<circle cx="{x:.1f}" cy="{at}" r="4.5" fill="{COLOURS[name]}"/>')
            is_right = axis.place(last) > WIDTH - RIGHT - 40
            x_text = axis.place(first) - 8 if is_right else axis.place(last) + 8
            made.append(text(x_text, at + 4, f"{figure:.2f}" if figure < 10 else f"{figure:.0f}",
                             "end" if is_right else "start", 10, COLOURS[name]))
        y += height
    grid = [line(axis.place(tick), TOP, axis.place(tick), y, "#999999" if tick == 1 else "#eeeeee") for tick in ticks]
    below = [text(axis.place(tick), y + 16, f"{tick:g}{unit}", "middle", 11) for tick in ticks]
    head = [f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {y + 28}" font-family="sans-serif">',
            f'<rect width="{WIDTH}" height="{y + 28}" fill="#ffffff"/>', text(20, 22, title, size=15)]
    return "\n".join([*head, *legend(names, labels), *grid, *made, *below, "</svg>"]) + "\n"

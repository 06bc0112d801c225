"""Chart of spending -> picture in a file: SVG, PNG or PDF by the name of the file."""

from __future__ import annotations

import math
import os
from logging import getLogger
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

from returns.result import Result, Success

from loki.edge.files import describe_os_error
from loki.edge.trust import open_private
from loki.money.chart import Chart, format_share
from loki.money.report import decimals_of, format_cost
from loki.problems import Problem, fail

if TYPE_CHECKING:
    from matplotlib.axes import Axes

FORMATS = ("svg", "png", "pdf")
#: Colours that colour-blind people can tell apart (Okabe and Ito); grey for all other models.
COLOURS = ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00", "#999999")
MIN_BARS = 8  # so wide is the picture at least
INK, FAINT = "#222222", "#DDDDDD"
MISSING_PACKAGE = "pictures need matplotlib: pip install '.[chart]' in loki's folder"


def draw_image(path: str, chart: Chart, span: str) -> Result[None, Problem]:
    """Draw a chart into a file; fail if it cannot be written, or matplotlib is not there."""
    file_format = os.path.splitext(path)[1][1:].lower()
    if file_format not in FORMATS:
        return fail("usage", f"--chart: {path!r} does not end with .{', .'.join(FORMATS)}")
    try:
        from matplotlib.figure import Figure
    except ImportError:
        return fail("usage", f"--chart: {MISSING_PACKAGE}")
    getLogger("matplotlib").setLevel("ERROR")  # it logs about its cache of fonts
    figure = Figure(figsize=(10, 5.2), dpi=150, layout="constrained", facecolor="white")
    axes = figure.add_subplot()
    draw_bars(axes, chart)
    label_axes(axes, chart, span)
    try:
        with open(path, "wb", opener=open_private) as file, catch_warnings():
            simplefilter("ignore")  # a letter that no font has is a box
            figure.savefig(file, format=file_format)
    except OSError as error:
        missing = isinstance(error, (FileNotFoundError, NotADirectoryError))
        kind: Any = "missing" if missing else "input"
        return fail(kind, f"--chart: cannot write {path}: {describe_os_error(error)}")
    return Success(None)


def draw_bars(axes: Axes, chart: Chart) -> None:
    """Draw the bars, the most expensive model lowest."""
    floor = [0.0] * len(chart.bars)
    places = decimals_of(row.tally for row in chart.shares)
    for i, (row, colour) in enumerate(zip(chart.shares, COLOURS, strict=False)):
        heights = [float(bar.costs[i]) for bar in chart.bars]
        part = format_share(row.tally, chart.total)
        # What begins with an underscore matplotlib leaves out.
        name = f" {row.keys[0]}   {format_cost(row.tally, places)}{f'  {part}' if part else ''}"
        axes.bar(range(len(heights)), heights, bottom=floor, color=colour, label=name, width=0.8)
        floor = [low + high for low, high in zip(floor, heights, strict=True)]


def label_axes(axes: Axes, chart: Chart, span: str) -> None:
    """Draw title, axes and legend."""
    spent = format_cost(chart.total, decimals_of([chart.total]))
    axes.set_title(
        f"Spent on language models: {spent}",
        loc="left",
        pad=26,
        fontsize=15,
        fontweight="bold",
        color=INK,
    )
    axes.text(0, 1.03, span, transform=axes.transAxes, fontsize=10, color="#666666")
    ticks = range(0, len(chart.bars), max(1, -(-len(chart.bars) // 12)))
    axes.set_xticks(list(ticks), [format_period(chart.bars[i].name) for i in ticks])
    axes.set_ylabel("US dollars a day" if len(chart.bars[0].name) == 10 else "US dollars a month")
    draw_ticks(axes, float(max(bar.height for bar in chart.bars)) * 1.05 or 1.0)
    margin = 0.6 + max(0, MIN_BARS - len(chart.bars)) / 2  # so that one bar is not as wide as all
    axes.set_xlim(-margin, len(chart.bars) - 1 + margin)
    axes.set_axisbelow(True)
    axes.grid(axis="y", color=FAINT, linewidth=0.8)
    axes.tick_params(length=0, colors=INK, labelsize=9)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.spines["bottom"].set_color(FAINT)
    key = axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.0), frameon=False, fontsize=9)
    for text in key.get_texts():
        text.set_parse_math(False)  # two dollars are not a formula


def draw_ticks(axes: Axes, top: float) -> None:
    """Draw the axis of costs: ticks at 1, 2, 5, 10 …, with as many decimals as they need."""
    from matplotlib.ticker import MaxNLocator

    locator = MaxNLocator(8, steps=[1, 2, 5, 10])
    axes.set_ylim(0, top)
    axes.yaxis.set_major_locator(locator)
    first, second, *_ = locator.tick_values(0, top)
    places = decimals(second - first)
    axes.yaxis.set_major_formatter(lambda value, place: f"${value:,.{places}f}")


def decimals(step: float) -> int:
    """Return how many decimals ticks a step apart need; cents are written whole.

    >>> decimals(20.0), decimals(1.0), decimals(0.5), decimals(0.002)
    (0, 0, 2, 3)
    """
    return 0 if step > 0.99 else max(2, -math.floor(math.log10(step) + 1e-9))


def format_period(name: str) -> str:
    """Return a day or month as the axis shows it.

    >>> format_period("2026-11-02"), format_period("2026-11")
    ('2 Nov', 'Nov 2026')
    """
    month = MONTHS[int(name[5:7]) - 1]
    return f"{int(name[8:])} {month}" if len(name) == 10 else f"{month} {name[:4]}"


MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")

"""Chart of spending -> text for a terminal: bars by time, and the share of each model."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING, TextIO

from loki.money.chart import Bar, Chart, bar_lengths, format_share
from loki.money.report import decimals_of, format_amount, format_cost

if TYPE_CHECKING:
    from decimal import Decimal

    from rich.table import Table
    from rich.text import Text

#: A terminal with eight colours shows these, in the shades that its user has chosen.
COLOURS = ("blue", "yellow", "green", "magenta", "cyan", "red", "bright_black")
EIGHTHS = " ▏▎▍▌▋▊▉"
MAX_WIDTH = 100  # columns


def draw_chart(chart: Chart, span: str, stdout: TextIO) -> str:
    """Return the text of a chart, in colours where stdout is a terminal that has them."""
    from rich.console import Console

    width = min(shutil.get_terminal_size().columns, MAX_WIDTH)
    screen = Console(file=stdout, width=width, highlight=False, emoji=False, markup=False)
    with screen.capture() as capture:
        spent = format_cost(chart.total, decimals_of([chart.total]))
        screen.print(f"{spent} spent {span}", style="bold")
        screen.print()
        screen.print(bars(chart, width))
        screen.print()
        screen.print(shares(chart))
    return "".join(f"{line.rstrip()}\n" for line in capture.get().splitlines())


def bars(chart: Chart, width: int) -> Table:
    """Return a bar for each day or month."""
    from rich.table import Table

    highest = max(bar.height for bar in chart.bars)
    places = decimals_of(row.tally for row in chart.shares)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True)
    table.add_column(no_wrap=True, justify="right")
    room = (
        width - max(len(bar.name) for bar in chart.bars) - len(format_amount(highest, places)) - 5
    )
    for bar in chart.bars:
        cost = format_amount(bar.height, places) if bar.height else ""
        table.add_row(bar.name, blocks(bar, highest, max(10, room)), cost)
    return table


def blocks(bar: Bar, highest: Decimal, width: int) -> Text:
    """Return a bar in the colours of its models, exact to an eighth of a column."""
    from rich.text import Text

    text = Text()
    parts = bar_lengths(bar.costs, highest, width)
    for part, style in zip(parts, COLOURS, strict=False):
        text.append("█" * part, style)
    (eighths,) = bar_lengths([bar.height], highest, width * 8)
    left = eighths - 8 * sum(parts)
    if left > 0:
        text.append(EIGHTHS[left], COLOURS[max(i for i, cost in enumerate(bar.costs) if cost)])
    elif bar.height and not eighths:
        text.append(EIGHTHS[1])
    return text


def shares(chart: Chart) -> Table:
    """Return a line for each model: its colour, name, share and cost."""
    from rich.table import Table
    from rich.text import Text

    places = decimals_of(row.tally for row in chart.shares)
    table = Table.grid(padding=(0, 2, 0, 0))
    table.add_column()
    table.add_column(no_wrap=True)
    table.add_column(justify="right")
    table.add_column(justify="right")
    for row, style in zip(chart.shares, COLOURS, strict=False):
        part, cost = format_share(row.tally, chart.total), format_cost(row.tally, places)
        table.add_row(Text("█", style), row.keys[0], part, cost)
    return table

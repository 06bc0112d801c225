"""Run -> its progress on stderr: a bar at a terminal, else a line a minute."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import SimpleQueue

from loki.cli.batch.run_state import RunState
from loki.cli.console import Console
from loki.edge.batch.input import Source

INTERVAL = 60.0  # seconds between two lines


@contextmanager
def progress(
    console: Console, run: RunState, inputs: Source, notes: SimpleQueue[str]
) -> Iterator[Callable[[], None]]:
    """Yield a function that shows the progress, and notes; it is called again and again."""
    run.say = console.note  # what is said of a signal is never hidden
    with choose_progress(console, run, inputs) as show:

        def tick() -> None:
            while not notes.empty():
                run.say(notes.get())
            show()

        yield tick


@contextmanager
def choose_progress(
    console: Console, run: RunState, inputs: Source
) -> Iterator[Callable[[], None]]:
    """Yield what shows the progress alone."""
    if console.is_quiet:
        yield lambda: None
    elif console.stderr_is_terminal and (run.out.path or not console.stdout_is_terminal):  # no mix
        with progress_bar(run, inputs.size()) as tick:
            yield tick
    else:
        yield print_each_minute(console, run, inputs.size())


def print_each_minute(
    console: Console, run: RunState, rows: int | None, clock: Callable[[], float] = time.monotonic
) -> Callable[[], None]:
    """Return a function that prints a line a minute."""
    last = clock()

    def tick() -> None:
        nonlocal last
        if clock() - last >= INTERVAL:
            last = clock()
            console.note(position(run, rows))

    return tick


def position(run: RunState, rows: int | None) -> str:
    """Return the progress of a run as a line: rows, failures, rates, money, time of the end."""
    done = run.rows_done
    of = f" of {rows - run.skipped:,}" if rows is not None else ""
    failed = ", ".join(f"{number:,} {kind}" for kind, number in run.failed.most_common())
    rate = done / max(run.seconds, 0.001)
    parts = [f"{done:,}{of} rows", f"{failed} failed" if failed else "", f"{rate:,.1f} rows/s"]
    parts += [f"{tokens_per_second(run):,.0f} tokens/s", run.describe_cost()]
    if rows is not None and done:
        left = max(0, rows - run.skipped - done) / rate
        parts.append(f"until {time.strftime('%H:%M:%S', time.localtime(time.time() + left))}")
    return " · ".join(filter(None, parts))


def tokens_per_second(run: RunState) -> float:
    """Return the tokens a second, in and out."""
    return (run.tokens["input"] + run.tokens["output"]) / max(run.seconds, 0.001)


@contextmanager
def progress_bar(run: RunState, rows: int | None) -> Iterator[Callable[[], None]]:
    """Yield a function that updates a bar with figures, drawn a few times a second."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, ProgressColumn, SpinnerColumn, Task
    from rich.text import Text

    class Figures(ProgressColumn):
        """The progress of the run as a line."""

        def render(self, task: Task) -> Text:
            """Return the line."""
            return Text(position(run, rows))

    bar = Progress(
        SpinnerColumn(),
        BarColumn(bar_width=24),
        Figures(),
        console=Console(stderr=True),
        refresh_per_second=4,
        transient=True,
    )
    before = run.warn, run.say
    with bar:
        run.warn = run.say = lambda text: bar.print(Text(f"loki-batch: {text}"), soft_wrap=True)
        task = bar.add_task("", total=rows)

        def tick() -> None:
            bar.update(task, completed=run.rows_done + run.skipped + run.repeated)

        yield tick
    run.warn, run.say = before

"""Tables on standard output and progress bars on standard error. The package rich is imported when first needed."""

from collections.abc import Callable, Collection, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import ProgressColumn, Task

Row = Sequence[str]

MOST_CLASSES = 100
"""Largest number of classes in a table. Without it, a dataset whose classes are ids by mistake fills the screen."""


def print_table(
    headings: Row,
    *sections: Sequence[Row],
    right: Collection[int] | None = None,
    whole: Collection[int] = (),
    title: str | None = None,
    most: int | None = None,
) -> None:
    """Print a table on standard output. Texts that look like markup of rich are printed unchanged.

    Args:
        headings: Heading of each column. If all headings are empty, the heading line is omitted.
        sections: Groups of rows. A line separates each group from the next.
        right: Indices of the columns aligned on the right, from 0. None: all columns but the first.
        whole: Indices of the columns that are never wrapped, from 0.
        title: Title above the table.
        most: Largest number of rows printed of each section. A line below the table says how many rows were left out.
            None prints all rows.
    """
    from rich.console import Console
    from rich.table import Table

    table = Table(title=title, title_justify="left", show_header=any(headings))
    for i, heading in enumerate(headings):
        is_right = i > 0 if right is None else i in right
        table.add_column(heading, justify="right" if is_right else "left", no_wrap=i in whole)
    for section in sections:
        table.add_section()
        for row in section[:most]:
            table.add_row(*row)
    console = Console(markup=False, emoji=False, highlight=False)
    console.print(table)
    hidden = sum(len(section) - len(section[:most]) for section in sections)
    if hidden:
        console.print(f"... and {hidden:,} more rows")


@contextmanager
def progress_bar(
    what: str, *, at_once: bool = True, speed: bool = False
) -> Iterator[Callable[[int, int | None], None]]:
    """Show a progress bar until the last item is done.

    Args:
        what: Label of the bar, such as "detecting".
        at_once: Whether the bar appears immediately. Otherwise it appears when the first item is done.
        speed: Whether the bar shows images per second.

    Yields:
        A function to call with the number of items done and the total number of items, or None if the total is unknown.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeRemainingColumn

    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
    with _bars(*columns, *([_speed()] if speed else []), TimeRemainingColumn()) as bars:
        task = bars.add_task(what, total=None)
        if at_once:
            bars.start()

        def progress(done: int, total: int | None) -> None:
            bars.update(task, completed=done, total=total)
            if done == total:
                bars.stop()
            else:
                bars.start()

        yield progress


def _speed() -> "ProgressColumn":
    from rich.progress import ProgressColumn
    from rich.text import Text

    class Speed(ProgressColumn):
        def render(self, task: "Task") -> Text:
            speed = task.finished_speed or task.speed
            return Text(f"{speed:.1f} images/s" if speed else "")

    return Speed()


@contextmanager
def transfer_bars() -> Iterator[Callable[[str, int, int], None]]:
    """Show a progress bar for each downloaded file while the block lasts.

    Yields:
        A function to call with the name of a file, the number of its bytes downloaded so far, and its size in bytes.
        The size is 0 if unknown.
    """
    from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn

    times = TransferSpeedColumn(), TimeRemainingColumn()
    with _bars(TextColumn("{task.description}"), BarColumn(), DownloadColumn(), *times) as bars:
        bars.start()
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total or None)

        yield progress


@contextmanager
def _bars(*columns: "ProgressColumn") -> "Iterator[Bars]":
    """Progress bars that are removed when the block ends. Nothing is shown if standard error is not a terminal."""
    from rich.console import Console
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    bars = Bars(*columns, console=console, transient=True, disable=not console.is_terminal)
    try:
        yield bars
    finally:
        bars.stop()

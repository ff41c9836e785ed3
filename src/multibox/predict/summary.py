"""What the command line shows of a run of predictions, while it goes on and when it is done."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, Task, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from multibox.detect.detections import Detections
from multibox.predict.predict import Prediction, Tally

LISTED = 20
"""How many detections of a picture the table lists; the JSON has them all."""

PICTURES = 20
"""How many pictures the table lists; of a run of more, numbers are shown."""


class Summary:
    """What is shown of a run: as a list in JSON on standard output, or as a table for a person.

    Args:
        as_json: whether as JSON, each picture as soon as it is done.
    """

    def __init__(self, as_json: bool):
        self.tally = Tally()
        self._as_json = as_json
        self._first: list[Prediction] = []

    def add(self, prediction: Prediction) -> None:
        """Take note of a prediction, which has no image."""
        if self._as_json:
            click.echo(("," if self.tally.images else "[") + json.dumps(prediction.to_json()))
        elif prediction.detections is not None and len(self._first) <= PICTURES:
            self._first.append(prediction)
        self.tally.add(prediction)

    def end(self, folder: str) -> None:
        """Show the rest; nothing for a person where nothing could be read.

        Args:
            folder: where the outputs are.
        """
        if self._as_json:
            click.echo("]" if self.tally.images else "[]")
        elif self._first:
            console = Console(markup=False, emoji=False)  # names may look like either
            console.print(self._numbers() if len(self._first) > PICTURES else _table(self._first))
            console.print(f"what was saved is in {folder}", highlight=False)

    def _numbers(self) -> Table:
        table = Table("class", "objects", title=f"{self.tally.images:,} pictures", title_justify="left")
        for name, count in self.tally.objects.most_common():
            table.add_row(name, f"{count:,}")
        return table


def _table(predictions: list[Prediction]) -> Table:
    table = Table("file", "object", "score", "box (x0 y0 x1 y1)")
    for prediction in predictions:
        name = prediction.source.name if prediction.number is None else f"{prediction.source.name} {prediction.number}"
        for i, row in enumerate(_rows(prediction.detections)):
            table.add_row("" if i else name, *row)
    return table


def _rows(found: Detections | None) -> list[tuple[str, str, str]]:
    if not found:
        return [("-", "", "")]
    columns = zip(found.names[:LISTED], found.scores, found.boxes, strict=False)
    rows = [(name, f"{score:.2f}", " ".join(f"{edge:.0f}" for edge in box)) for name, score, box in columns]
    more = len(found) - LISTED
    return [*rows, (f"and {more} more", "", "")] if more > 0 else rows


@contextmanager
def images_per_second(total: int | None) -> Iterator[Callable[[], Any]]:
    """A progress bar with images a second, on the error stream; silent where that is no terminal.

    Args:
        total: how many images there will be; None where that is not known.

    Yields:
        a function to call after each image.
    """
    columns = (TextColumn("detecting"), BarColumn(), MofNCompleteColumn(), _Speed(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=total)
        yield lambda: bar.advance(task)


class _Speed(TextColumn):
    def __init__(self) -> None:
        super().__init__("")

    def render(self, task: Task) -> Text:
        speed = task.finished_speed or task.speed
        return Text(f"{speed:.1f} images/s" if speed else "")

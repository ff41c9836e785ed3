"""What people see of downloads: a bar for each file, and the table of models."""

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, TextColumn, TimeRemainingColumn, TransferSpeedColumn
from rich.progress import Progress as Bars
from rich.table import Table

from multibox.download.fetch import Progress, RemoteFile
from multibox.download.models import PublishedModel


@contextmanager
def transfer_bars() -> Iterator[Progress]:
    """Bars on the error stream, one for each thing that is done; the functions that download take what it yields."""
    times = (TransferSpeedColumn(), TimeRemainingColumn())
    columns = (TextColumn("{task.description}"), BarColumn(), DownloadColumn(), *times)
    console = Console(stderr=True)
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        tasks: dict[str, Any] = {}

        def progress(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bars.add_task(what)
            bars.update(tasks[what], completed=done, total=total or None)

        yield progress


def unchecked(files: Iterable[RemoteFile]) -> list[str]:
    """A line for each file that no checksum is known of."""
    against = {"size": "only its size was checked", "nothing": "there was nothing to check it against"}
    files = [file for file in files if file.check in against]
    return [f"{file.name}: its publisher gives no checksum; {against[file.check]}" for file in files]


def model_json(model: PublishedModel) -> dict[str, Any]:
    """A row of the table as JSON-able values."""
    return {
        "name": model.name,
        "from": model.kind,
        "url": model.file.urls[0],
        "checksum": model.file.checksum or None,
        "size": model.file.size or None,
        "licence": model.licence,
        "score": model.score,
        "measure": model.measure or None,
    }


def print_models(models: Iterable[PublishedModel]) -> None:
    """Print what can be downloaded."""
    table = Table()
    for title in ("name", "--from", "MB", "checked by", "licence", "published score"):
        table.add_column(title, justify="right" if title == "MB" else "left", no_wrap=title in {"name", "--from"})
    for model in models:
        table.add_row(
            model.name,
            model.kind,
            f"{model.file.size / 1e6:,.0f}" if model.file.size else "?",
            model.file.check,
            model.licence,
            f"{model.score:g} {model.measure}" if model.score is not None else "a trunk alone",
        )
    Console().print(table)

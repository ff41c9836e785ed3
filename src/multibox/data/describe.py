"""What people see of datasets: tables for the terminal, JSON for programs."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from multibox.data.build import BuildReport
from multibox.data.build import Progress as Told
from multibox.data.record import Record
from multibox.data.store import Counts, Meta, Store, dataset_splits, list_stores, open_store, store_path
from multibox.errors import BadInput

MOST_PROBLEMS = 20
"""Problems listed on the terminal; the report beside the stores has them all."""


def open_stores(name: str) -> list[Store]:
    """The stores of a dataset.

    Args:
        name: ``NAME`` for all its splits, or ``NAME/SPLIT``.

    Returns:
        the stores, at least one.

    Raises:
        BadInput: there is none.
    """
    if "/" in name:
        return [open_store(name)]
    splits = dataset_splits(name)
    if not splits:
        stores = ", ".join(list_stores()) or "none yet; build one with 'multibox data build'"
        raise BadInput(name, f"no such dataset; there are: {stores}")
    return [Store(store_path(name, split)) for split in splits]


def find_record(stores: Sequence[Store], record_id: str) -> tuple[Store, Record]:
    """The record of an id and the store that has it, the first where several have.

    Raises:
        BadInput: none has it.
    """
    for store in stores:
        if record_id in store.ids:
            return store, store[store.find(record_id)]
    names = ", ".join(f"{store.meta.name}/{store.meta.split}" for store in stores)
    example = next((store.ids[0] for store in stores if store.ids), "")
    raise BadInput("record", f"{record_id}: not in {names}; ids look like {example!r}")


def record_json(record: Record, meta: Meta) -> dict[str, Any]:
    """A record as JSON-able values: everything but the picture's bytes.

    Args:
        record: of a store.
        meta: of that store.

    Returns:
        ``id``, ``split``, ``source``, ``size``, ``image_bytes``, ``objects``, ``extra``.
    """
    objects = record.objects
    flags = ("difficult", "crowd", "truncated", "occluded")
    return {
        "id": record.id,
        "split": meta.split,
        "source": record.source,
        "size": {"width": record.width, "height": record.height},
        "image_bytes": len(record.image),
        "objects": [
            {
                "id": objects.ids[i],
                "name": meta.classes[objects.labels[i]],
                "label": int(objects.labels[i]),
                "box": [round(float(value), 3) for value in objects.boxes[i]],
                **{flag: bool(getattr(objects, flag)[i]) for flag in flags},
                "area": round(float(objects.area[i]), 3),
            }
            for i in range(len(objects))
        ],
        "extra": record.extra,
    }


def stores_json(stores: Sequence[Store]) -> dict[str, Any]:
    """What the stores of a dataset say about themselves, as JSON-able values."""
    return {"name": stores[0].meta.name, "splits": {store.meta.split: asdict(store.meta) for store in stores}}


def counts_table(classes: Sequence[str], splits: dict[str, Counts]) -> Table:
    """Images and objects of each split, and the objects of each class."""
    table = Table()
    table.add_column("")
    for split in splits:
        table.add_column(escape(split), justify="right")
    table.add_row("images", *(f"{counts.images:,}" for counts in splits.values()))
    table.add_row("objects", *(f"{counts.objects:,}" for counts in splits.values()), end_section=True)
    for name in classes:
        table.add_row(escape(name), *(f"{counts.per_class[name]:,}" for counts in splits.values()))
    return table


def print_stores(stores: Sequence[Store]) -> None:
    """Print what the stores of a dataset hold."""
    meta = stores[0].meta
    splits = {store.meta.split: store.meta.counts for store in stores}
    console = Console()
    console.print(f"{meta.name}, from {meta.source}", markup=False, highlight=False, soft_wrap=True)
    console.print(counts_table(meta.classes, splits))
    for store in stores:
        size = store.path.stat().st_size / 1e6
        console.print(f"{store.meta.split}: {size:,.1f} MB, built {store.meta.built}, digest {store.meta.digest[:12]}")


def print_record(record: Record, meta: Meta) -> None:
    """Print a record as a table of its objects."""
    title = f"{meta.name}/{meta.split} {record.id}: {record.width}x{record.height}"
    table = Table(title=escape(title), title_justify="left")
    for heading in ("object", "class", "box", "flags"):
        table.add_column(heading)
    for row in record_json(record, meta)["objects"]:
        flags = ", ".join(flag for flag in ("difficult", "crowd", "truncated", "occluded") if row[flag])
        table.add_row(escape(row["id"]), escape(row["name"]), ", ".join(f"{value:g}" for value in row["box"]), flags)
    Console().print(table)


def print_report(report: BuildReport) -> None:
    """Print what a build did, what it left out first."""
    console = Console()
    for problem in report.problems[:MOST_PROBLEMS]:
        console.print(f"{problem.action}: {problem}", markup=False, highlight=False, soft_wrap=True)
    hidden = len(report.problems) - MOST_PROBLEMS
    if hidden > 0:
        console.print(f"... and {hidden} more, all in {report.path}/build.json")
    console.print(counts_table(report.classes, report.splits))
    console.print(f"{report.path}: built in {report.seconds:.1f} s", markup=False, highlight=False, soft_wrap=True)
    left_out = len(report.problems)
    console.print(f"left out: {left_out}; boxes clipped at the edge of their image: {report.clipped}")


@contextmanager
def progress_bar(what: str) -> Iterator[Told]:
    """A progress bar on the error stream, where it disturbs no pipe.

    Args:
        what: is being done.

    Yields:
        a function to call with the number done and the number in all.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    console = Console(stderr=True)
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)

"""Reads CSV tables whose cells hold JSON into the same structure as the tool's JSON export."""

import json
from collections.abc import Callable, Collection
from functools import partial
from pathlib import Path
from typing import Any

from multibox.annotations.csv_files import first_line, read_dicts
from multibox.annotations.files import Files
from multibox.errors import BadInput


def tables_with(files: Files, columns: Collection[str]) -> list[Path]:
    """Find the CSV files of a dataset whose header has all the given columns."""
    return [path for path in files.with_suffix(".csv") if set(columns) <= set(first_line(path))]


def content_of(files: Files, path: Path, from_rows: Callable[[list[dict[str, Any]]], Any]) -> Any:
    """Read the content of a JSON file, or the content of a CSV file converted to the same structure.

    Args:
        files: Files of the dataset.
        path: Path of the JSON or CSV file.
        from_rows: Function that turns the rows of a CSV file into the JSON's content. A row is a dictionary by column,
            in which cells that hold JSON lists or objects are parsed.
    """
    return from_rows(_rows(path)) if path.suffix.lower() == ".csv" else files.json(path)


def _rows(path: Path) -> list[dict[str, Any]]:
    parse = partial(_cell, path)
    return [{name: parse(text) for name, text in row.items()} for row in read_dicts(path)]


def _cell(path: Path, text: str) -> Any:
    if not text.startswith(("[", "{")):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise BadInput(path, f"a cell does not hold JSON: {text[:40]!r}; export the table again") from None

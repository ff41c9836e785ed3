"""Finds the names of numbered classes in the metadata of a Parquet file, or in its dataset's ``README.md``.

The datasets library writes the features of a dataset as JSON into the metadata key ``huggingface`` of each file. The
hub has the same features as YAML at the top of the ``README.md`` (``dataset_info``). Both may have a list of names, or
a map from numbers to names.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from multibox.annotations.annotation import read_text
from multibox.annotations.files import Files
from multibox.errors import BadInput


def names_in_metadata(metadata: dict[bytes, bytes] | None, category: str) -> tuple[str, ...]:
    """Find the class names in the metadata of a file. Empty if there are none.

    Args:
        metadata: Metadata of the file's Arrow schema.
        category: Name of the column of classes.
    """
    try:
        features = json.loads((metadata or {}).get(b"huggingface", b"null"))
    except (ValueError, RecursionError):
        return ()
    return _only(_in_features(features, category, False))


def names_in_card(files: Files, category: str) -> tuple[tuple[str, ...], Path | None]:
    """Find the class names in the ``README.md`` nearest to the root.

    Returns the names and the file's path, or nothing and None.

    Args:
        files: Files of the dataset.
        category: Name of the column of classes.
    """
    folders = [files.root, *list(files.root.parents)[:2]]
    beside = [folder / "README.md" for folder in folders if (folder / "README.md").is_file()]
    for path in (*files.named("readme.md"), *beside):
        try:
            head = read_text(path).split("---")
            content = yaml.safe_load(head[1]) if len(head) > 2 and not head[0].strip() else None
        except (BadInput, yaml.YAMLError, ValueError, RecursionError):
            continue
        names = _only(_in_card(content.get("dataset_info"), category, False)) if isinstance(content, dict) else ()
        if names:
            return names, path
    return (), None


def _only(found: Iterator[tuple[str, ...]]) -> tuple[str, ...]:
    """The names, if all places have the same."""
    different = set(found)
    return different.pop() if len(different) == 1 else ()


def _in_features(node: Any, category: str, is_below: bool) -> Iterator[tuple[str, ...]]:
    """Lists of names in the JSON of features, below a feature of the column's name."""
    if isinstance(node, list):
        for each in node:
            yield from _in_features(each, category, is_below)
    if not isinstance(node, dict):
        return
    if is_below and node.get("_type") == "ClassLabel":
        yield _names(node.get("names"))
        return
    for name, each in node.items():
        yield from _in_features(each, category, is_below or name == category)


def _in_card(node: Any, category: str, is_below: bool) -> Iterator[tuple[str, ...]]:
    """Lists of names in the YAML of a dataset's card, below an entry whose ``name`` is the column's."""
    if isinstance(node, list):
        for each in node:
            yield from _in_card(each, category, is_below)
    if not isinstance(node, dict):
        return
    is_below = is_below or node.get("name") == category
    label = node.get("class_label")
    if is_below and isinstance(label, dict):
        yield _names(label.get("names"))
    for each in node.values():
        yield from _in_card(each, category, is_below)


def _names(written: Any) -> tuple[str, ...]:
    """Names of a list, or of a map from numbers without a gap. Empty if it is neither."""
    if isinstance(written, dict):
        by_number = {str(number): name for number, name in written.items()}
        written = [by_number.get(str(number)) for number in range(len(by_number))]
    if not isinstance(written, list) or not all(isinstance(name, str | int) for name in written):
        return ()
    return tuple(str(name) for name in written)

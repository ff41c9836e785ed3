"""Refuses files that are given as detections but are something else, in one line that says what to do."""

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NoReturn

from multibox.errors import BadInput

FORMAT = "COCO's results format, a JSON list of image_id, category_id, bbox and score"
PACKED = {
    b"\x1f\x8b": "gzip",
    b"PK\x03\x04": "zip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "Zstandard",
}
TEXT = {".csv", ".tsv", ".txt", ".jsonl", ".ndjson", ".xml", ".pkl", ".pickle", ".parquet"}
ARCHIVES = {".gz", ".zip", ".bz2", ".xz", ".zst"}


def is_no_model(path: Path) -> bool:
    """Whether a file's suffix is that of another format of detections, and not of a model."""
    suffix = path.suffix.lower()
    return suffix in TEXT or (suffix in ARCHIVES and Path(path.stem).suffix.lower() in TEXT | {".json"})


def refuse_name(path: Path) -> NoReturn:
    """Refuse a file whose suffix is that of another format of detections, such as ``.csv``."""
    if path.suffix.lower() in ARCHIVES:
        raise BadInput(path, f"is compressed; unpack it, and give the .json file in {FORMAT}")
    raise BadInput(path, f"is neither a model nor a .json file; convert its detections to {FORMAT}")


def refuse_content(path: str | os.PathLike[str], content: bytes) -> NoReturn:
    """Refuse bytes that are not JSON."""
    if not content.strip():
        raise BadInput(path, f"is empty; a file without detections holds []; give detections in {FORMAT}")
    for head, kind in PACKED.items():
        if content.startswith(head):
            raise BadInput(path, f"is compressed with {kind}; unpack it first")
    first = content.lstrip().partition(b"\n")[0]
    if first.startswith(b"{") and _is_json(first):
        raise BadInput(path, "has one JSON object in each line; join the lines into one list, [..., ...]")
    if first.startswith(b"[") and _is_json(first):
        raise BadInput(path, "has several JSON lists, one after another; join them into one list")
    if b"," in first and first[:1] not in b"[{" and b"\0" not in content[:1000]:
        raise BadInput(path, f"is CSV; convert its rows to {FORMAT}")
    raise BadInput(path, f"is not complete JSON; give detections in {FORMAT}")


def refuse_object(path: str | os.PathLike[str], value: Any) -> NoReturn:
    """Refuse JSON that is not a list."""
    members = value if isinstance(value, dict) else {}
    objects = members.get("annotations")
    if isinstance(objects, list) and isinstance(members.get("images"), list) and not any(map(_has_score, objects)):
        raise BadInput(path, f"holds the annotations of a dataset, which have no scores; give detections in {FORMAT}")
    for name, rows in members.items():
        if isinstance(rows, list) and rows and isinstance(rows[0], dict) and {"bbox", "score"} <= rows[0].keys():
            raise BadInput(path, f"is not a list; its detections are under {name!r}, so save that list alone as a file")
    raise BadInput(path, f"is not a list; give detections in {FORMAT}")


def refuse_rows(path: str | os.PathLike[str], rows: Sequence[Any], fields: Sequence[str]) -> NoReturn:
    """Refuse a JSON list in which no row has all fields of a detection."""
    first = rows[0]
    if not isinstance(first, dict):
        raise BadInput(path, f"detection 0 is {type(first).__name__}, not an object; give {FORMAT}")
    if isinstance(first.get("detections"), list) or "error" in first:
        raise BadInput(path, f"is a list of images with their detections; write them in {FORMAT}")
    missing = [field for field in fields if first.get(field) is None]
    if missing == ["score"]:
        raise BadInput(path, "detection 0 has no score; these look like the annotations of a dataset, not detections")
    there = ", ".join(map(str, list(first)[:8])) or "nothing"
    raise BadInput(path, f"detection 0 has no {', '.join(missing)} (it has {there}); give {FORMAT}")


def _has_score(row: Any) -> bool:
    return isinstance(row, dict) and "score" in row


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True

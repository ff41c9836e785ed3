"""Recognises annotations in formats that cannot be read, and says what to do instead."""

import json
import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from multibox.annotations.files import Files, sample
from multibox.annotations.problem import Problem
from multibox.annotations.xml_files import read_xml

_PACKED = re.compile(r"\.(zip|rar|7z|tgz|tbz2?|txz|tar(\.\w+)?)$", re.IGNORECASE)
_LONGEST = 10_000_000
"""Bytes of the longest first line that is parsed."""

_OF_OBJECTS: Mapping[str, tuple[set[str], ...]] = {
    "a project of VIA 3": ({"project", "attribute", "file", "metadata", "view"},),
    "Labelbox's export": ({"data_row", "projects"}, {"Labeled Data", "Label"}),
    "Amazon SageMaker's manifest": ({"source-ref"},),
    "Vertex AI's JSONL": ({"imageGcsUri"},),
    "Azure ML's JSONL": ({"image_url", "image_details", "label"},),
    "Hugging Face's metadata": ({"file_name", "objects"},),
    "CrowdHuman's list": ({"ID", "gtboxes"},),
    "Supervisely's JSON": ({"size", "objects", "tags"}, {"classes", "tags"}),
    "Cityscapes' polygons": ({"imgHeight", "imgWidth", "objects"},),
    "Scale's tasks": ({"task_id", "params", "response"},),
    "BDD100K's JSON": ({"name", "attributes", "labels"}, {"name", "timestamp", "labels"}),
    "the list of MMDetection 2": ({"filename", "ann"},),
    "the list of MMDetection 3": ({"metainfo", "data_list"},),
}
"""Sets of fields by which an object of JSON shows its format, by what is said of it."""

_NUMBER = r"-?\d+(\.\d+)?"
_OF_LINES = {
    "DOTA's text": re.compile(rf"({_NUMBER} ){{8}}\S+ [012]$", re.MULTILINE),
    "VisDrone's text": re.compile(r"(-?\d+,){7}-?\d+,?$", re.MULTILINE),
    "MOT's tracks": re.compile(rf"(\d+,){{2}}({_NUMBER},){{6,7}}{_NUMBER}$", re.MULTILINE),
    "WIDER FACE's list": re.compile(r"\S+\.jpe?g\n\d+\n(\d+ ){9}\d+$", re.MULTILINE | re.IGNORECASE),
}
"""How the text begins in each format."""

_HEADERS = ("imagesource:", "gsd:")
"""How the lines begin that DOTA writes before the objects."""


def why_unread(files: Files) -> str:
    """Explain why the annotations of a dataset cannot be read. Empty if no known cause is found."""
    return _known(files) or _damaged(files) or _packed(files)


def _known(files: Files) -> str:
    """Says so if a file has a format that is known and not read."""
    of_json = ((path, _name_of(content)) for path, content in _contents(files))
    of_text = ((path, _name_of_lines(_head(path))) for path in sample(files.with_suffix(".txt")))
    for path, name in (*of_json, *of_text):
        if name:
            verb = "looks like" if path.suffix.lower() == ".txt" else "is"
            return f"{files.short(path)} {verb} {name}, which is not read; convert it to COCO"
    return ""


def _contents(files: Files) -> Iterator[tuple[Path, Any]]:
    """The content of JSON files, and the first line of files that hold JSON in lines."""
    yield from files.json_files()
    for path in sample(files.with_suffix(".jsonl", ".ndjson", ".manifest", ".odgt")):
        with path.open("rb") as file:
            line = file.readline(_LONGEST)
        try:
            yield path, json.loads(line)
        except (ValueError, RecursionError):
            continue


def _name_of(content: Any) -> str:
    """What an object of JSON, or the first of a list, is. Empty if it is nothing known."""
    first = content[0] if isinstance(content, list) and content else content
    keys = set(first) if isinstance(first, dict) else set()
    return next((name for name, wanted in _OF_OBJECTS.items() if any(each <= keys for each in wanted)), "")


def _name_of_lines(text: str) -> str:
    """What the first lines of a text are. Empty if they are nothing known."""
    lines = "\n".join(line.strip() for line in text.splitlines() if line.strip() and not line.startswith(_HEADERS))
    return next((name for name, first in _OF_LINES.items() if first.match(lines)), "")


def _head(path: Path) -> str:
    with path.open("rb") as file:
        return file.read(4096).decode("utf-8-sig", errors="replace")


def _damaged(files: Files) -> str:
    """Says what is wrong with the first file of JSON, XML or text that cannot be read."""
    if files.not_json:
        path = next(iter(files.not_json))
        return f"{files.short(path)}: {files.not_json[path]}"
    for path in sample(files.with_suffix(".xml")):
        parsed = read_xml(path)
        if isinstance(parsed, Problem):
            return f"{files.short(path)}: {parsed.detail}"
    utf_16 = (path for path in sample(files.with_suffix(".txt")) if _is_utf_16(path))
    return next((f"{files.short(path)} is UTF-16; save it as UTF-8" for path in utf_16), "")


def _is_utf_16(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(2) in (BOM_UTF16_LE, BOM_UTF16_BE)


def _packed(files: Files) -> str:
    """Says so if an archive or a pickle is there, and no table or JSON that could hold annotations."""
    found = [path for path in files.listed if _PACKED.search(path.name)]
    others = files.with_suffix(".json", ".csv", ".tsv", ".parquet")
    if found and not others:
        return f"{files.short(found[0])} is an archive; unpack it and give the folder"
    pickled = [] if others else files.with_suffix(".pkl", ".pickle")
    return (
        f"{files.short(pickled[0])} is a pickle, which is not read because it could run code; write COCO instead"
        if pickled
        else ""
    )

"""Recognises the tool that wrote a VOC-like XML file by traces that each tool leaves in its files.

``tests/compat/CORNERS.md`` says how each trace was found.
"""

from collections.abc import Callable
from typing import Any

LABELIMG = "labelImg"
DATUMARO = "CVAT or Datumaro"
LIKE_LABELIMG = "a tool with labelImg's fields"


def tool_of(root: Any, raw: bytes) -> str:
    """Recognise the tool that wrote a file.

    Args:
        root: Root element of the file, parsed by lxml.
        raw: Bytes of the XML file.

    Returns:
        Name of the tool. Empty if the file does not show it.
    """
    return next((name for name, is_its in _MARKS if is_its(root, raw)), "")


def _text(root: Any, path: str) -> str | None:
    """The text of an element, empty if it holds none. None if there is no such element."""
    return None if root.find(path) is None else (root.findtext(path) or "").strip()


def _is_pascal(root: Any, raw: bytes) -> bool:
    database = _text(root, "source/database") or ""
    return "PASCAL" in database or database.replace(" ", "").startswith(("TheVOC20", "VOC20"))


def _is_roboflow(root: Any, raw: bytes) -> bool:
    database = _text(root, "source/database") or ""
    return database.startswith("roboflow") and _text(root, "folder") != "VOC"


def _is_datumaro(root: Any, raw: bytes) -> bool:
    return all(_text(root, f"source/{name}") == "Unknown" for name in ("database", "annotation", "image"))


def _has_labelimgs_fields(root: Any, raw: bytes) -> bool:
    unknown = _text(root, "source/database") == "Unknown" and len(root.find("source")) == 1
    return unknown and root.find("segmented") is not None and root.find("path") is not None


def _is_labelimg(root: Any, raw: bytes) -> bool:
    return _has_labelimgs_fields(root, raw) and b"\n\t<folder>" in raw.replace(b"\r", b"")


def _is_fiftyone(root: Any, raw: bytes) -> bool:
    return _text(root, "folder") == "" and _text(root, "source/database") == "" and root.find("path") is not None


def _is_pylabel(root: Any, raw: bytes) -> bool:
    box = root.find("object/bndbox")
    order = [child.tag for child in box] if box is not None else []
    return order == ["xmin", "xmax", "ymin", "ymax"] and root.find("source") is None


def _is_globox(root: Any, raw: bytes) -> bool:
    fields = {child.tag for child in root}
    return fields <= {"filename", "size", "object"} and root.find("size/depth") is None and b"\n" not in raw.strip()


_MARKS: tuple[tuple[str, Callable[[Any, bytes], bool]], ...] = (
    ("Multibox", lambda root, raw: _text(root, "source/database") == "Multibox"),
    ("PASCAL VOC", _is_pascal),
    ("supervision", lambda root, raw: _text(root, "source/database") == "roboflow.ai" and not _is_roboflow(root, raw)),
    ("Roboflow", _is_roboflow),
    ("Label Studio", lambda root, raw: _text(root, "owner/name") == "Label Studio"),
    (DATUMARO, _is_datumaro),
    (LABELIMG, _is_labelimg),
    (LIKE_LABELIMG, _has_labelimgs_fields),
    ("FiftyOne", _is_fiftyone),
    ("pylabel", _is_pylabel),
    ("globox", _is_globox),
)
"""Each tool and the mark by which it is recognised, the more certain ones first."""

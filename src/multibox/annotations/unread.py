"""Annotations that are recognised and cannot be read: what they are, and what to do instead."""

from typing import Any

from multibox.annotations.files import Files

_OF_VIA_3 = {"project", "attribute", "file", "metadata", "view"}
"""Fields of a project of VIA 3."""


def why_unread(files: Files) -> str:
    """Why the annotations of a source cannot be read, in words. Empty if there are none that are known."""
    found = files.json_where(_is_via_3)
    return f"{files.short(found[0])} is a project of VIA 3, which is not read; convert it to COCO" if found else ""


def _is_via_3(content: Any) -> bool:
    return isinstance(content, dict) and content.keys() >= _OF_VIA_3

"""Write annotations as PASCAL VOC XML."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from lxml import etree


def write_xml(
    path: Path,
    filename: str,
    size: tuple[int, int],
    names: Sequence[str],
    boxes: np.ndarray,
    **flags: Sequence[bool],
) -> None:
    """Write one annotation file. VOC's XML cannot hold a record's crowds, areas and ids.

    Args:
        path: Path of the XML file.
        filename: Name of the image file.
        size: Width and height of the image, pixels.
        names: Class name of each of the N objects.
        boxes: ``(N, 4)`` edges x0, y0, x1, y1, rounded to whole pixels.
        flags: Flags of the objects by name: ``difficult``, ``truncated`` and ``occluded``, each with N bools.
    """
    root = etree.Element("annotation")
    _add(root, "filename", filename)
    _add(etree.SubElement(root, "source"), "database", "Multibox")  # by which a reader knows how the corners count
    of_size = etree.SubElement(root, "size")
    for name, value in zip(("width", "height", "depth"), (*size, 3), strict=True):
        _add(of_size, name, value)
    corners = np.round(boxes).astype(int).reshape(-1, 4) + np.array([1, 1, 0, 0])
    for i, name in enumerate(names):
        node = etree.SubElement(root, "object")
        _add(node, "name", name)
        for flag in ("truncated", "occluded", "difficult"):
            _add(node, flag, int(flags[flag][i]) if flag in flags else 0)
        box = etree.SubElement(node, "bndbox")
        for corner, value in zip(("xmin", "ymin", "xmax", "ymax"), corners[i], strict=True):
            _add(box, corner, value)
    path.write_bytes(etree.tostring(root, pretty_print=True))


def _add(parent: Any, tag: str, value: object) -> None:
    etree.SubElement(parent, tag).text = str(value)

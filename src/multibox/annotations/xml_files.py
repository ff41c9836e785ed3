"""Reads XML files of annotations without entities and network access, and tells their formats by the root element."""

import re
from codecs import BOM_UTF16_BE, BOM_UTF16_LE
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

from lxml import etree

from multibox.annotations.problem import Problem
from multibox.errors import BadInput

_PARSER = etree.XMLParser(resolve_entities=False, no_network=True, load_dtd=False, huge_tree=False)
_COMMENT = re.compile(rb"<!--.*?(-->|\Z)", re.DOTALL)
_TAG = re.compile(rb"<([A-Za-z_][\w.-]*)[\s/>]")


def read_xml(path: Path) -> tuple[Any, bytes] | Problem:
    """Read an XML file: its root element, parsed by lxml, and its bytes, or the problem that prevents reading it."""
    try:
        raw = path.read_bytes()
        return etree.fromstring(raw, _PARSER), raw
    except FileNotFoundError:
        return Problem("missing", str(path), "", "the annotation file is missing")
    except (etree.XMLSyntaxError, OSError) as error:
        return Problem("annotation", str(path), "", f"not readable as XML: {_short(' '.join(str(error).split()))}")


def _short(text: str) -> str:
    """A message that quotes the file, whose end says where in the file it is."""
    return text if len(text) < 200 else f"{text[:100]} ... {text[-60:]}"


def root_tag(path: Path) -> str:
    """Name of the root element of an XML file, from its first bytes. Empty if there is none."""
    found = _TAG.search(_head(path))
    return found[1].decode("ascii", errors="replace") if found else ""


def has_tag(path: Path, *tags: str) -> bool:
    """Whether an XML file has an element of one of the names among its first bytes."""
    return any(tag.decode() in tags for tag in _TAG.findall(_head(path)))


def _head(path: Path) -> bytes:
    """The first bytes of an XML file in UTF-8, without comments."""
    with path.open("rb") as file:
        head = file.read(8192)
    if head.startswith((BOM_UTF16_LE, BOM_UTF16_BE)):
        head = head.decode("utf-16", errors="ignore").encode()
    return _COMMENT.sub(b"", head)


def text_of(node: Any, path: str) -> str:
    """The text of a child element, stripped of white space. Empty if there is no such element."""
    return (node.findtext(path) or "").strip()


def is_labelme(root: Any) -> bool:
    """Whether an element ``<annotation>`` is LabelMe's: its objects have polygons or masks, and no VOC box."""
    if root.tag != "annotation" or root.find("object/bndbox") is not None:
        return False
    if root.find("object") is None:
        return root.find("imagesize") is not None or root.find("source/sourceImage") is not None
    return root.find("object/polygon") is not None or root.find("object/segm") is not None


def dialects(paths: Iterable[Path]) -> set[Literal["voc", "labelme"]]:
    """Sort XML files whose root is ``<annotation>`` by format.

    Files that cannot be parsed count as VOC if all others do.
    """
    roots = [(path, read_xml(path)) for path in paths if root_tag(path) == "annotation"]
    found: set[Literal["voc", "labelme"]] = {
        "labelme" if is_labelme(each[0]) else "voc" for _, each in roots if not isinstance(each, Problem)
    }
    return found or ({"voc"} if roots else set())


_NOT_IN_XML = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def refuse_control_characters(classes: Iterable[str]) -> None:
    """Refuse class names that an XML file cannot hold.

    Args:
        classes: Names of the classes.

    Raises:
        BadInput: A name has control characters.
    """
    unfit = next((name for name in classes if _NOT_IN_XML.search(name)), None)
    if unfit is not None:
        raise BadInput(
            f"class {unfit!r}", "the name has control characters, which XML cannot hold; choose another format"
        )

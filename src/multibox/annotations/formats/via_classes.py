"""Finds the attribute of VIA's regions that holds the class, and the order of the classes."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from multibox.annotations.drawn import FLAGS, Damaged, fields

WORDS = ("class", "label", "category", "name", "type", "object")
"""Names of attributes that are likely to hold the class, the likeliest first."""

UNNAMED = "object"
"""Class of all objects if no region has an attribute."""


@dataclass(frozen=True)
class ClassAttribute:
    """The attribute of VIA's regions that holds the class.

    Attributes:
        name: Name of the attribute that holds the class. Empty if no region has any attribute.
        classes: Class names in the order of the attribute's options. Empty if the file declares none.
        titles: Class name of each option whose key is only a number.
        only: Class of all objects, used if no region has any attribute.
        notes: Sentences about what was guessed.
    """

    name: str
    classes: tuple[str, ...]
    titles: Mapping[str, str]
    only: str
    notes: tuple[str, ...]

    def of(self, attributes: Mapping[str, Any], where: str) -> str:
        """Read the class of a region from its attributes.

        Args:
            attributes: Attributes of the region: values by the attribute's name.
            where: Name of the region in messages, such as ``object 3 of 4``.

        Raises:
            Damaged: The region has no value of the attribute that holds the class, or several values.
        """
        if not self.name:
            return self.only
        chosen = _values(attributes.get(self.name))
        if len(chosen) != 1:
            counted = f"{len(chosen)} values" if chosen else "no value"
            raise Damaged(where, f"has {counted} of the attribute {self.name!r}, which holds the class")
        return self.titles.get(chosen[0], chosen[0])


def class_attribute(
    regions: Sequence[Mapping[str, Any]], declared: Sequence[Mapping[str, Any]], classes: Sequence[str]
) -> ClassAttribute:
    """Choose the attribute that holds the class.

    It is the attribute that most regions have, or of several such attributes the one with the likeliest name.

    Args:
        regions: Attributes of each region: values by the attribute's name.
        declared: Attributes that each file declares, with their options, by the attribute's name.
        classes: Class names that the user gave. A single name is the class of all objects if no region has any
            attribute.
    """
    counts = Counter(name for each in regions for name, value in each.items() if name not in FLAGS and _values(value))
    if not counts:
        return _without_attribute(len(regions), classes)
    order = [name for each in declared for name in each] + list(counts)
    name = max(counts, key=lambda name: (counts[name], -_likeliness(name), -order.index(name)))
    titles: dict[str, str] = {}
    options: dict[str, Any] = {}
    for each in declared:
        listed = fields(fields(each.get(name)).get("options"))
        titles |= _titles(listed)
        options |= listed
    notes = [f"the attribute {name!r} was read as the class: {counts[name]:,} of {len(regions):,} regions have it"]
    others = ", ".join(other for other in counts if other != name)
    if others:
        notes[0] += f"; other attributes ({others}) were not used; to use one of them, remove {name!r}"
    if titles:
        notes.append(f"the options of {name!r} are numbers, so their descriptions became the class names")
    in_order = tuple(dict.fromkeys(titles.get(option, option) for option in map(str.strip, options) if option))
    return ClassAttribute(name, in_order, titles, "", tuple(notes) if others or titles else ())


def _without_attribute(regions: int, classes: Sequence[str]) -> ClassAttribute:
    only = classes[0] if len(classes) == 1 else UNNAMED
    how = "" if len(classes) == 1 else "; to give another name, set classes to that single name"
    notes = (f"no region has an attribute, so all objects have the class {only!r}{how}",) if regions else ()
    return ClassAttribute("", (), {}, only, notes)


def _values(value: Any) -> list[str]:
    """What an attribute says: one text, or those that are ticked."""
    if isinstance(value, dict):
        return [str(option).strip() for option, is_ticked in value.items() if is_ticked is True and str(option).strip()]
    if isinstance(value, int | float) and not isinstance(value, bool):
        return [str(value)]
    return [value.strip()] if isinstance(value, str) and value.strip() else []


def _titles(options: Mapping[str, Any]) -> dict[str, str]:
    """Descriptions of options that are all numbers, as VIA makes of COCO's categories. Else empty."""
    titles = {key.strip(): value.strip() for key, value in options.items() if isinstance(value, str) and value.strip()}
    is_numbered = len(titles) == len(options) and all(key.isdecimal() for key in titles)
    return titles if is_numbered else {}


def _likeliness(name: str) -> int:
    return WORDS.index(name.lower()) if name.lower() in WORDS else len(WORDS)

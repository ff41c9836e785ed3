"""The one table of names that have changed since version 0.1.0.

Configurations, model files, runs and commands that use an old name stay readable. New files use the new names.
"""

from collections.abc import Mapping
from typing import Any, Final, NamedTuple


class Renamed(NamedTuple):
    """The new name of a renamed configuration field, and the new names of its values.

    Attributes:
        field: New dotted name of the field.
        values: New values of the field by the old values. Values that are not listed stay the same.
    """

    field: str
    values: Mapping[str, str] = {}


IMPORT_KIND: Final = "import.kind"
"""Key of :data:`RENAMED` for the kinds of weights that ``multibox import`` reads. This key is not a field of the
configuration."""

RENAMED: Final[Mapping[str, Renamed]] = {
    "network.resnet50": Renamed("network.peer.resnet50", {"seed": "five_scripts"}),
    "network.ssdlite": Renamed("network.peer.ssdlite"),
    "network.tail": Renamed("network.peer.tail"),
    "network.downsample_padding": Renamed("network.peer.downsample_padding"),
    "priors.order": Renamed("network.peer.prior_order", {"seed": "five_scripts"}),
    IMPORT_KIND: Renamed(IMPORT_KIND, {"seed": "five-scripts", "seed-pretrained": "five-scripts-pretrained"}),
}
"""The renamed fields: the new name and values by the old dotted name."""


def current_kind(kind: str) -> str:
    """Current name of a kind of imported weights, given its old or current name."""
    return RENAMED[IMPORT_KIND].values.get(kind, kind)


def current_fields(values: Mapping[str, Any]) -> dict[str, Any]:
    """Rename the old fields of a configuration, or of a model's schema, to their current names.

    Args:
        values: Nested values, as YAML or JSON holds them. They are not changed.

    Returns:
        New nested values with current names. If an old and a new name of one field are both present, the old one stays,
        and reading the configuration then refuses it as unknown.
    """
    current = _copy(values)
    for old, (field, new_values) in RENAMED.items():
        *path, name = old.split(".")
        section = _section(current, path)
        if section is None or name not in section:
            continue
        *path, new_name = field.split(".")
        target = _section(current, path, make=True)
        if target is not None and new_name not in target:
            value = section.pop(name)
            target[new_name] = new_values.get(value, value) if isinstance(value, str) else value
    return current


def _copy(values: Any) -> Any:
    return {name: _copy(value) for name, value in values.items()} if isinstance(values, Mapping) else values


def _section(values: Any, path: list[str], *, make: bool = False) -> dict[str, Any] | None:
    """The section at a path of names, or None. A missing section is made if ``make`` is set."""
    for name in path:
        if not isinstance(values, dict):
            return None
        values = values.setdefault(name, {}) if make else values.get(name)
    return values if isinstance(values, dict) else None

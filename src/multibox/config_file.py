"""Reads and writes the configuration as YAML.

``extends: PRESET`` starts from the values of a preset or file, which must not have ``extends`` itself. Any field can be
overridden by its dotted name, such as ``train.epochs=20``. An unknown field, or a value of the wrong kind, gives an
error of one line that names the field.
"""

import difflib
from collections.abc import Iterable, Iterator, Mapping
from importlib import resources
from os.path import isfile
from pathlib import Path
from typing import Any, Final

import yaml
from pydantic import BaseModel, ValidationError

from multibox.config import Config
from multibox.errors import BadInput
from multibox.old_names import current_fields

DEFAULT_PRESET = "ssdlite-efficientnet"

TABLES: Final = ("loss.class_weights",)
"""Fields whose value is a table with names from the data. A new table replaces the old one as a whole."""


def presets() -> list[str]:
    """Names of the presets that the package contains."""
    folder = resources.files("multibox").joinpath("presets")
    return sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))


def load_config(source: str | Path = DEFAULT_PRESET, overrides: Iterable[str] | Mapping[str, Any] = ()) -> Config:
    """Read a configuration.

    Args:
        source: Name of a preset (see :func:`presets`), or path of a YAML file.
        overrides: Fields to change: texts ``dotted.name=value`` with the value in YAML, or a mapping from dotted names
            to values.

    Returns:
        The verified configuration.

    Raises:
        BadInput: There is no such preset or file, a field is unknown, or a value does not fit.
    """
    values = _read(str(source))
    base = values.pop("extends", None)
    if base is not None:
        parent = _read(str(base))
        if "extends" in parent:
            raise BadInput(
                source, f"extends {base}, which itself extends another configuration; name one without extends"
            )
        values = _merge(parent, values)
    return parse_config(with_overrides(values, overrides), str(source))


def to_yaml(config: Config) -> str:
    """Write a configuration as YAML that :func:`load_config` reads back."""
    return yaml.safe_dump(config.model_dump(mode="json"), sort_keys=False)


def fields_of(config: Config) -> dict[str, Any]:
    """The plain values of all fields, by their dotted names."""
    return dict(_dotted(config.model_dump(mode="json")))


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Replace fields of a configuration that is given as nested dicts, not yet verified.

    Args:
        values: Nested values, as YAML holds them. They are not changed.
        overrides: Fields to replace: texts ``dotted.name=value`` with the value in YAML, or a mapping from dotted names
            to values.

    Returns:
        New nested dicts with the replaced fields.

    Raises:
        BadInput: An override has no name or names an entry of one of :data:`TABLES`, or its value is not YAML.
    """
    merged = current_fields(values)
    for name, value in parse_overrides(overrides).items():
        _refuse_entry(name)
        merged = _merge(merged, current_fields(_nested(name, value)))
    return merged


def parse_overrides(overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Parse overrides such as ``train.epochs=20``.

    Args:
        overrides: Texts ``dotted.name=value`` with the value in YAML, or a mapping from dotted names to values.

    Returns:
        Dict from dotted names to values.

    Raises:
        BadInput: An override has no name, or its value is not YAML.
    """
    return dict(overrides) if isinstance(overrides, Mapping) else dict(map(_parse, overrides))


def parse_config(values: Mapping[str, Any], source: str) -> Config:
    """Verify the values of a configuration and convert them to a :class:`~multibox.config.Config`.

    Args:
        values: Nested dicts of plain values, as read from YAML.
        source: Name of the preset or file that the values come from, for error messages.

    Returns:
        The verified configuration.

    Raises:
        BadInput: A field is unknown, or a value does not fit.
    """
    try:
        return Config.model_validate(current_fields(values))
    except ValidationError as error:
        raise BadInput(source, _first_problem(error)) from None


def _read(source: str) -> dict[str, Any]:
    if source in presets():
        text = resources.files("multibox").joinpath("presets", f"{source}.yaml").read_text("utf-8")
    elif isfile(source):
        text = _text(source)
    else:
        raise BadInput(source, f"no such configuration; give a YAML file or one of {', '.join(presets())}")
    try:
        values = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError) as error:  # A ValueError is a date or a number that cannot be
        raise BadInput(source, f"not YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise BadInput(source, "not a configuration: its values are nested too deeply") from None
    if values is not None and not isinstance(values, dict):
        raise BadInput(source, "holds no fields; write lines such as 'train:' and below it '  epochs: 20'")
    return current_fields(values or {})


def _text(source: str) -> str:
    try:
        return Path(source).read_text("utf-8-sig")
    except UnicodeDecodeError as error:
        raise BadInput(source, f"is not UTF-8 text (byte {error.start}); save it as UTF-8") from None


def _merge(base: Mapping[str, Any], over: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        below, field = merged.get(name), f"{prefix}{name}"
        if isinstance(below, dict) and isinstance(value, dict) and field not in TABLES:
            merged[name] = _merge(below, value, f"{field}.")
        else:
            merged[name] = value
    return merged


def _refuse_entry(name: str) -> None:
    for table in TABLES:
        entry = name.removeprefix(f"{table}.")
        if entry != name:
            raise BadInput(name, f"names a part of a value; give all of it, such as {table}={{{entry}: 2}}")


def _parse(override: str) -> tuple[str, Any]:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise BadInput(override, "write a field and its value as dotted.name=value, such as train.epochs=20")
    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, ValueError, RecursionError):
        raise BadInput(name, f"the value {text!r} is not YAML") from None
    return name, _number(value) if isinstance(value, str) else value


def _nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def _dotted(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for name, value in values.items():
        if isinstance(value, dict) and f"{prefix}{name}" not in TABLES:
            yield from _dotted(value, f"{prefix}{name}.")
        else:
            yield prefix + name, value


def _number(text: str) -> str | float:
    """The number that a text stands for, else the text itself. YAML 1.1 reads numbers such as ``1e-3`` as text."""
    try:
        return float(text)
    except ValueError:
        return text


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        given = "" if isinstance(problem["input"], dict) else f", not {problem['input']!r}"
        return f"{name}: {problem['msg'].removeprefix('Value error, ')}{given}"
    close = difflib.get_close_matches(name, _field_names(Config), n=1, cutoff=0.5)
    return f"{name}: no such field" + (f"; did you mean {close[0]}?" if close else "")


def _field_names(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in section.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _field_names(field.annotation, f"{prefix}{name}.")
    return names

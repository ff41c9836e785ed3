"""The schema of a model file: everything that detection needs besides the weights."""

import json
from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field, NonNegativeInt, ValidationError

from multibox._version import __version__
from multibox.config import Activation, Detect, Network, Priors, Resize
from multibox.config_values import LARGEST, Probability, Section, TileSize
from multibox.errors import BadInput
from multibox.models.maps import feature_maps
from multibox.old_names import current_fields
from multibox.priors import FeatureMap, check_maps, make_priors, prior_grids

FORMAT = 2
"""Version of the schema's format that this code writes. It also reads older versions."""

MEMBER = "multibox.json"
"""The schema's name inside a ``.keras`` file, and its key in an ONNX file's metadata."""

MOST_PRIORS = 5_000_000
"""Largest number of priors of a network. The largest supported input, with the finest maps, has a third as many."""

PARAMETERS = "multibox.parameters"
"""Key in an ONNX file's metadata, under which the number of the network's parameters is stored."""


Precision = Literal["fp32", "fp16", "int8"]


class Loss(Section):
    """What a lower precision costs: the mean average precision at IoU 0.5 that is lost, and where it was measured."""

    map: float
    """Mean average precision of the model less that of the file. Below 0 if the file is better."""
    data: str
    """Name of the test data, as ``NAME/SPLIT``."""


class Schema(Section):
    """The schema of a model file, ``multibox.json``."""

    format: int = FORMAT
    version: str = __version__
    """Version of the package Multibox that wrote the file."""
    network: Network
    maps: tuple[FeatureMap, ...]
    classes: tuple[str, ...]
    """Names of the user's classes. Column 0 of the network's logits is background, and column k + 1 belongs to class k,
    counted from 0."""
    priors: Priors
    resize: Resize = "warp"
    tiles: TileSize = "none"
    """Side of the tiles that the model was trained on, and in which it searches large images by default."""
    activation: Activation = "softmax"
    """Function that turns logits into scores, ``softmax`` or ``sigmoid``. With ``sigmoid``, column 0 of the logits is
    not used."""
    detect: Detect = Detect()
    thresholds: dict[str, Probability] = Field(default_factory=dict)
    """Score that a detection must exceed to be shown to a person, by class. For classes that are not listed,
    ``detect.show`` is used."""
    training: dict[str, Any] = Field(default_factory=dict)
    """Configuration that the model was trained with, as nested plain values. Empty if unknown."""
    images_of_class: dict[str, NonNegativeInt] = Field(default_factory=dict)
    """Number of training images that show each class, by class name. Empty if unknown."""
    weights: str = ""
    """Fingerprint of the weights in the ``.keras`` file. An exported file keeps that of its model. Empty if unknown."""
    precision: Precision = "fp32"
    """Precision of the network in an exported file."""
    loss: Loss | None = None
    """What the precision costs. None if it was not measured."""

    def to_json(self, indent: int | None = None) -> str:
        """The schema as the text of ``multibox.json``, in this version's format.

        Args:
            indent: Number of spaces by which each level is indented. None writes a single line.
        """
        return self.model_copy(update={"format": FORMAT}).model_dump_json(indent=indent)

    def make_priors(self) -> Any:
        """The priors of the network: ``(P, 4)`` float32 corners x0, y0, x1, y1, relative to its input."""
        return make_priors(self.maps, self.priors, self.network.size, self.network.peer.prior_order)


def parse_schema(text: str | bytes, source: str) -> Schema:
    """Parse a schema.

    Args:
        text: Text of ``multibox.json``.
        source: Name of the model file, for messages.

    Returns:
        Schema of the network.

    Raises:
        BadInput: If the text is not a schema, or has a newer format.
    """
    try:
        values = json.loads(text)
        if values["format"] > FORMAT:
            raise BadInput(
                source, f"model format {values['format']} is newer than this version of multibox; upgrade multibox"
            )
        schema = Schema.model_validate(current_fields(values))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        if isinstance(error, BadInput):
            raise
        where = ".".join(map(str, error.errors()[0]["loc"])) if isinstance(error, ValidationError) else "format"
        raise BadInput(
            source, f"its {MEMBER} does not hold a model's schema ({where}); export the model again"
        ) from None
    if misfit := next(_misfits(schema), ""):
        raise BadInput(source, f"its {MEMBER} does not describe a network: {misfit}; export the model again")
    return schema


def _misfits(schema: Schema) -> Iterator[str]:
    """What no network can have."""
    if not schema.classes:
        yield "it has no classes"
    try:
        check_maps(schema.maps, schema.priors)
    except BadInput as error:
        yield str(error)
    if schema.network.graph:
        try:
            if feature_maps(schema.network) != schema.maps:
                yield "its feature maps differ from those of its graph"
        except BadInput as error:
            yield str(error)
    for fmap in schema.maps:
        if not (0 < fmap.height <= schema.network.size[0] and 0 < fmap.width <= schema.network.size[1]):
            yield f"the map {fmap.name} has {fmap.height} x {fmap.width} cells"
        if not (0 < fmap.step_y < LARGEST and 0 < fmap.step_x < LARGEST):
            yield f"the map {fmap.name} has steps of {fmap.step_y} and {fmap.step_x} pixels"
    count = sum(grid.height * grid.width * grid.per_cell for grid in prior_grids(schema.maps, schema.priors))
    if count > MOST_PRIORS:
        yield f"it has {count:,} priors"

"""Starts training from a trained detector.

All layers that fit are copied, and the weights of the heads for classes of the same name.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multibox.annotations.counting import some
from multibox.config import Network
from multibox.errors import BadInput
from multibox.models import shipped
from multibox.models.file import load_model, read_schema
from multibox.models.schema import Schema
from multibox.models.ssd import normalisation

Weights = list[np.ndarray]

LEVELS = 5.0
"""Largest difference between the input means of two networks that count as equal, on the scale of 0 to 255. Means of
published weights differ by less than 1."""


@dataclass(frozen=True)
class Transfer:
    """Result of a transfer: the layers and classes whose weights were copied from a model, and those that were not.

    Attributes:
        layers: Number of layers whose weights were copied from the model.
        fresh_layers: Names of the layers that keep their random initial weights, because the model lacks them or has
            other shapes.
        known: Names of the classes whose weights in the heads were copied from the model.
        fresh: Names of the classes whose weights in the heads keep their random initial values.
        left_out: Names of the model's classes that the network does not have.
    """

    layers: int
    fresh_layers: tuple[str, ...]
    known: tuple[str, ...]
    fresh: tuple[str, ...]
    left_out: tuple[str, ...]

    def __str__(self) -> str:
        told = {
            f"{self.layers} layers taken over": True,
            f"{len(self.fresh_layers)} fresh layers ({some(self.fresh_layers, 5)})": self.fresh_layers,
            f"known classes: {some(self.known, 5)}": self.known,
            f"fresh classes: {some(self.fresh, 5)}": self.fresh,
            f"left out: {some(self.left_out, 5)}": self.left_out,
        }
        return "; ".join(text for text, is_there in told.items() if is_there)


def transfer(network: keras.Model, schema: Schema, path: str | Path) -> Transfer:
    """Copy the weights of a model file to a network, for all layers that compute the same in both.

    A layer is copied if its name and shapes agree. The outputs of a head belong to the priors of a cell. So the heads
    keep their initial weights if the ratios or the order of the priors, or the neck, differ. The classification heads
    also keep them if scores are computed differently. The priors' sizes may differ, because deltas are relative to
    them. Classes are equal if their names are equal, ignoring case.

    Args:
        network: Network with initial weights, as :func:`multibox.models.ssd.build` returns it.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        path: Path of the ``.keras`` file to copy from.

    Returns:
        The layers and classes that were copied, and those that keep their initial weights.

    Raises:
        BadInput: If the file is not a model, has another trunk, or has layers of equal names that compute something
            else.
    """
    donor, theirs = load_model(path)
    _require_alike(theirs.network, schema.network, path)
    logits = _Logits(theirs.classes, schema.classes)
    same_cells = _cells(theirs) == _cells(schema)
    names = {layer.name for layer in network.layers}
    taken = []
    for layer in (layer for layer in donor.layers if layer.weights and layer.name in names):
        target = network.get_layer(layer.name)
        old, new = layer.get_weights(), target.get_weights()
        if layer.name.endswith("_head_classes"):
            values = logits.mix(old, new) if same_cells and theirs.activation == schema.activation else None
        else:
            values = old if _shapes(old) == _shapes(new) and (same_cells or "_head_" not in layer.name) else None
        if values is not None:
            target.set_weights(values)
            taken.append(layer.name)
    known = logits.shared if any(name.endswith("_head_classes") for name in taken) else ()
    return Transfer(
        layers=len(taken),
        fresh_layers=tuple(layer.name for layer in network.layers if layer.weights and layer.name not in taken),
        known=known,
        fresh=tuple(name for name in schema.classes if name not in known),
        left_out=tuple(name for name in theirs.classes if not _is_in(name, known)),
    )


class _Logits:
    """Pairs of columns of two lists of classes that mean the same: background, and classes of equal names."""

    def __init__(self, theirs: Sequence[str], ours: Sequence[str]):
        there = {name.casefold(): column for column, name in enumerate(theirs, start=1)}
        pairs = {there[name.casefold()]: i for i, name in enumerate(ours, start=1) if name.casefold() in there}
        self.shared = tuple(ours[i - 1] for i in pairs.values())
        self._theirs, self._ours = [0, *pairs], [0, *pairs.values()]
        self._of_theirs, self._of_ours = len(theirs) + 1, len(ours) + 1

    def mix(self, old: Weights, new: Weights) -> Weights | None:
        """Weights of a head with the old rows of background and equal classes copied. None if the shapes do not fit."""
        olds = [array.reshape(*array.shape[:-1], -1, self._of_theirs) for array in old]
        news = [array.reshape(*array.shape[:-1], -1, self._of_ours).copy() for array in new]
        if [array.shape[:-1] for array in olds] != [array.shape[:-1] for array in news]:
            return None
        for before, after in zip(olds, news, strict=True):
            after[..., self._ours] = before[..., self._theirs]
        return [array.reshape(start.shape) for array, start in zip(news, new, strict=True)]


def graph_fields(network: Network) -> dict[str, Any]:
    """Find the configuration fields that a run must take from the model it starts from, if that model is a layer graph.

    No preset describes a graph, and the weights of a graph fit no other network.

    Args:
        network: Configuration of the run's network. Its field ``weights`` names the model.

    Returns:
        Values of the configuration fields of the network and the priors, and of ``data.resize``, by dotted name. Empty
        if the run's network is already a graph, or the model's network is not.

    Raises:
        BadInput: The file of weights is not a model.
    """
    if network.graph or not network.weights.endswith(".keras") or not Path(network.weights).is_file():
        return {}
    schema = read_schema(network.weights)
    if not schema.network.graph:
        return {}
    fields = schema.network.model_dump(mode="json", include=_OF_A_GRAPH)
    priors = schema.priors.model_dump(mode="json")
    return (
        {f"network.{name}": value for name, value in fields.items()}
        | {f"priors.{name}": value for name, value in priors.items()}
        | {"data.resize": schema.resize}
    )


_OF_A_GRAPH = {"trunk", "layout", "graph", "size", "mean", "scale"}
"""Fields of the network that a run takes from a model whose network is a graph."""


def start_weights(network: Network) -> str:
    """Resolve the weights that training starts from.

    Returns:
        The configured ``network.weights``. ``auto`` becomes ``voc20`` if the bundled detector's layers fit, else
        ``imagenet``.
    """
    if network.weights != "auto":
        return network.weights
    if network.graph:
        return "none"
    theirs = read_schema(shipped.NAME).network
    try:
        _require_alike(theirs, network, shipped.NAME)
    except BadInput:
        return "imagenet"
    return shipped.NAME


_COMPUTED = ("resnet50", "ssdlite", "tail", "downsample_padding")
"""The switches of :class:`~multibox.config.PeerSwitches` that change what a layer computes."""


def _require_alike(theirs: Network, ours: Network, path: str | Path) -> None:
    """Refuse a model whose layers have the same names and shapes but compute something else."""
    shared = {"trunk": (theirs.trunk, ours.trunk)}
    shared |= {f"peer.{name}": (getattr(theirs.peer, name), getattr(ours.peer, name)) for name in _COMPUTED}
    if theirs.trunk == ours.trunk and theirs.graph != ours.graph:
        raise BadInput(path, "its network.graph differs from the run's; leave out network.graph to use the model's")
    for field, (value, wanted) in shared.items():
        if value != wanted:
            raise BadInput(
                path, f"its network.{field} is {value}, but the run's is {wanted}; set network.{field}={value}"
            )
    (mean, scale), (our_mean, our_scale) = normalisation(theirs), normalisation(ours)
    if not (np.allclose(mean, our_mean, rtol=0, atol=LEVELS) and np.allclose(scale, our_scale, rtol=0.02)):
        fields = f"network.mean={_numbers(mean)} network.scale={_numbers(scale)}"
        raise BadInput(path, f"its input is scaled differently from the run's; set {fields}")


def _numbers(values: Sequence[float]) -> str:
    return f"[{','.join(f'{value:.6g}' for value in values)}]"


def _cells(schema: Schema) -> tuple[object, ...]:
    network, priors = schema.network, schema.priors
    ratios = [[round(width / height, 3) for width, height in cell] for cell in priors.shapes] or priors.ratios
    return network.neck, network.neck_channels, network.peer.prior_order, ratios, priors.variances


def _shapes(weights: Weights) -> list[tuple[int, ...]]:
    return [array.shape for array in weights]


def _is_in(name: str, names: Sequence[str]) -> bool:
    return name.casefold() in {other.casefold() for other in names}

"""Imports the weights of another project into a model file."""

from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import keras
import numpy as np

from multibox.config import Config
from multibox.config_file import parse_config, parse_overrides, with_overrides
from multibox.errors import BadInput
from multibox.importers.caffe import CAFFE
from multibox.importers.five_scripts import FIVE_SCRIPTS
from multibox.importers.keras_applications import KERAS
from multibox.importers.keras_vgg import SSD_KERAS
from multibox.importers.peer import Misfit, Part, Peer, Plan, Tensors, Unsupported, Weights
from multibox.importers.qfgaohao import QFGAOHAO
from multibox.importers.torch_mobilenet import LUFFICC, TORCHVISION
from multibox.importers.torch_vgg import AMDEGROOT
from multibox.models.file import MODEL, save_model
from multibox.models.graph import COLOUR
from multibox.models.maps import feature_maps
from multibox.models.schema import Schema
from multibox.models.ssd import build
from multibox.old_names import current_kind
from multibox.writing import check_file

PEERS = {
    peer.kind: peer for peer in (CAFFE, AMDEGROOT, LUFFICC, QFGAOHAO, TORCHVISION, SSD_KERAS, *FIVE_SCRIPTS, KERAS)
}


@dataclass(frozen=True)
class Imported:
    """Result of an import.

    Attributes:
        title: Title of the project that the weights come from.
        schema: Schema of the model file that was written.
        loaded: Names of the network's layers that got weights from the file.
        permuted: Names of the loaded layers whose outputs were reordered, or only partly taken.
        left_out: Names of the file's tensors that the network does not use.
        fresh: Names of the network's layers that keep their random initial weights, because the file has none for them.
        notes: Sentences for the user about what was guessed or changed.
    """

    title: str
    schema: Schema
    loaded: tuple[str, ...]
    permuted: tuple[str, ...]
    left_out: tuple[str, ...]
    fresh: tuple[str, ...]
    notes: tuple[str, ...]


def import_model(
    path: str | Path,
    kind: str,
    out: str | Path,
    *,
    classes: tuple[str, ...] = (),
    net: str | Path | None = None,
    overrides: Iterable[str] | Mapping[str, Any] = (),
    replace: bool = False,
) -> Imported:
    """Import another project's weights into a model file. If anything does not fit, nothing is written.

    Args:
        path: Path of the file of weights. No code in the file is run.
        kind: Name of the project that the file comes from, a key of :data:`PEERS`.
        out: Model file to write, ``.keras``.
        classes: Class names, without background. If empty, VOC's or COCO's, whichever has the file's number of classes.
        net: Text file of the network, ``.prototxt``, for the kind ``caffe``. Its layers replace those of the file. None
            uses the file's own layers.
        overrides: Fields of ``network``, ``priors`` and ``detect`` that the weights were trained with and that differ
            from the original project's, by dotted name.
        replace: Whether to replace an existing file at ``out`` that is not a model of Multibox.

    Returns:
        Layers that were loaded and left out, and the schema of the model.

    Raises:
        BadInput: The file cannot be read or is of another kind. The message names the first layer that does not fit.
    """
    kind = current_kind(kind)
    if kind not in PEERS:
        raise BadInput("kind", f"{kind} is unknown; choose one of {', '.join(PEERS)}")
    out = Path(out)
    if out.suffix != ".keras":
        raise BadInput("out", f"{out}: give a file that ends in .keras")
    if not out.parent.is_dir():
        raise BadInput("out", f"{out}: there is no folder {out.parent}")
    check_file(out, MODEL, replace=replace)
    peer = PEERS[kind]
    tensors = _read(peer, path, net)
    try:
        plan = peer.plan(tensors, classes)
        config = _with_overrides(plan, overrides)
        model = build(config.network, len(plan.classes), config.priors, plan.activation)
        weights = _fitting(path, plan, tensors, model)
    except Unsupported as unsupported:
        raise BadInput(path if net is None else net, f"cannot be imported: {unsupported}") from None
    except Misfit as misfit:
        raise BadInput(path, f"not {peer.title}: {misfit}{_advice(peer, tensors)}") from None
    schema = _save(model, plan, config, weights, out)
    used = {name for part in plan.parts for name in part.theirs} | set(plan.read)
    return Imported(
        peer.title,
        schema,
        loaded=tuple(weights),
        permuted=tuple(part.ours for part in plan.parts if part.permuted),
        left_out=tuple(name for name in tensors if name not in used),
        fresh=tuple(layer.name for layer in model.layers if layer.weights and layer.name not in {*weights, COLOUR}),
        notes=tuple(note for note in plan.notes if not any(f"{name}=" in note for name in parse_overrides(overrides))),
    )


def _read(peer: Peer, path: str | Path, net: str | Path | None) -> Tensors:
    if net is None:
        return peer.read(path)
    if not peer.takes_net:
        raise BadInput("net", f"applies to files of Caffe only, not to those of {peer.title}; leave it out")
    return peer.read(path, net)


def _save(model: keras.Model, plan: Plan, config: Config, weights: dict[str, Weights], out: Path) -> Schema:
    """Give a network its weights and write the model file."""
    for name, values in weights.items():
        model.get_layer(name).set_weights(values)
    schema = Schema(
        network=config.network,
        maps=feature_maps(config.network),
        classes=plan.classes,
        priors=config.priors,
        resize=plan.resize,
        detect=config.detect,
        activation=plan.activation,
    )
    schema.make_priors()  # which refuses priors that do not fit the maps
    save_model(model, schema, out)
    return schema


def _advice(refused: Peer, tensors: Tensors) -> str:
    """End of a message that names the kind whose tensors the file has. Empty if it is none of the known kinds."""
    for peer in PEERS.values():
        if peer.read is refused.read and peer is not refused:
            with suppress(Misfit, BadInput):
                peer.plan(tensors, ())
                return f"; the file looks like kind={peer.kind}"
    return ""


def _with_overrides(plan: Plan, overrides: Iterable[str] | Mapping[str, Any]) -> Config:
    sections = {"network": plan.network, "priors": plan.priors, "detect": plan.detect}
    values = with_overrides({name: section.model_dump() for name, section in sections.items()}, overrides)
    if set(values) - set(sections):
        raise BadInput(
            (set(values) - set(sections)).pop(),
            "cannot be set in an import; only fields of network, priors and detect can",
        )
    return parse_config(values, "FIELD=VALUE")


def _fitting(path: str | Path, plan: Plan, tensors: Tensors, model: keras.Model) -> dict[str, Weights]:
    """Weights of each layer of the network, after verifying that all of them fit and can be computed with."""
    found = {}
    ours = {layer.name for layer in model.layers}
    for part in plan.parts:
        if part.ours not in ours:
            raise Misfit(f"its {part.theirs[0]}: {model.name} has no layer {part.ours}")
        layer, values = model.get_layer(part.ours), part.weights(tensors)
        if [value.shape for value in values] != [tuple(weight.shape) for weight in layer.weights]:
            shapes = " and ".join(str(tensors[name].shape) for name in part.theirs)
            raise Misfit(f"its {part.theirs[0]} has the shape {shapes}, which does not fit the layer {part.ours}")
        if unusable := _unusable(part, values, tensors, layer):
            raise BadInput(path, f"cannot be imported: {unusable}")
        found[part.ours] = values
    return found


def _unusable(part: Part, values: Weights, tensors: Tensors, layer: keras.Layer) -> str:
    """Why a layer with these weights would give no numbers. Empty if it gives some."""
    if not all(np.isfinite(value).all() for value in values):
        bad = [name for name in part.theirs if not np.isfinite(tensors[name]).all()]
        return f"its {(bad or part.theirs)[0]} has numbers that are not finite"
    if isinstance(layer, keras.layers.BatchNormalization) and values[-1].min() + layer.epsilon <= 0:
        return f"{part.ours}, from its {part.theirs[0]}, has variances below 0"
    return ""

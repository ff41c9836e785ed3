"""Matching: which priors answer for which object, and what the network would learn from each."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from multibox.boxes import iou
from multibox.config import Config
from multibox.config_file import parse_config
from multibox.data.record import Objects, make_objects
from multibox.detect.detector import Detector
from multibox.detect.prepare_image import Prepared
from multibox.errors import BadInput
from multibox.evaluation.columns import places
from multibox.explain.cells import Box, as_box, place_of
from multibox.explain.loss import Losses, losses_of
from multibox.explain.origin import refuse_unexplained
from multibox.models.schema import Schema
from multibox.postprocess.decode import scores_of
from multibox.prepare.plan import choose_objects
from multibox.prepare.targets import find_matches, make_targets
from multibox.prepare.window import look_through
from multibox.priors import prior_grids
from multibox.runtimes.outputs import Outputs


@dataclass(frozen=True)
class Best:
    """The prior that fits an object best, and so answers for it whatever their overlap."""

    prior: int
    iou: float
    box: Box


@dataclass(frozen=True)
class Positive:
    """A prior that answers for an object.

    Attributes:
        prior: its index.
        iou: with the object.
        box: corners, pixels of the picture.
        map: of its cell.
        row: of its cell.
        column: of its cell.
        kind: among the priors of its cell.
        loss_classes: of what it says is there.
        loss_boxes: of what it says where.
    """

    prior: int
    iou: float
    box: Box
    map: int
    row: int
    column: int
    kind: int
    loss_classes: float
    loss_boxes: float


@dataclass(frozen=True)
class MatchedObject:
    """An object and the priors that answer for it.

    Attributes:
        name: of its class.
        label: of its class; -1: the model does not know it.
        box: corners, pixels of the picture.
        trained: whether it is trained with: not a crowd, of a class that the model knows, and not difficult where the
            configuration drops those.
        best: its best prior; None without one, as where every prior that overlaps it answers for another.
        positives: its priors, the best first.
    """

    name: str
    label: int
    box: Box
    trained: bool
    best: Best | None
    positives: tuple[Positive, ...]


@dataclass(frozen=True)
class Negative:
    """A prior that is trained to say that nothing is there.

    Attributes:
        prior: its index.
        box: corners, pixels of the picture.
        map: of its cell.
        loss: of what it says is there.
        most_like: the class that it says most.
    """

    prior: int
    box: Box
    map: int
    loss: float
    most_like: str


@dataclass(frozen=True)
class Counts:
    """How many priors count, and how.

    Attributes:
        positives: that answer for an object.
        negatives: that were mined; with a sigmoid loss all others count, and these are the hardest.
        ignored: over a crowd: neither.
        ratio: negatives for each positive; None without positives.
    """

    positives: int
    negatives: int
    ignored: int
    ratio: float | None


@dataclass(frozen=True)
class Rules:
    """By what rules priors were matched and mined.

    Attributes:
        method: of matching.
        iou: from which a prior answers for an object, with the method ``threshold``.
        negatives: mined for each positive.
        min_negatives: mined at least.
        mined: whether only mined negatives count; with a sigmoid loss all do.
        classes: the loss of classes.
        boxes: the loss of boxes.
    """

    method: str
    iou: float
    negatives: float
    min_negatives: int
    mined: bool
    classes: str
    boxes: str


@dataclass(frozen=True)
class MatchedPicture:
    """A labelled picture as training sees it, without augmentation.

    Attributes:
        width: of the picture, pixels.
        height: likewise.
        window: what the network's input shows: corners, pixels of the picture.
        objects: all of them, in their order, with their priors.
        negatives: mined, the hardest first.
        counts: of the priors.
        loss: of the picture: the sum over these priors for each positive.
        config: the rules.
    """

    width: int
    height: int
    window: Box
    objects: tuple[MatchedObject, ...]
    negatives: tuple[Negative, ...]
    counts: Counts
    loss: float
    config: Rules


def training_config(schema: Schema) -> Config:
    """The configuration that a model was trained with; the paper's, where its file does not say.

    Args:
        schema: of the model, which has the last word on network, priors and resize.

    Returns:
        the configuration.
    """
    asked = schema.training
    data = {**asked.get("data", {}), "resize": schema.resize}
    ours = {"network": schema.network.model_dump(), "priors": schema.priors.model_dump(), "data": data}
    loss = {} if schema.activation == "softmax" else {"classes": "focal"}
    return parse_config({"loss": loss, **asked, **ours}, "the model's training configuration")


def labelled_objects(labels: Sequence[int], boxes: Any) -> Objects:
    """Objects from what a person says of them.

    Args:
        labels: of their classes.
        boxes: corners, pixels of the picture.

    Returns:
        the objects.

    Raises:
        BadInput: a box is none.
    """
    try:
        objects = make_objects(boxes, labels)
    except (TypeError, ValueError, OverflowError):
        raise BadInput("objects", "each box must be four numbers, [x0, y0, x1, y1]") from None
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    if len(objects) != len(labels) or not (np.isfinite(objects.boxes).all() and (sides > 0).all()):
        raise BadInput("objects", "each box must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1, pixels of the picture")
    return objects


def explain_matching(
    detector: Detector, image: np.ndarray, objects: Objects, classes: Sequence[str] | None = None
) -> MatchedPicture:
    """Match the priors to the objects of a picture, and say what training would make of each.

    Args:
        detector: the detector.
        image: ``(H, W, 3)`` uint8 RGB, upright.
        objects: what is in it, in its pixels.
        classes: names of their labels; None: the detector's.

    Returns:
        the picture.

    Raises:
        BadInput: see :func:`multibox.explain.origin.refuse_unexplained`.
    """
    refuse_unexplained(detector)
    prepared = detector.prepare(image)
    return explain_targets(detector, prepared, detector.run([prepared])[0], objects, classes)


def explain_targets(
    detector: Detector,
    prepared: Prepared,
    outputs: Sequence[Outputs],
    objects: Objects,
    classes: Sequence[str] | None = None,
) -> MatchedPicture:
    """As :func:`explain_matching`, where the network has run already.

    Args:
        detector: the detector.
        prepared: the picture.
        outputs: of the network, for this picture.
        objects: see there.
        classes: see there.

    Returns:
        the picture.
    """
    schema, priors_rel, config = detector.schema, detector.priors_rel, training_config(detector.schema)
    (view,), (output,) = prepared.views, outputs
    logits, predicted = np.asarray(output["classes"], np.float32), np.asarray(output["boxes"], np.float32)

    names = schema.classes if classes is None else classes
    objects_rel = look_through(_objects_to_train(objects, names, schema.classes, config), view.window)
    grids, variances = prior_grids(schema.maps, schema.priors), schema.priors.variances
    wanted, deltas = make_targets(objects_rel, priors_rel, config=config.match, grids=grids, variances=variances)
    targets = objects_rel.keep(~objects_rel.crowd)
    matches = find_matches(targets.boxes, priors_rel, config.match, grids)  # (P,)
    losses = losses_of(wanted, deltas, logits, predicted, priors_rel, schema, config.loss)

    boxes = view.to_image(priors_rel)  # (P, 4)
    likeliest = scores_of(logits[losses.hardest], schema.activation).argmax(axis=1)
    negatives = [
        _negative(prior, boxes, losses, schema.classes[label], detector)
        for prior, label in zip(losses.hardest.tolist(), likeliest.tolist(), strict=True)
    ]
    count, mined, (height, width), window = int((wanted > 0).sum()), len(negatives), prepared.image_size, view.window
    priors = {int(i): _positives(targets, k, matches, boxes, losses, detector) for k, i in enumerate(targets.ids)}
    return MatchedPicture(
        width=width,
        height=height,
        window=(window.x0, window.y0, window.x1, window.y1),
        objects=tuple(_matched(objects, i, names, schema.classes, priors.get(i)) for i in range(len(objects))),
        negatives=tuple(negatives),
        counts=Counts(count, mined, int((wanted < 0).sum()), mined / count if count else None),
        loss=losses.total / max(1, count),
        config=_rules(config),
    )


def _objects_to_train(objects: Objects, names: Sequence[str], known: Sequence[str], config: Config) -> Objects:
    """The objects that training would get, with the model's labels; their ids are their positions."""
    labels = places(names, known)[objects.labels]
    numbered = replace(objects, labels=labels, ids=tuple(map(str, range(len(objects)))))
    return choose_objects(numbered.keep(labels >= 0), config.data.difficult)


def _matched(
    objects: Objects, i: int, names: Sequence[str], known: Sequence[str], positives: tuple[Positive, ...] | None
) -> MatchedObject:
    name = names[objects.labels[i]]
    return MatchedObject(
        name=name,
        label=known.index(name) if name in known else -1,
        box=as_box(objects.boxes[i]),
        trained=positives is not None,
        best=Best(positives[0].prior, positives[0].iou, positives[0].box) if positives else None,
        positives=positives or (),
    )


def _positives(
    targets: Objects, i: int, matches: np.ndarray, boxes: np.ndarray, losses: Losses, detector: Detector
) -> tuple[Positive, ...]:
    """The priors that answer for an object, the best first."""
    priors = np.flatnonzero(matches == i)
    overlaps = iou(targets.boxes[i : i + 1], detector.priors_rel[priors])[0]
    order = np.argsort(-overlaps, kind="stable")
    return tuple(
        _positive(prior, overlap, boxes, losses, detector)
        for prior, overlap in zip(priors[order].tolist(), overlaps[order].tolist(), strict=True)
    )


def _positive(prior: int, overlap: float, boxes: np.ndarray, losses: Losses, detector: Detector) -> Positive:
    place = place_of(prior, detector.schema, detector.priors_rel)
    return Positive(
        prior=prior,
        iou=overlap,
        box=as_box(boxes[prior]),
        map=place.map,
        row=place.row,
        column=place.column,
        kind=place.kind,
        loss_classes=float(losses.classes[prior]),
        loss_boxes=float(losses.boxes[prior]),
    )


def _negative(prior: int, boxes: np.ndarray, losses: Losses, most_like: str, detector: Detector) -> Negative:
    place = place_of(prior, detector.schema, detector.priors_rel)
    return Negative(prior, as_box(boxes[prior]), place.map, float(losses.classes[prior]), most_like)


def _rules(config: Config) -> Rules:
    return Rules(
        method=config.match.method,
        iou=config.match.iou,
        negatives=config.loss.negatives,
        min_negatives=config.loss.min_negatives,
        mined=config.loss.classes == "softmax",
        classes=config.loss.classes,
        boxes=config.loss.boxes,
    )

"""Matching: which priors are matched to which object, and the losses of each prior."""

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
from multibox.explain.origin import prepare_explained
from multibox.models.schema import Schema
from multibox.postprocess.decode import scores_of
from multibox.prepare.plan import choose_objects
from multibox.prepare.targets import find_matches, make_targets
from multibox.prepare.window import look_through
from multibox.priors import prior_grids
from multibox.runtimes.outputs import Outputs


@dataclass(frozen=True)
class Best:
    """The prior with the highest IoU with an object. It is matched to the object even if that IoU is low.

    Attributes:
        prior: Index of the prior among all priors, from 0.
        iou: IoU of the prior with the object, in [0, 1].
        box: Corners x0, y0, x1, y1 of the prior in pixels of the image.
    """

    prior: int
    iou: float
    box: Box


@dataclass(frozen=True)
class Positive:
    """A prior that is matched to an object.

    Attributes:
        prior: Index of the prior among all priors, from 0.
        iou: IoU of the prior with its object, in [0, 1].
        box: Corners x0, y0, x1, y1 of the prior in pixels of the image.
        map: Index of the prior's feature map, from 0 for the finest.
        row: Row of the prior's cell, from 0 at the top.
        column: Column of the prior's cell, from 0 at the left.
        kind: Index of the prior among the priors of its cell, from 0.
        loss_classes: Classification loss of the prior.
        loss_boxes: Localisation loss of the prior, times its weight.
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
    """An object and the priors that are matched to it.

    Attributes:
        name: Class name of the object.
        label: Label of the object's class in the model, from 0. -1 if the model does not have the class.
        box: Corners x0, y0, x1, y1 of the object in pixels of the image.
        trained: Whether training uses the object. Crowds and classes that the model does not have are never used, and
            difficult objects only if the configuration keeps them.
        best: Matched prior with the highest IoU with the object. None if no prior is matched to the object.
        positives: Priors matched to the object, the highest IoU first.
    """

    name: str
    label: int
    box: Box
    trained: bool
    best: Best | None
    positives: tuple[Positive, ...]


@dataclass(frozen=True)
class Negative:
    """A prior that is trained as background.

    Attributes:
        prior: Index of the prior among all priors, from 0.
        box: Corners x0, y0, x1, y1 of the prior in pixels of the image.
        map: Index of the prior's feature map, from 0 for the finest.
        loss: Classification loss of the prior.
        most_like: Name of the class that has the highest score at the prior.
    """

    prior: int
    box: Box
    map: int
    loss: float
    most_like: str


@dataclass(frozen=True)
class PriorCounts:
    """Numbers of positive, negative and ignored priors of an image.

    Attributes:
        positives: Number of priors matched to an object.
        negatives: Number of mined negatives. With a sigmoid loss all negatives are trained, and these are the hardest
            ones.
        ignored: Number of priors over a crowd, which count neither as positive nor as negative.
        ratio: Number of negatives divided by the number of positives. None without positives.
    """

    positives: int
    negatives: int
    ignored: int
    ratio: float | None


@dataclass(frozen=True)
class Rules:
    """The configured rules of matching and of hard negative mining.

    Attributes:
        method: Name of the matching method, such as ``threshold``.
        iou: Smallest IoU of a match in [0, 1], used by the method ``threshold``.
        negatives: Number of negatives that are mined for each positive.
        min_negatives: Smallest number of negatives that are mined in an image.
        mined: Whether only mined negatives are trained. With a sigmoid loss all negatives are trained.
        classes: Name of the classification loss.
        boxes: Name of the localisation loss.
    """

    method: str
    iou: float
    negatives: float
    min_negatives: int
    mined: bool
    classes: str
    boxes: str


@dataclass(frozen=True)
class MatchedImage:
    """A labelled image with its matched priors and their losses, as training sees it without augmentation.

    Attributes:
        width: Width of the image in pixels.
        height: Height of the image in pixels.
        window: Region of the image that the network's input shows: corners x0, y0, x1, y1 in pixels of the image.
        objects: All objects of the image in their order, with their matched priors.
        negatives: Mined negatives, the one with the highest loss first.
        counts: Numbers of positive, negative and ignored priors.
        loss: Loss of the image: the sum of its priors' losses, divided by the number of positives.
        config: Configured rules of matching and of hard negative mining.
    """

    width: int
    height: int
    window: Box
    objects: tuple[MatchedObject, ...]
    negatives: tuple[Negative, ...]
    counts: PriorCounts
    loss: float
    config: Rules


def training_config(schema: Schema) -> Config:
    """The configuration that a model was trained with.

    Fields that are missing in the model file have the values of the paper.

    Args:
        schema: Schema of the model. Its network, priors and resize replace those of the training configuration.

    Returns:
        Configuration of the training run.

    Raises:
        BadInput: If the training configuration in the model file is not valid.
    """
    asked = schema.training
    data = {**asked.get("data", {}), "resize": schema.resize}
    ours = {"network": schema.network.model_dump(), "priors": schema.priors.model_dump(), "data": data}
    loss = {} if schema.activation == "softmax" else {"classes": "focal"}
    return parse_config({"loss": loss, **asked, **ours}, "the model's training configuration")


def labelled_objects(labels: Sequence[int], boxes: Any) -> Objects:
    """Create objects from labels and boxes that a user has entered.

    Args:
        labels: Label of each object, from 0.
        boxes: Box of each object: corners x0, y0, x1, y1 in pixels of the image.

    Returns:
        Objects that are neither difficult nor crowds.

    Raises:
        BadInput: If a box does not have four numbers, or has no area.
    """
    try:
        objects = make_objects(boxes, labels)
    except (TypeError, ValueError, OverflowError):
        raise BadInput("objects", "each box must be four numbers, [x0, y0, x1, y1]") from None
    sides = objects.boxes[:, 2:] - objects.boxes[:, :2]
    if len(objects) != len(labels) or not (np.isfinite(objects.boxes).all() and (sides > 0).all()):
        raise BadInput("objects", "each box must be [x0, y0, x1, y1] with x0 < x1 and y0 < y1, pixels of the image")
    return objects


def explain_matching(
    detector: Detector, image: np.ndarray, objects: Objects, classes: Sequence[str] | None = None
) -> MatchedImage:
    """Match priors to the objects of an image, and compute each prior's losses.

    Args:
        detector: Detector whose network and priors are used.
        image: Pixels of the upright image, ``(H, W, 3)`` uint8 RGB.
        objects: Objects of the image, with boxes in pixels.
        classes: Class name of each label of the objects. Without it, the detector's class names are used.

    Returns:
        The image with its matched priors and their losses.

    Raises:
        BadInput: If NMS is part of the model file, or the detector uses several views of an image, or tiles of it.
    """
    prepared = prepare_explained(detector, image)
    return explain_targets(detector, prepared, detector.run([prepared])[0], objects, classes)


def explain_targets(
    detector: Detector,
    prepared: Prepared,
    outputs: Sequence[Outputs],
    objects: Objects,
    classes: Sequence[str] | None = None,
) -> MatchedImage:
    """Match priors to the objects of an image, and compute each prior's losses from given network outputs.

    Args:
        detector: Detector whose priors and configuration are used.
        prepared: Image as the network takes it, from :meth:`~multibox.detect.detector.Detector.prepare`.
        outputs: Logits and deltas that the network returned for this image.
        objects: Objects of the image, with boxes in pixels.
        classes: Class name of each label of the objects. Without it, the detector's class names are used.

    Returns:
        The image with its matched priors and their losses.
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
    return MatchedImage(
        width=width,
        height=height,
        window=(window.x0, window.y0, window.x1, window.y1),
        objects=tuple(_matched(objects, i, names, schema.classes, priors.get(i)) for i in range(len(objects))),
        negatives=tuple(negatives),
        counts=PriorCounts(count, mined, int((wanted < 0).sum()), mined / count if count else None),
        loss=losses.total / max(1, count),
        config=_rules(config),
    )


def _objects_to_train(objects: Objects, names: Sequence[str], known: Sequence[str], config: Config) -> Objects:
    """The objects that training uses, with the model's labels, and with their positions as ids."""
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
    """The priors that are matched to one object, the highest IoU first."""
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

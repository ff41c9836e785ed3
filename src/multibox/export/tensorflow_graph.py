"""Converts a network to one TensorFlow graph with its weights, from which SavedModel and LiteRT files are made."""

from collections.abc import Callable
from typing import Any

from multibox import boxes as box_math
from multibox.models.schema import Schema
from multibox.postprocess.nms import just_above
from multibox.runtimes.outputs import DETECTIONS

SCOPE = "detections"
"""Name scope of the graph's operators for decoding and non-maximum suppression."""

Tensors = dict[str, Any]
Choose = Callable[[Any, Any, int, Schema], Tensors]
"""Function that selects detections from candidates. It takes scores ``(B, C, k)`` in descending order, boxes ``(B, C,
k, 4)`` relative to the input, the number of detections, and the schema. It returns
:data:`~multibox.runtimes.outputs.DETECTIONS`, with boxes still relative and not clipped."""


def freeze(network: Any, schema: Schema, batch: int | None, choose: Choose | None = None) -> Any:
    """Trace a Keras network as a TensorFlow graph, with its weights as constants.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.
        batch: Number of images per batch. None for any number.
        choose: Function that runs NMS in the graph: :func:`choose_at_once` or :func:`choose_by_class`. None keeps the
            plain outputs ``classes`` and ``boxes``.

    Returns:
        A concrete function from ``image``, ``(batch, H, W, 3)`` uint8 RGB, to a dict of outputs. It has no variables.
    """
    import tensorflow
    from tensorflow.python.framework.convert_to_constants import convert_variables_to_constants_v2

    image = tensorflow.TensorSpec((batch, *schema.network.size, 3), "uint8", "image")

    @tensorflow.function(input_signature=[image], autograph=False)
    def run(image: Any) -> Tensors:
        outputs = network(image, training=False)
        if choose is None:
            return {name: outputs[name] for name in ("boxes", "classes")}
        with tensorflow.name_scope(SCOPE):
            return _finish(outputs, schema, choose)

    function = run.get_concrete_function()
    names = sorted(function.structured_outputs)
    frozen = convert_variables_to_constants_v2(function)

    @tensorflow.function(input_signature=[image], autograph=False)
    def named(image: Any) -> Tensors:
        return dict(zip(names, frozen(image), strict=True))

    return named.get_concrete_function()


def _finish(outputs: Tensors, schema: Schema, choose: Choose) -> Tensors:
    import keras
    import tensorflow

    scores = tensorflow.transpose(_scores(outputs["classes"], schema.activation), (0, 2, 1))  # (B, C, P)
    decoded = box_math.decode(outputs["boxes"], schema.make_priors(), schema.priors.variances, keras.ops)  # (B, P, 4)
    per_class = min(schema.detect.per_class, scores.shape[2])
    per_image = min(schema.detect.per_image, scores.shape[1] * per_class)
    best, best_at = tensorflow.math.top_k(scores, per_class)  # (B, C, k); equal scores keep the order of the priors
    candidates = tensorflow.gather(decoded, best_at, batch_dims=1)  # (B, C, k, 4)
    chosen = choose(best, candidates, per_image, schema)
    height, width = schema.network.size
    pixels = tensorflow.constant((width, height, width, height), "float32")
    found = tensorflow.range(per_image)[None] < chosen["count"][:, None]  # (B, K)
    boxes = tensorflow.clip_by_value(chosen["boxes"] * pixels, 0.0, pixels)
    values = {
        "boxes": tensorflow.where(found[..., None], boxes, 0.0),
        "scores": tensorflow.where(found, chosen["scores"], 0.0),
        "labels": tensorflow.where(found, chosen["labels"], -1),
        "count": chosen["count"],
    }
    return {name: tensorflow.identity(values[name], name) for name in DETECTIONS}


def _scores(logits: Any, activation: str) -> Any:
    """Scores ``(B, P, C)`` of logits ``(B, P, C + 1)``, by elementary operators: int8 files round softmax to 1/256."""
    import tensorflow

    if activation == "sigmoid":
        return 1 / (1 + tensorflow.exp(-logits[..., 1:]))
    most = tensorflow.reduce_max(logits, -1, keepdims=True)
    total = most + tensorflow.math.log(tensorflow.reduce_sum(tensorflow.exp(logits - most), -1, keepdims=True))
    return tensorflow.exp(logits[..., 1:] - total)


def choose_at_once(scores: Any, boxes: Any, per_image: int, schema: Schema) -> Tensors:
    """Run NMS on all classes of a batch with ``CombinedNonMaxSuppression``, which LiteRT lacks."""
    import tensorflow

    found = tensorflow.image.combined_non_max_suppression(
        tensorflow.transpose(boxes, (0, 2, 1, 3)),  # (B, k, C, 4)
        tensorflow.transpose(scores, (0, 2, 1)),
        scores.shape[2],
        per_image,
        schema.detect.nms_iou,
        schema.detect.score,
        clip_boxes=False,
    )
    return {
        "boxes": found.nmsed_boxes,
        "scores": found.nmsed_scores,
        "labels": tensorflow.cast(found.nmsed_classes, "int32"),
        "count": found.valid_detections,
    }


def choose_by_class(scores: Any, boxes: Any, per_image: int, schema: Schema) -> Tensors:
    """Run NMS on each class of one image with ``NonMaxSuppressionV4``, which is built into LiteRT.

    LiteRT suppresses boxes whose IoU equals the limit, so the limit is raised to the next float32. With a limit of 1,
    which should suppress nothing, LiteRT still keeps only one of several equal boxes.
    """
    import tensorflow

    classes, per_class = scores.shape[1:]
    limit = min(float(just_above(schema.detect.nms_iou)), 1.0)  # above 1 LiteRT gives the first box for every box
    kept = []
    for label in range(classes):
        places, count = tensorflow.raw_ops.NonMaxSuppressionV4(
            boxes=boxes[0, label],
            scores=scores[0, label],
            max_output_size=per_class,
            iou_threshold=limit,
            score_threshold=schema.detect.score,
            pad_to_max_output_size=True,
        )
        stays = tensorflow.range(per_class) < count
        kept.append((tensorflow.where(stays, tensorflow.gather(scores[0, label], places), 0.0), places))
    kept_scores = tensorflow.concat([values for values, _ in kept], 0)  # (C * k,)
    kept_places = tensorflow.concat([places + label * per_class for label, (_, places) in enumerate(kept)], 0)
    best, at = tensorflow.math.top_k(kept_scores, per_image)
    flat = tensorflow.gather(kept_places, at)
    return {
        "boxes": tensorflow.gather(tensorflow.reshape(boxes, (-1, 4)), flat)[None],
        "scores": best[None],
        "labels": (flat // per_class)[None],
        "count": tensorflow.reduce_sum(tensorflow.cast(best > 0, "int32"))[None],
    }

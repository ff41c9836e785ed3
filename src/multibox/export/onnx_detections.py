"""Adds decoding and NMS to an ONNX network, as ONNX operators."""

from typing import Any

import numpy as np

from multibox import boxes as box_math
from multibox.models.schema import Schema
from multibox.runtimes.outputs import DETECTIONS

_TEXT = """
detections (float[batch, P, L] logits, float[batch, P, 4] deltas) =>
    (float[batch, K, 4] boxes, float[batch, K] scores, int32[batch, K] labels, int32[batch] count)
{{
    shares = {activation}(logits)
    by_prior = Slice(shares, one, end, two)
    by_class = Transpose<perm=[0, 2, 1]>(by_prior)
    best, best_at = TopK<axis=-1, largest=1, sorted=1>(by_class, per_class)

    scaled = Mul(deltas, variances)
    shift, growth = Split<axis=-1>(scaled, halves)
    moved = Mul(shift, prior_sizes)
    middles = Add(moved, prior_middles)
    factors = Exp(growth)
    sizes = Mul(factors, prior_sizes)
    half_sizes = Mul(sizes, half)
    low = Sub(middles, half_sizes)
    high = Add(middles, half_sizes)
    decoded = Concat<axis=-1>(low, high)

    best_column = Reshape(best_at, column)
    candidates = GatherND<batch_dims=1>(decoded, best_column)
    row_boxes = Reshape(candidates, box_rows)
    row_scores = Reshape(best, score_rows)
    chosen = NonMaxSuppression(row_boxes, row_scores, per_class, nms_iou, score)

    places = Gather<axis=1>(chosen, row_and_candidate)
    flat_scores = Reshape(best, rows)
    chosen_scores = GatherND(flat_scores, places)
    nothing = Mul(flat_scores, zero)
    kept = ScatterND(nothing, places, chosen_scores)
    by_image = Reshape(kept, images)
    scores, scores_at = TopK<axis=-1, largest=1, sorted=1>(by_image, per_image)

    found = Greater(scores, zero)
    found_count = Cast<to=6>(found)
    count = ReduceSum<keepdims=0>(found_count, one)
    class_of = Div(scores_at, per_class)
    class_number = Cast<to=6>(class_of)
    labels = Where(found, class_number, no_label)
    scores_column = Unsqueeze(scores_at, two)
    found_rel = GatherND<batch_dims=1>(candidates, scores_column)
    found_boxes = Mul(found_rel, pixels)
    not_below = Max(found_boxes, zero)
    inside = Min(not_below, pixels)
    found_column = Unsqueeze(found, two)
    boxes = Where(found_column, inside, zero)
}}
"""
"""Decoding and NMS as ONNX functions in text form.

The shapes are best (batch, C, k), decoded (batch, P, 4), candidates (batch, C * k, 4), rows and kept (batch * C, k). A
row is a class of an image. Its k candidates are the ``per_class`` best, as in Caffe's ``top_k``.
"""


def add_detections(model: Any, schema: Schema) -> Any:
    """Append decoding and NMS to a network, with the same result as :func:`multibox.postprocess.nms.select`.

    Detections of equal score stay in the order of priors and classes, because ONNX's ``TopK`` is stable.

    Args:
        model: ONNX model with the outputs ``classes`` and ``boxes``, as :func:`~multibox.export.write_onnx` writes it.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Returns:
        The same model with the outputs ``boxes``, ``scores``, ``labels`` and ``count`` instead.
    """
    import onnx

    graph = onnx.parser.parse_graph(_TEXT.format(activation=_ACTIVATIONS[schema.activation]))
    rename(model.graph, {"classes": "logits", "boxes": "deltas"})
    constants = _constants(schema)
    sizes = {"K": int(constants["per_image"][0])}
    model.graph.node.extend(graph.node)
    model.graph.initializer.extend(onnx.numpy_helper.from_array(value, name) for name, value in constants.items())
    del model.graph.output[:]
    outputs = {value.name: value for value in graph.output}
    for name in DETECTIONS:
        for dim in outputs[name].type.tensor_type.shape.dim:
            if dim.dim_param in sizes:
                dim.dim_value = sizes[dim.dim_param]
        model.graph.output.append(outputs[name])
    return model


_ACTIVATIONS = {"softmax": "Softmax<axis=-1>", "sigmoid": "Sigmoid"}


def _constants(schema: Schema) -> dict[str, np.ndarray]:
    detect, classes = schema.detect, len(schema.classes)
    centers = box_math.to_centers(schema.make_priors())  # (P, 4)
    per_class = min(detect.per_class, len(centers))
    per_image = min(detect.per_image, classes * per_class)
    height, width = schema.network.size
    floats = {
        "variances": schema.priors.variances,
        "prior_middles": centers[:, :2],
        "prior_sizes": centers[:, 2:],
        "pixels": (width, height, width, height),
        "half": 0.5,
        "zero": 0.0,
        "nms_iou": [detect.nms_iou],
        "score": [detect.score],
    }
    whole = {
        "one": [1],
        "two": [2],
        "end": [classes + 1],
        "halves": [2, 2],
        "per_class": [per_class],
        "per_image": [per_image],
        "row_and_candidate": [0, 2],
        "column": [0, -1, 1],
        "box_rows": [-1, per_class, 4],
        "score_rows": [-1, 1, per_class],
        "rows": [-1, per_class],
        "images": [-1, classes * per_class],
    }
    constants = {name: np.array(value, np.float32) for name, value in floats.items()}
    constants |= {name: np.array(value, np.int64) for name, value in whole.items()}
    return constants | {"no_label": np.array(-1, np.int32)}


def rename(graph: Any, names: dict[str, str]) -> None:
    """Rename the inputs and outputs of the nodes of an ONNX graph."""
    for node in graph.node:
        node.input[:] = [names.get(name, name) for name in node.input]
        node.output[:] = [names.get(name, name) for name in node.output]

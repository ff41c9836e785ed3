"""LiteRT files with SSD's four outputs, those of the operator ``TFLite_Detection_PostProcess``."""

from typing import Any

import numpy as np

from multibox import boxes as box_math
from multibox.export.tensorflow_graph import SCOPE, Tensors, freeze
from multibox.models.schema import Schema


def in_ssd_layout(schema: Schema) -> Schema:
    """The schema of a LiteRT file with SSD's four outputs, whose operator runs NMS over all candidates of a class.

    Args:
        schema: Schema of the model.

    Returns:
        Schema whose ``detect.per_class`` is the number of priors.
    """
    detect = schema.detect.model_copy(update={"per_class": len(schema.make_priors())})
    return schema.model_copy(update={"detect": detect})


def row_count(schema: Schema) -> int:
    """Largest number of detections that a LiteRT file with SSD's four outputs can return."""
    return min(schema.detect.per_image, len(schema.make_priors()) * len(schema.classes))


def trace_ssd_layout(network: Any, schema: Schema) -> Any:
    """Trace a Keras network with SSD's post-processing as a TensorFlow graph.

    Args:
        network: Keras model, on the backend TensorFlow.
        schema: Schema of the model: its network, feature maps, classes, priors and settings of detection.

    Returns:
        A concrete function from ``image``, ``(1, H, W, 3)`` uint8 RGB, to the outputs that
        :data:`~multibox.runtimes.ssd_layout.SSD_LAYOUT` describes. LiteRT's converter replaces a marked function in it
        by the operator.
    """
    import tensorflow

    body = freeze(with_resizes(network), schema, 1)
    activate = tensorflow.sigmoid if schema.activation == "sigmoid" else tensorflow.nn.softmax
    rows = row_count(schema)

    @tensorflow.function(experimental_implements=_operator(schema, rows), autograph=False)
    def select(deltas: Any, scores: Any, anchors: Any) -> tuple[Any, ...]:
        return tuple(tensorflow.zeros(shape) for shape in ((1, rows, 4), (1, rows), (1, rows), (1,)))

    @tensorflow.function(input_signature=[tensorflow.TensorSpec(body.inputs[0].shape, "uint8", "image")])
    def run(image: Any) -> Tensors:
        outputs = body(image)
        with tensorflow.name_scope(SCOPE):
            deltas = tensorflow.gather(outputs["boxes"], (1, 0, 3, 2), axis=-1)  # y, x, h, w
            scores = activate(outputs["classes"])  # the operator skips background, column 0
            boxes, classes, best, count = select(deltas, scores, tensorflow.constant(_anchors(schema)))
            boxes = tensorflow.clip_by_value(boxes, 0.0, 1.0)
        return {"boxes": boxes, "classes": classes, "scores": best, "count": count}

    return run.get_concrete_function()


def with_resizes(network: Any) -> Any:
    """Replace each layer that repeats cells, which the Edge TPU does not support, by a resize layer."""
    import keras
    import tensorflow

    class Resize(keras.layers.Layer):
        def __init__(self, factors: tuple[int, int], **arguments: Any):
            super().__init__(**arguments)
            self.factors = factors

        def call(self, maps: Any) -> Any:
            size = [length * factor for length, factor in zip(maps.shape[1:3], self.factors, strict=True)]
            return tensorflow.raw_ops.ResizeNearestNeighbor(images=maps, size=size)

    def replace(layer: Any) -> Any:
        is_repeat = isinstance(layer, keras.layers.UpSampling2D)
        return Resize(layer.size, name=layer.name) if is_repeat else layer

    if not any(isinstance(layer, keras.layers.UpSampling2D) for layer in network.layers):
        return network
    return keras.models.clone_model(network, clone_function=replace)


def _anchors(schema: Schema) -> np.ndarray:
    """Centres and sizes ``y, x, h, w`` of the priors, ``(P, 4)`` float32, relative to the input."""
    return box_math.to_centers(schema.make_priors())[:, (1, 0, 3, 2)]


def _operator(schema: Schema, rows: int) -> str:
    """The operator's name and attributes, as LiteRT's converter reads them from the mark of a function."""
    detect, (x, y, width, height) = schema.detect, schema.priors.variances
    attributes: dict[str, int | float | bool] = {
        "max_detections": rows,
        "max_classes_per_detection": 1,
        "use_regular_nms": True,  # by class; the fast one suppresses across classes
        "nms_score_threshold": float(np.nextafter(np.float32(detect.score), np.float32(1))),  # it keeps equal scores
        "nms_iou_threshold": max(detect.nms_iou, float(np.finfo(np.float32).tiny)),  # it refuses 0
        "num_classes": len(schema.classes),
        "y_scale": 1 / y,
        "x_scale": 1 / x,
        "h_scale": 1 / height,
        "w_scale": 1 / width,
    }
    kinds = {bool: "b", int: "i", float: "f"}
    values = (
        f'attr {{ key: "{name}" value {{ {kinds[type(value)]}: {str(value).lower()} }} }}'
        for name, value in attributes.items()
    )
    return f'name: "TFLite_Detection_PostProcess" {" ".join(values)}'

#!/usr/bin/env bash
# ai-edge-litert 2.3.0: TFLite_Detection_PostProcess refuses an IoU limit of 0.
#
# Expected: with nms_iou_threshold 0, every box that overlaps a better one of its class at all is suppressed.
# Seen: the operator takes limits above 0 alone. The interpreter builds the model and fails when it prepares or runs the
#   operator, although the converter has taken the limit, and although 0.0001 works.
# Why it matters: 0 is a valid limit elsewhere, as in torchvision, OpenCV and ONNX. A detector of objects that never
#   overlap converts without a word, and fails on the device.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check tensorflow-cpu==2.21.0 ai-edge-litert==2.3.0 2>&1 |
    grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter

BOXES = 4
anchors = np.array([[0.5, 0.2 + 0.19 * k, 0.2, 0.2] for k in range(BOXES)], np.float32)  # neighbours overlap by a twentieth


def detections(limit):
    """Number of detections of four boxes in a row, each of which overlaps the next a little."""
    options = {"max_detections": BOXES, "max_classes_per_detection": 1, "num_classes": 1}
    numbers = {"nms_score_threshold": 0.1, "nms_iou_threshold": limit}
    numbers |= {"x_scale": 10.0, "y_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
    mark = 'name: "TFLite_Detection_PostProcess" attr { key: "use_regular_nms" value { b: true } } '
    mark += " ".join(f'attr {{ key: "{name}" value {{ i: {value} }} }}' for name, value in options.items())
    mark += " " + " ".join(f'attr {{ key: "{name}" value {{ f: {value} }} }}' for name, value in numbers.items())

    @tf.function(experimental_implements=mark)
    def select(deltas, scores, anchors):
        return tf.zeros((1, BOXES, 4)), tf.zeros((1, BOXES)), tf.zeros((1, BOXES)), tf.zeros((1,))

    class Detector(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, BOXES, 4)), tf.TensorSpec((1, BOXES, 2))])
        def run(self, deltas, scores):
            return select(deltas, scores, tf.constant(anchors))

    detector = Detector()
    converter = tf.lite.TFLiteConverter.from_concrete_functions([detector.run.get_concrete_function()], detector)
    converter.allow_custom_ops = True
    model = Interpreter(model_content=converter.convert())
    model.allocate_tensors()
    for detail in model.get_input_details():
        values = np.zeros(detail["shape"], np.float32)
        if detail["shape"][-1] == 2:
            values[0, :, 1] = 0.9, 0.8, 0.7, 0.6
        model.set_tensor(detail["index"], values)
    model.invoke()
    (count,) = (model.get_tensor(out["index"]) for out in model.get_output_details() if out["shape"].tolist() == [1])
    return int(count[0])


found = {}
for limit in (0.5, 0.0001, 0.0):
    try:
        found[limit] = detections(limit)
    except (RuntimeError, ValueError) as error:
        found[limit] = "refused"
    print(f"nms_iou_threshold {limit}: {found[limit]}")
raise SystemExit(0 if found == {0.5: 4, 0.0001: 2, 0.0: "refused"} else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py" 2>/dev/null
# Output seen:
#   nms_iou_threshold 0.5: 4
#   nms_iou_threshold 0.0001: 2
#   nms_iou_threshold 0.0: refused

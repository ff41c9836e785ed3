#!/usr/bin/env bash
# tensorflow-cpu 2.21.0: its LiteRT converter drops the option detections_per_class of TFLite_Detection_PostProcess.
#
# Expected: the operator gets every option that the mark of the function names, as it gets max_detections.
# Seen: detections_per_class is not in the file, without a message. The operator then keeps at most 100 detections of a
#   class, whatever max_detections and detections_per_class say.
# Why it matters: with one class, such as blood cells or people in a crowd, objects beyond the first hundred are lost.
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

BOXES = ASKED = 150
options = {"max_detections": ASKED, "max_classes_per_detection": 1, "detections_per_class": ASKED, "num_classes": 1}
numbers = {"nms_score_threshold": 0.1, "nms_iou_threshold": 0.5, "x_scale": 10.0, "y_scale": 10.0, "h_scale": 5.0, "w_scale": 5.0}
mark = 'name: "TFLite_Detection_PostProcess" attr { key: "use_regular_nms" value { b: true } } '
mark += " ".join(f'attr {{ key: "{name}" value {{ i: {value} }} }}' for name, value in options.items())
mark += " " + " ".join(f'attr {{ key: "{name}" value {{ f: {value} }} }}' for name, value in numbers.items())

rows, columns = np.divmod(np.arange(BOXES), 15)  # boxes of 0.02 that are 0.05 apart, so none suppresses another
anchors = np.stack([0.05 + rows * 0.05, 0.05 + columns * 0.05, *[np.full(BOXES, 0.02)] * 2], 1).astype(np.float32)


@tf.function(experimental_implements=mark)
def select(deltas, scores, anchors):
    return tf.zeros((1, ASKED, 4)), tf.zeros((1, ASKED)), tf.zeros((1, ASKED)), tf.zeros((1,))


class Detector(tf.Module):
    @tf.function(input_signature=[tf.TensorSpec((1, BOXES, 4)), tf.TensorSpec((1, BOXES, 2))])
    def run(self, deltas, scores):
        return select(deltas, scores, tf.constant(anchors))


detector = Detector()
converter = tf.lite.TFLiteConverter.from_concrete_functions([detector.run.get_concrete_function()], detector)
converter.allow_custom_ops = True
content = converter.convert()
print({name: name.encode() in content for name in options})
model = Interpreter(model_content=content)
model.allocate_tensors()
for detail in model.get_input_details():
    values = np.zeros(detail["shape"], np.float32)
    if detail["shape"][-1] == 2:
        values[..., 1] = 0.9
    model.set_tensor(detail["index"], values)
model.invoke()
(count,) = (model.get_tensor(out["index"]) for out in model.get_output_details() if out["shape"].tolist() == [1])
print(f"{BOXES} boxes of one class, {ASKED} asked for: {int(count[0])}")
raise SystemExit(0 if b"detections_per_class" not in content and int(count[0]) == 100 else 1)
PYTHON
"$work/venv/bin/python" "$work/show.py" 2>/dev/null
# Output seen:
#   {'max_detections': True, 'max_classes_per_detection': True, 'detections_per_class': False, 'num_classes': True}
#   150 boxes of one class, 150 asked for: 100

#!/usr/bin/env bash
# opencv-python-headless 4.14.0.94, and ENGINE_CLASSIC of 5.0.0.93: a padded 3x3 depthwise convolution on a map of one
# row or one column gives wrong numbers.
#
# Expected: on a map of one cell, only the middle of the kernel meets the cell. So the result is the cell times this
# weight. Maps of one row are convolved likewise.
# Seen: other numbers, without an error. Maps of 2 x 2 cells and more are right, kernels of 5 x 5 are right, and so is
# OpenCV 5's default engine.
# Why it matters: SSD's last map is a single cell, whose priors are for the largest objects. These are lost or wrong,
# and all others are right.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
cat >"$work/show.py" <<'PYTHON'
import sys

import cv2
import numpy as np
from onnx import TensorProto, helper, numpy_helper, save

CHANNELS, PATH = 8, sys.argv[1]
engine = {"engine": cv2.dnn.ENGINE_CLASSIC} if hasattr(cv2.dnn, "ENGINE_CLASSIC") else {}
rng = np.random.default_rng(0)


def right(x, kernel):
    side = kernel.shape[-1]
    padded = np.pad(x, ((0, 0), (0, 0), (side // 2,) * 2, (side // 2,) * 2))
    windows = np.lib.stride_tricks.sliding_window_view(padded, (side, side), axis=(2, 3))
    return np.einsum("bchwij,cij->bchw", windows, kernel[:, 0])


def is_right(height, width, side):
    kernel = rng.normal(size=(CHANNELS, 1, side, side)).astype(np.float32)
    shape = [1, CHANNELS, height, width]
    node = helper.make_node("Conv", ["x", "kernel"], ["y"], group=CHANNELS, kernel_shape=[side] * 2, pads=[side // 2] * 4)
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name in "xy"]
    graph = helper.make_graph([node], "depthwise", values[:1], values[1:], [numpy_helper.from_array(kernel, "kernel")])
    save(helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8), PATH)
    net = cv2.dnn.readNetFromONNX(PATH, **engine)
    x = rng.normal(size=shape).astype(np.float32)
    net.setInput(x)
    return bool(np.abs(net.forward() - right(x, kernel)).max() < 1e-4)


small, others = [is_right(1, 1, 3), is_right(1, 5, 3)], [is_right(2, 2, 3), is_right(1, 1, 5)]
print(f"{cv2.__version__}: one cell, one row: {small}; 2 x 2 cells, a kernel of 5 x 5: {others}")
raise SystemExit(0 if not any(small) and all(others) else 1)
PYTHON
for version in 4.14.0.94 5.0.0.93; do
    python3 -m venv "$work/$version"
    "$work/$version/bin/python" -m pip install --quiet --disable-pip-version-check \
        "opencv-python-headless==$version" numpy==2.4.6 onnx==1.23.2 2>&1 | grep -v '^WARNING' || true
    "$work/$version/bin/python" "$work/show.py" "$work/model.onnx"
done
# Output seen:
#   4.14.0: one cell, one row: [False, False]; 2 x 2 cells, a kernel of 5 x 5: [True, True]
#   5.0.0: one cell, one row: [False, False]; 2 x 2 cells, a kernel of 5 x 5: [True, True]

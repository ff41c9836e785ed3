#!/usr/bin/env bash
# keras 3.15.1: AveragePooling2D with padding "same" gives other numbers on PyTorch than on JAX.
#
# Expected: a layer of Keras gives the same on every backend, up to rounding.
# Seen: where a window of 3 or more needs uneven padding, PyTorch averages copies of the edge too. On JAX, each average is
# that of the cells inside the map. Windows that lie inside are equal, so only the last row and the last column differ.
# Nothing is raised.
# Why it matters: a detector that is trained on one backend and run on another finds other things at the right and lower
# edge of the image.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check \
    keras==3.15.1 torch==2.13.0 jax==0.10.2 2>&1 | grep -v '^WARNING' || true
cat >"$work/show.py" <<'PYTHON'
import sys

import keras
import numpy as np

x = np.arange(1, 17, dtype=np.float32).reshape(1, 4, 4, 1)
pool = keras.layers.AveragePooling2D(3, strides=2, padding="same")
np.save(sys.argv[1], keras.ops.convert_to_numpy(pool(x))[0, :, :, 0])
PYTHON
for backend in jax torch; do KERAS_BACKEND=$backend "$work/venv/bin/python" "$work/show.py" "$work/$backend.npy"; done
"$work/venv/bin/python" - "$work" <<'PYTHON'
import sys

import numpy as np

on_jax, on_torch = (np.load(f"{sys.argv[1]}/{backend}.npy") for backend in ("jax", "torch"))
print("JAX", on_jax.tolist(), "PyTorch", on_torch.tolist())
inside = np.array([[6.0, 7.5], [12.0, 13.5]])
raise SystemExit(0 if np.allclose(on_jax, inside) and not np.allclose(on_torch, on_jax) else 1)
PYTHON
# Output seen:
#   JAX [[6.0, 7.5], [12.0, 13.5]] PyTorch [[6.0, 7.666666507720947], [12.666666984558105, 14.333333015441895]]

#!/usr/bin/env bash
# torch 2.13.0, on a CPU: after functional.batch_norm(training=True) the running variance may not change in place until
# the backward pass is done, although neither the output nor a gradient depends on it.
#
# Expected: in training, batch normalisation uses the batch's own statistics, so running statistics may be corrected or
# blended right after the call.
# Seen: they are saved for the backward pass, which raises "one of the variables needed for gradient computation has
# been modified by an inplace operation". With a copy in place of the change, the gradients are the same for any running
# statistics.
# Why it matters: who keeps statistics of another kind, such as the batch's biased variance as Keras does, writes a step
# that runs in evaluation and fails in training.
set -euo pipefail
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install --quiet --disable-pip-version-check torch==2.13.0 numpy==2.4.6 2>&1 |
    grep -v '^WARNING' || true
"$work/venv/bin/python" - <<'PYTHON'
import torch
from torch.nn.functional import batch_norm


def gradient(start, change):
    torch.manual_seed(0)
    x = torch.randn(4, 3, 5, 5, requires_grad=True)
    mean, variance = torch.zeros(3), torch.full((3,), start)
    y = batch_norm(x, mean, variance, training=True, momentum=1.0)
    change(variance)
    return torch.autograd.grad((y * torch.arange(5)).sum(), x)[0]


try:
    gradient(1.0, lambda variance: variance.mul_(0.99))
    message = ""
except RuntimeError as error:
    message = str(error).partition(":")[0]
same = torch.equal(gradient(1.0, lambda variance: None), gradient(50.0, lambda variance: None))
print(torch.__version__, "changed in place:", message or "no error", "| gradients do not depend on it:", same)
raise SystemExit(0 if "modified by an inplace operation" in message and same else 1)
PYTHON
# Output seen:
#   2.13.0+cpu changed in place: one of the variables needed for gradient computation has been modified by an inplace operation | gradients do not depend on it: True

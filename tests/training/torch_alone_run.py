"""Commands on PyTorch in an environment without TensorFlow and JAX: test_torch.py reads what they print."""

import json
import sys
from importlib.util import find_spec
from pathlib import Path

import cv2
import httpx
import numpy as np

import multibox
from multibox.cli import main
from multibox.serve.settings import Settings
from served import server_of
from training.torch_run import RUN

MODEL = "experiments/alone/best.keras"


def command(*words):
    main(words, standalone_mode=False)


def answer(image):
    """What a server of the model answers to an image."""
    with server_of(Settings(name="alone", runtime="keras"), detector=multibox.load(MODEL)) as url:
        reply = httpx.post(f"{url}/v1/detect", files={"images": Path(image).read_bytes()}, timeout=60)
    return {"status": reply.status_code, "images": len(reply.json()["results"])}


def run():
    fields = {**RUN, "train.epochs": 1, "train.steps_per_epoch": 2, "train.ema": 0}
    command("train", "--name", "alone", *(f"{name}={json.dumps(value)}" for name, value in fields.items()))
    command("train", "--resume", "alone", "train.epochs=2")
    command("eval", MODEL, "--data", "tiny/test")
    cv2.imwrite("image.png", np.zeros((90, 120, 3), np.uint8))
    command("predict", MODEL, "image.png", "--out", "outputs")
    command("export", MODEL, "--format", "onnx", "--nms")
    print(json.dumps({"installed": [name for name in ("tensorflow", "jax") if find_spec(name)], **answer("image.png")}))


if __name__ == "__main__":
    sys.exit(run())

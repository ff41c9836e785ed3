"""The same work by torchvision: its SSD, loss, matcher and transforms, on our trunk's weights and our stores.

    python benchmarks/peer_torchvision.py NAME --size 192 --epochs 8 [--recipe ours|torchvision]

What is torchvision's: the class `SSD` with its matching, mining and loss, the extra maps and heads of its SSDLite, the
default boxes of its SSD300, and the transforms of its detection reference. What is shared: EfficientNet-Lite0 and its
ImageNet weights (here as PyTorch modules), the three maps taken from it, its frozen batch normalisation and first two
stages, the images, their order of magnitude in a batch, and the metric.

Recipes: `ours` is AdamW with our rates and schedule; `torchvision` is that of its SSDLite (SGD, 0.15 for 192 images,
here in proportion to the batch, cosine, weight decay 4e-5).

A run lies in experiments/NAME, with a checkpoint after each epoch; the same command goes on where it was stopped. The
peers need `pip install -r benchmarks/requirements-peers.txt`.
"""

import argparse
import json
import math
import os
import random
import time
from collections import OrderedDict
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.nn import functional

from multibox.bench.torchvision_ssd import import_detection
from multibox.data.store import Store, open_store
from multibox.detect.detections import Detections
from multibox.evaluation.columns import found_in, places
from multibox.evaluation.evaluate import Evaluation
from multibox.evaluation.test_set import open_test_set
from multibox.importers.efficientnet_lite import packaged_file
from multibox.models.efficientnet_lite import LITE0, EfficientNetLite
from multibox.postprocess.nms import suppress
from multibox.prepare.render import MEAN_RGB


def nms(boxes: torch.Tensor, scores: torch.Tensor, threshold: float) -> torch.Tensor:
    order = torch.argsort(scores, descending=True, stable=True)
    one_class = np.zeros(len(order), np.int64)
    return order[torch.from_numpy(suppress(boxes[order].numpy(), one_class, threshold))]


import_detection()
OPERATORS = torch.library.Library("torchvision", "IMPL")
if not torch._C._dispatch_has_kernel_for_dispatch_key("torchvision::nms", "CPU"):
    OPERATORS.impl("nms", nms, "CPU")
    import torchvision

    torchvision.extension._has_ops = lambda: True  # its nms asks for the compiled part first

from torchvision import tv_tensors  # noqa: E402
from torchvision.models.detection.anchor_utils import DefaultBoxGenerator  # noqa: E402
from torchvision.models.detection.ssd import SSD  # noqa: E402
from torchvision.models.detection.ssdlite import SSDLiteHead, _extra_block  # noqa: E402
from torchvision.ops import FrozenBatchNorm2d  # noqa: E402
from torchvision.transforms import v2  # noqa: E402

FROZEN_BLOCKS = 3
"""Those of the first two stages, as ``network.freeze=block2b``."""
SCALES = [0.07, 0.15, 0.33, 0.51, 0.69, 0.87, 1.05]
RATIOS = [[2], [2, 3], [2, 3], [2, 3], [2], [2]]
"""Of torchvision's ssd300_vgg16."""


class SameConv(nn.Conv2d):
    """A convolution without bias that pads as TensorFlow does, with which the weights were trained."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1):
        super().__init__(inputs, outputs, kernel, stride, groups=groups, bias=False)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        kernel, stride = self.kernel_size[0], self.stride[0]
        pad = []
        for side in (x.shape[3], x.shape[2]):
            total = max((math.ceil(side / stride) - 1) * stride + kernel - side, 0)
            pad += [total // 2, total - total // 2]
        return super().forward(functional.pad(x, pad))


def frozen_norm(channels: int) -> nn.Module:
    return FrozenBatchNorm2d(channels, eps=1e-3)


class Block(nn.Module):
    """An inverted residual; its parts have the names of the published weights."""

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expand: int):
        super().__init__()
        wide = inputs * expand
        if expand > 1:
            self._expand_conv, self._bn0 = SameConv(inputs, wide, 1), frozen_norm(wide)
        self._depthwise_conv, self._bn1 = SameConv(wide, wide, kernel, stride, groups=wide), frozen_norm(wide)
        self._project_conv, self._bn2 = SameConv(wide, outputs, 1), frozen_norm(outputs)
        self.expands, self.adds = expand > 1, stride == 1 and inputs == outputs

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        wide = functional.relu6(self._bn0(self._expand_conv(x))) if self.expands else x
        y = functional.relu6(self._bn1(self._depthwise_conv(wide)))
        y = self._bn2(self._project_conv(y))
        return (x + y if self.adds else y), wide


class Trunk(nn.Module):
    """EfficientNet-Lite0 to the three maps that Multibox takes from it."""

    def __init__(self) -> None:
        super().__init__()
        self._conv_stem, self._bn0 = SameConv(3, 32, 3, 2), frozen_norm(32)
        blocks, channels = [], 32
        for count, kernel, stride, expand, filters in LITE0:
            for i in range(count):
                blocks.append(Block(channels, filters, kernel, stride if i == 0 else 1, expand))
                channels = filters
        self._blocks = nn.ModuleList(blocks)

    def forward(self, x: torch.Tensor) -> list[torch.Tensor]:
        x = functional.relu6(self._bn0(self._conv_stem(x)))
        maps = []
        for i, block in enumerate(self._blocks):
            x, wide = block(x)
            if i in (5, 11):
                maps.append(wide)
        return [*maps, x]

    def frozen(self) -> list[nn.Module]:
        return [self._conv_stem, *self._blocks[:FROZEN_BLOCKS]]


class Maps(nn.Module):
    """The trunk's maps and those of torchvision's SSDLite beyond."""

    def __init__(self) -> None:
        super().__init__()
        self.trunk = Trunk()
        self.extra = nn.ModuleList(_extra_block(inputs, 256, nn.BatchNorm2d) for inputs in (320, 256, 256))

    def forward(self, x: torch.Tensor) -> OrderedDict[str, torch.Tensor]:
        maps = self.trunk(x)
        for block in self.extra:
            maps.append(block(maps[-1]))
        return OrderedDict((str(i), fmap) for i, fmap in enumerate(maps))


def make_model(size: int, classes: int) -> SSD:
    maps = Maps()
    weights = torch.load(packaged_file(), map_location="cpu", weights_only=True)
    lacking, _ = maps.trunk.load_state_dict(weights, strict=False)
    if lacking:
        raise SystemExit(f"the trunk's weights lack {lacking[0]}")
    for module in maps.trunk.frozen():
        module.requires_grad_(False)
    anchors = DefaultBoxGenerator(RATIOS, scales=SCALES)
    head = SSDLiteHead([240, 672, 320, 256, 256, 256], anchors.num_anchors_per_location(), classes + 1, nn.BatchNorm2d)
    mean, std = [m / 255 for m in EfficientNetLite.MEAN], [1 / (s * 255) for s in EfficientNetLite.SCALE]
    return SSD(maps, anchors, (size, size), classes + 1, image_mean=mean, image_std=std, head=head)


class Examples(torch.utils.data.Dataset):
    """A store's images and boxes, through the transforms of torchvision's SSD reference."""

    def __init__(self, data: str):
        self.data, self.store = data, None
        fill = {tv_tensors.Image: MEAN_RGB, "others": 0}
        self.transform = v2.Compose(
            [
                v2.RandomPhotometricDistort(),
                v2.RandomZoomOut(fill=fill),
                v2.RandomIoUCrop(),
                v2.RandomHorizontalFlip(),
                v2.ToDtype(torch.float32, scale=True),
                v2.SanitizeBoundingBoxes(),
            ]
        )

    def __len__(self) -> int:
        return len(open_store(self.data))

    def __getitem__(self, i: int) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        self.store = self.store or open_store(self.data)
        record = self.store[i]
        image = cv2.imdecode(np.frombuffer(record.image, np.uint8), cv2.IMREAD_COLOR_RGB)
        boxes = tv_tensors.BoundingBoxes(torch.tensor(record.objects.boxes), format="XYXY", canvas_size=image.shape[:2])
        target = {"boxes": boxes, "labels": torch.tensor(record.objects.labels) + 1}
        image, target = self.transform(tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1).contiguous()), target)
        return image.as_subclass(torch.Tensor), {k: v.as_subclass(torch.Tensor) for k, v in target.items()}


def make_optimizer(model: SSD, recipe: str, batch: int) -> torch.optim.Optimizer:
    learned = {name: p for name, p in model.named_parameters() if p.requires_grad}
    if recipe == "torchvision":
        return torch.optim.SGD(learned.values(), lr=0.15 * batch / 192, momentum=0.9, weight_decay=4e-5)
    trunk = [p for name, p in learned.items() if ".trunk." in name]
    rest = {name: p for name, p in learned.items() if ".trunk." not in name}
    decayed = [p for p in rest.values() if p.ndim > 1]
    plain = [p for p in rest.values() if p.ndim == 1]
    groups = [
        {"params": trunk, "lr": 3e-4},
        {"params": decayed},
        {"params": plain, "weight_decay": 0.0},
    ]
    return torch.optim.AdamW(groups, lr=1e-3, weight_decay=0.05)


def share_of_rate(step: int, steps: int, warmup: int = 100) -> float:
    """Linear warm-up, then half a cosine."""
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(steps - warmup, 1)))


def columns(rows: list[tuple]) -> tuple:
    return tuple(zip(*rows, strict=True))


def batches(data: str, batch: int, epoch: int, seed: int) -> Iterator[tuple]:
    torch.manual_seed(1000 * seed + epoch)
    random.seed(1000 * seed + epoch)
    return iter(
        torch.utils.data.DataLoader(
            Examples(data), batch, shuffle=True, num_workers=1, drop_last=True, collate_fn=columns
        )
    )


def train_epoch(model: SSD, optimizer, schedule, data: Iterator[tuple], epoch: int) -> float:
    model.train()
    losses = []
    for images, targets in data:
        parts = model(list(images), list(targets))
        loss = sum(parts.values())
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        losses.append(float(loss.detach()))
        if len(losses) % 20 == 0:
            print(f"epoch {epoch + 1}  step {len(losses)}  loss {np.mean(losses[-20:]):.3f}", flush=True)
    return float(np.mean(losses))


@torch.no_grad()
def detect(model: SSD, store: Store, batch: int = 16) -> Iterator[Detections]:
    model.eval()
    for start in range(0, len(store), batch):
        records = [store[i] for i in range(start, min(start + batch, len(store)))]
        images = [cv2.imdecode(np.frombuffer(r.image, np.uint8), cv2.IMREAD_COLOR_RGB) for r in records]
        inputs = [v2.functional.to_dtype(to_tensor(image), scale=True) for image in images]
        for image, found in zip(images, model(inputs), strict=True):
            boxes, scores, labels = (found[k].numpy() for k in ("boxes", "scores", "labels"))
            yield Detections(boxes, scores, labels - 1, store.meta.classes, image.shape[:2], None)


def to_tensor(image: np.ndarray) -> torch.Tensor:
    return tv_tensors.Image(torch.from_numpy(image).permute(2, 0, 1))


def judge(model: SSD, data: str) -> Evaluation:
    store = open_store(data)
    classes = store.meta.classes
    found = found_in(detect(model, store), relabel=places(classes, classes))
    return Evaluation("torchvision", open_test_set(store), found)


def write(path: Path, state: dict) -> None:
    beside = path.with_name(f".{path.name}")
    torch.save(state, beside)
    os.replace(beside, path)


def main() -> None:
    options = parse()
    folder = Path("experiments") / options.name
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(options.threads)
    torch.manual_seed(options.seed)
    model = make_model(options.size, len(open_store(options.train).meta.classes)).to(memory_format=torch.channels_last)
    steps = options.epochs * (len(open_store(options.train)) // options.batch)
    optimizer = make_optimizer(model, options.recipe, options.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: share_of_rate(step, steps))
    parts, checkpoint, done, seconds = (model, optimizer, schedule), folder / "checkpoint.pt", 0, 0.0
    if checkpoint.is_file():
        state = torch.load(checkpoint, weights_only=True)
        for part, values in zip(parts, state["parts"], strict=True):
            part.load_state_dict(values)
        done, seconds = state["done"], state["seconds"]
    for epoch in range(done, options.epochs):
        began = time.monotonic()
        data = batches(options.train, options.batch, epoch, options.seed)
        loss = train_epoch(model, optimizer, schedule, data, epoch)
        seconds += time.monotonic() - began
        print(f"epoch {epoch + 1}/{options.epochs}  loss {loss:.3f}  {seconds / 60:.1f} min", flush=True)
        states = [part.state_dict() for part in parts]
        write(checkpoint, {"parts": states, "done": epoch + 1, "seconds": seconds})
    result = judge(model, options.val).to_json() | {"minutes": round(seconds / 60, 1), "options": vars(options)}
    (folder / "result.json").write_text(json.dumps(result, indent=1))
    print(json.dumps(result))


def parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", help="of the run, a folder in experiments")
    parser.add_argument("--train", default="voc2007/train")
    parser.add_argument("--val", default="voc2007/val")
    parser.add_argument("--size", type=int, default=320)
    parser.add_argument("--epochs", type=int, default=24)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--recipe", choices=["ours", "torchvision"], default="ours")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--threads", type=int, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()

"""The typed configuration: everything about a run that is not code.

A file is YAML; ``extends: PRESET`` takes another's values first (one level). Any field can be overridden by its dotted
name, as ``train.epochs=20``. An unknown field, or a value of the wrong kind, is one line that names it.
"""

import difflib
from collections.abc import Iterable, Mapping
from importlib import resources
from pathlib import Path
from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator, model_validator

from multibox.errors import BadInput
from multibox.old_names import current_fields

Probability = Annotated[float, Field(ge=0, le=1)]
Positive = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Factor = Annotated[float, Field(ge=0, allow_inf_nan=False)]


def _rising(limits: tuple[float, float]) -> tuple[float, float]:
    if limits[0] > limits[1]:
        raise ValueError("needs the lower number first")
    return limits


Range = Annotated[tuple[Factor, Factor], AfterValidator(_rising)]
Positives = Annotated[tuple[Positive, Positive], AfterValidator(_rising)]
Positive3 = tuple[Positive, Positive, Positive]
Shares = Annotated[tuple[Positive, Probability], AfterValidator(_rising)]

Activation = Literal["softmax", "sigmoid"]
"""Of the logits: one class or background, or each class for itself."""


class Section(BaseModel):
    """A group of fields: unknown names are refused, values are never changed after they were read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PeerSwitches(Section):
    """Where the network is built as other projects build theirs, so that their weights fit it."""

    resnet50: Literal["keras", "five_scripts"] = "keras"
    """ResNet50 of Keras, or of the five-script SSD: there the first pool pads as TensorFlow's ``same`` does, and the
    first 1x1 of the extra bottlenecks has the stride."""
    ssdlite: Literal["multibox", "torchvision", "qfgaohao", "lufficc"] = "multibox"
    """Whose SSDLite. The peers' pad both sides, the last two have other extra maps, lufficc's has another first map."""
    tail: Literal["full", "reduced"] = "full"
    """MobileNetV3's last stage: as in the classifier, or with half the channels (arXiv 1905.02244, section 6.3)."""
    downsample_padding: Literal["both", "same"] = "both"
    """Stride-2 extra layers of ssd300 and ssd512 pad both sides (Caffe) or as TensorFlow's ``same`` does (five-script
    SSD)."""
    prior_order: Literal["caffe", "five_scripts"] = "caffe"
    """Order of a cell's priors, and so of the heads' outputs: s, sqrt(s s'), then 2, 1/2, 3, 1/3 (Caffe) or 2, 3, 1/2,
    1/3 (five-script SSD)."""


class Network(Section):
    """The network: its trunk, its feature maps, its input."""

    trunk: Literal["vgg16", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_lite0"] = (
        "efficientnet_lite0"
    )
    layout: Literal["ssd300", "ssd512", "ssdlite"] = "ssdlite"
    size: tuple[int, int] = (320, 320)
    """Input height and width, pixels; both at least 128."""
    weights: str = "auto"
    """Where training starts: ``imagenet``, ``none``, a weights file of the trunk, a detector's ``.keras`` file, or
    ``voc20``, the shipped detector. ``auto`` is that one where its layers fit the network's, else ``imagenet``."""
    freeze: str = ""
    """The trunk's stages up to and including this one are not trained; empty: all are."""
    batch_norm: Literal["frozen", "trained"] = "frozen"
    """Whether the trunk's batch normalisation keeps its statistics and scales, or learns them."""
    neck: Literal["none", "fpn"] = "none"
    """What lies between the maps and the heads: nothing, or a feature pyramid (arXiv 1612.03144)."""
    neck_channels: int = Field(default=128, ge=8)
    """Of every map of the neck."""
    mean: tuple[float, float, float] | None = None
    """RGB, 0 to 255, taken from the pixels; none: what the trunk's published weights were trained with."""
    scale: Positive3 | None = None
    """RGB, what the pixels are multiplied with after that; none: likewise."""
    peer: PeerSwitches = PeerSwitches()

    @field_validator("size")
    @classmethod
    def _large_enough(cls, size: tuple[int, int]) -> tuple[int, int]:
        if min(size) < 128:
            raise ValueError("needs height and width of at least 128 pixels")
        return size

    @model_validator(mode="after")
    def _statistics_to_freeze(self) -> Self:
        if self.weights == "none" and self.batch_norm == "frozen" and self.trunk != "vgg16":
            raise ValueError("batch_norm: frozen would freeze fresh statistics; with weights=none set it to trained")
        return self

    @model_validator(mode="after")
    def _switches_of_another_trunk(self) -> Self:
        ssdlite, tail = self.peer.ssdlite, self.peer.tail
        if ssdlite in ("qfgaohao", "lufficc") and self.trunk != "mobilenet_v2":
            raise ValueError(f"peer.ssdlite: {ssdlite} needs trunk=mobilenet_v2")
        if tail == "reduced" and self.trunk != "mobilenet_v3_large":
            raise ValueError("peer.tail: reduced needs trunk=mobilenet_v3_large")
        if tail == "reduced" and self.weights in ("auto", "imagenet"):
            raise ValueError("peer.tail: the imagenet weights have the full one; with reduced set weights to none")
        return self


class Priors(Section):
    """The prior boxes of each feature map (SSD section 2.2, with the authors' numbers)."""

    sizes: tuple[Positive, ...] = (21, 45, 99, 153, 207, 261, 315)
    """Sides of the square priors, one a map and one more, in pixels of an image whose shorter side is ``at``."""
    at: Positive = 300
    ratios: tuple[tuple[Positive, ...], ...] = ((2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
    """Aspect ratios of each map, width over height; each ratio r also gives 1/r."""
    steps: tuple[Positive, ...] = ()
    """Pixels between the cells of each map; empty: from the network's strides."""
    offset: float = 0.5
    clip: bool | Literal["centers", "sizes"] = False
    """Cut off at the image's edges: the boxes (Caffe), their centres and sizes (amdegroot), or sizes (torchvision)."""
    variances: tuple[Positive, Positive, Positive, Positive] = (0.1, 0.1, 0.2, 0.2)


class Data(Section):
    """Which images train, which judge, and what is in them."""

    train: tuple[str, ...] = ()
    """Stores, as ``NAME/SPLIT``."""
    weights: tuple[Positive, ...] = ()
    """The share of the examples that each store of ``train`` gives; empty: each image is as frequent as any other."""
    val: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """Empty: those of the stores."""
    difficult: Literal["keep", "drop"] = "keep"
    """Whether objects marked difficult are trained with."""
    resize: Literal["warp", "letterbox"] = "warp"
    workers: int = Field(default=-1, ge=-1)
    """Processes that prepare examples; 0: threads of this process; -1: chosen from the cores."""


class Distort(Section):
    """Photometric changes, as SSD's data layer makes them: each with this probability."""

    probability: Probability = 0.5
    brightness: float = Field(default=32, ge=0, le=255)
    contrast: Range = (0.5, 1.5)
    saturation: Range = (0.5, 1.5)
    hue: float = Field(default=18, ge=0, le=90)
    """Half-degrees, on OpenCV's scale of 0 to 179."""


class Expand(Section):
    """Zoom out: put the image on a canvas of the mean colour (SSD section 3.6, where the ratio is 4)."""

    probability: Probability = 0.5
    ratio: float = Field(default=2, ge=1)


class Crop(Section):
    """Zoom in: the batch sampler, SSD section 2.2, "Data augmentation"."""

    probability: Probability = 1.0
    min_iou: tuple[Probability, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    scale: Shares = (0.3, 1.0)
    """Of the window's side."""
    ratio: Positives = (0.5, 2.0)
    trials: int = Field(default=50, ge=1)


class Mosaic(Section):
    """Four images side by side (YOLOv4, arXiv 2004.10934, section 3.3)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """The share of the run's steps after which there is none, so that it ends on ordinary images (arXiv 2107.08430)."""
    center: Shares = (0.25, 0.75)
    """Where the four meet, of each side of the picture."""


class Mixup(Section):
    """Two images, one shining through the other (arXiv 1710.09412; of detection, arXiv 1902.04103)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """As of ``mosaic``."""
    alpha: float = Field(default=8, ge=1, le=1000)
    """The weight is drawn from Beta(alpha, alpha). Below 1, one image would mostly be invisible and yet be learned."""


class Affine(Section):
    """Turn, shear, zoom and shift the picture about its centre."""

    probability: Probability = 0.0
    degrees: float = Field(default=10, ge=0, le=180)
    """The largest turn, either way."""
    shear: float = Field(default=5, ge=0, lt=45)
    """The largest lean of each axis, degrees, either way."""
    scale: Positives = (0.8, 1.25)
    translate: Probability = 0.1
    """The largest shift, of each side, either way."""


class Cutout(Section):
    """Holes of the mean colour, as if something stood in front (arXiv 1708.04552)."""

    probability: Probability = 0.0
    holes: int = Field(default=3, ge=1, le=32)
    """The most of them; there is at least one."""
    side: Shares = (0.1, 0.3)
    """Of the picture's side."""
    hidden: Probability = 0.7
    """An object of which more than this share is in holes is neither learned nor learned as background."""


class Clahe(Section):
    """Contrast equalised in each part of the picture, as some cameras do."""

    probability: Probability = 0.0
    clip: Positives = (1.0, 4.0)
    """How many times a grey level may be as frequent as the average one; more is more contrast, and more noise."""


class Blur(Section):
    """Out of focus."""

    probability: Probability = 0.0
    sigma: Positives = (0.5, 2.0)
    """Of the Gaussian, pixels of the network's input."""


class Noise(Section):
    """Too little light for the sensor."""

    probability: Probability = 0.0
    sigma: Range = (2.0, 15.0)
    """Of the Gaussian, levels of 255."""


class Augment(Section):
    """What is done to a training image at random."""

    distort: Distort = Distort()
    expand: Expand = Expand()
    crop: Crop = Crop()
    mirror: Probability = 0.5
    flip: Probability = 0.0
    """Upside down: for images without an up, as from a microscope or a satellite."""
    mosaic: Mosaic = Mosaic()
    mixup: Mixup = Mixup()
    affine: Affine = Affine()
    cutout: Cutout = Cutout()
    clahe: Clahe = Clahe()
    blur: Blur = Blur()
    noise: Noise = Noise()


class Match(Section):
    """Which prior answers for which object."""

    method: Literal["threshold", "atss"] = "threshold"
    """By the IoU alone (SSD section 2.2), or by a threshold that each object sets itself (arXiv 1912.02424)."""
    iou: Probability = 0.5
    """From which a prior answers for an object, with ``threshold``; and the share of it over a crowd, with both."""
    candidates: int = Field(default=9, ge=1)
    """With ``atss``: how many priors of each map are looked at, the nearest first; all of a cell or none."""


class Loss(Section):
    """The MultiBox loss, SSD section 2.2, and what took the place of its parts since."""

    classes: Literal["softmax", "focal", "varifocal"] = "softmax"
    """Softmax over the mined negatives (SSD), focal (arXiv 1708.02002), or varifocal (arXiv 2008.13367)."""
    boxes: Literal["smooth_l1", "giou", "diou", "ciou"] = "smooth_l1"
    """Of the deltas (SSD), or of the boxes they stand for: GIoU (arXiv 1902.09630), DIoU or CIoU (arXiv 1911.08287)."""
    negatives: float = Field(default=3, gt=0)
    """Hard negatives mined for each positive of an image; with softmax only."""
    min_negatives: int = Field(default=3, ge=0)
    """The fewest negatives mined in an image, so that one without objects teaches too; with softmax only."""
    box_weight: Positive = 1.0

    @property
    def activation(self) -> Activation:
        """What makes scores of a network's logits that was trained with this loss."""
        return "softmax" if self.classes == "softmax" else "sigmoid"

    @property
    def sees_boxes(self) -> bool:
        """Whether the loss looks at boxes and not at their deltas alone, and so needs the priors."""
        return self.classes == "varifocal" or self.boxes != "smooth_l1"


class Train(Section):
    """The optimizer and its schedule."""

    epochs: int = Field(default=40, ge=1)
    steps_per_epoch: int = Field(default=0, ge=0)
    """0: as many as see each image once."""
    batch: int = Field(default=8, ge=1)
    """Images of a step, over all devices."""
    devices: int = Field(default=1, ge=1)
    """Of each host; all share each batch."""
    optimizer: Literal["sgd", "adamw"] = "adamw"
    lr: Positive = 1e-3
    momentum: Probability = 0.9
    weight_decay: float = Field(default=0.05, ge=0)
    bias_lr: Positive = 1.0
    """The learning rate of biases, times ``lr`` (Caffe: 2); they are not decayed."""
    trunk_lr: Positive = 0.3
    """The learning rate of the pretrained trunk, times ``lr``."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """What layers compute in; weights, L2 normalisation, softmax and loss are float32 always."""
    clip_norm: Factor = 0.0
    """The norm that all gradients together are cut down to; 0: they are not."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged for one update; each is normalised by its own positives."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """The momentum of a running average of the weights, which is validated and saved in their place; 0: none."""
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Literal["step", "cosine"] = "cosine"
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs after which the step schedule multiplies ``lr`` by 0.1."""
    validate_every: int = Field(default=5, ge=0)
    """Epochs between two validations; 0: only at the end."""
    log_every: int = Field(default=20, ge=1)
    """Steps between two looks at whether the loss is finite, and two lines of the log."""
    patience: int = Field(default=0, ge=0)
    """Validations without a better mAP, after which the run ends; 0: never."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between two checkpoints, besides the one after each epoch; 0: no others."""
    keep: int = Field(default=2, ge=1)
    """Checkpoints kept."""
    tracker: Literal["none", "wandb", "mlflow"] = "none"
    """A service that is told of the run besides TensorBoard: none, Weights & Biases, or MLflow."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    def epoch_steps(self, images: int) -> int:
        """Steps of an epoch, where there are so many images."""
        return self.steps_per_epoch or max(1, images // self.batch)


class Detect(Section):
    """From the network's output to detections (SSD section 2.2, "Inference")."""

    score: Probability = 0.01
    nms: Literal["hard", "soft-linear", "soft-gaussian"] = "hard"
    """What becomes of a box that overlaps a better one: it goes, or its score decays (Soft-NMS, arXiv 1704.04503)."""
    nms_iou: Probability = 0.45
    nms_sigma: Positive = 0.5
    """How wide the Gaussian of ``soft-gaussian`` is."""
    agnostic: bool = False
    """Whether boxes of different classes overlap too, as if there were one class."""
    per_class: int = Field(default=400, ge=1)
    """The best candidates of a class; of all together, where NMS is class-agnostic."""
    per_image: int = Field(default=200, ge=1)
    show: Probability = 0.4
    """The lowest score that is shown to people."""


class Config(Section):
    """A whole run."""

    network: Network = Network()
    priors: Priors = Priors()
    data: Data = Data()
    augment: Augment = Augment()
    match: Match = Match()
    loss: Loss = Loss()
    train: Train = Train()
    detect: Detect = Detect()

    def to_yaml(self) -> str:
        """The configuration as YAML that :func:`load_config` reads back."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False)


DEFAULT_PRESET = "ssdlite-efficientnet"


def presets() -> list[str]:
    """Names of the presets in the package."""
    folder = resources.files("multibox").joinpath("presets")
    return sorted(path.name.removesuffix(".yaml") for path in folder.iterdir() if path.name.endswith(".yaml"))


def load_config(source: str | Path = DEFAULT_PRESET, overrides: Iterable[str] | Mapping[str, Any] = ()) -> Config:
    """Read a configuration.

    Args:
        source: a preset's name, or a YAML file.
        overrides: ``dotted.name=value``, the value in YAML; or a mapping of dotted names to values.

    Returns:
        the configuration.

    Raises:
        BadInput: no such preset or file, an unknown field, a value that does not fit.
    """
    values = _read(str(source))
    base = values.pop("extends", None)
    if base is not None:
        parent = _read(str(base))
        if "extends" in parent:
            raise BadInput(source, f"extends {base}, which extends another; name a preset that stands alone")
        values = _merge(parent, values)
    return parse_config(with_overrides(values, overrides), str(source))


def with_overrides(values: Mapping[str, Any], overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Plain values with those of the overrides in their place, see :func:`load_config`."""
    merged = current_fields(values)
    for name, value in parse_overrides(overrides).items():
        merged = _merge(merged, current_fields(_nested(name, value)))
    return merged


def parse_overrides(overrides: Iterable[str] | Mapping[str, Any]) -> dict[str, Any]:
    """Overrides as a mapping of dotted names to values, see :func:`load_config`."""
    return dict(overrides) if isinstance(overrides, Mapping) else dict(map(_parse, overrides))


def parse_config(values: Mapping[str, Any], source: str) -> Config:
    """Check plain values against the schema; ``source`` is named in the message of :class:`BadInput`."""
    try:
        return Config.model_validate(current_fields(values))
    except ValidationError as error:
        raise BadInput(source, f"{_first_problem(error)}") from None


def _read(source: str) -> dict[str, Any]:
    if source in presets():
        text = resources.files("multibox").joinpath("presets", f"{source}.yaml").read_text("utf-8")
    elif Path(source).is_file():
        text = Path(source).read_text("utf-8")
    else:
        raise BadInput(source, f"no such configuration; give a YAML file or one of {', '.join(presets())}")
    try:
        values = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise BadInput(source, f"not YAML: {' '.join(str(error).split())}") from None
    if values is not None and not isinstance(values, dict):
        raise BadInput(source, "holds no fields; write lines such as 'train:' and below it '  epochs: 20'")
    return current_fields(values or {})


def _merge(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for name, value in over.items():
        below = merged.get(name)
        merged[name] = _merge(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


def _parse(override: str) -> tuple[str, Any]:
    name, equals, text = override.partition("=")
    if not equals or not name:
        raise BadInput(override, "write a field and its value as dotted.name=value, such as train.epochs=20")
    try:
        value = yaml.safe_load(text)
    except yaml.YAMLError:
        raise BadInput(name, f"the value {text!r} is not YAML") from None
    return name, _number(value) if isinstance(value, str) else value


def _nested(name: str, value: Any) -> dict[str, Any]:
    for part in reversed(name.split(".")):
        value = {part: value}
    return value


def _number(text: str) -> str | float:
    """YAML 1.1 reads ``1e-3`` as text; people mean the number."""
    try:
        return float(text)
    except ValueError:
        return text


def _first_problem(error: ValidationError) -> str:
    problem = error.errors()[0]
    name = ".".join(str(part) for part in problem["loc"])
    if problem["type"] != "extra_forbidden":
        given = "" if isinstance(problem["input"], dict) else f", not {problem['input']!r}"
        return f"{name}: {problem['msg'].removeprefix('Value error, ')}{given}"
    close = difflib.get_close_matches(name, _field_names(Config), n=1, cutoff=0.5)
    return f"{name}: no such field" + (f"; did you mean {close[0]}?" if close else "")


def _field_names(section: type[BaseModel], prefix: str = "") -> list[str]:
    names = []
    for name, field in section.model_fields.items():
        names.append(prefix + name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            names += _field_names(field.annotation, f"{prefix}{name}.")
    return names

"""The typed configuration: everything about a run that is not code, with its default.

:mod:`multibox.config_file` reads it from YAML.
"""

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator

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
"""How logits become scores: one class or background (softmax), or each class independently (sigmoid)."""


class Section(BaseModel):
    """A group of fields. Unknown names are refused, and values do not change once they are read."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class PeerSwitches(Section):
    """Switches that build the network as another project builds its own, so that its weights fit."""

    resnet50: Literal["keras", "five_scripts"] = "keras"
    """Whose ResNet50. In ``five_scripts`` the first pool pads as TensorFlow's ``same`` does, and the first 1x1 of each
    extra bottleneck has the stride."""
    ssdlite: Literal["multibox", "torchvision", "qfgaohao", "lufficc"] = "multibox"
    """Whose SSDLite. The peers pad both sides, the last two have other extra maps, ``lufficc`` another first map."""
    tail: Literal["full", "reduced"] = "full"
    """MobileNetV3's last stage: as in the classifier, or with half the channels (arXiv 1905.02244, section 6.3)."""
    downsample_padding: Literal["both", "same"] = "both"
    """Padding of stride-2 extra layers of ssd300 and ssd512: on both sides (Caffe), or as TensorFlow's ``same`` does
    (``five_scripts``)."""
    prior_order: Literal["caffe", "five_scripts"] = "caffe"
    """Order of a cell's priors, and so of the heads' outputs: s, sqrt(s s'), then 2, 1/2, 3, 1/3 (``caffe``) or
    2, 3, 1/2, 1/3 (``five_scripts``)."""


class Network(Section):
    """The network: its trunk, its feature maps, its input."""

    trunk: Literal["vgg16", "resnet50", "mobilenet_v2", "mobilenet_v3_large", "efficientnet_lite0"] = (
        "efficientnet_lite0"
    )
    layout: Literal["ssd300", "ssd512", "ssdlite"] = "ssdlite"
    size: tuple[int, int] = (320, 320)
    """Input height and width in pixels, both at least 128."""
    weights: str = "auto"
    """Where training starts: ``imagenet``, ``none``, a weights file of the trunk, a detector's ``.keras`` file, or
    ``voc20``, the bundled detector. ``auto`` means ``voc20`` if its layers fit the network, else ``imagenet``."""
    freeze: str = ""
    """The last of the trunk's stages that are not trained. If empty, all stages are trained."""
    batch_norm: Literal["frozen", "trained"] = "frozen"
    """Whether the trunk's batch normalisation keeps its statistics and scales, or learns them."""
    neck: Literal["none", "fpn"] = "none"
    """What lies between the maps and the heads: nothing, or a feature pyramid (arXiv 1612.03144)."""
    neck_channels: int = Field(default=128, ge=8)
    """Channels of every map of the neck."""
    mean: tuple[float, float, float] | None = None
    """Mean of each channel (RGB, 0 to 255), subtracted from the pixels. None: that of the trunk's published weights."""
    scale: Positive3 | None = None
    """Factor of each channel (RGB), applied after the mean. None: that of the trunk's published weights."""
    peer: PeerSwitches = PeerSwitches()
    """Where the network follows another project instead of Multibox."""

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
    """Sides of the square priors, one per map and one more, in pixels of an image whose shorter side is ``at``."""
    at: Positive = 300
    ratios: tuple[tuple[Positive, ...], ...] = ((2, 3), (2, 3), (2, 3), (2, 3), (2,), (2,))
    """Aspect ratios of each map, width over height. Each ratio r also gives 1/r."""
    steps: tuple[Positive, ...] = ()
    """Pixels between the cells of each map. If empty, the network's strides are used."""
    offset: float = 0.5
    clip: bool | Literal["centers", "sizes"] = False
    """What is clipped to the image: boxes (Caffe), centres and sizes (amdegroot), or sizes alone (torchvision)."""
    variances: tuple[Positive, Positive, Positive, Positive] = (0.1, 0.1, 0.2, 0.2)


class Data(Section):
    """The images for training and validation, and how they are read."""

    train: tuple[str, ...] = ()
    """Stores, as ``NAME/SPLIT``."""
    weights: tuple[Positive, ...] = ()
    """Share of the examples that each store of ``train`` gives. If empty, all images are equally frequent."""
    val: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """Names of the classes. If empty, those of the stores are used."""
    difficult: Literal["keep", "drop"] = "keep"
    """Whether objects marked difficult are kept for training or dropped."""
    resize: Literal["warp", "letterbox"] = "warp"
    workers: int = Field(default=-1, ge=-1)
    """Processes that prepare examples. 0: threads of this process. -1: chosen by the number of cores."""


class Distort(Section):
    """Photometric changes as in SSD's data layer, each applied with this probability."""

    probability: Probability = 0.5
    brightness: float = Field(default=32, ge=0, le=255)
    contrast: Range = (0.5, 1.5)
    saturation: Range = (0.5, 1.5)
    hue: float = Field(default=18, ge=0, le=90)
    """Largest shift of the hue in half-degrees, on OpenCV's scale of 0 to 179."""


class Expand(Section):
    """Zoom out: place the image on a canvas of the mean colour (SSD section 3.6, where the ratio is 4)."""

    probability: Probability = 0.5
    ratio: float = Field(default=2, ge=1)


class Crop(Section):
    """Zoom in: the batch sampler, SSD section 2.2, "Data augmentation"."""

    probability: Probability = 1.0
    min_iou: tuple[Probability, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    scale: Shares = (0.3, 1.0)
    """Range of the window's side, as a share of the image's."""
    ratio: Positives = (0.5, 2.0)
    trials: int = Field(default=50, ge=1)


class Mosaic(Section):
    """Four images side by side (YOLOv4, arXiv 2004.10934, section 3.3)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """Share of the run's steps after which it is off, so that the run ends on ordinary images (arXiv 2107.08430)."""
    center: Shares = (0.25, 0.75)
    """Range of the point where the four meet, as a share of each side."""


class Mixup(Section):
    """Two images blended into one (arXiv 1710.09412, for detection arXiv 1902.04103)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """Share of the run's steps after which it is off, as for ``mosaic``."""
    alpha: float = Field(default=8, ge=1, le=1000)
    """Parameter of Beta(alpha, alpha), which gives the weight. Below 1, one image would often be invisible."""


class Affine(Section):
    """Rotate, shear, zoom and shift the image about its centre."""

    probability: Probability = 0.0
    degrees: float = Field(default=10, ge=0, le=180)
    """Largest rotation either way, degrees."""
    shear: float = Field(default=5, ge=0, lt=45)
    """Largest shear of each axis either way, degrees."""
    scale: Positives = (0.8, 1.25)
    translate: Probability = 0.1
    """Largest shift either way, as a share of each side."""


class Cutout(Section):
    """Holes of the mean colour, as if something stood in front (arXiv 1708.04552)."""

    probability: Probability = 0.0
    holes: int = Field(default=3, ge=1, le=32)
    """Largest number of holes. There is at least one."""
    side: Shares = (0.1, 0.3)
    """Range of a hole's side, as a share of the image's."""
    hidden: Probability = 0.7
    """Share of an object. If more is hidden, its priors count neither as positive nor as negative."""


class Clahe(Section):
    """Contrast equalised in each part of the image, as some cameras do."""

    probability: Probability = 0.0
    clip: Positives = (1.0, 4.0)
    """Range of the clip limit, a multiple of the average frequency. More gives more contrast and more noise."""


class Blur(Section):
    """Gaussian blur, as if out of focus."""

    probability: Probability = 0.0
    sigma: Positives = (0.5, 2.0)
    """Range of the Gaussian's sigma, pixels of the network's input."""


class Noise(Section):
    """Gaussian noise, as of a sensor with too little light."""

    probability: Probability = 0.0
    sigma: Range = (2.0, 15.0)
    """Range of the Gaussian's sigma, levels of 255."""


class Augment(Section):
    """Random changes of a training image."""

    distort: Distort = Distort()
    expand: Expand = Expand()
    crop: Crop = Crop()
    mirror: Probability = 0.5
    flip: Probability = 0.0
    """Probability of turning the image upside down, for images without an up such as a satellite's."""
    mosaic: Mosaic = Mosaic()
    mixup: Mixup = Mixup()
    affine: Affine = Affine()
    cutout: Cutout = Cutout()
    clahe: Clahe = Clahe()
    blur: Blur = Blur()
    noise: Noise = Noise()


class Match(Section):
    """How priors are matched with objects."""

    method: Literal["threshold", "atss"] = "threshold"
    """By one IoU for all (SSD section 2.2), or by a threshold computed for each object (ATSS, arXiv 1912.02424)."""
    iou: Probability = 0.5
    """Least IoU of a match with ``threshold``, and least share of a prior inside a crowd with both methods."""
    candidates: int = Field(default=9, ge=1)
    """Candidates of each map with ``atss``, the nearest first. A cell's priors are taken together."""


class Loss(Section):
    """The MultiBox loss (SSD section 2.2) and later replacements of its parts."""

    classes: Literal["softmax", "focal", "varifocal"] = "softmax"
    """Softmax over the mined negatives (SSD), focal (arXiv 1708.02002), or varifocal (arXiv 2008.13367)."""
    boxes: Literal["smooth_l1", "giou", "diou", "ciou"] = "smooth_l1"
    """Loss of the deltas (SSD), or of the decoded boxes: GIoU (arXiv 1902.09630), DIoU or CIoU (arXiv 1911.08287)."""
    negatives: float = Field(default=3, gt=0)
    """Hard negatives mined for each positive of an image, with softmax only."""
    min_negatives: int = Field(default=3, ge=0)
    """Least number of negatives mined in an image, with softmax only. Images without objects contribute through it."""
    box_weight: Positive = 1.0

    @property
    def activation(self) -> Activation:
        """How logits become scores in a network trained with this loss."""
        return "softmax" if self.classes == "softmax" else "sigmoid"

    @property
    def sees_boxes(self) -> bool:
        """Whether the loss needs decoded boxes, and so the priors."""
        return self.classes == "varifocal" or self.boxes != "smooth_l1"


class Train(Section):
    """The optimizer and its schedule."""

    epochs: int = Field(default=40, ge=1)
    steps_per_epoch: int = Field(default=0, ge=0)
    """Steps of an epoch. 0: as many as see each image once."""
    batch: int = Field(default=8, ge=1)
    """Images of a step, over all devices."""
    devices: int = Field(default=1, ge=1)
    """Devices per host. Each batch is split across them."""
    optimizer: Literal["sgd", "adamw"] = "adamw"
    lr: Positive = 1e-3
    momentum: Probability = 0.9
    weight_decay: float = Field(default=0.05, ge=0)
    bias_lr: Positive = 1.0
    """Learning rate of biases as a multiple of ``lr`` (Caffe: 2). Biases have no weight decay."""
    trunk_lr: Positive = 0.3
    """Learning rate of the pretrained trunk as a multiple of ``lr``."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Number format of the layers. Weights, L2 normalisation, softmax and loss are always float32."""
    clip_norm: Factor = 0.0
    """Largest norm of all gradients together. 0: gradients are not clipped."""
    accumulate: int = Field(default=1, ge=1)
    """Batches whose gradients are averaged for one update. Each is normalised by its own positives."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Momentum of a running average of the weights, which is validated and saved instead of them. 0: none."""
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Literal["step", "cosine"] = "cosine"
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs after which the step schedule multiplies ``lr`` by 0.1."""
    validate_every: int = Field(default=5, ge=0)
    """Epochs between two validations. 0: only at the end."""
    log_every: int = Field(default=20, ge=1)
    """Steps between two lines of the log, and between two checks that the loss is finite."""
    patience: int = Field(default=0, ge=0)
    """Validations without a better mAP after which the run ends. 0: never."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Steps between two checkpoints, in addition to the one after each epoch. 0: no others."""
    keep: int = Field(default=2, ge=1)
    """Number of checkpoints kept."""
    tracker: Literal["none", "wandb", "mlflow"] = "none"
    """Service that records the run in addition to TensorBoard: none, Weights & Biases, or MLflow."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    def epoch_steps(self, images: int) -> int:
        """Steps of an epoch, given the number of images."""
        return self.steps_per_epoch or max(1, images // self.batch)


class Detect(Section):
    """From the network's output to detections (SSD section 2.2, "Inference")."""

    score: Probability = 0.01
    nms: Literal["hard", "soft-linear", "soft-gaussian"] = "hard"
    """Whether a box that overlaps a better one is removed, or its score decays (Soft-NMS, arXiv 1704.04503)."""
    nms_iou: Probability = 0.45
    nms_sigma: Positive = 0.5
    """Width of the Gaussian of ``soft-gaussian``."""
    agnostic: bool = False
    """Whether boxes of different classes suppress each other, as if there were one class."""
    per_class: int = Field(default=400, ge=1)
    """Largest number of candidates of a class, or of all classes together if NMS is class-agnostic."""
    per_image: int = Field(default=200, ge=1)
    show: Probability = 0.4
    """Lowest score of the detections that are shown."""


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

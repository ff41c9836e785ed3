"""The typed configuration of a run: every setting with its type, range and default.

:mod:`multibox.config_file` reads the configuration from YAML.
"""

from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from multibox.config_values import (
    LARGEST,
    ClassWeights,
    Factor,
    Number,
    Positive,
    Positive3,
    Positives,
    Probability,
    Range,
    Section,
    Shares,
    TileChoice,
)
from multibox.layer_graph import Graph

Activation = Literal["softmax", "sigmoid"]
"""Function that turns logits into scores: ``softmax`` over background and all classes, or ``sigmoid`` of each class
independently."""

Lite = Literal["efficientnet_lite0", "efficientnet_lite0_short", "efficientnet_lite1", "efficientnet_lite2"]
Resize = Literal["warp", "letterbox"]
"""How an image gets the size of the network's input: ``warp`` stretches it, ``letterbox`` keeps its shape and pads."""


class PeerSwitches(Section):
    """Details in which SSD projects differ. Set them to build the network of another project and load its weights."""

    resnet50: Literal["keras", "five_scripts"] = "keras"
    """Variant of ResNet50: ``keras`` as in ``keras.applications``, or ``five_scripts`` as in the Keras project of that
    name: its first pooling layer pads like TensorFlow's ``same``, and the first 1x1 convolution of each extra
    bottleneck has stride 2."""
    ssdlite: Literal["multibox", "torchvision", "qfgaohao", "lufficc"] = "multibox"
    """Project whose variant of SSDLite is built. All but ``multibox`` pad feature maps on both sides. ``qfgaohao`` and
    ``lufficc`` have other extra feature maps, and ``lufficc`` also another first feature map."""
    tail: Literal["full", "reduced"] = "full"
    """Last stage of MobileNetV3: ``full`` as in the classifier, or ``reduced`` with half the channels (arXiv
    1905.02244, section 6.3)."""
    downsample_padding: Literal["both", "same"] = "both"
    """Padding of the extra layers of stride 2 in the layouts ssd300 and ssd512: ``both`` pads both sides as Caffe does,
    ``same`` pads as TensorFlow's ``same`` does."""
    prior_order: Literal["caffe", "five_scripts"] = "caffe"
    """Order of the priors in a cell, and so of the heads' outputs. First come the squares of side s and sqrt(s s'),
    where s is the map's size and s' the next map's (``priors.sizes``). Then come the aspect ratios: 2,
    1/2, 3, 1/3 (``caffe``) or 2, 3, 1/2, 1/3 (``five_scripts``)."""


class Network(Section):
    """The network: its trunk, its feature maps and its input."""

    trunk: Literal["vgg16", "resnet50", "mobilenet_v2", "mobilenet_v3_large", Lite, "graph"] = "efficientnet_lite0"
    """Trunk of the network. ``graph`` builds the layers in the field ``graph`` instead."""
    layout: Literal["ssd300", "ssd512", "ssdlite", "graph"] = "ssdlite"
    graph: Graph | None = None
    """Layers of an imported network, for ``trunk: graph`` and ``layout: graph``."""
    size: tuple[int, int] = (320, 320)
    """Input height and width in pixels, both from 128 to 4096."""
    weights: str = "auto"
    """Where training starts: ``imagenet``, ``none``, a weights file of the trunk, a detector's ``.keras`` file, or
    ``voc20``, the bundled detector. ``auto`` means ``voc20`` if its layers fit the network, else ``imagenet``."""
    freeze: str = ""
    """Name of the last frozen stage of the trunk, or of a node if ``trunk`` is ``graph``. This stage and all stages
    before it are not trained. If empty, all stages are trained. ``auto`` means the first stages, which see edges and
    textures, or none if ``trunk`` is ``graph`` or training starts from fresh weights."""
    batch_norm: Literal["frozen", "trained"] = "frozen"
    """Batch normalisation of the trunk: ``frozen`` keeps its pretrained statistics and scales, ``trained`` learns
    them."""
    neck: Literal["none", "fpn"] = "none"
    """Layers between the feature maps and the heads: ``none``, or ``fpn`` for a feature pyramid (arXiv 1612.03144)."""
    neck_channels: int = Field(default=128, ge=8)
    """Number of channels of every feature map of the neck."""
    mean: tuple[Number, Number, Number] | None = None
    """Mean of each channel (RGB, 0 to 255), subtracted from the pixels. None takes the mean that the trunk's published
    weights were trained with."""
    scale: Positive3 | None = None
    """Factor of each channel (RGB), multiplied after the mean is subtracted. None takes the factor that the trunk's
    published weights were trained with."""
    peer: PeerSwitches = PeerSwitches()
    """Details in which the network follows another project, so that the weights published by that project fit."""

    @field_validator("size")
    @classmethod
    def _large_enough(cls, size: tuple[int, int]) -> tuple[int, int]:
        if not 128 <= min(size) <= max(size) <= 4096:
            raise ValueError("needs height and width from 128 to 4096 pixels")
        return size

    @model_validator(mode="after")
    def _statistics_to_freeze(self) -> Self:
        if self.weights == "none" and self.batch_norm == "frozen" and self.trunk != "vgg16":
            raise ValueError(
                "batch_norm: frozen would keep untrained statistics; with weights=none set batch_norm to trained"
            )
        return self

    @model_validator(mode="after")
    def _graph_where_it_is_used(self) -> Self:
        if {self.trunk == "graph", self.layout == "graph", self.graph is not None} != {self.graph is not None}:
            raise ValueError("trunk, layout: both must be graph if the field graph has layers, and neither otherwise")
        if self.graph and self.neck != "none":
            raise ValueError("neck: must be none if the trunk is graph")
        return self

    @model_validator(mode="after")
    def _switches_of_another_trunk(self) -> Self:
        ssdlite, tail = self.peer.ssdlite, self.peer.tail
        if ssdlite in ("qfgaohao", "lufficc") and self.trunk != "mobilenet_v2":
            raise ValueError(f"peer.ssdlite: {ssdlite} needs trunk=mobilenet_v2")
        if tail == "reduced" and self.trunk != "mobilenet_v3_large":
            raise ValueError("peer.tail: reduced needs trunk=mobilenet_v3_large")
        if tail == "reduced" and self.weights in ("auto", "imagenet"):
            raise ValueError(
                "peer.tail: ImageNet weights exist only for the full tail; with tail=reduced set weights to none"
            )
        return self


class Priors(Section):
    """The prior boxes of each feature map (SSD section 2.2, with the authors' numbers)."""

    sizes: tuple[Positive, ...] = (21, 45, 99, 153, 207, 261, 315)
    """Sides of the square priors in pixels, for an input whose shorter side is ``at`` pixels: one for each feature map,
    and a last one that serves as the next size of the last feature map."""
    at: Positive = 300
    shapes: tuple[Annotated[tuple[tuple[Positive, Positive], ...], Field(max_length=256)], ...] = ()
    """Width and height of each prior of a cell in pixels of the network's input, for each feature map. If given, they
    replace ``sizes``, ``at`` and ``ratios``."""
    ratios: tuple[Annotated[tuple[Positive, ...], Field(max_length=12)], ...] = (
        (2, 3),
        (2, 3),
        (2, 3),
        (2, 3),
        (2,),
        (2,),
    )
    """Aspect ratios (width over height) of the priors of each feature map, at most 12. Each ratio r also gives a prior
    of ratio 1/r."""
    steps: tuple[Positive, ...] = ()
    """Distance between neighbouring cells of each feature map in pixels of the network's input. If empty, the network's
    strides are used."""
    offset: Number = 0.5
    clip: bool | Literal["centers", "sizes"] = False
    """Part of the priors that is clipped to the image: nothing (``false``), the boxes (``true``, as in Caffe), centres
    and sizes (``centers``, as in amdegroot), or sizes alone (``sizes``, as in torchvision)."""
    variances: tuple[Positive, Positive, Positive, Positive] = (0.1, 0.1, 0.2, 0.2)


class Data(Section):
    """The images for training and validation, and how they are read."""

    train: tuple[str, ...] = ()
    """Stores to train on, each as ``NAME/SPLIT``."""
    weights: tuple[Positive, ...] = ()
    """Relative weight of each store of ``train``: examples are drawn from a store in proportion to its weight. If
    empty, every image is drawn equally often."""
    balance: Probability = 0.0
    """Repeat-factor sampling (LVIS, arXiv 1908.03195): a share of the images, such as 0.05. Images with a class that is
    in a smaller share f of the images are drawn sqrt(``balance`` / f) times as often. The rarest class of an image
    decides. The number of steps in an epoch stays. With ``weights``, this holds within each store. 0 switches it off.
    It cannot be combined with ``tiles``."""
    val: tuple[str, ...] = ()
    classes: tuple[str, ...] = ()
    """Names of the classes to train. If empty, the classes of the stores are used."""
    difficult: Literal["keep", "drop"] = "keep"
    """Objects marked difficult: ``keep`` trains on them, ``drop`` leaves them out."""
    resize: Resize = "warp"
    tiles: TileChoice = "none"
    """Side of the square tiles that large images are trained and searched in: pixels of the image, a share of its
    longer side below 1, or ``none``. ``auto`` chooses pixels by the sizes of the objects when the run starts."""
    tile_visible: Annotated[float, Field(gt=0, le=1)] = 0.25
    """Smallest share of an object's area that a tile must show to teach the object. If it shows less, the object is
    ignored in that tile: its priors are neither positive nor negative."""
    empty_tiles: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Share of the examples that are tiles without an object to learn."""
    workers: int = Field(default=-1, ge=-1)
    """Number of processes that prepare examples. 0 uses threads of this process instead. -1 chooses by the number of
    cores."""


class Distort(Section):
    """Random brightness, contrast, saturation and hue, each applied with ``probability``, as in SSD's data layer."""

    probability: Probability = 0.5
    brightness: float = Field(default=32, ge=0, le=255)
    contrast: Range = (0.5, 1.5)
    saturation: Range = (0.5, 1.5)
    hue: float = Field(default=18, ge=0, le=90)
    """Largest shift of the hue in either direction, in OpenCV's units of 2 degrees (0 to 179)."""


class Expand(Section):
    """Zoom out: place the image on a canvas of the mean colour (SSD section 3.6, with a ratio of 4)."""

    probability: Probability = 0.5
    ratio: float = Field(default=2, ge=1, le=LARGEST)


class Crop(Section):
    """Zoom in: crop a random part of the image, as the batch sampler of SSD section 2.2, "Data augmentation", does."""

    probability: Probability = 1.0
    min_iou: tuple[Probability, ...] = (0.1, 0.3, 0.5, 0.7, 0.9)
    scale: Shares = (0.3, 1.0)
    """Range of the width and height of the cropped part, as a share of the image's width and height."""
    ratio: Positives = (0.5, 2.0)
    trials: int = Field(default=50, ge=1)


class Mosaic(Section):
    """Mosaic: four images joined in a grid of 2x2 (YOLOv4, arXiv 2004.10934, section 3.3)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """Share of the run's steps after which mosaic is switched off, so that training ends on ordinary images (arXiv
    2107.08430)."""
    center: Shares = (0.25, 0.75)
    """Range of x and y of the point where the four images meet, as a share of the mosaic's width and height."""


class Mixup(Section):
    """Two images blended into one (arXiv 1710.09412, for detection arXiv 1902.04103)."""

    probability: Probability = 0.0
    until: Probability = 1.0
    """Share of the run's steps after which mixup is switched off."""
    alpha: float = Field(default=8, ge=1, le=1000)
    """Parameter of the distribution Beta(alpha, alpha), from which the weight of the first image is drawn. Larger
    values keep the weight nearer to one half."""


class Affine(Section):
    """Rotate, shear, zoom and shift the image about its centre."""

    probability: Probability = 0.0
    degrees: float = Field(default=10, ge=0, le=180)
    """Largest rotation in either direction, degrees."""
    shear: float = Field(default=5, ge=0, lt=45)
    """Largest shear of each axis in either direction, degrees."""
    scale: Positives = (0.8, 1.25)
    translate: Probability = 0.1
    """Largest shift in either direction, as a share of the image's width (for x) and height (for y)."""


class Cutout(Section):
    """Rectangular holes of the mean colour, as if something hid parts of the image (arXiv 1708.04552)."""

    probability: Probability = 0.0
    holes: int = Field(default=3, ge=1, le=32)
    """Largest number of holes in an image. Where cutout is applied, there is at least one hole."""
    side: Shares = (0.1, 0.3)
    """Range of a hole's width and height, as a share of the image's width and height."""
    hidden: Probability = 0.7
    """Largest share of an object's area that holes may hide. An object hidden more is ignored: its priors are neither
    positive nor negative."""


class Clahe(Section):
    """CLAHE: contrast equalised locally in each tile of the image, as some cameras do."""

    probability: Probability = 0.0
    clip: Positives = (1.0, 4.0)
    """Range of the clip limit, as a multiple of the mean bin count of a tile's histogram. A higher limit gives more
    contrast and more noise."""


class Blur(Section):
    """Gaussian blur, as if out of focus."""

    probability: Probability = 0.0
    sigma: Positives = (0.5, 2.0)
    """Range of the Gaussian's standard deviation, in pixels of the network's input."""


class Noise(Section):
    """Gaussian noise, as of a sensor with too little light."""

    probability: Probability = 0.0
    sigma: Range = (2.0, 15.0)
    """Range of the noise's standard deviation, in grey levels from 0 to 255."""


class Augment(Section):
    """Augmentation: the random changes of a training image."""

    distort: Distort = Distort()
    expand: Expand = Expand()
    crop: Crop = Crop()
    mirror: Probability = 0.5
    flip: Probability = 0.0
    """Probability of flipping the image upside down. Useful for images without a fixed orientation, such as satellite
    images."""
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
    """Matching method: ``threshold`` uses one IoU for all objects (SSD section 2.2), ``atss`` computes a threshold for
    each object (arXiv 1912.02424)."""
    iou: Probability = 0.5
    """Smallest IoU at which a prior matches an object, for ``method: threshold``. With both methods, a prior is ignored
    if at least this share of its area lies inside a crowd."""
    candidates: int = Field(default=9, ge=1)
    """Number of candidates of an object on each feature map, for ``method: atss``: the priors nearest to its centre.
    All priors of a cell are taken together, so there may be more."""


class Loss(Section):
    """The MultiBox loss (SSD section 2.2) and the losses that can replace its two parts."""

    classes: Literal["softmax", "focal", "varifocal"] = "softmax"
    """Loss of the classes: ``softmax`` with hard negative mining (SSD), ``focal`` (arXiv 1708.02002), or ``varifocal``
    (arXiv 2008.13367)."""
    boxes: Literal["smooth_l1", "giou", "diou", "ciou"] = "smooth_l1"
    """Loss of the boxes: ``smooth_l1`` compares deltas (SSD). ``giou`` (arXiv 1902.09630), ``diou`` and ``ciou`` (arXiv
    1911.08287) compare decoded boxes."""
    negatives: Positive = 3
    """Number of hard negatives mined for each positive prior of an image. Used by ``classes: softmax`` only."""
    min_negatives: int = Field(default=3, ge=0)
    """Smallest number of hard negatives mined in an image, so that images without objects contribute too. Used by
    ``classes: softmax`` only."""
    box_weight: Positive = 1.0
    class_weights: ClassWeights = "none"
    """Factor of the classification loss of a class's positive priors: ``none``, ``inverse_sqrt``, the square root of
    (objects of the most frequent class / objects of this class), or factors by class name, where classes without one
    have 1. A run's own configuration lists the factors of all its classes in their order."""

    @property
    def activation(self) -> Activation:
        """Function that turns logits into scores in a network trained with this loss: ``softmax`` or ``sigmoid``."""
        return "softmax" if self.classes == "softmax" else "sigmoid"

    @property
    def sees_boxes(self) -> bool:
        """Whether the loss compares decoded boxes, and so needs the priors."""
        return self.classes == "varifocal" or self.boxes != "smooth_l1"


class Train(Section):
    """Training: the optimizer, the learning rate's schedule, validation and checkpoints."""

    epochs: int = Field(default=40, ge=1)
    steps_per_epoch: int = Field(default=0, ge=0)
    """Number of steps per epoch. 0 means as many as it takes to see each image about once."""
    batch: int = Field(default=8, ge=1)
    """Number of images per step, over all devices and hosts together."""
    devices: int = Field(default=1, ge=1)
    """Number of devices per host. Each batch is split across all devices."""
    optimizer: Literal["sgd", "adamw"] = "adamw"
    lr: Positive = 1e-3
    momentum: Probability = 0.9
    weight_decay: Factor = 0.05
    bias_lr: Positive = 1.0
    """Learning rate of biases as a multiple of ``lr`` (Caffe: 2). Biases have no weight decay."""
    trunk_lr: Positive = 0.3
    """Learning rate of the pretrained trunk as a multiple of ``lr``."""
    precision: Literal["float32", "mixed_bfloat16", "mixed_float16"] = "float32"
    """Number format in which the layers compute. Weights, L2 normalisation, softmax and loss are always float32."""
    clip_norm: Factor = 0.0
    """Largest global norm of the gradients. If their norm is larger, all are scaled down to it. 0 switches clipping
    off."""
    accumulate: int = Field(default=1, ge=1)
    """Number of batches whose gradients are averaged for one update of the weights. The loss of each batch is divided
    by that batch's own number of positives."""
    ema: float = Field(default=0.0, ge=0, lt=1)
    """Momentum of the exponential moving average of the weights. The averaged weights are validated and saved instead
    of the current ones. 0 keeps no average."""
    small_size: Annotated[float, Field(gt=0, le=1)] = 1.0
    """Size of the input in the first part of the run, as a share of ``network.size``. It is rounded to multiples of 32
    pixels. 1 trains at ``network.size`` from the first step."""
    small_until: Probability = 0.5
    """Share of the run's steps that are trained at ``small_size``."""
    warmup_steps: int = Field(default=100, ge=0)
    schedule: Literal["step", "cosine"] = "cosine"
    milestones: tuple[Annotated[int, Field(ge=1)], ...] = ()
    """Epochs after which the learning rate is multiplied by 0.1, with ``schedule: step``."""
    validate_every: int = Field(default=5, ge=0)
    """Number of epochs between two validations. 0 validates only at the end."""
    log_every: int = Field(default=20, ge=1)
    """Number of steps between two lines of the log, and between two checks that the loss is finite."""
    patience: int = Field(default=0, ge=0)
    """Number of validations in a row without a better mAP after which training stops early. 0 never stops early."""
    checkpoint_every: int = Field(default=0, ge=0)
    """Number of steps between two checkpoints, in addition to the checkpoint after each epoch. 0 saves no additional
    checkpoints."""
    keep: int = Field(default=2, ge=1)
    """Number of the newest checkpoints that are kept."""
    tracker: Literal["none", "wandb", "mlflow"] = "none"
    """Service that records the run in addition to TensorBoard: none, Weights & Biases, or MLflow."""
    seed: int = Field(default=0, ge=0, lt=2**32)

    def epoch_steps(self, images: int) -> int:
        """Number of steps of an epoch, given the number of training images."""
        return self.steps_per_epoch or max(1, images // self.batch)


class Detect(Section):
    """Decoding and non-maximum suppression: from the network's outputs to detections (SSD section 2.2, "Inference")."""

    score: Probability = 0.01
    nms: Literal["hard", "soft-linear", "soft-gaussian"] = "hard"
    """Kind of non-maximum suppression: ``hard`` removes a box that overlaps a box of higher score, ``soft-linear`` and
    ``soft-gaussian`` lower its score instead (Soft-NMS, arXiv 1704.04503)."""
    nms_iou: Probability = 0.45
    nms_sigma: Positive = 0.5
    """Sigma of ``nms: soft-gaussian``: if a box has IoU x with a box of higher score, its own score is multiplied by
    exp(-x^2 / sigma)."""
    agnostic: bool = False
    """Whether boxes of different classes suppress each other, as if there were one class."""
    per_class: int = Field(default=400, ge=1)
    """Largest number of candidates for NMS in each class, or in all classes together if ``agnostic`` is set."""
    per_image: int = Field(default=200, ge=1)
    show: Probability = 0.4
    """Score that a detection must exceed to be shown to a person."""


class Config(Section):
    """The configuration of a whole run, in its eight sections."""

    network: Network = Network()
    priors: Priors = Priors()
    data: Data = Data()
    augment: Augment = Augment()
    match: Match = Match()
    loss: Loss = Loss()
    train: Train = Train()
    detect: Detect = Detect()

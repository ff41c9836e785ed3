"""The fields of Caffe's messages that a detector's network needs: their numbers in binary files, and their names."""

from typing import Final, NamedTuple


class Scheme(NamedTuple):
    """How the value of a field in a Protocol Buffers message is read.

    Attributes:
        name: Name of the field in text files.
        kind: ``int``, ``float``, ``text``, or ``message``.
        fields: Fields of a message by their numbers.
        words: Names of the values of an enumeration, by number.
    """

    name: str
    kind: str
    fields: "Fields" = {}  # noqa: RUF012
    words: tuple[str, ...] = ()


Fields = dict[int, Scheme]


def _ints(**names: int) -> Fields:
    return {number: Scheme(name, "int") for name, number in names.items()}


def _floats(**names: int) -> Fields:
    return {number: Scheme(name, "float") for name, number in names.items()}


def _message(name: str, *fields: Fields) -> Scheme:
    joined: Fields = {}
    for more in fields:
        joined |= more
    return Scheme(name, "message", joined)


_SHAPE: Fields = _ints(dim=1)

_CONVOLUTION = _ints(
    num_output=1,
    bias_term=2,
    pad=3,
    kernel_size=4,
    group=5,
    stride=6,
    pad_h=9,
    pad_w=10,
    kernel_h=11,
    kernel_w=12,
    stride_h=13,
    stride_w=14,
    axis=16,
    dilation=18,
)
_POOLING = {1: Scheme("pool", "int", words=("MAX", "AVE", "STOCHASTIC"))} | _ints(
    kernel_size=2,
    stride=3,
    pad=4,
    kernel_h=5,
    kernel_w=6,
    stride_h=7,
    stride_w=8,
    pad_h=9,
    pad_w=10,
    global_pooling=12,
    rounding=13,
)
_PRIOR_BOX = (
    _floats(min_size=1, max_size=2, aspect_ratio=3, variance=6, step=10, step_h=11, step_w=12, offset=13),
    _ints(flip=4, clip=5, img_size=7, img_h=8, img_w=9),
)
_CODES = ("", "CORNER", "CENTER_SIZE", "CORNER_SIZE")
_DETECTION = (
    _ints(num_classes=1, share_location=2, background_label_id=3, keep_top_k=7, variance_encoded_in_target=8),
    _floats(confidence_threshold=9),
    {
        4: _message("nms_param", _floats(nms_threshold=1, eta=3), _ints(top_k=2)),
        6: Scheme("code_type", "int", words=_CODES),
    },
)
_LOSS = (
    _ints(num_classes=4, share_location=5, background_label_id=9, encode_variance_in_target=16),
    {2: Scheme("conf_loss_type", "int", words=("SOFTMAX", "LOGISTIC")), 14: Scheme("code_type", "int", words=_CODES)},
)
_RESIZE = (
    _ints(height=3, width=4),
    _floats(pad_value=6),
    {
        2: Scheme("resize_mode", "int", words=("", "WARP", "FIT_SMALL_SIZE", "FIT_LARGE_SIZE_AND_PAD")),
        5: Scheme("pad_mode", "int", words=("", "CONSTANT", "MIRRORED", "REPEAT_NEAREST")),
    },
)
_TRANSFORM = (
    _floats(scale=1, mean_value=5),
    _ints(crop_size=3, force_color=6, force_gray=7, crop_h=11, crop_w=12),
    {4: Scheme("mean_file", "text"), 8: _message("resize_param", *_RESIZE)},
)
_PHASES = ("TRAIN", "TEST")
_RULE = {1: Scheme("phase", "int", words=_PHASES)}

LAYER: Final[Fields] = {
    1: Scheme("name", "text"),
    2: Scheme("type", "text"),
    3: Scheme("bottom", "text"),
    4: Scheme("top", "text"),
    8: _message("include", _RULE),
    9: _message("exclude", _RULE),
    100: _message("transform_param", *_TRANSFORM),
    104: _message("concat_param", _ints(concat_dim=1, axis=2)),
    106: _message("convolution_param", _CONVOLUTION),
    110: _message("eltwise_param", {1: Scheme("operation", "int", words=("PROD", "SUM", "MAX"))}, _floats(coeff=2)),
    121: _message("pooling_param", _POOLING),
    123: _message("relu_param", _floats(negative_slope=1)),
    125: _message("softmax_param", _ints(axis=2)),
    131: _message("prelu_param", _ints(channel_shared=2)),
    133: _message("reshape_param", {1: _message("shape", _SHAPE)}, _ints(axis=2, num_axes=3)),
    135: _message("flatten_param", _ints(axis=1, end_axis=2)),
    139: _message("batch_norm_param", _ints(use_global_stats=1), _floats(eps=3)),
    142: _message("scale_param", _ints(axis=1, num_axes=2, bias_term=4)),
    143: _message("input_param", {1: _message("shape", _SHAPE)}),
    201: _message("multibox_loss_param", *_LOSS),
    202: _message("permute_param", _ints(order=1)),
    203: _message("prior_box_param", *_PRIOR_BOX),
    204: _message("detection_output_param", *_DETECTION),
    206: _message("norm_param", _ints(across_spatial=1, channel_shared=3), _floats(eps=4)),
}
"""Fields of a layer's message, by number."""

NETWORK: Final[Fields] = {
    1: Scheme("name", "text"),
    3: Scheme("input", "text"),
    4: Scheme("input_dim", "int"),
    8: _message("input_shape", _SHAPE),
    100: _message("layer", LAYER),
}
"""Fields of a network's message, by number."""

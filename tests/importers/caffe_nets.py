"""Networks of Caffe that tests write, as a weights' file or as text, and compute in plain NumPy.

The numbers of the fields are those of ``caffe.proto`` (weiliu89/caffe, branch ssd).
"""

import numpy as np

from importers.caffe_writer import blob, field, number, varint
from models import caffe_layers

_SHAPE = {"dim": 1}
_NMS = {"nms_threshold": 1, "top_k": 2, "eta": 3}
_WINDOW = {"kernel_size": 4, "stride": 6, "pad": 3, "kernel_h": 11, "kernel_w": 12, "stride_h": 13, "stride_w": 14}
_ENUMS = {
    "pool": ("MAX", "AVE", "STOCHASTIC"),
    "operation": ("PROD", "SUM", "MAX"),
    "code_type": ("", "CORNER", "CENTER_SIZE", "CORNER_SIZE"),
    "conf_loss_type": ("SOFTMAX", "LOGISTIC"),
    "phase": ("TRAIN", "TEST"),
    "resize_mode": ("", "WARP", "FIT_SMALL_SIZE", "FIT_LARGE_SIZE_AND_PAD"),
}
PARAMS = {
    "include": (8, {"phase": 1}),
    "transform_param": (
        100,
        {"scale": 1, "crop_size": 3, "mean_file": 4, "mean_value": 5, "force_gray": 7}
        | {"resize_param": (8, {"resize_mode": 2, "height": 3, "width": 4, "pad_value": 6})},
    ),
    "concat_param": (104, {"axis": 2}),
    "convolution_param": (106, {"num_output": 1, "bias_term": 2, "group": 5, "dilation": 18} | _WINDOW),
    "data_param": (107, {"source": 1}),
    "eltwise_param": (110, {"operation": 1, "coeff": 2}),
    "pooling_param": (121, {"pool": 1, "kernel_size": 2, "stride": 3, "pad": 4, "global_pooling": 12, "ceil_mode": 13}),
    "relu_param": (123, {"negative_slope": 1}),
    "softmax_param": (125, {"axis": 2}),
    "reshape_param": (133, {"shape": (1, _SHAPE)}),
    "flatten_param": (135, {"axis": 1}),
    "batch_norm_param": (139, {"use_global_stats": 1, "eps": 3}),
    "scale_param": (142, {"bias_term": 4}),
    "input_param": (143, {"shape": (1, _SHAPE)}),
    "multibox_loss_param": (
        201,
        {"conf_loss_type": 2, "num_classes": 4, "share_location": 5, "background_label_id": 9, "code_type": 14},
    ),
    "permute_param": (202, {"order": 1}),
    "prior_box_param": (
        203,
        {"min_size": 1, "max_size": 2, "aspect_ratio": 3, "flip": 4, "clip": 5, "variance": 6, "step": 10}
        | {"step_h": 11, "step_w": 12, "offset": 13, "img_size": 7},
    ),
    "detection_output_param": (
        204,
        {"num_classes": 1, "share_location": 2, "background_label_id": 3, "nms_param": (4, _NMS), "code_type": 6}
        | {"keep_top_k": 7, "variance_encoded_in_target": 8, "confidence_threshold": 9},
    ),
    "norm_param": (206, {"across_spatial": 1, "channel_shared": 3, "eps": 4}),
}
FLOATS = {"scale", "mean_value", "coeff", "negative_slope", "min_size", "max_size", "aspect_ratio", "variance", "step"}
FLOATS |= {"step_h", "step_w", "offset", "nms_threshold", "eta", "confidence_threshold", "pad_value"}


def layer(name, kind, bottoms=(), tops=None, blobs=(), **params):
    """A layer. Without names of tops it gives an array of its own name."""
    tops = [name] if tops is None else list(tops)
    return {"name": name, "type": kind, "bottom": list(bottoms), "top": tops, "blobs": list(blobs), **params}


def binary(layers):
    """The network as ``.caffemodel``."""
    return field(1, b"net") + b"".join(field(100, _layer(values)) for values in layers)


def prototxt(layers):
    """The network as text. The weights are left out."""
    return 'name: "net"\n' + "".join(f"layer {{\n{_text(values)}}}\n" for values in layers)


def _layer(values):
    data = field(1, values["name"].encode()) + field(2, values["type"].encode())
    data += b"".join(field(3, name.encode()) for name in values["bottom"])
    data += b"".join(field(4, name.encode()) for name in values["top"])
    data += b"".join(field(7, blob(np.asarray(array))) for array in values["blobs"])
    return data + b"".join(
        field(PARAMS[name][0], _message(values[name], PARAMS[name][1])) for name in PARAMS if name in values
    )


def _message(values, numbers):
    data = b""
    for name, given in values.items():
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(value, dict):
                data += field(numbers[name][0], _message(value, numbers[name][1]))
            elif name in FLOATS:
                data += varint(numbers[name] << 3 | 5) + np.float32(value).tobytes()
            elif name in _ENUMS:
                data += number(numbers[name], _ENUMS[name].index(value))
            elif isinstance(value, str):
                data += field(numbers[name], value.encode())
            else:
                data += number(numbers[name], int(value) & (1 << 64) - 1)
    return data


def _text(values, indent="  "):
    lines = ""
    for name, given in values.items():
        if name == "blobs":
            continue
        for value in given if isinstance(given, (list, tuple)) else [given]:
            if isinstance(value, dict):
                lines += f"{indent}{name} {{\n{_text(value, indent + '  ')}{indent}}}\n"
            elif isinstance(value, bool):
                lines += f"{indent}{name}: {str(value).lower()}\n"
            elif isinstance(value, str) and name not in _ENUMS:
                lines += f'{indent}{name}: "{value}"\n'
            else:
                lines += f"{indent}{name}: {value}\n"
    return lines


def compute(layers, image):
    """Arrays by name that the layers give for an image (C, H, W), up to the rows of all heads, ``(P * C,)``."""
    arrays = {}
    for values in layers:
        kind, tops = values["type"], values["top"]
        if kind in ("PriorBox", "DetectionOutput", "MultiBoxLoss") or "mbox_priorbox" in tops:
            continue
        if kind in ("Input", "AnnotatedData"):
            arrays[tops[0]] = image
            continue
        found = _KINDS[kind](values, *(arrays[name] for name in values["bottom"]))
        arrays |= dict.fromkeys(tops, found)
    return arrays


def _convolution(values, x):
    params = values["convolution_param"]
    kernel, *bias = values["blobs"]
    options = {name: (params[name],) * 2 for name in ("stride", "pad", "dilation") if name in params}
    return caffe_layers.convolution(x, kernel, *bias, groups=params.get("group", 1), **options)


def _pooling(values, x):
    params = values["pooling_param"]
    if params.get("global_pooling"):
        return x.mean(axis=(1, 2), keepdims=True)
    kind = "average_pool" if params.get("pool") == "AVE" else "max_pool"
    return caffe_layers.pool(x, params["kernel_size"], params.get("stride", 1), params.get("pad", 0), kind)


def _scale(values, x):
    factor, *shift = values["blobs"]
    return x * factor[:, None, None] + (shift[0][:, None, None] if shift else 0)


_KINDS = {
    "Convolution": _convolution,
    "Pooling": _pooling,
    "BatchNorm": lambda values, x: caffe_layers.batch_norm(x, *values["blobs"][:2], float(values["blobs"][2][0])),
    "Scale": _scale,
    "Normalize": lambda values, x: caffe_layers.normalize(x, values["blobs"][0]),
    "ReLU": lambda values, x: np.maximum(x, 0),
    "Eltwise": lambda values, *maps: sum(maps),
    "Concat": lambda values, *maps: np.concatenate(maps),
    "Permute": lambda values, x: x.transpose(1, 2, 0),
    "Flatten": lambda values, x: x.ravel(),
    "Reshape": lambda values, x: x,
    "Softmax": lambda values, x: x,
    "Split": lambda values, x: x,
    "Dropout": lambda values, x: x,
}


class Writer:
    """Layers with random weights, added one after another. Each method gives the name of its array.

    Args:
        shape: Channels, height and width of the input.
        classes: Number of classes with background.
    """

    def __init__(self, shape, classes=3, seed=0):
        self.rng = np.random.default_rng(seed)
        self.classes = classes
        self.layers = [layer("data", "Input", tops=["data"], input_param={"shape": {"dim": [1, *shape]}})]
        self.channels = {"data": shape[0]}
        self.heads = {"loc": [], "conf": [], "prior": []}

    def add(self, name, kind, bottoms, channels, *, blobs=(), tops=None, **params):
        self.layers.append(layer(name, kind, bottoms, tops, blobs, **params))
        top = (tops or [name])[0]
        self.channels[top] = channels
        return top

    def conv(self, x, name, filters, kernel=3, *, bias=True, **params):
        groups = params.get("group", 1)
        fan_in = self.channels[x] // groups * kernel * kernel
        blobs = [self.rng.normal(0, (2 / fan_in) ** 0.5, (filters, self.channels[x] // groups, kernel, kernel))]
        blobs += [self.rng.normal(0, 0.1, filters)] if bias else []
        given = {"num_output": filters, "kernel_size": kernel, **({} if bias else {"bias_term": False}), **params}
        return self.add(name, "Convolution", [x], filters, blobs=blobs, convolution_param=given)

    def norm(self, x, name, *, factor=1.0, tops=None, scale=True, pixels=False):
        """BatchNorm and Scale, in place unless ``tops`` says otherwise. Its statistics may be those of pixels."""
        n, tops = self.channels[x], tops or [x]
        mean, variance = self.rng.normal(0, 0.2, n), self.rng.uniform(0.5, 1.5, n)
        mean, variance = (mean + 120, variance * 4000) if pixels else (mean, variance)
        by = factor or 1.0
        x = self.add(name, "BatchNorm", [x], n, blobs=[mean * by, variance * by, np.array([factor])], tops=tops)
        if not scale:
            return x
        blobs = [self.rng.uniform(0.5, 1.5, n), self.rng.normal(0, 0.2, n)]
        return self.add(f"{name}_scale", "Scale", [x], n, blobs=blobs, tops=[x], scale_param={"bias_term": True})

    def relu(self, x, name=None):
        return self.add(name or f"{x}_relu", "ReLU", [x], self.channels[x], tops=[x])

    def pool(self, x, name, kernel=2, stride=2, **params):
        given = {"kernel_size": kernel, "stride": stride, **params}
        return self.add(name, "Pooling", [x], self.channels[x], pooling_param=given)

    def head(self, x, per_cell, *, kernel=1, name=None, inputs=None, **priors):
        """The heads of a map, and its priors."""
        name = name or x
        inputs = inputs or {"loc": x, "conf": x}
        for kind, size in (("loc", 4), ("conf", self.classes)):
            y = self.conv(inputs[kind], f"{name}_mbox_{kind}", per_cell * size, kernel, pad=kernel // 2)
            y = self.add(f"{y}_perm", "Permute", [y], 0, permute_param={"order": [0, 2, 3, 1]})
            self.heads[kind].append(self.add(f"{y}_flat", "Flatten", [y], 0, flatten_param={"axis": 1}))
        given = {"variance": [0.1, 0.1, 0.2, 0.2], **priors}
        self.heads["prior"].append(self.add(f"{name}_mbox_priorbox", "PriorBox", [x, "data"], 0, prior_box_param=given))

    def detect(self, **params):
        """The end of the network when it detects."""
        for kind, name in (("loc", "mbox_loc"), ("conf", "mbox_conf"), ("prior", "mbox_priorbox")):
            axis = 2 if kind == "prior" else 1
            self.add(name, "Concat", self.heads[kind], 0, concat_param={"axis": axis})
        shape = {"shape": {"dim": [0, -1, self.classes]}}
        self.add("mbox_conf_reshape", "Reshape", ["mbox_conf"], 0, reshape_param=shape)
        self.add("mbox_conf_softmax", "Softmax", ["mbox_conf_reshape"], 0, softmax_param={"axis": 2})
        self.add("mbox_conf_flatten", "Flatten", ["mbox_conf_softmax"], 0, flatten_param={"axis": 1})
        given = {
            "num_classes": self.classes,
            "code_type": "CENTER_SIZE",
            "nms_param": {"nms_threshold": 0.45},
            **params,
        }
        bottoms = ["mbox_loc", "mbox_conf_flatten", "mbox_priorbox"]
        self.add("detection_out", "DetectionOutput", bottoms, 0, detection_output_param=given)
        return self.layers

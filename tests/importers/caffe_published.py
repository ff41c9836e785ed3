"""The structures of published SSDs of Caffe, with random weights.

MobileNet-SSD is that of chuanqi305/MobileNet-SSD, Pelee that of Robert-JunWang/Pelee with its batch normalisations
merged into the convolutions, as its published file has them.
"""

import numpy as np

from importers.caffe_nets import Writer


class Nothing:
    """Numbers that take no memory, for networks that only need shapes."""

    def normal(self, mean, deviation, shape):
        return np.broadcast_to(np.float32(0), shape)

    uniform = normal


_STRIDES = {2: 2, 4: 2, 6: 2, 12: 2}
_FILTERS = (64, 128, 128, 256, 256, 512, 512, 512, 512, 512, 512, 1024, 1024)


def mobilenet_ssd():
    """MobileNet-SSD for VOC, 300 x 300: 1,917 priors."""
    net = Writer((3, 300, 300), 21)

    def conv(x, name, filters, kernel=1, **params):
        x = net.conv(x, name, filters, kernel, bias=False, pad=kernel // 2, **params)
        return net.relu(net.norm(x, f"{name}/bn"), f"{name}/relu")

    x = conv("data", "conv0", 32, 3, stride=2)
    maps = {}
    for i, filters in enumerate(_FILTERS, start=1):
        width = net.channels[x]
        x = conv(x, f"conv{i}/dw", width, 3, stride=_STRIDES.get(i, 1), group=width)
        x = maps[f"conv{i}"] = conv(x, f"conv{i}", filters)
    for i, filters in ((14, 512), (15, 256), (16, 256), (17, 128)):
        x = conv(x, f"conv{i}_1", filters // 2)
        x = maps[f"conv{i}_2"] = conv(x, f"conv{i}_2", filters, 3, stride=2)
    net.head(maps["conv11"], 3, min_size=60, aspect_ratio=2, flip=True, clip=False)
    sizes = (105, 150, 195, 240, 285, 300)
    for name, low, high in zip(("conv13", *(f"conv{i}_2" for i in range(14, 18))), sizes, sizes[1:], strict=False):
        net.head(maps[name], 6, min_size=low, max_size=high, aspect_ratio=[2, 3], flip=True, clip=False)
    return net.detect(keep_top_k=100, confidence_threshold=0.25)


def pelee():
    """Pelee for VOC, 304 x 304: 19 to 1 cells, of which the finest has two pairs of heads."""
    net = Writer((3, 304, 304), 21)

    def conv(x, name, filters, kernel=1, stride=1, act=True, pad=None):
        pad = kernel // 2 if pad is None else pad
        x = net.conv(x, name, filters, kernel, stride=stride, pad=pad)
        return net.relu(x, f"{name}/relu") if act else x

    def concat(name, *maps):
        return net.add(name, "Concat", maps, sum(map(net.channels.get, maps)), concat_param={"axis": 1})

    x = conv("data", "stem1", 32, 3, 2)
    branch = conv(conv(x, "stem2a", 16), "stem2b", 32, 3, 2)
    x = conv(concat("stem/concat", net.pool(x, "stem/pool"), branch), "stem3", 32)
    stages = {}
    for stage, (layers, width) in enumerate(((3, 1), (4, 2), (8, 4), (6, 4)), start=1):
        inner = 16 * width
        for i in range(1, layers + 1):
            name = f"stage{stage}_{i}"
            first = conv(conv(x, f"{name}/branch1a", inner), f"{name}/branch1b", 16, 3)
            second = conv(conv(x, f"{name}/branch2a", inner), f"{name}/branch2b", 16, 3)
            x = concat(f"{name}/concat", x, first, conv(second, f"{name}/branch2c", 16, 3))
        x = stages[stage] = conv(x, f"stage{stage}_tb", net.channels[x])
        if stage < 4:
            x = net.pool(x, f"stage{stage}_tb/pool", pool="AVE")
    maps = [stages[3], stages[4]]
    for i, (width, stride) in enumerate(((256, 2), (128, 1), (128, 1)), start=1):
        x = conv(x, f"ext1/fe{i}_1", width)
        x = conv(x, f"ext1/fe{i}_2", 256, 3, stride, pad=stride - 1)
        maps.append(x)
    sizes = (21.28, 45.6, 100.32, 155.04, 209.76, 264.48, 319.2)
    for i, x in enumerate(maps, start=2):
        right = conv(conv(conv(x, f"pm{i}/b2a", 128), f"pm{i}/b2b", 128, 3), f"pm{i}/b2c", 256, act=False)
        both = [conv(x, f"pm{i}", 256, act=False), right]
        y = net.relu(net.add(f"pm{i}/res", "Eltwise", both, 256, eltwise_param={"operation": "SUM"}), f"pm{i}/relu")
        for k in (1, 2) if i == 2 else (i,):
            net.head(y, 6, name=f"ext/pm{k}", min_size=sizes[k - 1], max_size=sizes[k], aspect_ratio=[2, 3])
    return net.detect()


def vgg_ssd300(**changed):
    """SSD300 on VGG16 for VOC, without numbers. ``changed`` replaces parameters of convolutions by the layer's name."""
    net = Writer((3, 300, 300), 21)
    net.rng = Nothing()

    def conv(x, name, filters, kernel=3, **params):
        return net.relu(net.conv(x, name, filters, kernel, **(params | changed.get(name, {}))))

    x, maps = "data", {}
    for stage, (filters, depth) in enumerate(((64, 2), (128, 2), (256, 3), (512, 3), (512, 3)), start=1):
        for i in range(1, depth + 1):
            x = conv(x, f"conv{stage}_{i}", filters, pad=1)
        if stage == 4:
            maps["conv4_3_norm"] = net.add(
                "conv4_3_norm", "Normalize", [x], 512, blobs=[np.full(512, 20.0)], norm_param={"across_spatial": False}
            )
        x = net.pool(x, f"pool{stage}", **({"kernel": 3, "stride": 1, "pad": 1} if stage == 5 else {}))
    x = conv(x, "fc6", 1024, pad=6, dilation=6)
    x = maps["fc7"] = conv(x, "fc7", 1024, 1)
    for i, (filters, options) in enumerate(
        ((512, {"pad": 1, "stride": 2}), (256, {"pad": 1, "stride": 2}), (256, {}), (256, {})), start=6
    ):
        x = maps[f"conv{i}_2"] = conv(conv(x, f"conv{i}_1", filters // 2, 1), f"conv{i}_2", filters, **options)
    sizes, steps = (30, 60, 111, 162, 213, 264, 315), (8, 16, 32, 64, 100, 300)
    for i, (name, x) in enumerate(maps.items()):
        ratios = [2, 3] if 0 < i < 4 else [2]
        count = 2 + 2 * len(ratios)
        net.head(
            x, count, kernel=3, name=name, min_size=sizes[i], max_size=sizes[i + 1], aspect_ratio=ratios, step=steps[i]
        )
    return net.detect()

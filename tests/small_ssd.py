"""A detector of a few layers, of any size and number of classes, whose numbers look like a trained one's."""

from math import ceil

import numpy as np

from multibox.config import Detect, Network, Priors
from multibox.models.schema import Schema
from multibox.priors import FeatureMap

CASES = {
    "odd sizes": ((129, 163), 3, {}),
    "one class": ((128, 160), 1, {}),
    "80 classes": ((128, 128), 80, {}),
    "sigmoid": ((160, 128), 3, {"activation": "sigmoid"}),
    "letterbox": ((128, 128), 3, {"resize": "letterbox"}),
}
"""Size, number of classes and changes of a schema, as :func:`make_schema` takes them, by what is unusual."""

PRIORS = Priors(sizes=(30, 60, 111, 162), ratios=((2,), (2,), (2,)))


def make_schema(size, classes, **changes):
    """The schema of :func:`make_network`: maps at strides 8, 16 and 32."""
    maps, cells = [], size
    for name, stride in (("a", 8), ("b", 2), ("c", 2)):
        cells = tuple(ceil(length / stride) for length in cells)
        maps.append(FeatureMap(name, *cells, size[0] / cells[0], size[1] / cells[1]))
    names = tuple(f"class {i}" for i in range(classes))
    detect = Detect(score=0.05, per_image=150)
    return Schema(network=Network(size=size), maps=tuple(maps), classes=names, priors=PRIORS, detect=detect, **changes)


def make_network(schema, activation="relu"):
    """A network with the outputs of SSD: strided convolutions, and heads on three maps."""
    import keras

    keras.utils.set_random_seed(0)
    image = keras.Input((*schema.network.size, 3), dtype="uint8", name="image")
    x = keras.layers.Rescaling(1 / 64, -2.0, name="normalize")(image)
    x = keras.layers.Conv2D(12, 7, strides=8, padding="same", activation="relu", name="stem")(x)
    heads = {"classes": [], "boxes": []}
    for fmap, stride in zip(schema.maps, (1, 2, 2), strict=True):
        x = keras.layers.Conv2D(12, 3, strides=stride, padding="same", name=fmap.name)(x)
        x = keras.layers.Activation(activation, name=f"{fmap.name}_act")(x)
        for name, size in (("classes", len(schema.classes) + 1), ("boxes", 4)):
            out = keras.layers.Conv2D(4 * size, 3, padding="same", name=f"{fmap.name}_head_{name}")(x)
            heads[name].append(keras.layers.Reshape((-1, size), name=f"{fmap.name}_{name}_flat")(out))
    outputs = {name: keras.layers.Concatenate(axis=1, name=name)(parts) for name, parts in heads.items()}
    network = keras.Model(image, outputs, name="small")
    _spread(network, schema)
    return network


def _spread(network, schema):
    """Let logits have a deviation of 2, and deltas one of 1/2."""
    images = np.random.default_rng(1).integers(0, 256, (2, *schema.network.size, 3), np.uint8)
    outputs = network.predict_on_batch(images)
    for kind, deviation in (("classes", 2), ("boxes", 0.5)):
        for layer in network.layers:
            if layer.name.endswith(f"_head_{kind}"):
                layer.kernel.assign(layer.kernel * (deviation / outputs[kind].std()))

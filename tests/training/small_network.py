"""A detector that is made in a moment, for runs in which the network does not matter."""

import keras
from keras import layers

from multibox.models.maps import feature_maps
from multibox.priors import priors_per_cell


def small_network(size, maps, classes, norm_trained=False):
    """A convolution, its normalisation, and heads that look at the mean of what is under a cell.

    Args:
        size: height and width of images, pixels.
        maps: number of cells along a side, and of priors in a cell, of each feature map.
        classes: how many, without background.
        norm_trained: whether batch normalisation is.
    """
    images = keras.Input((*size, 3))
    x = layers.Conv2D(8, 8, strides=8, name="conv")(layers.Rescaling(1 / 128, -1, name="scale")(images))
    x = layers.BatchNormalization(name="norm", trainable=norm_trained)(x)
    x = layers.Activation("relu", name="relu")(x)
    means = [layers.AveragePooling2D(x.shape[1] // cells, name=f"mean{i}")(x) for i, (cells, _) in enumerate(maps)]
    outputs = {}
    for name, columns in (("classes", classes + 1), ("boxes", 4)):
        heads = [
            layers.Conv2D(count * columns, 1, name=f"{name}_head{i}")(mean)
            for i, (mean, (_, count)) in enumerate(zip(means, maps, strict=True))
        ]
        flat = [layers.Reshape((-1, columns), name=f"{name}{i}")(head) for i, head in enumerate(heads)]
        outputs[name] = layers.Concatenate(axis=1, name=name)(flat) if len(flat) > 1 else flat[0]
    return keras.Model(images, outputs, name="small")


def build(config, classes, priors, activation="softmax", norm_trained=True):
    """As :func:`multibox.models.ssd.build`."""
    cells = [fmap.height for fmap in feature_maps(config)]
    maps = list(zip(cells, priors_per_cell(priors), strict=True))
    return small_network(config.size, maps, classes, norm_trained)

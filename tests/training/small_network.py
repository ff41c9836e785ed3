"""A detector that is made in a moment, for runs in which the network does not matter."""

import keras
from keras import layers

from multibox.models.maps import network_priors


def small_network(size, priors, classes, norm_trained=False):
    """A convolution, its normalisation, and heads that look at all of the image.

    Args:
        size: height and width of images, pixels.
        priors: how many.
        classes: how many, without background.
        norm_trained: whether batch normalisation is.
    """
    images = keras.Input((*size, 3))
    x = layers.Conv2D(8, 8, strides=8, name="conv")(layers.Rescaling(1 / 128, -1, name="scale")(images))
    x = layers.BatchNormalization(name="norm", trainable=norm_trained)(x)
    x = layers.GlobalAveragePooling2D(keepdims=True, name="mean")(layers.Activation("relu", name="relu")(x))
    outputs = {}
    for name, columns in (("classes", classes + 1), ("boxes", 4)):
        numbers = layers.Conv2D(priors * columns, 1, name=f"{name}_head")(x)
        outputs[name] = layers.Reshape((priors, columns), name=name)(numbers)
    return keras.Model(images, outputs, name="small")


def build(config, classes, priors, activation="softmax", norm_trained=True):
    """As :func:`multibox.models.ssd.build`."""
    count = len(network_priors(config, priors))
    return small_network(config.size, count, classes, norm_trained)

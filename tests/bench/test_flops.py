import keras
import pytest
from keras import layers

from multibox.bench.flops import count_macs, peak_flops
from multibox.config import Network, Priors
from multibox.config_file import load_config
from multibox.models.ssd import build


def test_convolutions_and_dense_layers_are_counted_by_hand():
    image = keras.Input((8, 10, 3))
    x = layers.Conv2D(4, 3, strides=2, padding="same")(image)  # 4 x 5 cells of 3 x 3 x 3 x 4
    x = layers.BatchNormalization()(x)
    x = layers.Conv2D(6, 1, groups=2)(x)  # 4 x 5 cells of 1 x 1 x 2 x 6
    x = layers.DepthwiseConv2D(5, padding="same", depth_multiplier=2)(x)  # 4 x 5 cells of 5 x 5 x 6 x 2
    x = layers.Dense(7)(layers.GlobalAveragePooling2D()(x))  # 12 x 7
    assert count_macs(keras.Model(image, x)) == 20 * 108 + 20 * 12 + 20 * 300 + 84


def test_a_layer_used_twice_is_counted_twice():
    small, large = keras.Input((4, 4, 2)), keras.Input((8, 8, 2))
    shared = layers.Conv2D(3, 1)
    assert count_macs(keras.Model([small, large], [shared(small), shared(large)])) == (16 + 64) * 6


def test_a_layer_that_is_not_known_is_refused():
    image = keras.Input((8, 8, 3))
    with pytest.raises(ValueError, match="upsampling: operations of the layer type Conv2DTranspose"):
        count_macs(keras.Model(image, layers.Conv2DTranspose(4, 2, name="upsampling")(image)))


def test_ssd300_on_vgg16_is_what_the_literature_says():
    """31.4 billion MACs for VOC's 20 classes, the usual figure of Caffe's model."""
    config = load_config("ssd300-vgg16-voc0712")
    assert count_macs(build(config.network, 20, config.priors)) == pytest.approx(31.4e9, rel=0.01)


def test_the_default_network_has_no_layer_that_is_not_known():
    assert 1e8 < count_macs(build(Network(size=(128, 128), neck="fpn"), 2, Priors())) < 1e9


@pytest.mark.parametrize(
    ("device", "precision", "tflops"),
    [
        ("NVIDIA H200", "mixed_bfloat16", 989),
        ("NVIDIA H100 80GB HBM3", "mixed_bfloat16", 989),
        ("NVIDIA H100 PCIe", "mixed_float16", 756),
        ("NVIDIA A100-SXM4-80GB", "float32", 156),
        ("Tesla V100-SXM2-16GB", "mixed_float16", 125),
        ("NVIDIA L4", "mixed_bfloat16", 121),
        ("NVIDIA L40S", "mixed_bfloat16", 362),
        ("NVIDIA GeForce RTX 4090", "mixed_bfloat16", 165),
    ],
)
def test_peaks_go_by_the_name_of_the_chip(device, precision, tflops):
    assert peak_flops(device, precision) == tflops * 1e12


@pytest.mark.parametrize("device", ["cpu", "NVIDIA A1000", "TPU v5e"])
def test_of_other_devices_nothing_is_claimed(device):
    assert peak_flops(device, "float32") is None

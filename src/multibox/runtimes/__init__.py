"""Runtimes run a model file or a network: Keras, ONNX Runtime, OpenVINO, MNN, ncnn, LiteRT and TensorFlow."""

from multibox.runtimes.choose import CHOICES as CHOICES
from multibox.runtimes.choose import open_runtime as open_runtime
from multibox.runtimes.choose_backend import require_keras as require_keras
from multibox.runtimes.keras import KerasRuntime as KerasRuntime
from multibox.runtimes.mnn import MnnRuntime as MnnRuntime
from multibox.runtimes.ncnn import NcnnRuntime as NcnnRuntime
from multibox.runtimes.onnx import OnnxRuntime as OnnxRuntime
from multibox.runtimes.openvino import OpenVinoRuntime as OpenVinoRuntime
from multibox.runtimes.runtime import Runtime as Runtime

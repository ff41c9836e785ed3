"""What runs a network: Keras, ONNX Runtime, OpenVINO, MNN. All give the network's plain numbers."""

from multibox.detect.runtimes.keras import KerasRuntime as KerasRuntime
from multibox.detect.runtimes.keras import require_keras as require_keras
from multibox.detect.runtimes.mnn import MnnRuntime as MnnRuntime
from multibox.detect.runtimes.onnx import OnnxRuntime as OnnxRuntime
from multibox.detect.runtimes.opening import CHOICES as CHOICES
from multibox.detect.runtimes.opening import open_runtime as open_runtime
from multibox.detect.runtimes.openvino import OpenVinoRuntime as OpenVinoRuntime
from multibox.detect.runtimes.runtime import Runtime as Runtime

"""Integer kernels of ONNX Runtime that do not saturate, and are the fast ones where those are exact."""

import numpy as np
import onnxruntime
import pytest

from multibox import machine
from multibox.runtimes import onnx as onnx_runtime
from multibox.runtimes import open_runtime
from tiny_onnx import write_tiny_onnx

onnx = pytest.importorskip("onnx")

OPTION = "session.x64quantprecision"

PROCESSORS = {
    "flags\t\t: fpu avx2 avx512_vnni amx_int8\n": True,
    "flags\t\t: fpu avx2 avx_vnni\n": True,
    "flags\t\t: fpu avx2 avx512f\n": False,
    "Features\t: fp asimd\n": False,
}


@pytest.mark.parametrize(("content", "expected"), PROCESSORS.items())
def test_vnni_is_read_from_the_flags(content, expected, monkeypatch):
    monkeypatch.setattr(machine.Path, "read_text", lambda path: f"processor : 0\nmodel name\t: A B\n{content}")
    assert machine.has_vnni() is expected
    assert machine.processor() == "A B"


def test_a_system_that_does_not_say_counts_as_without(monkeypatch):
    def fail(path):
        raise FileNotFoundError(path)

    monkeypatch.setattr(machine.Path, "read_text", fail)
    assert machine.has_vnni() is False
    assert machine.processor()


@pytest.mark.parametrize(("vnni", "expected"), [(True, []), (False, ["1"])])
def test_the_slow_kernels_are_for_processors_without_vnni(vnni, expected, tmp_path, monkeypatch):
    model, set_to = write_tiny_onnx(tmp_path / "tiny.onnx"), []

    class Options(onnxruntime.SessionOptions):
        def add_session_config_entry(self, key, value):
            set_to.extend([value] if key == OPTION else [])
            super().add_session_config_entry(key, value)

    monkeypatch.setattr(onnxruntime, "SessionOptions", Options)
    monkeypatch.setattr(onnx_runtime, "has_vnni", lambda: vnni)
    open_runtime(model)
    assert set_to == expected


def test_the_largest_products_do_not_saturate_on_this_machine(tmp_path):
    """A convolution of pixels of 255 by weights of 127: two products together are past 16 bits."""
    model = onnx.load(write_tiny_onnx(tmp_path / "tiny.onnx"))
    helper, numpy = onnx.helper, onnx.numpy_helper
    one = numpy.from_array(np.float32(1), "one")
    scale = numpy.from_array(np.float32(20000), "scale")  # 255 x 127 x 64 is 103.6 of them
    zeros = [numpy.from_array(np.zeros((), kind), kind.__name__) for kind in (np.uint8, np.int8)]
    weights = numpy.from_array(np.full((8, 64, 1, 1), 127, np.int8), "weights")
    pixels = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, (1, 64, 8, 8))
    sums = helper.make_tensor_value_info("classes", onnx.TensorProto.UINT8, None)
    taken = ["image", "one", "uint8", "weights", "one", "int8", "scale", "uint8"]
    graph = helper.make_graph(
        [helper.make_node("QLinearConv", taken, ["classes"])], "sums", [pixels], [sums], [one, scale, *zeros, weights]
    )
    model.graph.CopyFrom(graph)
    onnx.save(model, tmp_path / "sums.onnx")
    given = open_runtime(tmp_path / "sums.onnx").run(np.full((1, 64, 8, 8), 255, np.uint8))["classes"]
    assert (given == 104).all()

"""Import and export on Keras' backend: test_parity.py compares what two backends write."""

import sys
from pathlib import Path

from multibox.export import export
from multibox.importers.import_model import import_model


def write_files(models: Path, out: Path) -> None:
    """Export ``ssdlite.keras`` in half precision with NMS; import ``net.caffemodel``, and export that as it is."""
    export(models / "ssdlite.keras", "onnx", out / "ssdlite.onnx", nms=True, precision="fp16")
    import_model(models / "net.caffemodel", "caffe", out / "net.keras")
    export(out / "net.keras", "onnx", out / "net.onnx")


if __name__ == "__main__":
    write_files(*map(Path, sys.argv[1:]))

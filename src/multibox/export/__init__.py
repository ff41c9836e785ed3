"""Exports models to other formats, for other runtimes."""

from multibox.export.export_model import Exported as Exported
from multibox.export.export_model import export as export
from multibox.export.export_model import export_onnx as export_onnx
from multibox.export.onnx_file import require_onnx as require_onnx
from multibox.export.weights import export_weights as export_weights
from multibox.export.write import FORMATS as FORMATS
from multibox.export.write import PRECISIONS as PRECISIONS
from multibox.export.write import TARGETS as TARGETS
from multibox.export.write import check_same as check_same
from multibox.export.write import write_onnx as write_onnx

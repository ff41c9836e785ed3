"""Open a model file as a detector."""

import logging
import os
from collections.abc import Mapping
from typing import Any

from pydantic import ValidationError

from multibox.config import Detect
from multibox.detect.detector import Detector
from multibox.detect.views import Tta
from multibox.errors import BadInput
from multibox.models import shipped
from multibox.models.schema import Loss
from multibox.prepare.tiles import Tiles
from multibox.runtimes import open_runtime

log = logging.getLogger("multibox")


def load(
    path: str | os.PathLike[str] = shipped.NAME,
    devices: int = 1,
    runtime: str | None = None,
    threads: int | None = None,
    *,
    images: int = 1,
    backend: str | None = None,
    tta: bool | Tta = False,
    tiles: float | str | Tiles | None = None,
    **changes: Any,
) -> Detector:
    """Load a detector from a model file.

    Args:
        path: Path of a ``.keras`` file, or of a file that ``multibox export`` wrote. By default, the bundled detector
            ``voc20`` is loaded. What a file in int8 costs is logged.
        devices: Number of devices of this machine that share each batch. More than one needs a ``.keras`` file.
        runtime: Name of the runtime. ``fastest`` stands for the fastest on this machine, which is measured once and
            remembered. With ``fastest-int8`` a file such as ``model-int8.onnx`` beside the model may run in its place.
            None means the default for the kind of file.
        threads: Number of CPU threads to compute with. None means one per core.
        images: Number of images that will be searched, as far as known. With several, ONNX Runtime and OpenVINO search
            one image on each core. From 1000 on, the default runtime is ``fastest``.
        backend: Backend of Keras for a ``.keras`` file: ``tensorflow``, ``torch`` or ``jax``. None means the default.
        tta: Test-time augmentation: True also searches each image mirrored and smaller. See
            :class:`~multibox.detect.detector.Detector`.
        tiles: Tiles into which large images are cut: a tile's side in pixels, a share of the image's longer side below
            1, rows and columns such as ``"2x3"``, or ``"none"``. None takes the tiles that the model was trained on, if
            any, and logs them.
        changes: Other values for fields of the model's :class:`~multibox.config.Detect`, such as
            ``nms="soft-gaussian"``. None leaves a field as it is.

    Returns:
        The detector, ready to be called with images.

    Raises:
        BadInput: The file does not exist or is not a model, a value is invalid, the machine has fewer devices, or the
            runtime is not installed or cannot read the file.

    Example:
        ``detections = multibox.load()("street.jpg")``
    """
    opened = open_runtime(path, devices, runtime, threads, images, backend)
    if opened.schema.precision == "int8":
        log.info("%s runs in int8: %s", opened.file or path, _cost(opened.schema.loss))
    given = {name: value for name, value in changes.items() if value is not None}
    config = change_section(opened.schema.detect, given)
    detector = Detector(opened, config, tta=tta, tiles=tiles)
    if tiles is None and detector.tiles:
        log.info("searches large images in %s, as the model was trained; set tiles=none to change that", detector.tiles)
    return detector


def _cost(loss: Loss | None) -> str:
    if loss is None:
        return "what that costs was not measured; export it again and evaluate it to know"
    return f"its mAP on {loss.data} is {abs(loss.map):.4f} {'higher' if loss.map < 0 else 'lower'} than in fp32"


def change_section(section: Detect, changes: Mapping[str, Any]) -> Detect:
    """Replace values in the ``detect`` section of a configuration.

    Args:
        section: Section with the old values. It is not changed.
        changes: New values by the name of the field.

    Returns:
        New section with the changed values.

    Raises:
        BadInput: There is no such field, or a value is invalid.
    """
    try:
        return Detect.model_validate({**section.model_dump(), **changes})
    except ValidationError as error:
        problem = error.errors()[0]
        raise BadInput(f"detect.{'.'.join(map(str, problem['loc']))}", f"{problem['msg']}") from None

"""Crops: each detection cut out of its image."""

from collections.abc import Sequence
from pathlib import Path
from typing import ClassVar

import numpy as np

from multibox.draw import encode_png
from multibox.predict.outputs.folders import FolderOutput
from multibox.predict.outputs.names import Stems, folder_names
from multibox.predict.outputs.output import image_id
from multibox.predict.outputs.stamps import PREDICTION
from multibox.predict.predict import Prediction
from multibox.writing import check_folder, mark_folder, naming


class CropsOutput(FolderOutput):
    """A PNG file for each detection, ``CLASS/STEM-NNN.png``, where NNN is its place among the image's detections.

    Detections less than a pixel wide or high are left out. The folder of each class has a marker of its own, so that a
    file that a user put into it is noticed.
    """

    draws: ClassVar[bool] = True

    def __init__(self, path: Path, classes: Sequence[str], stems: Stems, *, replace: bool = False):
        super().__init__(path, classes, stems, replace=replace)
        for folder in path.iterdir() if path.is_dir() else ():
            if folder.is_dir():
                check_folder(folder, PREDICTION, replace=replace)
        self._names = folder_names(classes)

    def encode(self, prediction: Prediction) -> list[tuple[str, bytes]]:
        """Encode the crops of an image: path in the folder and PNG file of each."""
        found = prediction.detections
        if found is None or found.image is None:
            return []
        name = image_id(prediction, self._stems[prediction.source])
        return [
            (f"{self._names[label]}/{name}-{number:03d}.png", encode_png(_cut_out(found.image, box)))
            for number, (label, box) in enumerate(zip(found.labels, found.boxes, strict=True))
            if (box[2:] - box[:2] >= 1).all()
        ]

    def add(self, prediction: Prediction, encoded: list[tuple[str, bytes]]) -> None:
        """Write the crops of an image."""
        with naming(self.path):
            for name, png in encoded:
                path = self._begun().path / name
                path.parent.mkdir(exist_ok=True)
                path.write_bytes(png)

    def finish(self) -> None:
        """Mark the folders of the classes, complete the folder and move it to its place."""
        with naming(self.path):
            for folder in self._begun().path.iterdir():
                mark_folder(folder, PREDICTION)
        super().finish()


def _cut_out(image: np.ndarray, box: np.ndarray) -> np.ndarray:
    """The pixels that a box touches."""
    x0, y0 = np.floor(box[:2]).astype(int)
    x1, y1 = np.ceil(box[2:]).astype(int)
    return image[y0:y1, x0:x1]

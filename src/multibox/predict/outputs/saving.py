"""Writes predictions to all outputs of a run while detection goes on."""

import logging
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from signal import SIGINT
from typing import Final

from multibox.annotations.counting import some
from multibox.detect.in_threads import in_threads
from multibox.errors import BadInput, RunFailed, Stopped
from multibox.machine import cores
from multibox.predict.outputs.annotated import ImageOutput, VideoOutput
from multibox.predict.outputs.coco_ids import IMAGES, ids_of_data, own_ids
from multibox.predict.outputs.crops import CropsOutput
from multibox.predict.outputs.folders import VocOutput, YoloDataOutput, YoloOutput, YoloScoreOutput, without_spaces
from multibox.predict.outputs.names import Stems, real_paths
from multibox.predict.outputs.output import Output
from multibox.predict.outputs.rows import CocoImagesOutput, CocoOutput, CsvOutput, JsonLinesOutput, JsonOutput
from multibox.predict.predict import Prediction
from multibox.predict.sources import Source
from multibox.predict.stopping import stopped_by_signals
from multibox.regions import Points

FORMATS: Final = ("pictures", "video", "json", "jsonl", "coco", "voc", "yolo", "yolo-score", "csv", "crops")
"""Names of the formats that can be saved."""

log = logging.getLogger("multibox")


@dataclass(frozen=True)
class OutputSet:
    """The files and folders that a run writes its predictions to.

    Attributes:
        folder: Folder of all outputs.
        outputs: Outputs of the chosen formats, in the order in which the formats were given.
        name: Function that chooses the file name of a prediction's annotated image. The name is empty if no image is
            saved.
    """

    folder: Path
    outputs: tuple[Output, ...]
    name: Callable[[Prediction], str]

    @property
    def draw(self) -> bool:
        """Whether any output holds pixels of the images, so that predictions must hold their image."""
        return any(output.draws for output in self.outputs)


def open_outputs(
    formats: Sequence[str],
    folder: str | os.PathLike[str],
    classes: Sequence[str],
    sources: Sequence[Source],
    *,
    ids_from: str | None = None,
    regions: Sequence[Points] = (),
    replace: bool = False,
) -> OutputSet:
    """Open the outputs of a run, before its work begins.

    Args:
        formats: Names of formats, from :data:`FORMATS`. If empty, annotated images and videos and ``detections.json``
            are saved.
        folder: Folder for all outputs. It is created when there is something to write.
        classes: Names of the detector's classes.
        sources: Sources of the run.
        ids_from: Dataset on which COCO results will be evaluated: ``NAME/SPLIT``, or the path of a COCO JSON file. Its
            ids of images and classes are used. None makes each image's id from its file name.
        regions: Polygons to draw on annotated images and videos.
        replace: Whether to replace files that Multibox did not write, or that were changed since Multibox wrote them.
            Annotated images and videos never replace such files: if a name is taken, they get the next free name.

    Returns:
        Outputs to write predictions to.

    Raises:
        BadInput: A file exists that may not be replaced, or two of the formats write the same files.
    """
    folder, stems, inputs = Path(folder), Stems(sources), real_paths(sources)
    words = Stems(sources, without_spaces)
    chosen = list(dict.fromkeys(formats or ("pictures", "video", "json")))
    _check_formats(chosen, ids_from)
    images = ImageOutput(folder, stems, inputs, frames=bool(formats), regions=regions)

    def yolo(labels: type[YoloOutput]) -> list[Output]:
        yaml = YoloDataOutput(folder / "data.yaml", classes, replace=replace)
        return [labels(folder / "labels", classes, stems, replace=replace), yaml]

    def coco() -> list[Output]:
        ids = own_ids(sources, stems, classes) if ids_from is None else ids_of_data(ids_from, sources, classes)
        listed = CocoImagesOutput(folder / IMAGES, ids, replace=replace)
        return [CocoOutput(folder / "coco.json", ids, replace=replace), listed]

    makers: dict[str, Callable[[], list[Output]]] = {
        "pictures": lambda: [images],
        "video": lambda: [VideoOutput(folder, stems, inputs, regions=regions)],
        "json": lambda: [JsonOutput(folder / "detections.json", replace=replace)],
        "jsonl": lambda: [JsonLinesOutput(folder / "detections.jsonl", replace=replace)],
        "coco": coco,
        "voc": lambda: [VocOutput(folder / "voc", classes, words, replace=replace)],
        "yolo": lambda: yolo(YoloOutput),
        "yolo-score": lambda: yolo(YoloScoreOutput),
        "csv": lambda: [CsvOutput(folder / "detections.csv", replace=replace)],
        "crops": lambda: [CropsOutput(folder / "crops", classes, stems, replace=replace)],
    }
    _say_renamed(chosen, stems, words)
    outputs = tuple(output for name in chosen for output in makers[name]())
    return OutputSet(folder, outputs, images.name if "pictures" in chosen else lambda prediction: "")


def _check_formats(formats: Sequence[str], ids_from: str | None) -> None:
    if {"yolo", "yolo-score"} <= set(formats):
        raise BadInput("formats", "yolo and yolo-score write the same files; choose one")
    if ids_from is not None and "coco" not in formats:
        raise BadInput("ids_from", 'applies to COCO results only; leave it out, or set formats="coco"')


def _say_renamed(formats: Sequence[str], stems: Stems, words: Stems) -> None:
    """Say which images have other names in the outputs than their own."""
    by_stem = stems.renamed if {"coco", "crops", "yolo", "yolo-score"} & set(formats) else {}
    say_renamed("images", by_stem | (words.renamed if "voc" in formats else {}))


def say_renamed(what: str, renamed: Mapping[str, str]) -> None:
    """Say which files have other names in the outputs than their own.

    Args:
        what: Kind of the files, in the plural.
        renamed: New stems, by path.
    """
    if renamed:
        listed = some([f"{name} is called {stem}" for name, stem in renamed.items()])
        log.info(f"{what} of the same name were given a number in the names of the outputs: {listed}")


def save_predictions(
    predictions: Iterable[Prediction],
    outputs: OutputSet,
    seen: Callable[[Prediction], object] = lambda prediction: None,
    *,
    few: bool = False,
) -> None:
    """Write predictions while detection goes on. Drawing and encoding run in parallel with it.

    Nothing is written if no image can be read. After Ctrl-C or another signal to stop, and after an error of ``seen``,
    the outputs are completed with what was found so far.

    Args:
        predictions: Predictions of :func:`~multibox.predict.predict.predict`, with images if ``outputs.draw``.
        outputs: Outputs to write to, as :func:`open_outputs` returns them.
        seen: Function that is called with each prediction after it was written. The prediction has no image then.
        few: Whether to draw only a few images ahead of writing: for huge images, which take memory, and for live
            frames, which should appear at once.

    Raises:
        BadInput: The folder cannot be created.
        RunFailed: ``seen`` could not write to its file, such as a pipe that was closed.
        Stopped: A signal stopped the run.
    """
    writing = _Writing(outputs)
    named = (replace(prediction, annotated=outputs.name(prediction)) for prediction in predictions)
    encoded = in_threads(partial(_encode, outputs=outputs.outputs), named, ahead=2 if few else cores() + 1)
    failed: OSError | None = None
    with stopped_by_signals() as signals:
        try:
            try:
                for prediction, texts in encoded:
                    writing.add(prediction, texts)
                    failed = _error_of(seen, prediction)
                    if failed:
                        break
            except KeyboardInterrupt:
                signals.extend([] if signals else [SIGINT])
            encoded.close()
            writing.finish()
        except BaseException:
            writing.discard()
            raise
    saved = "the detections so far are saved" if writing.began else "nothing was saved"
    if signals:
        raise Stopped(f"stopped; {saved}", signals[0])
    if failed:
        raise RunFailed(f"standard output: {failed.strerror or failed}; {saved}")


def _error_of(seen: Callable[[Prediction], object], prediction: Prediction) -> OSError | None:
    try:
        seen(prediction)
    except OSError as error:
        return error
    return None


class _Writing:
    """Writes predictions to all outputs. Nothing is written before the first image was read."""

    def __init__(self, outputs: OutputSet):
        self._folder, self._outputs = outputs.folder, outputs.outputs
        self._unread: list[Prediction] = []
        self.began = False

    def add(self, prediction: Prediction, texts: Sequence[object]) -> None:
        if not self.began and prediction.detections is None:
            self._unread.append(prediction)
            return
        if not self.began:
            self._begin()
        self._write(prediction, texts)

    def finish(self) -> None:
        for output in self._outputs if self.began else ():
            output.finish()

    def discard(self) -> None:
        for output in self._outputs:
            output.discard()

    def _begin(self) -> None:
        _make_folder(self._folder)
        self.began = True
        for prediction in self._unread:
            self._write(*_encode(prediction, self._outputs))
        self._unread.clear()

    def _write(self, prediction: Prediction, texts: Sequence[object]) -> None:
        for output, text in zip(self._outputs, texts, strict=True):
            output.add(prediction, text)


def _encode(prediction: Prediction, outputs: Sequence[Output]) -> tuple[Prediction, list[object]]:
    return prediction.without_image(), [output.encode(prediction) for output in outputs]


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(folder, f"the folder cannot be created: {error.strerror}; choose another") from None

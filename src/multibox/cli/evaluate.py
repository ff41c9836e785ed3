"""The command ``eval``, which measures a detector on a dataset."""

import json
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multibox.annotations.counting import some
from multibox.cli.app import main
from multibox.cli.console import print_table, progress_bar
from multibox.cli.options import detection_options, replace_option, runtime_options
from multibox.errors import BadInput

if TYPE_CHECKING:
    from multibox.evaluation.candidates import Candidate
    from multibox.evaluation.evaluate import Evaluation
    from multibox.evaluation.reading.choosing import ReadAs

SHOWN = 5
"""Largest number of classes that are named for each group of rare, common and frequent classes."""


@main.command("eval")
@click.argument("model", type=click.Path())
@click.option(
    "--data",
    "names",
    multiple=True,
    required=True,
    metavar="NAME[/SPLIT]",
    help="Dataset to evaluate on, or the folder that it was built from. Can be repeated. Without SPLIT, the split test "
    "is used, or val if there is no test.",
)
@click.option(
    "--batch",
    default=16,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of images in a batch, on each device. On a CPU, ONNX Runtime and OpenVINO run one image on each core "
    "instead.",
)
@click.option(
    "--devices",
    default=1,
    show_default=True,
    type=click.IntRange(min=1),
    help="Number of this machine's devices, such as GPUs, to use.",
)
@detection_options
@runtime_options
@click.option(
    "--strict",
    is_flag=True,
    help="Round scores and boxes to six decimals before evaluation, as PASCAL's devkit does.",
)
@click.option(
    "--save-detections",
    type=click.Path(dir_okay=False),
    metavar="FILE",
    help="File to write the detections to, in COCO's results format.",
)
@click.option(
    "--image-ids",
    metavar="NUMBERING",
    help="Meaning of image_id in a file of detections. Ids of the dataset: data. File names, or the numbers in them: "
    "names, numbers. Positions in the dataset: from-0, from-1. Positions in order of file names: sorted-from-0, "
    "sorted-from-1. Ids in a list beside the file: listed. Default: data if the ids match, else a meaning that "
    "matches.",
)
@click.option(
    "--category-ids",
    metavar="NUMBERING",
    help="Meaning of category_id in a file of detections. Ids of the dataset: data. Class names: names. COCO's ids "
    "from 1 to 90, or from 0 to 79: coco-91, coco-80. Positions in the dataset: from-0, from-1. Ids in a list "
    "beside the file: listed. Your own list: 0=cat,1=dog. Default: data if the ids match, else a meaning that "
    "matches.",
)
@click.option(
    "--boxes",
    metavar="FORM",
    help="Form of bbox in a file of detections, such as corners,fractions. Numbers: xywh, corners or center, with "
    "swapped if y comes before x. Unit: fractions of the image, or pixels of a network input of size WxH: "
    "stretched:WxH, letterbox:WxH or padded:WxH. Default: xywh, in pixels of the image.",
)
@click.option("--report", type=click.Path(file_okay=False), metavar="DIR", help="Folder to write a detailed report to.")
@click.option(
    "--compare",
    type=click.Path(),
    metavar="OTHER",
    help="Another model, or its file of detections, to compare with in the report.",
)
@replace_option
@click.option(
    "--save-thresholds", is_flag=True, help="Write each class's score threshold with the best F1 into the model file."
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def evaluate_model(
    model: str,
    names: tuple[str, ...],
    batch: int,
    strict: bool,
    save_detections: str | None,
    image_ids: str | None,
    category_ids: str | None,
    boxes: str | None,
    report: str | None,
    compare: str | None,
    save_thresholds: bool,
    replace: bool,
    as_json: bool,
    **loading: Any,
) -> None:
    """Evaluate a model on a dataset: print the average precision of each class, and the mean.

    MODEL can also be a .json file of detections in COCO's results format, made by any detector.
    """
    from multibox.evaluation.candidates import require_classes
    from multibox.evaluation.evaluate import evaluate
    from multibox.evaluation.reading.choosing import ReadAs
    from multibox.evaluation.report import REPORT, write_report
    from multibox.evaluation.save_detections import check_detections
    from multibox.evaluation.save_detections import save_detections as write_detections
    from multibox.evaluation.save_thresholds import file_for_thresholds
    from multibox.evaluation.save_thresholds import save_thresholds as write_thresholds
    from multibox.evaluation.test_set import count_images, open_test_set
    from multibox.writing import check_folder

    if compare is not None and report is None:
        raise BadInput("compare", "a comparison is written into a report; set --report DIR")
    if save_detections is not None:
        check_detections(save_detections, strict=strict, replace=replace)
    if report is not None:
        check_folder(report, REPORT, replace=replace)
    if save_thresholds:
        file_for_thresholds(model)
    read_as = ReadAs(image_ids, category_ids, boxes)
    candidate, rival = _open_both(model, compare, read_as, loading | {"images": count_images(names)})
    test_set = open_test_set(names, candidate.classes)
    if rival is not None:
        require_classes(rival, test_set.truth.classes)
    with progress_bar("detecting") as progress:
        evaluation = evaluate(candidate, test_set, batch=batch, strict=strict, progress=progress)
        other = None if rival is None else evaluate(rival, test_set, batch=batch, strict=strict, progress=progress)
        if report is not None:
            write_report(evaluation, report, other, replace=replace)
        if save_detections is not None:  # last, as it may be a file in the folder of the report
            write_detections(evaluation, save_detections, replace=replace)
    if save_thresholds:
        write_thresholds(model, evaluation.thresholds)
    if as_json:
        click.echo(json.dumps(evaluation.to_json()))
    else:
        print_evaluation(evaluation)
    if report is not None:
        click.echo(f"report: {Path(report) / 'report.html'}", err=True)


def _open_both(
    model: str, compare: str | None, read_as: "ReadAs", loading: dict[str, Any]
) -> "tuple[Candidate, Candidate | None]":
    """Open the model and what it is compared with. Files of detections are read in the way that is given."""
    from multibox.evaluation.candidates import is_results_file, open_candidate
    from multibox.evaluation.reading.choosing import AS_WRITTEN

    if compare is None:
        return open_candidate(model, read_as=read_as, **loading), None
    files = [path for path in (model, compare) if is_results_file(path)] or [model]
    mine, other = (
        open_candidate(path, read_as=read_as if path in files else AS_WRITTEN, **loading) for path in (model, compare)
    )
    return mine, other


def print_evaluation(evaluation: "Evaluation") -> None:
    """Print the average precision of each class, the means, and the data they were measured on.

    A line on standard error lists unevaluated classes.
    """
    print_table(
        ("class", "AP"),
        [(name, _figure(ap)) for name, ap in evaluation.ap.items()],
        [
            ("mAP (IoU 0.5, area)", _figure(evaluation.map)),
            ("mAP (IoU 0.5, 11 points)", _figure(evaluation.map_11point)),
            ("mAP (IoU 0.5 to 0.95, COCO)", _figure(evaluation.map_50_95)),
            *((f"AP of {group.name} classes", _figure(group.ap50)) for group in evaluation.figures.rarity),
        ],
    )
    if evaluation.figures.rarity:
        click.echo(_rarity_line(evaluation))
    click.echo(
        f"{evaluation.test_set.name}: mAP {_figure(evaluation.map)}, {evaluation.images} images, "
        f"{evaluation.objects} objects, {evaluation.detections} detections, {evaluation.seconds:.1f} s"
    )
    if evaluation.left_out:
        listed = ", ".join(f"{name} ({count})" for name, count in evaluation.left_out.items())
        click.echo(
            f"not evaluated, because the model does not have these classes (with their number of objects): {listed}",
            err=True,
        )


def _rarity_line(evaluation: "Evaluation") -> str:
    """Which classes are rare, common and frequent, and by which images."""
    groups = [
        f"{group.name}: {some([f'{name} {images:,}' for name, images in group.images.items()], SHOWN)}"
        for group in evaluation.figures.rarity
    ]
    unknown = "test images of each class, as the model file has no counts of training images"
    counted_in = "training images of each class" if evaluation.trained_images else unknown
    return f"{counted_in}; {'; '.join(groups)}"


def _figure(value: float) -> str:
    return "-" if math.isnan(value) else f"{value:.3f}"

"""The report of an evaluation: a folder with a page, its figures as JSON, and the worst images."""

import json
import os
import re
from datetime import UTC, datetime
from pathlib import Path

import cv2
import numpy as np

from multibox._version import __version__
from multibox.draw import save_png
from multibox.evaluation.compare import Comparison, compare
from multibox.evaluation.evaluate import Evaluation
from multibox.evaluation.mistakes import draw_mistakes, in_words
from multibox.evaluation.sections import comparison_section, figure_sections
from multibox.report.page import Gallery, Image, Section, is_own_page, page, save_page
from multibox.writing import Kind, new_folder

PAGE, FIGURES, WORST, CHANGED = "report.html", "report.json", "worst", "changed"
WORST_IMAGES, CHANGED_IMAGES = 50, 12
SHOWN_SIDE = 480
"""Largest width and height in pixels of an image on the page. The image files in the report's folder have their full
size."""


def write_report(
    evaluation: Evaluation,
    folder: str | os.PathLike[str],
    other: Evaluation | None = None,
    *,
    replace: bool = False,
) -> Path:
    """Write the report of an evaluation into a folder.

    Args:
        evaluation: Evaluation to report.
        folder: Path of the report's folder. An older report is replaced, unless it was changed after it was written.
        other: Evaluation of another detector on the same test set, for a comparison.
        replace: Whether to replace a report that was changed after it was written.

    Returns:
        Path of the report's HTML page.

    Raises:
        BadInput: The folder has other content or was changed, an image cannot be decoded, or ``other`` has another test
            set.
    """
    folder = Path(folder)
    figures = evaluation.figures
    comparison = None if other is None else compare(figures, other.figures, other.model)
    with new_folder(folder, REPORT, replace=replace) as new:
        sections = figure_sections(figures)
        if comparison is not None:
            sections.insert(1, comparison_section(figures, comparison))
            sections.append(_changed_images(evaluation, comparison, new / CHANGED))
        sections.append(_worst_images(evaluation, new / WORST))
        sections.insert(0, Section("Model and data", _subject(evaluation, other)))
        footer = f"multibox {__version__}, {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
        save_page(new / PAGE, page(f"How good is {evaluation.model}?", sections, footer=footer))
        reading = evaluation.reading and evaluation.reading.to_json()
        subject = {"model": evaluation.model, "data": evaluation.test_set.name, "reading": reading}
        values = {**subject, **figures.to_json()}
        if comparison is not None:
            values["comparison"] = comparison.to_json()
        (new / FIGURES).write_text(json.dumps(values, indent=1), "utf-8")
    return folder / PAGE


def _subject(evaluation: Evaluation, other: Evaluation | None) -> list[str]:
    lines = [f"{evaluation.model} on {evaluation.test_set.name}."]
    for one in (evaluation, other):
        lines += [f"{line}." for line in one.reading.lines] if one is not None and one.reading is not None else []
    if evaluation.left_out:
        listed = ", ".join(f"{name} ({count})" for name, count in evaluation.left_out.items())
        lines.append(
            f"Not evaluated, because the model does not have these classes (with their number of objects): {listed}."
        )
    return lines


def _is_report(folder: Path) -> bool:
    """Whether a folder is a report written by version 0.1.0, which had no marker file."""
    return is_own_page(folder / PAGE) and all(_is_of_a_report(path) for path in folder.iterdir())


def _is_of_a_report(path: Path) -> bool:
    if path.is_dir():
        return path.name in (WORST, CHANGED) and all(re.fullmatch(r"\d{3}-.*\.png", p.name) for p in path.iterdir())
    return path.name in (PAGE, FIGURES)


REPORT = Kind("report", _is_report)


def _worst_images(evaluation: Evaluation, folder: Path) -> Section:
    figures = evaluation.figures
    mistakes, names = figures.mistakes, figures.truth.image_ids
    shown = []
    for place, i in enumerate(mistakes.worst(WORST_IMAGES), start=1):
        image = draw_mistakes(evaluation.test_set.pixels(i), i, figures.outcomes, mistakes)
        shown.append(_figure(image, in_words(mistakes, i, names), folder, place, names[i]))
    explained = (
        "The images with the most expensive mistakes. A missed object costs one, a false alarm costs its score. "
        "Shown are detections above the best threshold of their class: hits in green, false alarms in red (false). "
        f"Objects without a hit are blue (missed). The folder {WORST} has the images in full size."
    )
    return Section("Worst images", [explained, Gallery(shown)] if shown else ["There is no mistake in any image."])


def _changed_images(evaluation: Evaluation, comparison: Comparison, folder: Path) -> Section:
    figures, other = evaluation.figures, comparison.other
    names, shown = figures.truth.image_ids, []
    for place, i in enumerate(comparison.most_changed(CHANGED_IMAGES), start=1):
        image = evaluation.test_set.pixels(i)
        gap = np.full((image.shape[0], 8, 3), 255, np.uint8)
        mine = draw_mistakes(image, i, figures.outcomes, figures.mistakes)
        theirs = draw_mistakes(image, i, other.outcomes, other.mistakes)
        words = f"{in_words(figures.mistakes, i, names)}. {comparison.name}: {in_words(other.mistakes, i, names)}"
        shown.append(_figure(np.concatenate([mine, gap, theirs], axis=1), words, folder, place, names[i]))
    explained = f"The images where the cost of mistakes differs most. Left: this model. Right: {comparison.name}."
    return Section("Images that changed most", [explained, Gallery(shown)] if shown else ["No image changed."])


def _figure(image: np.ndarray, words: str, folder: Path, place: int, name: str) -> Image:
    """Save an image in full size, and return a smaller one for the page."""
    save_png(folder / f"{place:03d}-{re.sub(r'[^A-Za-z0-9._-]', '_', name)[-80:]}.png", image)
    scale = min(1.0, SHOWN_SIDE / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) if scale < 1 else image
    _, encoded = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_JPEG_QUALITY, 82])
    return Image(encoded.tobytes(), alt=words, caption=words)

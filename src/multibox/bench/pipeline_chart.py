"""The figures of the pipeline as charts."""

import os

from multibox.bench.pipeline import PipelineSpeed
from multibox.report.bars import Bars
from multibox.report.drawing import save_drawings


def save_pipeline_chart(speed: PipelineSpeed, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Draw the figures of the pipeline.

    Args:
        speed: The figures.
        path: Path of the SVG file.
        replace: Whether to replace a file that Multibox did not draw.

    Raises:
        BadInput: There is such a file.
    """
    processes = {0: "threads", 1: "1 process"}
    rates = {processes.get(count, f"{count} processes"): rate for count, rate in speed.workers.items()}
    charts = [
        Bars(f"An example: {speed.ms_per_example:.2f} ms on one core", speed.stages, "ms"),
        Bars("Batches", rates, "images/s", decimals=0),
    ]
    save_drawings(path, "Speed of the pipeline", charts, replace=replace)

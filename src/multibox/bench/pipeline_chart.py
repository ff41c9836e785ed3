"""Charts of the speed at which training examples are prepared."""

import os

from multibox.bench.pipeline import PipelineSpeed
from multibox.report.bars import Bars
from multibox.report.drawing import save_drawings


def save_pipeline_chart(speed: PipelineSpeed, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Draw charts of the preparation speed into an SVG file.

    Args:
        speed: Measured speed, from :func:`~multibox.bench.pipeline.measure_pipeline`.
        path: Path of the SVG file.
        replace: Whether to replace an existing file that Multibox did not draw.

    Raises:
        BadInput: The file exists, Multibox did not draw it, and ``replace`` is false.
    """
    processes = {0: "threads", 1: "1 process"}
    rates = {processes.get(count, f"{count} processes"): rate for count, rate in speed.workers.items()}
    charts = [
        Bars(f"An example: {speed.ms_per_example:.2f} ms on one core", speed.stages, "ms"),
        Bars("Batches", rates, "images/s", decimals=0),
    ]
    save_drawings(path, "Speed of the pipeline", charts, replace=replace)

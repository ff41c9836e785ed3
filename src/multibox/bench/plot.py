"""The figures of the pipeline as a picture."""

import os

from multibox.bench.pipeline import PipelineSpeed
from multibox.draw import DRAWING, SOFTWARE
from multibox.writing import new_file


def plot_pipeline(speed: PipelineSpeed, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Draw the figures of the pipeline.

    Args:
        speed: The figures.
        path: Path of the PNG file.
        replace: Whether to replace a file that Multibox did not draw.

    Raises:
        BadInput: There is such a file.
    """
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    figure, (stages, workers) = pyplot.subplots(1, 2, figsize=(11, 4.2), layout="constrained")
    names = list(speed.stages)[::-1]
    bars = stages.barh(names, [speed.stages[name] for name in names], color="tab:blue")
    stages.bar_label(bars, fmt="%.2f", padding=3)
    stages.margins(x=0.12)
    stages.set(title=f"One example: {speed.ms_per_example:.2f} ms on one core", xlabel="ms")
    counts = [str(count) if count else "threads" for count in speed.workers]
    bars = workers.bar(counts, list(speed.workers.values()), color="tab:green")
    workers.bar_label(bars, fmt="%.0f")
    workers.margins(y=0.12)
    workers.set(title="Batches over processes", xlabel="processes", ylabel="images/s")
    for axis in (stages, workers):
        axis.spines[["top", "right"]].set_visible(False)
    with new_file(path, DRAWING, replace=replace) as new:
        figure.savefig(new, dpi=110, metadata={"Software": SOFTWARE})
    pyplot.close(figure)

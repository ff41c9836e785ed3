"""What people see of measurements: tables for the terminal, a picture."""

import os
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from multibox.bench.pipeline import PipelineSpeed
from multibox.draw import DRAWING, SOFTWARE
from multibox.writing import new_file

if TYPE_CHECKING:
    from multibox.bench.predicting import PredictionSpeed
    from multibox.bench.training import TrainingSpeed


def print_pipeline(speed: PipelineSpeed) -> None:
    """Print the stages of an example, and images a second over processes."""
    stages = Table("stage", "ms", "share")
    stages.columns[1].justify = stages.columns[2].justify = "right"
    for name, ms in speed.stages.items():
        stages.add_row(name, f"{ms:.3f}", f"{ms / speed.ms_per_example:.0%}")
    stages.add_section()
    stages.add_row("an example", f"{speed.ms_per_example:.3f}", f"{speed.images_per_second_per_core:.0f} images/s")
    workers = Table("processes", "images/s")
    workers.columns[1].justify = "right"
    for count, rate in speed.workers.items():
        workers.add_row(str(count) if count else "0 (threads)", f"{rate:.0f}")
    console = Console()
    console.print(stages, workers)
    kb = {name: f"{size / 1000:.0f} kB" for name, size in speed.bytes_per_example.items()}
    console.print(
        f"An example reads {kb['encoded']} and sends {kb['image']} of pixels and {kb['targets']} of targets.",
        highlight=False,
    )


def print_training(speed: "TrainingSpeed") -> None:
    """Print what a training step costs."""
    table = Table("a step of training", f"batch {speed.batch}")
    table.columns[1].justify = "right"
    rows = {
        "images a second": f"{speed.images_per_second:.1f}",
        "ms": f"{speed.step_ms:.1f}",
        "ms of the bare step": f"{speed.bare_step_ms:.1f}",
        "times the bare step": f"{speed.ratio:.3f}",
        "waiting for data": f"{speed.data_wait_share:.1%}",
        "peak memory": f"{speed.peak_memory_mb:,.0f} MB",
        "GFLOP an image": f"{speed.flops_per_image / 1e9:.1f}",
        "of the chip's peak": "not known" if speed.flops_share is None else f"{speed.flops_share:.1%}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console = Console()
    console.print(table)
    console.print(f"{speed.backend}, {speed.precision}, on: {speed.device}", highlight=False)


def print_prediction(speed: "PredictionSpeed") -> None:
    """Print what detection costs in each runtime."""
    table = Table("runtime", "p50", "p95", "decode", "resize", "network", "post", "images/s")
    if speed.peer:
        table.add_column(f"times {speed.peer}")
    for name, figures in speed.runtimes.items():
        steps = figures.decode_ms, figures.resize_ms, figures.network_ms, figures.postprocess_ms
        row = [f"{figures.p50_ms:.1f}", f"{figures.p95_ms:.1f}", *(f"{ms:.2f}" for ms in steps)]
        times = [] if figures.times_peer is None else [f"{figures.times_peer:.2f}"]
        table.add_row(name, *row, f"{figures.images_per_second:.1f}", *times)
    for column in table.columns[1:]:
        column.justify = "right"
    console = Console()
    console.print(table)
    console.print(
        f"Milliseconds. p50 and p95: of a batch of {speed.batch}, from the files' bytes to detections; the steps: of "
        f"an image; post: what follows the network. {speed.threads} threads of: {speed.processor}",
        highlight=False,
    )
    for name, reason in speed.left_out.items():
        console.print(f"{name} is left out: {reason}", highlight=False)
    if speed.peer_ms is not None:
        alone = f"{speed.peer}: its network alone took {speed.peer_ms:.1f} ms, and is compared with all of ours"
        console.print(alone, highlight=False)


def plot_pipeline(speed: PipelineSpeed, path: str | os.PathLike[str], *, replace: bool = False) -> None:
    """Draw the same as a picture.

    Args:
        speed: what was measured.
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

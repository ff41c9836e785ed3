"""Detection on a cluster: tasks read images, actors run the model, and this process writes the detections."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from signal import SIGINT
from typing import Any, Final

from multibox.detect.detector import BATCH
from multibox.detect.load import load
from multibox.errors import BadInput, RunFailed, Stopped, first_line
from multibox.predict.on_ray.files import find_files, read_file
from multibox.predict.on_ray.model_file import digest, pack, unpack
from multibox.predict.on_ray.parts import PART, Manifest, open_run, part_path
from multibox.predict.on_ray.ray_cluster import READING, Share, joined, nodes_of
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source
from multibox.progress import Progress
from multibox.runtimes.choose import model_file
from multibox.runtimes.packages import require_package

READ: Final = 32
"""Number of images that one task reads."""

BLOCK: Final = 16 * 2**20
"""Number of bytes of image files that are sent to a detector together. A larger image is sent alone."""


def predict_on_ray(
    model: str | os.PathLike[str],
    paths: Iterable[str | os.PathLike[str]],
    out: str | os.PathLike[str],
    *,
    score: float | None = None,
    batch: int = BATCH,
    runtime: str | None = None,
    threads: int | None = None,
    part: int = PART,
    progress: Progress | None = None,
    **options: Any,
) -> Iterator[Prediction]:
    """Detect objects in images on the Ray cluster at ``RAY_ADDRESS``, or on a cluster on this machine if it is not set.

    Parts that are already in ``out`` are not computed again.

    Args:
        model: Path of a model file, which is sent to the machines, or ``voc20``.
        paths: Paths, folders, globs or URIs of images, as :func:`~multibox.predict.on_ray.files.find_files` takes them.
            Every machine must be able to read the files by the same paths.
        out: Folder on this machine for the parts of the run: Parquet files and a manifest.
        score: Score that detections must exceed, in [0, 1]. None takes the model's thresholds for display.
        batch: Number of images that go through the network together.
        runtime: Name of the runtime. None takes the default for the kind of model file.
        threads: Number of CPU threads of each detector. None means one, with as many detectors as there are cores.
        part: Number of images per part of a new run.
        progress: Function called as work advances, with the number of finished images and of all images to detect in
            this call.
        options: Further options of :func:`~multibox.detect.load.load`, such as ``tta``.

    Yields:
        Prediction of each image, sorted by file, once all parts are complete. Parts of earlier calls are included.

    Raises:
        BadInput: An image, the model or an option is invalid, or ``out`` holds a different run or other files.
        RunFailed: The cluster failed. Complete parts stay in ``out``.
        Stopped: The user pressed Ctrl-C. Complete parts stay in ``out``.
    """
    require_package("pyarrow", "engine", "PyArrow", "ray")
    files, model, folder = find_files(paths), model_file(model, runtime, backend=options.get("backend")), Path(out)
    work = {"score": score, "batch": batch, "runtime": runtime, "threads": threads or 1, **options}
    detector = load(model, runtime=runtime, threads=work["threads"], **options)  # errors show here, in one line
    packed = pack(model)
    given = {"score": score, **options}
    settings = {name: value for name, value in given.items() if value is not None and value is not False}
    with open_run(folder, Manifest(digest(packed), detector.classes, settings, tuple(files), part)) as manifest:
        if manifest.missing(folder):
            _detect_missing(manifest, folder, packed, model, work, progress)
        from multibox.predict.on_ray.parquet import read_part

        for number in manifest.parts:
            yield from read_part(part_path(folder, number), manifest.classes)


def _detect_missing(
    manifest: Manifest,
    folder: Path,
    packed: dict[str, bytes],
    model: Path,
    work: dict[str, Any],
    progress: Progress | None,
) -> None:
    from multibox.predict.on_ray.parquet import PartWriter

    writer = PartWriter(folder, manifest)
    missing = [position for number in manifest.missing(folder) for position in manifest.positions(number)]
    try:
        with joined() as ray:
            done = 0
            for table in _found(ray, manifest.files, missing, packed, model, work):
                writer.add(table)
                done += table.num_rows
                if progress:
                    progress(done, len(missing))
    except KeyboardInterrupt:
        raise Stopped(f"stopped; {_to_go_on(writer.missing, manifest)}", SIGINT) from None
    except (BadInput, RunFailed, OSError):
        raise
    except Exception as error:  # Ray's errors have many classes
        raise RunFailed(f"Ray: {_cause(error)}; {_to_go_on(writer.missing, manifest)}") from error
    if writer.missing:
        raise RunFailed(f"Ray returned no results for some images; {_to_go_on(writer.missing, manifest)}")


def _found(
    ray: Any, files: tuple[str, ...], missing: list[int], packed: dict[str, bytes], model: Path, work: dict[str, Any]
) -> Iterator[Any]:
    """Detect in the missing images, and yield tables of predictions in any order."""
    import pyarrow as pa
    import ray.data as ray_data

    on_gpu = model.suffix == ".keras" and ray.cluster_resources().get("GPU", 0) > 0
    share = Share.of(work["threads"], on_gpu)
    actors = share.fitting(nodes_of(ray))
    if not actors:
        raise BadInput("threads", f"{work['threads']}: no machine of the cluster has so many cores; use fewer threads")
    chunks = [missing[start : start + READ] for start in range(0, len(missing), READ)]
    tables = [pa.table({"position": chunk, "file": [files[position] for position in chunk]}) for chunk in chunks]
    context = ray_data.DataContext.get_current().copy()
    context.target_max_block_size = BLOCK
    context.enable_progress_bars = False
    with ray_data.DataContext.current(context):
        found = (
            ray_data.from_arrow(tables)
            .map_batches(_read, batch_size=None, batch_format="pyarrow", num_cpus=READING)
            .map_batches(
                _Detect,
                fn_constructor_args=(ray.put(packed), model.name, work),
                batch_size=None,
                batch_format="pyarrow",
                compute=ray_data.ActorPoolStrategy(min_size=min(actors, len(tables))),
                num_cpus=share.cpus,
                num_gpus=share.gpus,
            )
        )
        yield from found.iter_batches(batch_size=None, batch_format="pyarrow")


def _read(files: Any) -> Iterator[Any]:
    """Add to each file its content, or the reason why it cannot be read."""
    import pyarrow as pa

    for position, name in zip(files["position"].to_pylist(), files["file"].to_pylist(), strict=True):
        encoded, error = b"", None
        try:
            encoded = read_file(name)
        except BadInput as reason:
            error = str(reason)
        columns = {"position": [position], "file": [name], "encoded": [encoded], "error": [error]}
        schema = {"position": pa.int64(), "file": pa.string(), "encoded": pa.large_binary(), "error": pa.string()}
        yield pa.table(columns, pa.schema(schema))


class _Detect:
    """A detector on the cluster: a Ray actor that loads the model once."""

    def __init__(self, packed: Any, name: str, work: dict[str, Any]):
        import cv2
        import ray

        options = dict(work)
        self._score, self._batch = options.pop("score"), options.pop("batch")
        cv2.setNumThreads(options["threads"])
        with tempfile.TemporaryDirectory() as folder:
            unpack(ray.get(packed), Path(folder))
            self._detector = load(Path(folder) / name, **options)

    def __call__(self, pictures: Any) -> Any:
        from multibox.predict.on_ray.parquet import to_table

        rows = pictures.to_pylist()
        sources = [Source(row["file"], encoded=row["encoded"]) for row in rows if row["error"] is None]
        found = predict(self._detector, sources, score=self._score, batch=self._batch, keep=False)
        predictions = [
            next(found) if row["error"] is None else Prediction(Source(row["file"]), error=row["error"]) for row in rows
        ]
        return to_table([row["position"] for row in rows], predictions)


def _cause(error: Exception) -> str:
    """The last line of Ray's message, which holds the error itself. The lines before it are the traceback."""
    return (str(error).strip().splitlines() or [first_line(error)])[-1]


def _to_go_on(missing: int, manifest: Manifest) -> str:
    whole = len(manifest.parts) - missing
    return f"{whole} of {len(manifest.parts)} parts are complete; run the same command again to resume"

"""Detect in pictures on a cluster: tasks read, actors hold the model, and this process writes what they find."""

import os
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from signal import SIGINT
from typing import Any, Final

from multibox.detect.detector import BATCH
from multibox.detect.load import load
from multibox.errors import BadInput, RunFailed, Stopped, first_line
from multibox.predict.on_ray.cluster import READING, Share, joined, nodes_of
from multibox.predict.on_ray.files import find_files, read_file
from multibox.predict.on_ray.model_file import digest, pack, unpack
from multibox.predict.on_ray.parts import PART, Manifest, open_run, part_path
from multibox.predict.predict import Prediction, predict
from multibox.predict.sources import Source
from multibox.progress import Progress
from multibox.runtimes.choose import model_file
from multibox.runtimes.packages import require_package

READ: Final = 32
"""Pictures that a task reads."""

BLOCK: Final = 16 * 2**20
"""Bytes of pictures that go to an actor together; of larger pictures, one does."""


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
    """Detect in pictures on the cluster of ``RAY_ADDRESS``, or without it on one of this machine.

    Parts that are in ``out`` already are not made again.

    Args:
        model: a model file; it is sent to the machines.
        paths: Paths as :func:`~multibox.predict.on_ray.files.find_files` takes them. Every machine must see
            the files under the same names.
        out: the folder of this machine for the parts, see :mod:`~multibox.predict.on_ray.parts`.
        score: detections must exceed it; without it, the model's thresholds for people.
        batch: images that go through the network together.
        runtime: see :func:`~multibox.detect.load.load`.
        threads: of each actor; None: one, with as many actors as there are cores.
        part: pictures in a part of a new run.
        progress: Called as images are done, with the number of images done and the number of images to do in this run.
        options: others of :func:`~multibox.detect.load.load`.

    Yields:
        once all parts are whole, what came of each picture, sorted by file; the earlier runs' too.

    Raises:
        BadInput: the pictures, the model or an option is wrong, or ``out`` holds something else.
        RunFailed: the cluster gave up; what is whole stays.
        Stopped: by Ctrl-C; what is whole stays.
    """
    require_package("pyarrow", "--engine ray", "PyArrow", "ray")
    files, model, folder = find_files(paths), model_file(model, runtime), Path(out)
    work = {"score": score, "batch": batch, "runtime": runtime, "threads": threads or 1, **options}
    detector = load(model, runtime=runtime, threads=work["threads"], **options)  # what is wrong shows here, in one line
    packed = pack(model)
    given = {"score": score, **options}
    settings = {name: value for name, value in given.items() if value is not None and value is not False}
    with open_run(folder, Manifest(digest(packed), detector.classes, settings, tuple(files), part)) as manifest:
        if manifest.missing(folder):
            _detect_missing(manifest, folder, packed, model, work, progress)
        from multibox.predict.on_ray.rows import read_part

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
    from multibox.predict.on_ray.rows import PartWriter

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
    except Exception as error:  # Ray's own are of many kinds
        raise RunFailed(f"Ray: {_cause(error)}; {_to_go_on(writer.missing, manifest)}") from error
    if writer.missing:
        raise RunFailed(f"Ray lost pictures; {_to_go_on(writer.missing, manifest)}")


def _found(
    ray: Any, files: tuple[str, ...], missing: list[int], packed: dict[str, bytes], model: Path, work: dict[str, Any]
) -> Iterator[Any]:
    """Tables of what was found, in any order."""
    import pyarrow as pa
    import ray.data as ray_data

    on_gpu = model.suffix == ".keras" and ray.cluster_resources().get("GPU", 0) > 0
    share = Share.of(work["threads"], on_gpu)
    actors = share.fitting(nodes_of(ray))
    if not actors:
        raise BadInput("threads", f"{work['threads']}: no machine of the cluster has so many cores; give fewer")
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
    """Add to each file its bytes, or why it cannot be read."""
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
    """An actor: it loads the model once."""

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
        from multibox.predict.on_ray.rows import to_table

        rows = pictures.to_pylist()
        sources = [Source(row["file"], encoded=row["encoded"]) for row in rows if row["error"] is None]
        found = predict(self._detector, sources, score=self._score, batch=self._batch, keep=False)
        predictions = [
            next(found) if row["error"] is None else Prediction(Source(row["file"]), error=row["error"]) for row in rows
        ]
        return to_table([row["position"] for row in rows], predictions)


def _cause(error: Exception) -> str:
    """The last line of what Ray says, which is the error itself where others are the way to it."""
    return (str(error).strip().splitlines() or [first_line(error)])[-1]


def _to_go_on(missing: int, manifest: Manifest) -> str:
    whole = len(manifest.parts) - missing
    return f"{whole} of {len(manifest.parts)} parts are whole; run the same command to go on"

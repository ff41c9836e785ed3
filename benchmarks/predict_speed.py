"""How fast detection is on a CPU: the figures that Multibox promises, each beside what it promises.

    python benchmarks/predict_speed.py [--threads 2] [--rounds 5] [--images 8] [--vgg FILE.onnx] [--light FILE.onnx]

SSD300-VGG16, one image, against the network of torchvision's `ssd300_vgg16` in PyTorch's eager mode, in turns, with as
many threads: in float32, then from OpenVINO's file of half precision; SSDLite on EfficientNet-Lite0 through files; how
long a new process takes to print its first detection.
Without model files, networks of random weights are made, which needs `multibox[train,export]`; speed does not depend on
the weights, but what follows the network depends on how much is found. A quiet machine is needed. The peer needs
`pip install -r benchmarks/requirements-peers.txt`, the best runtimes `multibox[openvino,mnn]`.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from multibox.bench.predicting import PredictionSpeed, measure_prediction, write_scenes
from multibox.detect.detector import BATCH

PROMISED = {
    "vgg_onnx_times_peer": ">= 1.8",
    "vgg_best_times_peer": ">= 2.8",
    "vgg_half_times_peer": ">= 2.8",
    "vgg_beyond_network_ms": "<= 6",
    "light_images_per_second": ">= 40",
    "light_share_of_network": ">= 0.78",
    "light_first_detection_seconds": "<= 1",
}


def make_model(preset: str, overrides: tuple[str, ...], path: Path) -> Path:
    """Write an ONNX file of a preset's network, with random weights and VOC's number of classes."""
    from multibox.models.backend import import_keras

    import_keras()
    from multibox.bench.scenes import CLASSES
    from multibox.config_file import load_config
    from multibox.export import write_onnx
    from multibox.models.maps import feature_maps
    from multibox.models.schema import Schema
    from multibox.models.ssd import build

    config = load_config(preset, ("network.weights=none", *overrides))
    schema = Schema(network=config.network, maps=feature_maps(config.network), classes=CLASSES, priors=config.priors)
    write_onnx(build(config.network, len(CLASSES), config.priors), schema, path)
    return path


def halved(model: Path, out: Path) -> Path:
    """Write an ONNX file anew as OpenVINO's, in half precision."""
    import onnx

    from multibox.export.openvino import write_openvino
    from multibox.models.file import read_onnx_schema

    write_openvino(onnx.load(model), read_onnx_schema(model), out, precision="fp16")
    return out


def vgg_figures(speed: PredictionSpeed) -> dict[str, float | str]:
    """ONNX Runtime and the best runtime, from the files' bytes to detections, against the peer's network alone."""
    times = {name: figures.times_peer or 0.0 for name, figures in speed.runtimes.items()}
    best = max(times, key=times.__getitem__)
    return {
        "vgg_onnx_times_peer": times["onnx"],
        "vgg_best_times_peer": times[best],
        "vgg_best_runtime": best,
        "vgg_beyond_network_ms": speed.runtimes[best].beyond_network_ms,
    }


def light_figures(speed: PredictionSpeed) -> dict[str, float | str]:
    """The best runtime through files, in batches, and what share it has of what the network alone would do."""
    best = max(speed.runtimes, key=lambda name: speed.runtimes[name].images_per_second)
    figures = speed.runtimes[best]
    return {
        "light_images_per_second": figures.images_per_second,
        "light_best_runtime": best,
        "light_share_of_network": figures.images_per_second * figures.network_ms / 1000,
    }


def first_detection(model: Path, rounds: int) -> float:
    """Seconds from the start of a new process until it has printed what is in one picture: the median.

    One process goes before, which brings the files into memory.
    """
    with tempfile.TemporaryDirectory() as folder:
        (picture,) = write_scenes(Path(folder), 1)
        command = [sys.executable, "-m", "multibox", "predict", str(model), str(picture), "--json"]
        seconds = []
        for number in range(1 + rounds):
            start = time.perf_counter()
            with subprocess.Popen([*command, "--out", f"{folder}/{number}"], stdout=subprocess.PIPE) as process:
                assert process.stdout is not None
                process.stdout.readline()
                seconds.append(time.perf_counter() - start)
                process.stdout.read()
            if process.returncode:
                sys.exit(process.returncode)
        return statistics.median(seconds[1:])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--images", type=int, default=8)
    parser.add_argument("--vgg", type=Path, help="an ONNX file of SSD300-VGG16")
    parser.add_argument("--light", type=Path, help="an ONNX file of SSDLite on EfficientNet-Lite0")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        vgg = arguments.vgg or make_model("ssd300-vgg16-voc07", (), Path(folder) / "vgg.onnx")
        light = arguments.light or make_model(
            "ssdlite-efficientnet", ("network.batch_norm=trained",), Path(folder) / "light.onnx"
        )
        measured = {"threads": arguments.threads, "rounds": arguments.rounds, "images": arguments.images}
        vgg_speed = measure_prediction([vgg], peer="torchvision", **measured)
        half_speed = measure_prediction([halved(vgg, Path(folder) / "half.xml")], peer="torchvision", **measured)
        light_speed = measure_prediction(
            [light], batch=BATCH, **measured | {"images": max(arguments.images, 4 * BATCH)}
        )
        figures = (
            vgg_figures(vgg_speed)
            | {"vgg_half_times_peer": half_speed.runtimes["openvino"].times_peer or 0.0}
            | light_figures(light_speed)
            | {
                "light_first_detection_seconds": first_detection(light, arguments.rounds),
            }
        )
    for name, value in figures.items():
        shown = value if isinstance(value, str) else f"{value:.2f}"
        print(f"{name:32}{shown:>8}  {PROMISED.get(name, '')}", file=sys.stderr)
    speeds = {"vgg": vgg_speed, "vgg_half": half_speed, "light": light_speed}
    print(json.dumps({name: speed.to_json() for name, speed in speeds.items()} | figures, indent=1))


if __name__ == "__main__":
    main()

"""Propose priors that fit a dataset, by clustering the shapes of its objects.

The distance of two boxes is 1 - IoU with a common centre, so that large boxes count no more than small ones (k-means as
in YOLOv2, arXiv 1612.08242, section 2, "Dimension Clusters").
"""

from collections.abc import Callable
from functools import partial
from itertools import pairwise, product
from pathlib import Path
from typing import Any, Final

import numpy as np
import yaml

from multibox.config import Config, Priors
from multibox.config_file import presets, with_overrides
from multibox.errors import BadInput
from multibox.inspection.coverage import REACHED, best_ious
from multibox.models.maps import feature_maps
from multibox.writing import Kind, new_file

MOST: Final = 50_000
"""Largest number of objects that are clustered. More objects would hardly change the clusters."""

MOST_SCORED: Final = 1000
"""Largest number of objects on which a change of the priors is scored."""

FACTORS: Final = (1.2, 1.06)
"""Factors by which the hill climbing raises and lowers prior sizes and ratios: first coarse steps, then fine ones."""

CLIMBS: Final = 3
"""Largest number of passes of the hill climbing with each factor. A pass tries every size and ratio once."""

MOST_TRIED: Final = 400
"""Largest number of changes that are scored. The default priors never need as many. With dozens of ratios, scoring all
would take minutes."""

ROUNDS: Final = 100
"""Largest number of rounds of k-means, which usually converges after a few."""

SHORTEST: Final = 1e-3
"""Smallest side of an object, pixels. Smaller sides, which can result from rounding, are raised to this value."""

CELLS: Final = 2.0
"""Smallest side of a map's priors, in cells of the map. Smaller priors would leave gaps between the cells."""

GROWTH: Final = 1.15
"""Smallest ratio between the prior sizes of two consecutive feature maps."""

LEAST_RATIO: Final = 1.2
"""Smallest aspect ratio that is proposed. A prior with a smaller ratio would be nearly square."""

PROPOSAL: Final = Kind("configuration with proposed priors")


def cluster_shapes(sides: np.ndarray, count: int) -> np.ndarray:
    """Cluster boxes by their shape, with 1 - IoU as the distance.

    Args:
        sides: ``(N, 2)`` widths and heights of the boxes, in any unit. N is at least 1.
        count: Number of clusters, K.

    Returns:
        ``(K, 2)`` mean widths and heights of the clusters, in rising order of area. The same boxes always give the same
        clusters.
    """
    by_area = sides[np.argsort(sides.prod(axis=1), kind="stable")]
    centers = by_area[((np.arange(count) + 0.5) / count * len(sides)).astype(int)]  # one in each quantile
    members = np.full(len(sides), -1)
    for _ in range(ROUNDS):
        nearest = shape_iou(sides, centers).argmax(axis=1)
        if (nearest == members).all():
            break
        members = nearest
        centers = np.array(
            [sides[members == k].mean(axis=0) if (members == k).any() else centers[k] for k in range(count)]
        )
    return centers[np.argsort(centers.prod(axis=1), kind="stable")]


def shape_iou(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """IoU of widths and heights ``(N, 2)`` with ``(M, 2)``, as boxes with a common centre: ``(N, M)``."""
    overlap = np.minimum(a[:, None], b[None]).prod(axis=2)
    return overlap / (a.prod(axis=1)[:, None] + b.prod(axis=1) - overlap)


def propose_priors(boxes_rel: np.ndarray, config: Config) -> Priors:
    """Propose sizes and ratios of priors that overlap the objects better.

    First, clusters of the objects give a start: one cluster for the size of each map, and clusters among the objects of
    about that size for its ratios. Clusters ignore that priors lie on grids, so that a small prior may be too far from
    an object. So the better of this start and the configured priors is then adjusted, one size or ratio at a time, as
    long as the fit on the grids improves.

    The number of sizes and ratios does not change, so that the network's cost stays the same.

    Args:
        boxes_rel: ``(N, 4)`` corners x0, y0, x1, y1 of the objects, relative to the network's input. N is at least 1.
        config: Configuration of the network and the priors to improve.

    Returns:
        The proposed priors. Only their sizes and ratios differ from the configured ones.

    Raises:
        BadInput: The configured priors do not fit the network, or are given by their shapes.
    """
    if config.priors.shapes:
        raise BadInput("priors.shapes", "only sizes and ratios can be proposed; set priors.shapes=[] to get a proposal")
    start = _of_clusters(_some(boxes_rel, MOST), config)
    fitness = partial(_fitness, _some(boxes_rel, MOST_SCORED), config)
    return _climb(max(start, config.priors, key=fitness), fitness)


def _some(boxes: np.ndarray, most: int) -> np.ndarray:
    """Select about ``most`` boxes at most, evenly spread over all boxes."""
    return boxes[:: -(-len(boxes) // most)]


def _fitness(boxes_rel: np.ndarray, config: Config, priors: Priors) -> float:
    """Mean best IoU of the objects minus the share of unreached objects. Priors are not clipped."""
    whole = priors.model_copy(update={"clip": False})
    best = best_ious(boxes_rel, config.model_copy(update={"priors": whole}))
    return float(best.mean() - (best < REACHED).mean())


def _climb(priors: Priors, fitness: Callable[[Priors], float]) -> Priors:
    """Change one size or ratio at a time, by ever smaller factors, as long as the fitness rises."""
    best, tried = fitness(priors), 0
    for factor in FACTORS:
        for _ in range(CLIMBS):
            before = best
            for place, by in product(_places(priors), (factor, 1 / factor)):
                moved = _moved(priors, place, by) if tried < MOST_TRIED else None
                tried += moved is not None
                if moved is not None and (score := fitness(moved)) > best:
                    priors, best = moved, score
            if best == before:
                break
    return priors


Place = tuple[int, int | None]
"""Identifies a size or a ratio of the priors: the position of a size and None, or the position of a map and of one of
its ratios."""


def _places(priors: Priors) -> list[Place]:
    sizes: list[Place] = [(i, None) for i in range(len(priors.sizes))]
    return sizes + [(i, k) for i, ratios in enumerate(priors.ratios) for k in range(len(ratios))]


def _moved(priors: Priors, place: Place, by: float) -> Priors | None:
    """Priors with one size or ratio changed by a factor. None if sizes would not rise, or a ratio were near 1."""
    i, k = place
    if k is None:
        sizes = (*priors.sizes[:i], round(priors.sizes[i] * by, 1), *priors.sizes[i + 1 :])
        rise = all(low < high for low, high in pairwise((0.0, *sizes)))
        return priors.model_copy(update={"sizes": sizes}) if rise else None
    own = list(priors.ratios[i])
    own[k] = round(own[k] * by, 2)
    if own[k] < LEAST_RATIO:
        return None
    return priors.model_copy(update={"ratios": (*priors.ratios[:i], tuple(own), *priors.ratios[i + 1 :])})


def _of_clusters(boxes_rel: np.ndarray, config: Config) -> Priors:
    extent = np.array(config.network.size[::-1], np.float64)
    sides = (boxes_rel[:, 2:] - boxes_rel[:, :2]).astype(np.float64) * extent
    sides = np.maximum(sides, SHORTEST)
    maps = feature_maps(config.network)
    wanted = np.sqrt(cluster_shapes(sides, len(maps)).prod(axis=1))
    sizes: list[float] = []
    for fmap, size in zip(maps, wanted, strict=True):
        carried = min(CELLS * max(fmap.step_x, fmap.step_y), 0.9 * min(extent))
        sizes.append(max(float(size), carried, GROWTH * sizes[-1] if sizes else 0.0))
    sizes.append(max(GROWTH * sizes[-1], float(np.quantile(np.sqrt(sides.prod(axis=1)), 0.99))))
    scale = min(extent) / config.priors.at
    ratios = _ratios(sides, np.array(sizes[:-1]), [len(given) for given in config.priors.ratios])
    return config.priors.model_copy(
        update={"sizes": tuple(round(float(size / scale), 1) for size in sizes), "ratios": ratios}
    )


def _ratios(sides: np.ndarray, sizes: np.ndarray, counts: list[int]) -> tuple[tuple[float, ...], ...]:
    """Compute the ratios of each map from the objects of about its size, or from all objects if these are few."""
    logs = np.abs(np.log(sides[:, 0] / sides[:, 1]))
    nearest = np.abs(np.log(np.sqrt(sides.prod(axis=1)))[:, None] - np.log(sizes)).argmin(axis=1)
    ratios = []
    for k, count in enumerate(counts):
        own = logs[nearest == k]
        ratios.append(_ratios_of(own if len(own) >= 10 * (count + 1) else logs, count))
    return tuple(ratios)


def _ratios_of(logs: np.ndarray, count: int) -> tuple[float, ...]:
    """Cluster aspect ratios, without the square, which every map has.

    Args:
        logs: ``(N,)`` natural logarithms of the objects' aspect ratios: the longer side divided by the shorter.
        count: Number of ratios.

    Returns:
        The ratios in rising order, at least :data:`LEAST_RATIO`.
    """
    shapes = np.stack([np.exp(logs / 2), np.exp(-logs / 2)], axis=1)  # of area 1
    centers = np.exp(np.quantile(logs, (np.arange(count) + 1) / (count + 1)))
    for _ in range(ROUNDS):
        boxes = np.stack([np.sqrt([1.0, *centers]), 1 / np.sqrt([1.0, *centers])], axis=1)
        members = shape_iou(shapes, boxes).argmax(axis=1)
        moved = [
            float(np.exp(logs[members == k + 1].mean())) if (members == k + 1).any() else centers[k]
            for k in range(count)
        ]
        if np.allclose(moved, centers):
            break
        centers = np.array(moved)
    ratios: list[float] = []
    for ratio in sorted(centers):
        ratios.append(round(max(float(ratio), LEAST_RATIO if not ratios else GROWTH * ratios[-1]), 2))
    return tuple(ratios)


def save_proposal(path: str | Path, text: str, *, replace: bool = False) -> None:
    """Write a proposal as a configuration file.

    Args:
        path: Path of the YAML file. An earlier proposal is replaced, unless the file was changed.
        text: Text that :func:`proposal_yaml` returned.
        replace: Whether to replace a file that is not an unchanged proposal.

    Raises:
        BadInput: The path holds another file, and ``replace`` is not set.
    """
    with new_file(path, PROPOSAL, replace=replace) as new:
        new.write_text(text, "utf-8")


def proposal_yaml(priors: Priors, source: str, overrides: Any = ()) -> str:
    """Write a configuration with the proposed priors as YAML text.

    Args:
        priors: Proposed priors.
        source: Preset or file that the configuration extends.
        overrides: Further fields to set: texts ``dotted.name=value``, or a mapping from dotted names to values.

    Returns:
        Text of the YAML file.
    """
    values = {"extends": source} if source in presets() else yaml.safe_load(Path(source).read_text("utf-8")) or {}
    proposed = {"priors.sizes": list(priors.sizes), "priors.ratios": [list(ratios) for ratios in priors.ratios]}
    values = with_overrides(with_overrides(values, overrides), {**proposed, "priors.at": priors.at})
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None)

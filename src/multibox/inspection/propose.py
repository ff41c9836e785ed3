"""Priors that suit a dataset, proposed by clustering the shapes of its objects.

The distance of two boxes is 1 - IoU with their centres on each other, so that large boxes weigh no more than small ones
(k-means as in YOLOv2, arXiv 1612.08242, section 2, "Dimension Clusters").
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
from multibox.inspection.coverage import REACHED, best_ious
from multibox.models.maps import feature_maps
from multibox.writing import Kind, new_file

MOST: Final = 50_000
"""Objects that are clustered, spread evenly; more would say the same."""

MOST_JUDGED: Final = 1000
"""Objects that changes are judged by."""

FACTORS: Final = (1.2, 1.06)
"""By which numbers are changed, either way."""

CLIMBS: Final = 3
"""Rounds over all numbers with each factor, at most."""

ROUNDS: Final = 100
"""Of k-means at most; it mostly ends after a few."""

SHORTEST: Final = 1e-3
"""Pixels; rounding may leave less of a side, even nothing."""

CELLS: Final = 2.0
"""The least side of a map's priors in cells: smaller ones would leave gaps between the cells."""

GROWTH: Final = 1.15
"""The least factor from one map's size to the next."""

LEAST_RATIO: Final = 1.2
"""A ratio below this is a square."""

PROPOSAL: Final = Kind("configuration with proposed priors")


def cluster(sides: np.ndarray, count: int) -> np.ndarray:
    """Cluster boxes by their shape, with 1 - IoU as the distance.

    Args:
        sides: ``(N, 2)`` widths and heights, N at least 1.
        count: Number of clusters K.

    Returns:
        ``(K, 2)`` mean widths and heights, by area; the same data give the same.
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
    """IoU of boxes ``(N, 2)`` and ``(M, 2)``, widths and heights, with their centres on each other: ``(N, M)``."""
    overlap = np.minimum(a[:, None], b[None]).prod(axis=2)
    return overlap / (a.prod(axis=1)[:, None] + b.prod(axis=1) - overlap)


def propose_priors(boxes_rel: np.ndarray, config: Config) -> Priors:
    """Propose sizes and ratios that overlap some objects better.

    Clusters give a start: one a map for the sizes, and within each map's sizes clusters for its ratios. Clusters ignore
    the grids, on which a small prior may be too far from an object. So the better of that start and the existing priors
    is then adjusted number by number, while the priors on their grids fit better.

    There are as many sizes and ratios as before, so the network costs the same.

    Args:
        boxes_rel: ``(N, 4)`` objects, relative to the network's input; N at least 1.
        config: Configuration of the network, and of the priors to improve.

    Returns:
        The proposal, equal to the existing priors except for sizes and ratios.

    Raises:
        BadInput: If the existing priors do not fit the network.
    """
    start = _of_clusters(_some(boxes_rel, MOST), config)
    judge = partial(_fitness, _some(boxes_rel, MOST_JUDGED), config)
    return _climb(max(start, config.priors, key=judge), judge)


def _some(boxes: np.ndarray, most: int) -> np.ndarray:
    """A limited number of the boxes, evenly spread."""
    return boxes[:: -(-len(boxes) // most)]


def _fitness(boxes_rel: np.ndarray, config: Config, priors: Priors) -> float:
    """Mean best IoU less the share of objects that no prior reaches, computed on whole priors, which is quick."""
    whole = priors.model_copy(update={"clip": False})
    best = best_ious(boxes_rel, config.model_copy(update={"priors": whole}))
    return float(best.mean() - (best < REACHED).mean())


def _climb(priors: Priors, judge: Callable[[Priors], float]) -> Priors:
    """Change one size or ratio at a time, by ever smaller factors, as long as it helps."""
    best = judge(priors)
    for factor in FACTORS:
        for _ in range(CLIMBS):
            before = best
            for place, by in product(_places(priors), (factor, 1 / factor)):
                moved = _moved(priors, place, by)
                if moved is not None and (fitness := judge(moved)) > best:
                    priors, best = moved, fitness
            if best == before:
                break
    return priors


Place = tuple[int, int | None]
"""Of a number: the position of a size, and None; or of a map, and of one of its ratios."""


def _places(priors: Priors) -> list[Place]:
    sizes: list[Place] = [(i, None) for i in range(len(priors.sizes))]
    return sizes + [(i, k) for i, ratios in enumerate(priors.ratios) for k in range(len(ratios))]


def _moved(priors: Priors, place: Place, by: float) -> Priors | None:
    """Priors with one number changed by a factor. None if sizes would not increase or a ratio be near a square's."""
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
    wanted = np.sqrt(cluster(sides, len(maps)).prod(axis=1))
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
    """Ratios of each map: those of the objects nearest to its size, or of all objects if these are few."""
    logs = np.abs(np.log(sides[:, 0] / sides[:, 1]))
    nearest = np.abs(np.log(np.sqrt(sides.prod(axis=1)))[:, None] - np.log(sizes)).argmin(axis=1)
    ratios = []
    for k, count in enumerate(counts):
        own = logs[nearest == k]
        ratios.append(_ratios_of(own if len(own) >= 10 * (count + 1) else logs, count))
    return tuple(ratios)


def _ratios_of(logs: np.ndarray, count: int) -> tuple[float, ...]:
    """Clusters of aspect ratios besides the square, which every map has.

    Args:
        logs: ``(N,)`` logarithms of the longer side over the shorter.
        count: Number of ratios.

    Returns:
        The ratios, increasing, at least :data:`LEAST_RATIO`.
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
    """Write a proposal as a file of its own.

    Args:
        path: Path of the YAML file. An earlier proposal is replaced, unless it was changed since.
        text: Text that :func:`proposal_yaml` returned.
        replace: Whether to replace another file.

    Raises:
        BadInput: There is another file.
    """
    with new_file(path, PROPOSAL, replace=replace) as new:
        new.write_text(text, "utf-8")


def proposal_yaml(priors: Priors, source: str, overrides: Any = ()) -> str:
    """A configuration with other priors, as YAML.

    Args:
        priors: The proposal.
        source: Preset or file that it is based on.
        overrides: Fields that were given besides, as :func:`multibox.config_file.load_config` takes them.

    Returns:
        The text.
    """
    values = {"extends": source} if source in presets() else yaml.safe_load(Path(source).read_text("utf-8")) or {}
    proposed = {"priors.sizes": list(priors.sizes), "priors.ratios": [list(ratios) for ratios in priors.ratios]}
    values = with_overrides(with_overrides(values, overrides), {**proposed, "priors.at": priors.at})
    return yaml.safe_dump(values, sort_keys=False, default_flow_style=None)

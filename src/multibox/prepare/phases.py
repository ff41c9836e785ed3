"""The phases of a run: parts of its steps with a configuration of their own.

A run may begin at a small input size, and mosaic and mixup may end before it does.
"""

from multibox.config import Config

CELL = 32
"""Stride of the trunks in pixels. The sides of a small input are multiples of it."""

SMALLEST = 128
"""Smallest side of an input in pixels."""


def phases(config: Config, images: int) -> dict[int, Config]:
    """Split a run into phases: a new phase begins where the input grows, or where mosaic or mixup end.

    Args:
        config: Configuration of the training run.
        images: Number of images to train on.

    Returns:
        Configuration of each phase, by the index of the phase's first example in the run.
    """
    steps = config.train.epochs * config.train.epoch_steps(images)
    ends = {small_steps(config, steps), *(round(until * steps) for until in _mixes(config).values())}
    starts = [0, *sorted(end for end in ends if 0 < end < steps)]
    return {start * config.train.batch: _at_step(config, start, steps) for start in starts}


def small_steps(config: Config, steps: int) -> int:
    """Number of a run's steps that are trained at the small input size.

    Args:
        config: Configuration of the run.
        steps: Number of steps of the run.
    """
    return round(config.train.small_until * steps) if small_size(config) != config.network.size else 0


def small_size(config: Config) -> tuple[int, int]:
    """Height and width in pixels of the input in the first part of a run.

    An input keeps its size if the network or its priors are made for it, as a graph of layers is and priors in pixels
    are.
    """
    network, priors = config.network, config.priors
    if config.train.small_size == 1 or network.graph or priors.shapes or priors.steps:
        return network.size
    height, width = (
        min(side, max(SMALLEST, CELL * round(config.train.small_size * side / CELL))) for side in network.size
    )
    return height, width


def at_size(config: Config, size: tuple[int, int]) -> Config:
    """Configuration of a run that trains at one size of the input.

    Args:
        config: Configuration of the run.
        size: Height and width of the input in pixels.
    """
    fields = {
        "network": config.network.model_copy(update={"size": size}),
        "train": config.train.model_copy(update={"small_size": 1.0}),
    }
    return config.model_copy(update=fields)


def _mixes(config: Config) -> dict[str, float]:
    """Share of the run's steps after which mosaic and mixup are switched off, of those that are used."""
    mixes = {name: getattr(config.augment, name) for name in ("mosaic", "mixup")}
    return {name: mix.until for name, mix in mixes.items() if mix.probability and mix.until < 1}


def _at_step(config: Config, step: int, steps: int) -> Config:
    over = [name for name, until in _mixes(config).items() if step >= round(until * steps)]
    without = {name: getattr(config.augment, name).model_copy(update={"probability": 0.0}) for name in over}
    config = config.model_copy(update={"augment": config.augment.model_copy(update=without)})
    size = small_size(config) if step < small_steps(config, steps) else config.network.size
    return at_size(config, size)

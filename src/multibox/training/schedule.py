"""The learning rate at each step."""

import math
from typing import Any

import keras
from keras import ops

from multibox.config import Train


@keras.saving.register_keras_serializable("multibox")
class Schedule(keras.optimizers.schedules.LearningRateSchedule):
    """Learning rate that warms up linearly, then falls in steps or along a cosine.

    Args:
        config: Training configuration. The fields ``lr``, ``warmup_steps``, ``schedule`` and ``milestones`` are used.
        steps_per_epoch: Number of training steps in an epoch.
    """

    def __init__(self, config: Train, steps_per_epoch: int):
        self.config = config
        self.steps_per_epoch = steps_per_epoch
        self.total = config.epochs * steps_per_epoch

    def __call__(self, step: Any) -> Any:
        """The learning rate at a step, counted from 0."""
        step = ops.cast(step, "float32")
        warmup = min(self.config.warmup_steps, self.total)
        rising = (step + 1) / max(1, warmup)
        return self.config.lr * ops.where(step < warmup, rising, self._after(step, warmup))

    def _after(self, step: Any, warmup: int) -> Any:
        if self.config.schedule == "cosine":
            progress = (step - warmup) / max(1, self.total - warmup)
            return 0.5 * (1 + ops.cos(math.pi * ops.clip(progress, 0.0, 1.0)))
        passed = [ops.cast(step >= epoch * self.steps_per_epoch, "float32") for epoch in self.config.milestones]
        return 0.1 ** sum(passed, start=ops.zeros(()))

    def get_config(self) -> dict[str, Any]:
        """Arguments of the constructor by name, as Keras requires."""
        return {"config": self.config.model_dump(), "steps_per_epoch": self.steps_per_epoch}

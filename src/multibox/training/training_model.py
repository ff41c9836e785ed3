"""The Keras model that ``fit`` trains: the network with its loss."""

from typing import Any

import keras
import numpy as np
from keras import ops

from multibox.boxes import VARIANCES
from multibox.config import Loss
from multibox.losses.multibox import multibox_loss
from multibox.training.distribute import sum_over_replicas
from multibox.training.optimizer import ALARM

Tensor = Any


class TrainingModel(keras.Model):
    """A network with the MultiBox loss.

    Targets are ``{"classes": (B, P), "boxes": (B, P, 4)}``, as the pipeline gives them. The loss is float32 whatever
    precision the network computes in, so that Keras leaves loss scaling to the optimizer of this package.

    Args:
        network: Network, as :func:`multibox.models.ssd.build` returns it.
        loss: Configuration of the loss.
        priors_rel: ``(P, 4)`` corners x0, y0, x1, y1 of the network's priors, relative to its input. Required if
            ``loss.sees_boxes``.
        variances: Factors by which deltas are multiplied when boxes are decoded: for cx, cy, w and h.
    """

    def __init__(
        self,
        network: keras.Model,
        loss: Loss,
        priors_rel: np.ndarray | None = None,
        variances: tuple[float, ...] = VARIANCES,
    ):
        super().__init__(name=f"train_{network.name}", dtype="float32")
        if loss.sees_boxes and priors_rel is None:
            raise ValueError(f"the losses {loss.classes} and {loss.boxes} need the priors")
        self.network = network
        self.loss_config = loss
        self.priors = None if priors_rel is None else in_pixels(priors_rel, network.input_shape[1:3])
        self.variances = variances
        self.alarm = self.add_weight((), "zeros", name=ALARM) if network.compute_dtype == "float16" else None
        self.parts = {name: keras.metrics.Mean(name=name) for name in ("classification", "localisation", "positives")}

    def call(self, images: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """Run the network on a batch of images."""
        return self.network(images, training=training)

    def compute_loss(
        self, x: Tensor = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """(Classification + localisation loss) / max(1, positives), with the number of positives of the whole batch.

        If devices share the batch on TensorFlow, the result is one device's part of the loss. The parts and their
        gradients add up to those of the batch. Metrics always cover the whole batch.
        """
        del x, sample_weight, training
        parts = multibox_loss(
            y["classes"],
            y["boxes"],
            y_pred["classes"],
            y_pred["boxes"],
            self.loss_config,
            self.priors,
            self.variances,
            xp=ops,
        )
        images = ops.cast(ops.shape(y["classes"])[0], "float32")
        classification, localisation, positives, images = sum_over_replicas(
            [*map(ops.stop_gradient, parts), images]  # the gradient of a device is that of its own part alone
        )
        divisor = ops.maximum(positives, 1.0)
        self.parts["classification"].update_state(classification / divisor)
        self.parts["localisation"].update_state(localisation / divisor)
        self.parts["positives"].update_state(positives / images)
        return poison((parts.classification + parts.localisation) / divisor, self.alarm)

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing. On TensorFlow Keras would consume a batch here to build a model that is already built."""


def bring_weights_back(callback: keras.callbacks.Callback) -> None:
    """Copy the weights from the compiled step into the model's variables, so that they can be read.

    With JAX, Keras keeps the weights inside the step while ``fit`` runs. Reading the property ``model`` of a callback
    copies them back.
    """
    callback.model  # noqa: B018


def in_pixels(boxes_rel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Convert boxes ``(P, 4)`` from relative coordinates to pixels of an input of ``size`` (height, width): float32."""
    height, width = size
    return np.asarray(boxes_rel * (width, height, width, height), np.float32)


def poison(loss: Tensor, alarm: Tensor = None) -> Tensor:
    """Make every gradient not finite if the loss is not finite, so that the optimizer skips the step.

    Args:
        loss: Loss as a scalar tensor.
        alarm: Variable with the value 0, required for float16. If its gradient is not finite, the loss is not finite.
            With float16, gradients of other variables may overflow although the loss is finite.

    Returns:
        The same loss. If it is not finite, none of its gradients is finite.
    """
    finite = ops.isfinite(loss)
    loss = loss * ops.stop_gradient(ops.where(finite, 1.0, float("nan")))
    return loss if alarm is None else loss + alarm * ops.stop_gradient(ops.where(finite, 0.0, float("nan")))

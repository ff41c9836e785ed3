"""The network with its loss: what ``fit`` trains."""

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

    Its targets are ``{"classes": (B, P), "boxes": (B, P, 4)}``, as the pipeline gives them. It is float32 whatever the
    network computes in, so that Keras leaves the scale of the loss to our optimizer.

    Args:
        network: Network, as :func:`multibox.models.ssd.build` returns it.
        loss: Configuration of the loss.
        priors_rel: ``(P, 4)`` the network's priors, relative to its input. Required if ``loss.sees_boxes``.
        variances: Variances of the deltas.
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
            raise ValueError(f"a loss of {loss.classes} and {loss.boxes} needs the priors")
        self.network = network
        self.loss_config = loss
        self.priors = None if priors_rel is None else in_pixels(priors_rel, network.input_shape[1:3])
        self.variances = variances
        self.alarm = self.add_weight((), "zeros", name=ALARM) if network.compute_dtype == "float16" else None
        self.parts = {name: keras.metrics.Mean(name=name) for name in ("classification", "localisation", "positives")}

    def call(self, images: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """The network's output."""
        return self.network(images, training=training)

    def compute_loss(
        self, x: Tensor = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """(Classification + localisation) / max(1, positives), the positives of the whole batch.

        If devices share the batch on TensorFlow, the result is a device's part of the loss. The parts, and their
        gradients, add up to those of the batch. The metrics cover the whole batch everywhere.
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
        """Keras' hook on TensorFlow, which would take a batch away to build what is built already."""


def bring_weights_back(callback: keras.callbacks.Callback) -> None:
    """Copy the weights from the compiled step into the model's variables, so that they can be read.

    With JAX, Keras keeps the weights inside the step while ``fit`` runs. Reading the property ``model`` of a callback
    copies them back.
    """
    callback.model  # noqa: B018


def in_pixels(boxes_rel: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Boxes ``(P, 4)`` relative to an input of ``size`` height and width, in its pixels: ``(P, 4)`` float32."""
    height, width = size
    return np.asarray(boxes_rel * (width, height, width, height), np.float32)


def poison(loss: Tensor, alarm: Tensor = None) -> Tensor:
    """Make every gradient not finite if the loss is not, so that the optimizer's guard notices.

    Args:
        loss: The loss, a scalar.
        alarm: A variable that is 0, given in float16. Other gradients may overflow although the loss is finite. The
            gradient of this one is 0 then.

    Returns:
        The loss.
    """
    finite = ops.isfinite(loss)
    loss = loss * ops.stop_gradient(ops.where(finite, 1.0, float("nan")))
    return loss if alarm is None else loss + alarm * ops.stop_gradient(ops.where(finite, 0.0, float("nan")))

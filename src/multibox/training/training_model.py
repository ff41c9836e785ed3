"""The Keras model that ``fit`` trains: the network with its loss."""

from collections.abc import Callable
from typing import Any, NamedTuple

import keras
import numpy as np
from keras import ops

from multibox.boxes import VARIANCES
from multibox.config import Loss
from multibox.losses.multibox import multibox_loss
from multibox.models.backend import current
from multibox.models.folded import fold_constant_norms
from multibox.training.distribute import sum_over_replicas
from multibox.training.optimizer import ALARM

Tensor = Any


class Losses(NamedTuple):
    """Losses of a step, as scalar tensors.

    Attributes:
        total: Loss to minimise. If devices share the batch on TensorFlow or PyTorch, it is one
            device's part.
        classification: Classification loss per positive of the whole batch.
        localisation: Box loss per positive of the whole batch.
        positives: Positives per image of the whole batch.
    """

    total: Tensor
    classification: Tensor
    localisation: Tensor
    positives: Tensor


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

    Attributes:
        hand_over: Function that copies the weights to the model of the run. None if this is the model of the run.
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
        self.priors = (
            None if priors_rel is None else current().constant(in_pixels(priors_rel, network.input_shape[1:3]))
        )
        self.variances = variances
        self.alarm = self.add_weight((), "zeros", name=ALARM) if network.compute_dtype == "float16" else None
        self.parts = {name: keras.metrics.Mean(name=name) for name in ("classification", "localisation", "positives")}
        self.hand_over: Callable[[], None] | None = None
        self._torch_step: Any = None
        self._compute = (fold_constant_norms(network) if _folds(network) else network).__call__

    def call(self, images: Tensor, training: bool | None = None) -> dict[str, Tensor]:
        """Run the network on a batch of images. Constant batch normalisation is folded into its convolutions."""
        outputs: dict[str, Tensor] = self._compute(images, training=training)
        return outputs

    def compute_loss(
        self, x: Tensor = None, y: Any = None, y_pred: Any = None, sample_weight: Any = None, training: bool = True
    ) -> Tensor:
        """Compute the loss of a batch, and count it in the metrics."""
        del x, sample_weight, training
        losses = self.batch_losses(y, y_pred, self.alarm)
        self.count(losses)
        return losses.total

    def batch_losses(self, targets: dict[str, Tensor], outputs: dict[str, Tensor], alarm: Tensor = None) -> Losses:
        """(Classification + localisation loss) / max(1, positives), with the number of positives of the whole batch.

        If devices share the batch on TensorFlow or PyTorch, the total is one device's part of the loss. The parts and
        their gradients add up to those of the batch. The other values always cover the whole batch.

        Args:
            targets: ``classes`` ``(B, P)`` and ``boxes`` ``(B, P, 4)``, as the pipeline gives them.
            outputs: Outputs of the network.
            alarm: Value of the variable named :data:`ALARM`, which float16 needs.
        """
        parts = multibox_loss(
            targets["classes"],
            targets["boxes"],
            outputs["classes"],
            outputs["boxes"],
            self.loss_config,
            self.priors,
            self.variances,
            xp=ops,
        )
        images = ops.cast(ops.shape(targets["classes"])[0], "float32")
        classification, localisation, positives, images = sum_over_replicas(
            [*map(ops.stop_gradient, parts), images]  # the gradient of a device is that of its own part alone
        )
        divisor = ops.maximum(positives, 1.0)
        total = poison((parts.classification + parts.localisation) / divisor, alarm)
        return Losses(total, classification / divisor, localisation / divisor, positives / images)

    def count(self, losses: Losses) -> None:
        """Count the losses of a step in the metrics."""
        for name, metric in self.parts.items():
            metric.update_state(getattr(losses, name))

    def train_step(self, *args: Any) -> Any:
        """Make a step as Keras does, or on PyTorch as :class:`multibox.training.torch_step.TorchStep` does."""
        if keras.backend.backend() != "torch":
            return super().train_step(*args)
        if self._torch_step is None:
            from multibox.training.torch_step import TorchStep

            self._torch_step = TorchStep(self)
        images, targets, *_ = keras.tree.map_structure(ops.convert_to_tensor, args[0], none_is_leaf=False)
        return self._torch_step(images, targets)

    def _maybe_symbolic_build(self, *args: Any, **kwargs: Any) -> None:
        """Do nothing. On TensorFlow Keras would consume a batch here to build a model that is already built."""


def _folds(network: keras.Model) -> bool:
    """Whether constant batch normalisation is folded here.

    PyTorch's step folds it by itself. In half precision, a folded kernel would be rounded once more.
    """
    return network.compute_dtype == "float32" and keras.backend.backend() != "torch"


def bring_weights_back(callback: keras.callbacks.Callback) -> None:
    """Copy the weights from the compiled step into the variables of the run, so that they can be read.

    With JAX, Keras keeps the weights inside the step while ``fit`` runs. Reading the property ``model`` of a callback
    copies them into the variables of that model, which may be another one than the model of the run.
    """
    model = callback.model
    if isinstance(model, TrainingModel) and model.hand_over:
        model.hand_over()


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

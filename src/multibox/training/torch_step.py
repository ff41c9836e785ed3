"""The training step on PyTorch: the network in PyTorch's own functions, its loss, its gradients, and one update."""

from typing import Any, TypeAlias

import torch

from multibox.models.torch_network import TorchNetwork
from multibox.models.torch_processes import totals
from multibox.training.joined import join_variables

Tensor: TypeAlias = Any


class TorchStep:
    """Makes the steps of a training model.

    Args:
        model: Training model whose optimizer is built. The variables that it trains are joined.
    """

    def __init__(self, model: Any):
        self.model = model
        self.network = TorchNetwork(model.network)
        self.joined = join_variables(model.optimizer)
        self._places = {id(variable): place for place, variable in enumerate(model.network.variables)}

    def __call__(self, images: Tensor, targets: dict[str, Tensor]) -> dict[str, Any]:
        """Make a step.

        Args:
            images: ``(B, H, W, 3)`` uint8 RGB.
            targets: ``classes`` ``(B, P)`` and ``boxes`` ``(B, P, 4)``, as the pipeline gives them.

        Returns:
            The means of the model's metrics since the start of the epoch.
        """
        optimizer = self.model.optimizer
        weights = [joined.variable.value.detach().requires_grad_() for joined in self.joined]
        losses = self._losses(weights, images, targets)
        gradients = torch.autograd.grad(optimizer.scale_loss(losses.total), weights)
        with torch.no_grad():
            optimizer.apply(list(gradients), [joined.variable for joined in self.joined])
            self.model.count(losses)
            total = totals([losses.total])[0]
            for metric in self.model.metrics:
                if metric.name == "loss":
                    metric.update_state(total, sample_weight=len(images))
        means: dict[str, Any] = self.model.get_metrics_result()
        return means

    def _losses(self, weights: list[Tensor], images: Tensor, targets: dict[str, Tensor]) -> Any:
        tensors, alarm = list(self.network.tensors), None
        for joined, values in zip(self.joined, weights, strict=True):
            for variable, part in zip(joined.members, joined.parts(values), strict=True):
                if variable is self.model.alarm:
                    alarm = part
                else:
                    tensors[self._places[id(variable)]] = part
        return self.model.batch_losses(targets, self.network(images, tensors, training=True), alarm)

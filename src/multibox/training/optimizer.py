"""Optimizers: SGD as in Caffe, and AdamW. Each kind of variable has its own learning rate and weight decay.

A step whose gradients are not finite changes no weights, and the first such step is recorded in the graph. In float16,
gradients may overflow harmlessly, which only lowers the loss scale. Such a step is recorded only if no lower scale
helps.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from multibox.config import Train
from multibox.models.backend import current
from multibox.models.ssd import is_trunk
from multibox.training.distribute import sum_over_replicas
from multibox.training.scale import LossScale

Tensor = Any

ALARM = "alarm"
"""Name of a variable whose gradient is 0, or not finite if the loss is not finite, which no loss scale can correct."""


class GuardedOptimizer(keras.optimizers.Optimizer):
    """Base of both optimizers. It has multipliers for each variable, and skips steps that are not finite.

    Args:
        learning_rate: Learning rate as a number or as a schedule of Keras.
        decay: Weight decay, which each variable's multiplier scales.
        multipliers: Function that returns a variable's two multipliers, of the learning rate and of the weight decay.
        scaled: Whether the loss is scaled, which float16 requires.
    """

    slots: tuple[str, ...] = ()

    def __init__(
        self,
        learning_rate: Any,
        decay: float,
        multipliers: Callable[[Any], tuple[float, float]],
        scaled: bool = False,
        **kwargs: Any,
    ):
        super().__init__(learning_rate, name="optimizer", **kwargs)  # a checkpoint knows its variables by their paths
        self.decay = decay
        self.multipliers = multipliers
        self.scale = LossScale(self.add_variable) if scaled else None

    def build(self, variables: list[Any]) -> None:
        """Create the slots of each variable, and the variable that records the first skipped step."""
        if self.built:
            return
        super().build(variables)
        self._slots = [
            [self.add_variable_from_reference(variable, slot) for slot in self.slots] for variable in variables
        ]
        self._multipliers = [self.multipliers(variable) for variable in variables]
        self.first_skipped = self.add_variable(
            (), initializer=keras.initializers.Constant(-1), dtype="int32", name="first_skipped"
        )

    def apply(self, grads: list[Tensor], trainable_variables: list[Any] | None = None) -> None:
        """Make one step, unless a gradient is not finite.

        Gradients are summed over the devices first, so that all devices clip or skip in the same way.
        """
        grads = sum_over_replicas(list(grads))
        self._finite = ops.all(ops.stack([ops.all(ops.isfinite(grad)) for grad in grads]))
        if not self.built:
            with keras.name_scope(self.name):
                self.build(trainable_variables or [])
        first, step = self.first_skipped.value, ops.cast(self._iterations, "int32")
        self.first_skipped.assign(ops.where(ops.logical_and(self._failed(grads), first < 0), step, first))
        if self.scale:
            grads = [grad / self.scale.factor for grad in grads]
            self.scale.follow(self._finite)
        if self.gradient_accumulation_steps:
            grads = [ops.where(self._finite, grad, 0.0) for grad in grads]  # the others of the sum are still good
            self._finite = ops.convert_to_tensor(True)
        super().apply(grads, trainable_variables)

    def _failed(self, grads: list[Tensor]) -> Tensor:
        """Whether gradients are not finite, and a lower loss scale would not help."""
        failed = ops.logical_not(self._finite)
        if not self.scale:
            return failed
        alarms = [grad for grad, variable in zip(grads, self._trainable_variables, strict=True) if is_alarm(variable)]
        hopeless = [self.scale.lowest, *(ops.logical_not(ops.all(ops.isfinite(grad))) for grad in alarms)]
        return ops.logical_and(failed, ops.any(ops.stack(hopeless)))

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Multiply the loss by the loss scale. Keras calls this before it computes gradients."""
        return loss * self.scale.factor if self.scale else loss

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Leave gradients as they are. ``apply`` has already summed them over devices, before they are clipped."""
        return grads_and_vars

    def finalize_variable_values(self, var_list: list[Any]) -> None:
        """Do nothing. At the end of ``fit`` Keras would replace the weights by their averages for good."""

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Use the running averages of the weights, if there are any, while the block lasts."""
        has_averages = self.use_ema and self.built and int(ops.convert_to_numpy(self.iterations)) > 0
        variables = self._trainable_variables if has_averages else []
        now = [ops.copy(variable.value) for variable in variables]
        try:
            for variable, average in zip(
                variables, self._model_variables_moving_average if variables else [], strict=True
            ):
                variable.assign(ops.copy(average.value))  # JAX's predict gives the memory of the weights away
            yield
        finally:
            for variable, value in zip(variables, now, strict=True):
                variable.assign(value)

    def _backend_update_step(self, grads: list[Tensor], trainable_variables: list[Any], learning_rate: Tensor) -> None:
        """Update all variables. On a graph with branches, a skipped step updates nothing."""
        assign = super()._backend_update_step
        if branches():
            ops.cond(self._finite, lambda: assign(grads, trainable_variables, learning_rate), lambda: None)
        else:
            assign(grads, trainable_variables, learning_rate)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Update a variable and its slots."""
        index = self._get_variable_index(variable)
        rate, decay = self._multipliers[index]
        targets = [variable, *self._slots[index]]
        weights, *slots = before = [ops.convert_to_tensor(target) for target in targets]
        after = self.next_values(weights, slots, gradient, learning_rate * rate, self.decay * decay)
        for target, old, new in zip(targets, before, after, strict=True):
            self.assign(target, new if branches() else ops.where(self._finite, new, old))

    def _update_model_variables_moving_average(self, trainable_variables: list[Any]) -> None:
        """Update the running averages of the weights. Keras calls this after each batch.

        The first averages follow the weights quickly, so that the initial weights are soon forgotten. If gradients are
        accumulated over several batches, only the last batch counts, as only that one changes the weights.
        """
        step = ops.cast(self.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, step / (10 + step))
        batches = self.gradient_accumulation_steps or 1
        momentum = ops.where((self._iterations + 1) % batches == 0, momentum, 1.0)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            average.assign(average + (1 - momentum) * (variable - average))

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """Compute a variable's next weights and slots.

        Args:
            w: Current weights of the variable.
            slots: Current values that the optimizer keeps for the variable, such as its momentum, in the order of the
                class attribute ``slots``.
            g: Gradient of the loss with respect to ``w``.
            rate: Learning rate of this variable in this step.
            decay: Weight decay of this variable.

        Returns:
            The variable's new weights, then the new values of its slots.
        """
        raise NotImplementedError


class SGD(GuardedOptimizer):
    """SGD with momentum as in Caffe's solver: the velocity includes the learning rate and the weight decay."""

    slots = ("velocity",)

    def __init__(self, learning_rate: Any, momentum: float = 0.9, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """V' = momentum v - rate (g + decay w); w' = w + v'."""
        velocity = self.momentum * slots[0] - rate * (g + decay * w)
        return [w + velocity, velocity]


class AdamW(GuardedOptimizer):
    """Adam with weight decay that is separate from the gradient (arXiv 1711.05101, algorithm 2)."""

    slots = ("mean", "square")
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """Compute the next values from running means of the gradient and of its square, with bias correction."""
        step = ops.cast(self.iterations + 1, w.dtype)
        mean = self.beta_1 * slots[0] + (1 - self.beta_1) * g
        square = self.beta_2 * slots[1] + (1 - self.beta_2) * g * g
        correction = ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        step_size = rate * correction * mean / (ops.sqrt(square) + self.epsilon)
        return [w - step_size - rate * decay * w, mean, square]


def branches() -> bool:
    """Whether a skipped step is a branch in the graph, as on one CPU with TensorFlow or PyTorch.

    Otherwise each variable is assigned its old or its new value by a selection. XLA selects at no cost, with several
    replicas branches are not possible, and PyTorch's host would wait for an accelerator. A CPU's kernels would read and
    write all weights and slots once more.
    """
    return bool(current().branches())


def is_alarm(variable: Any) -> bool:
    """Whether a variable is the one named :data:`ALARM`.

    Its value is never used. Its gradient signals a loss that is not finite.
    """
    return variable.name == ALARM


def make_optimizer(network: keras.Model, trunk: str, config: Train, schedule: Any) -> GuardedOptimizer:
    """Create the optimizer of a run.

    Only kernels of convolutions have weight decay. Biases of convolutions learn faster, as in the authors' code. The
    pretrained trunk can have a lower learning rate.

    Args:
        network: Network to train.
        trunk: Name of the network's trunk.
        config: Training configuration, including the optimizer's fields.
        schedule: Learning rate by step, as a schedule of Keras.

    Returns:
        Optimizer to pass to the model's ``compile``.
    """
    trunk_variables = {id(v) for layer in network.layers if is_trunk(layer, trunk) for v in layer.variables}

    def multipliers(variable: Any) -> tuple[float, float]:
        rate = config.trunk_lr if id(variable) in trunk_variables else 1.0
        if variable.name == "bias":
            return rate * config.bias_lr, 0.0
        return rate, 1.0 if variable.name == "kernel" else 0.0

    options: dict[str, Any] = {
        "decay": config.weight_decay,
        "multipliers": multipliers,
        "scaled": config.precision == "mixed_float16",
        "global_clipnorm": config.clip_norm or None,
        "gradient_accumulation_steps": config.accumulate if config.accumulate > 1 else None,
        "use_ema": config.ema > 0,
        "ema_momentum": config.ema,
    }
    if config.optimizer == "sgd":
        return SGD(schedule, momentum=config.momentum, **options)
    return AdamW(schedule, **options)

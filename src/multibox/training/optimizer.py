"""SGD as Caffe runs it and AdamW, with a learning rate and a decay for each kind of variable, and a guard.

A step whose gradients are not finite changes nothing, and the first such step is recorded in the graph. In float16
gradients may overflow without harm. That lowers the loss scale, and is recorded only if no scale helps.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import keras
from keras import ops

from multibox.config import Train
from multibox.models.backend import jit_compile
from multibox.models.ssd import is_trunk
from multibox.training.distribute import sum_over_replicas
from multibox.training.scale import LossScale

Tensor = Any

ALARM = "alarm"
"""The name of a variable whose gradient is 0, or not finite where the loss is not: what no scale can mend."""


class GuardedOptimizer(keras.optimizers.Optimizer):
    """What both optimizers share: multipliers for each variable, and the guard.

    Args:
        learning_rate: A number or a schedule.
        decay: Weight decay, before the variable's multiplier.
        multipliers: Function that returns a variable's multipliers of learning rate and weight decay.
        scaled: Whether the loss is scaled, as float16 requires.
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
        """Create the slots of each variable, and the record of the first skipped step."""
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

        Gradients are summed over the devices first, so that all devices clip, or skip, the same ones.
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
        """Whether gradients are not finite and a lower scale of the loss would not help."""
        failed = ops.logical_not(self._finite)
        if not self.scale:
            return failed
        alarms = [grad for grad, variable in zip(grads, self._trainable_variables, strict=True) if is_alarm(variable)]
        hopeless = [self.scale.lowest, *(ops.logical_not(ops.isfinite(grad)) for grad in alarms)]
        return ops.logical_and(failed, ops.any(ops.stack(hopeless)))

    def scale_loss(self, loss: Tensor) -> Tensor:
        """Scale the loss. Keras calls this before it takes gradients."""
        return loss * self.scale.factor if self.scale else loss

    def _all_reduce_sum_gradients(self, grads_and_vars: Any) -> Any:
        """Keras' hook on TensorFlow, which would add the gradients up after they were clipped."""
        return grads_and_vars

    def finalize_variable_values(self, var_list: list[Any]) -> None:
        """Keras' hook at the end of ``fit``, where it would replace the weights by their averages for good."""

    @contextmanager
    def averaged(self) -> Iterator[None]:
        """Assign the running averages, if there are any, to the trained variables while the block lasts."""
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
        """Keras' hook that assigns all variables."""
        assign = super()._backend_update_step
        if not branches():
            assign(grads, trainable_variables, learning_rate)
            return
        import tensorflow

        tensorflow.cond(self._finite, lambda: assign(grads, trainable_variables, learning_rate), lambda: None)

    def update_step(self, gradient: Tensor, variable: Any, learning_rate: Tensor) -> None:
        """Assign a variable and its slots their next values."""
        index = self._get_variable_index(variable)
        rate, decay = self._multipliers[index]
        targets = [variable, *self._slots[index]]
        weights, *slots = before = [ops.convert_to_tensor(target) for target in targets]
        after = self.next_values(weights, slots, gradient, learning_rate * rate, self.decay * decay)
        for target, old, new in zip(targets, before, after, strict=True):
            self.assign(target, new if branches() else ops.where(self._finite, new, old))

    def _update_model_variables_moving_average(self, trainable_variables: list[Any]) -> None:
        """Keras' hook after each batch. The average is young at first, and soon forgets the weights it began with.

        Of batches that are accumulated only the last, which changes the weights, counts.
        """
        step = ops.cast(self.iterations, "float32")
        momentum = ops.minimum(self.ema_momentum, step / (10 + step))
        batches = self.gradient_accumulation_steps or 1
        momentum = ops.where((self._iterations + 1) % batches == 0, momentum, 1.0)
        for variable, average in zip(trainable_variables, self._model_variables_moving_average, strict=True):
            average.assign(average + (1 - momentum) * (variable - average))

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """The next weights and slots.

        Args:
            w: Weights.
            slots: Slots, in the order of the class's ``slots``.
            g: Gradient.
            rate: Learning rate of this variable at this step.
            decay: Weight decay of this variable.

        Returns:
            The new weights, then the new slots.
        """
        raise NotImplementedError


class SGD(GuardedOptimizer):
    """Momentum as in Caffe's solver: decay joins the gradient, and the rate is inside the velocity."""

    slots = ("velocity",)

    def __init__(self, learning_rate: Any, momentum: float = 0.9, **kwargs: Any):
        super().__init__(learning_rate, **kwargs)
        self.momentum = momentum

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """V' = momentum v - rate (g + decay w); w' = w + v'."""
        velocity = self.momentum * slots[0] - rate * (g + decay * w)
        return [w + velocity, velocity]


class AdamW(GuardedOptimizer):
    """Adam with decay apart from the gradient (arXiv 1711.05101, algorithm 2)."""

    slots = ("mean", "square")
    beta_1, beta_2, epsilon = 0.9, 0.999, 1e-7

    def next_values(self, w: Tensor, slots: list[Tensor], g: Tensor, rate: Tensor, decay: float) -> list[Tensor]:
        """Running means of the gradient and of its square, both corrected for their start at 0."""
        step = ops.cast(self.iterations + 1, w.dtype)
        mean = self.beta_1 * slots[0] + (1 - self.beta_1) * g
        square = self.beta_2 * slots[1] + (1 - self.beta_2) * g * g
        correction = ops.sqrt(1 - self.beta_2**step) / (1 - self.beta_1**step)
        step_size = rate * correction * mean / (ops.sqrt(square) + self.epsilon)
        return [w - step_size - rate * decay * w, mean, square]


def branches() -> bool:
    """Whether a skipped step is a branch of the graph that is not taken, as with TensorFlow on a CPU.

    Elsewhere each variable is assigned its old value or its new one. XLA selects while it computes, and replicated
    steps on several devices can do so too. TensorFlow's CPU kernels would pass over all weights and slots once more.
    """
    if keras.backend.backend() != "tensorflow" or jit_compile():
        return False
    import tensorflow

    return tensorflow.distribute.get_strategy().num_replicas_in_sync == 1


def is_alarm(variable: Any) -> bool:
    """Whether a variable exists for its gradient alone (:data:`ALARM`)."""
    return variable.name == ALARM


def make_optimizer(network: keras.Model, trunk: str, config: Train, schedule: Any) -> GuardedOptimizer:
    """Create the optimizer of a run.

    Weights of convolutions decay. Biases and normalisation do not. Biases of convolutions learn faster, as in the
    authors' code. The pretrained trunk may learn more slowly.

    Args:
        network: Network to train.
        trunk: Name of its trunk.
        config: Configuration of the optimizer.
        schedule: Learning rate by step.

    Returns:
        Optimizer for ``compile``.
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

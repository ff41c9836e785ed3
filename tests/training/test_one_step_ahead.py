import keras
import numpy as np

from multibox.training.one_step_ahead import OneStepAhead


class Metric:
    """A tensor of a step under way, which tells when it is read."""

    def __init__(self, name, read):
        self.name, self.read = name, read

    def __array__(self, dtype=None, copy=None):
        self.read.append(self.name)
        return np.zeros((), np.float32)


class Told(keras.callbacks.Callback):
    def __init__(self, read):
        super().__init__()
        self.read, self.heard = read, []

    def on_train_batch_end(self, batch, logs=None):
        self.heard.append((batch, logs["loss"].name, list(self.read)))


def test_a_step_is_told_of_when_the_one_before_has_ended():
    read = []
    told = Told(read)
    callbacks = OneStepAhead([told])
    for step, name in enumerate("abc"):
        callbacks.on_train_batch_end(step, {"loss": Metric(name, read)})
    assert told.heard == [(0, "a", []), (1, "b", ["a"]), (2, "c", ["a", "b"])]


class Losses(keras.callbacks.Callback):
    def __init__(self):
        super().__init__()
        self.values = []

    def on_train_batch_end(self, batch, logs=None):
        self.values.append(float(logs["loss"]))


def test_fit_comes_out_as_with_keras_own_list():
    x = np.linspace(-1, 1, 64, dtype="float32").reshape(16, 4)
    seen = []
    for wrap in (list, OneStepAhead):
        keras.utils.set_random_seed(0)
        model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(1)])
        model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
        losses = Losses()
        callbacks = [losses] if wrap is list else OneStepAhead([losses], add_history=True, model=model)
        history = model.fit(x, x[:, :1], batch_size=4, epochs=2, shuffle=False, verbose=0, callbacks=callbacks)
        seen.append((losses.values, history.history["loss"]))
    assert seen[0] == seen[1]
    assert len(seen[0][0]) == 8

"""Be one of several hosts, or alone: train, be stopped, go on, fail. test_hosts.py compares what becomes of it."""

import json
import os
import signal
import sys
from functools import partial

from multibox.errors import BadInput, RunFailed, Stopped
from multibox.models.backend import import_keras
from multibox.training import cluster

hosts, host, coordinator, lost = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4] == "lost"


class NoTensorFlow:
    """Keras would load it on JAX, slowly, and several hosts do without."""

    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] == "tensorflow":
            raise ImportError(name)


cluster.LEAVE_SECONDS = 5
if os.environ["KERAS_BACKEND"] == "jax":
    sys.meta_path.insert(0, NoTensorFlow())
    if hosts > 1:
        cluster.Cluster(hosts, host, coordinator).join()
import_keras()

import small_network  # noqa: E402

from multibox.training import setup  # noqa: E402
from multibox.training.clock import Clock  # noqa: E402
from multibox.training.train import resume, train  # noqa: E402

RUN = {
    "data.train": ["tiny/train"],
    "data.val": ["tiny/val"],
    "data.workers": 0,
    "network.size": [192, 192],
    "train.small_size": 0.7,
    "train.small_until": 0.8,
    "network.weights": "none",
    "network.batch_norm": "trained",
    "train.batch": 8,
    "train.epochs": 2,
    "train.steps_per_epoch": 5,
    "train.validate_every": 1,
    "train.log_every": 2,
    "train.ema": 0.9,
    "train.keep": 99,
}


def signal_after(steps):
    """The last host has a signal after so many steps."""
    count = Clock.on_train_batch_end

    def count_and_kill(self, batch, logs=None):
        count(self, batch, logs)
        if self.step == steps and host == hosts - 1:
            os.kill(os.getpid(), signal.SIGKILL if lost else signal.SIGTERM)

    Clock.on_train_batch_end = count_and_kill
    return lambda: setattr(Clock, "on_train_batch_end", count)


def told(do):
    try:
        run = do()
    except (BadInput, RunFailed, Stopped) as error:
        return [type(error).__name__, str(error)]
    return [str(run.folder), run.map]


def main():
    setup.build = partial(small_network.build, norm_trained=False)  # a bias before it would have no gradient but noise
    if lost:
        signal_after(3)
        print(told(lambda: train(name="lost", overrides=RUN)), flush=True)
        sys.exit(1)
    ends = {"whole": told(lambda: train(name="whole", overrides=RUN))}
    if hosts > 1:
        forget = signal_after(3)
        ends["stopped"] = told(lambda: train(name="cut", overrides=RUN))
        forget()
        ends["resumed"] = told(lambda: resume("cut"))
        ends["again"] = told(lambda: train(name="whole", overrides=RUN))
        ends["not finite"] = told(lambda: train(name="nan", overrides=RUN | {"train.lr": 1e9}))
    print(json.dumps(ends), flush=True)


main()

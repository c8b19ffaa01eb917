"""The third post: MAML in JAX ("Meta-Learning in 50 Lines of JAX", E. Jang 2019), in PyTorch."""

from repro.jang.adam import Adam, AdamState
from repro.jang.maml import alpha, batch_maml_loss, inner_update, maml_loss
from repro.jang.net import Params, flatten, loss, net_apply, net_init, sine_grid, unflatten
from repro.jang.notebook import (
    Training,
    adaptation,
    batched_stream,
    derivatives,
    fit,
    maml_loss_at_zero,
    numeric_checks,
    smoothed,
    train_batched,
    train_single,
)
from repro.jang.tasks import one_task, sample_tasks

__all__ = [
    "Adam",
    "AdamState",
    "Params",
    "Training",
    "adaptation",
    "alpha",
    "batch_maml_loss",
    "batched_stream",
    "derivatives",
    "fit",
    "flatten",
    "inner_update",
    "loss",
    "maml_loss",
    "maml_loss_at_zero",
    "net_apply",
    "net_init",
    "numeric_checks",
    "one_task",
    "sample_tasks",
    "sine_grid",
    "smoothed",
    "train_batched",
    "train_single",
    "unflatten",
]

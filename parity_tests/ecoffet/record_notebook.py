"""Record runs of the notebook's own functions, given the notebook.

    python parity_tests/ecoffet/record_notebook.py ANIML.ipynb OUT.npz

It takes the notebook's function and class definitions and leaves its statements, which train for
an hour and plot. Wanted is ANIML.ipynb at commit 3426a6e of https://github.com/AdrienLE/ANIML.
The recordings beside this file were made on MKL's AVX-512 kernels, see docs/ecoffet.md.
"""

from __future__ import annotations

import ast
import json
import random
import sys
import warnings
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.autograd import Variable

SEED, TRAIN_TASKS, TEST_TASKS, FITS = 6, 43, 2, range(17)
RUNS = {
    "maml_batch4": ("maml_sine", (3,), {"batch_size": 4}),
    "maml_first_order_batch4": ("maml_sine", (3, 0.02), {"batch_size": 4, "first_order": True}),
    "reptile_defaults": ("reptile_sine", (4,), {}),
    "reptile_batch5": ("reptile_sine", (3, 0.02, 0.01), {"k": 3, "batch_size": 5}),
}
"""Function, positional and keyword arguments. 43 is no multiple of 4, 5 or 32."""


def definitions(notebook: Path) -> dict:
    """A namespace with the notebook's functions and classes."""
    cells = json.loads(notebook.read_text())["cells"]
    sources = ["".join(c["source"]) for c in cells if c["cell_type"] == "code"]
    namespace = {
        "np": np, "torch": torch, "nn": nn, "F": F, "V": Variable, "random": random,
        "tqdm": lambda values: values,
    }  # fmt: skip
    for source in sources:
        lines = [line for line in source.splitlines() if not line.startswith("%")]
        tree = ast.parse("\n".join(lines))
        tree.body = [n for n in tree.body if isinstance(n, ast.FunctionDef | ast.ClassDef)]
        exec(compile(tree, str(notebook), "exec"), namespace)
    return namespace


def seed(value: int) -> None:
    random.seed(value)
    np.random.seed(value)
    torch.manual_seed(value)


def record(notebook: Path) -> dict[str, np.ndarray]:
    """For every run: weights, losses on the test tasks, and what each generator gives next."""
    names = definitions(notebook)
    arrays = {}
    for run, (function, args, kwargs) in RUNS.items():
        seed(SEED)
        names["SINE_TRAIN"] = [names["SineWaveTask"]() for _ in range(TRAIN_TASKS)]
        tests = [names["SineWaveTask"]() for _ in range(TEST_TASKS)]
        model = names["SineModel"]()
        names[function](model, *args, **kwargs)
        arrays[f"{run}_weights"] = np.concatenate(
            [p.detach().numpy().ravel() for p in model.params()]
        )
        arrays[f"{run}_test_losses"] = np.array(
            [[fit[2] for fit in names["eval_sine_test"](model, t, FITS, 0.02)] for t in tests]
        )
        arrays[f"{run}_next"] = np.array([random.random(), np.random.rand(), torch.rand(()).item()])
    return arrays


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    np.savez_compressed(sys.argv[2], **record(Path(sys.argv[1])))

"""A program that plays a Julia 1.10.8: it answers with what a live one answered.

Runs at seed 3 from the recordings beside this file; everything else is an error, as it would be.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np

from repro.sides.frame import encode, read_frame

HERE = Path(__file__).parent
RECORDED = HERE / "julia_1.10.8"
ABOUT = {
    "julia": "1.10.8",
    "blas": "LBTConfig([ILP64] libopenblas64_.so)",
    "blas_kernels": os.environ.get("REPLAY_KERNELS", "Haswell"),
    "cpu_target": "haswell",
    "cpu": "generic",
    "threads": 1,
    "default_generator": "Xoshiro",
}


SHIPPED = HERE.parents[1] / "repro" / "sides" / "recorded"
POINTS = np.load(SHIPPED / "eval_model_untrained_seed0.npz")["lr002_testx"]
"""Test points: the original's, which Julia has told only since."""
SEED_3 = [0.33973478919014277, 0.9592328979688811, 0.9999794890034651]
"""`Random.seed!(3); rand(3)`, and three scalar draws alike."""


def answer(request: dict) -> dict:
    if request["op"] == "about":
        return {"status": "ok", **ABOUT}
    if request == {"op": "draws", "kind": "rand", "seed": 3, "n": len(SEED_3)}:
        return {"status": "ok", "draws": "Xoshiro(3) of Julia 1.10.8", "values": np.array(SEED_3)}
    generator = request.get("generator", "Xoshiro")
    if request["op"] != "run" or generator != "Xoshiro" or request["seed"] != 3:
        return {"status": "error", "message": f"not recorded: {request['op']} on {generator}"}
    epochs = request["epochs"]
    with np.load(RECORDED / f"{request['function']}_seed3.npz") as recording:
        whole = {name: recording[name] for name in recording.files}
    kept = {}
    for name, values in whole.items():
        steps = STEPS.get(name, name)
        by_step = steps in ("weight_epochs", "eval_epochs")
        kept[name] = values[whole[steps] <= epochs] if by_step else values
    points = POINTS if request["function"] == "transfer_learn_blog" else POINTS.astype(np.float32)
    kept["eval_testx"] = np.tile(points.astype(float), (len(kept["eval_epochs"]), 1))
    wanted = np.isin(kept["weight_epochs"], request["weight_epochs"])
    for name in ("weights", "initial_predictions", "final_predictions", "weight_epochs"):
        kept[name] = kept[name][wanted]
    return {"status": "ok", "draws": f"Xoshiro({request['seed']}) of Julia 1.10.8", **kept}


STEPS = {
    "weights": "weight_epochs",
    "initial_predictions": "weight_epochs",
    "final_predictions": "weight_epochs",
    "test_losses": "eval_epochs",
    "eval_x": "eval_epochs",
    "eval_y": "eval_epochs",
}

if __name__ == "__main__":
    reading, writing = os.fdopen(int(sys.argv[-2]), "rb"), os.fdopen(int(sys.argv[-1]), "wb", 0)
    writing.write(encode({"status": "ok", **ABOUT}))
    while True:
        try:
            asked = read_frame(reading.read)
        except ValueError:
            sys.exit(0)
        number = asked.pop("request")
        writing.write(encode({"request": number, **answer(asked)}))

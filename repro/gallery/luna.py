"""The first post's runs, and the arrays that its figures plot.

Random numbers are drawn in the order of the post's text, each from the stream that has just been
in use: ten points after the untrained model was drawn, for it and for transfer learning; ten
after FOMAML's training, for it and for Reptile; five after Reptile's, for all four. For FOMAML
and Reptile this is what the model zoo's script does.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch

from repro import luna
from repro.cases import Case
from repro.gallery import luna_parity as parity
from repro.gallery.figure import Arrays, plotted
from repro.gallery.jobs import Job
from repro.gallery.runs import Finding, Options, Runs, Training
from repro.gallery.training import stream_after, training_job
from repro.julia import MersenneTwister, julia_linrange, julia_range
from repro.run import Run

ITERATIONS = 50_000
WAVE = luna.SineWave(4, 1)
N_WAVES = 1000

# Transfer learning is evaluated every 250 iterations, as it is in the recordings: an evaluation
# draws numbers, and a run with other intervals is another run.
INTERVALS = {"transfer_learn": 250, "fomaml": 1000, "reptile": 1000}
RATES = {
    "transfer_learn": {"opt": "Descent(0.01)"},
    "fomaml": {"meta_opt": "Descent(0.01)", "inner_opt": "Descent(0.02)"},
    "reptile": {"meta_opt": "Descent(0.1)", "inner_opt": "Descent(0.02)"},
}
RECORDED_TRANSFER = tuple(range(250, 5001, 250))


def _trained(
    name: str, function: str, weight_epochs: tuple[int, ...] = ()
) -> Callable[[Options], Job]:
    def job(options: Options) -> Job:
        epochs = options.iterations or ITERATIONS
        kept = tuple(e for e in weight_epochs if e <= epochs)
        interval, rates = INTERVALS[function], RATES[function]
        case = Case(name, function, options.seed, epochs, interval, kept, rates)
        return training_job(name, case, options)

    return job


def _untrained(options: Options) -> Job:
    return training_job("random", Case("random", "fomaml", options.seed), options)


RANDOM = Training("random", _untrained)
TRANSFER = Training("transfer", _trained("transfer", "transfer_learn", RECORDED_TRANSFER))
FOMAML = Training("fomaml", _trained("fomaml", "fomaml"))
REPTILE = Training("reptile", _trained("reptile", "reptile"))


def after(runs: Runs, training: Training) -> MersenneTwister:
    """The random stream as the run left it."""
    return stream_after(runs[training])


def ten_points(runs: Runs, run: Training) -> np.ndarray:
    """(10,) float64 in [-5, 5]: what the run's model is fine-tuned on."""
    return np.asarray(
        after(runs, RANDOM if run in (RANDOM, TRANSFER) else FOMAML).uniform(-5.0, 5.0, 10)
    )


def five_points(runs: Runs) -> np.ndarray:
    """(5,) float64 in [0, 5]: what all four models are fine-tuned on."""
    return np.asarray(after(runs, REPTILE).uniform(0.0, 5.0, 5))


def fine_tuned(
    runs: Runs, run: Training, x: np.ndarray, updates: int, testx: np.ndarray | None = None
) -> luna.Evaluation:
    """The run's model fine-tuned on the wave's points x, in Float64, at ``Descent(0.02)``."""
    weights = runs[run]["final_weights"].values[0]
    model = luna.sine_model(MersenneTwister(0), runs.options.device)
    luna.unflatten(model, weights)
    testx = julia_range(-5, 5, 50) if testx is None else testx
    points, tests = (torch.from_numpy(values).to(runs.options.device) for values in (x, testx))
    return luna.eval_model(model, points, tests, WAVE, updates=updates)


# What the figures plot


def sine_wave(runs: Runs) -> Run:
    x = julia_linrange(-5, 5, 100)
    return plotted(draw={"x": x}, results={"y": wave(WAVE, x)})


def sampled_points(runs: Runs) -> Run:
    x, testx = ten_points(runs, RANDOM), julia_range(-5, 5, 50)
    ys = {"y": wave(WAVE, x), "testy": wave(WAVE, testx)}
    return plotted(draw={"x": x, "testx": testx}, results=ys)


def thousand_waves(runs: Runs) -> Run:
    rng = MersenneTwister(runs.options.seed)
    x = julia_linrange(-5, 5, 100).astype(np.float32)
    y = np.stack([wave(luna.SineWave.draw(rng), x) for _ in range(N_WAVES)])
    return plotted(draw={"x": x}, results={"y": y})


def wave(task: luna.SineWave, x: np.ndarray) -> np.ndarray:
    return task(torch.from_numpy(x)).numpy()


def tuned(run: Training, points: int, updates: int) -> Callable[[Runs], Run]:
    """Data of a fine-tuning figure, on ten or on five points."""

    def data(runs: Runs) -> Run:
        x = ten_points(runs, run) if points == 10 else five_points(runs)
        e = fine_tuned(runs, run, x, updates)
        names = ("y", "testy", "initial_predictions", "final_predictions")
        return plotted(draw={"x": e.x, "testx": e.testx}, results={n: getattr(e, n) for n in names})

    return data


def test_losses(runs: Runs) -> Run:
    x = five_points(runs)
    models = (FOMAML, REPTILE, TRANSFER, RANDOM)
    return plotted(rows={run.name: fine_tuned(runs, run, x, 10).test_losses for run in models})


# How close the runs come to the original, and its own curves, as far as they are recorded


def untrained_parity(runs: Runs) -> Finding:
    return parity.untrained(runs, RANDOM, fine_tuned(runs, RANDOM, ten_points(runs, RANDOM), 32))


def transfer_parity(runs: Runs) -> Finding:
    return parity.transfer(runs, TRANSFER)


def zoo_parity(run: Training, points: int, updates: int) -> Callable[[Runs], Finding]:
    """Of the run and of its evaluation on ten or five points, at the script's own test points."""

    def evaluate(runs: Runs) -> luna.Evaluation:
        x = ten_points(runs, run) if points == 10 else five_points(runs)
        return fine_tuned(runs, run, x, updates, julia_linrange(-5, 5, 50))

    return lambda runs: parity.zoo(runs, run, f"{points}x{updates}", evaluate)


def original_untrained(runs: Runs) -> Arrays | None:
    found = parity.recording(runs, parity.UNTRAINED)
    return None if found is None else parity.predictions(found, "lr002")


def original_zoo(run: Training, points: int, updates: int) -> Callable[[Runs], Arrays | None]:
    def original(runs: Runs) -> Arrays | None:
        found = parity.zoo_recording(runs)
        return (
            None if found is None else parity.predictions(found, f"{run.name}_{points}x{updates}")
        )

    return original


def original_losses(runs: Runs) -> Arrays | None:
    found = parity.zoo_recording(runs)
    return (
        None
        if found is None
        else {
            run.name: found[f"{run.name}_5x10_test_losses"].values[0] for run in (FOMAML, REPTILE)
        }
    )

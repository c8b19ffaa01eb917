"""The first post's closing claims: the page says what was computed, and that can be computed anew.

The variants' networks are trained by the exact engine, so that each of them can be held to the
gallery by itself.
"""

from __future__ import annotations

import shutil
from dataclasses import replace
from math import pi, sqrt

import numpy as np
import pytest
from gallery import claims_page

from repro import luna
from repro.gallery import claim_runs, claims
from repro.gallery.claim_runs import Variant
from repro.gallery.regression import NoEnvelope, envelope
from repro.julia import MersenneTwister
from repro.run import Kind, Quantity, Run

PAIRED = [*claims.PAIRINGS]
UPDATE = "draw the figures and write the page anew: make claims"


# The page and the gallery


def test_the_page_says_what_the_gallery_holds():
    text = claims_page.PAGE.read_text("utf-8")
    assert text.count("<!-- claims-") == len(PAIRED) + 1
    assert text == claims_page.written(text), UPDATE


def test_a_swapped_pair_changes_the_page(tmp_path):
    """The two numbers of one pair exchanged in the data: its count is another by one."""
    for path in claims_page.GALLERY.glob("claims-*.npz"):
        shutil.copy(path, tmp_path)
    path = tmp_path / "claims-rate.npz"
    data = Run.load(path)
    values = data["values"].values[0].copy()
    values[0, :, 3] = values[0, ::-1, 3]
    changed = {**claims_page.data_of("rate"), "values": values, **claims.verdicts(values)}
    kept = {n: Quantity.once(v, data[n].kind) for n, v in changed.items()}
    replace(data, quantities=kept).save(path)
    text = claims_page.PAGE.read_text("utf-8")
    assert claims_page.written(text, tmp_path) != text


@pytest.mark.parametrize("name", PAIRED)
def test_what_the_gallery_says_of_the_pairs_follows_from_its_networks(name):
    data = claims_page.data_of(name)
    for i, pairing in enumerate(claims.PAIRINGS[name]):
        if pairing.measure is claims.LOSS:
            for row, variant in zip(
                data["values"][i], (pairing.better, pairing.worse), strict=True
            ):
                assert row.tobytes() == data[f"{variant}_networks"][:, -1].tobytes()
    for part, found in claims.verdicts(data["values"]).items():
        assert data[part] == pytest.approx(found, rel=1e-12, nan_ok=True), part


def test_what_holds_is_said_by_the_interval():
    said = [claims_page.verdict(*ends) for ends in ((0.51, 0.7), (0.4, 0.6), (0.1, 0.49))]
    assert said == ["holds", "**undecided**", "**the opposite holds**"]


SEEDS = (0, 63)


@pytest.mark.slow
@pytest.mark.parametrize("name", PAIRED)
def test_networks_trained_anew_are_the_gallerys(name):
    """Two seeds of every variant behind a figure; another variant's would differ."""
    data, (tasks, x) = claims_page.data_of(name), claim_runs.held_out(claim_runs.SEEDS)
    variants = {v for p in claims.PAIRINGS[name] for v in (p.better, p.worse)}
    for variant in sorted(variants):
        how = claims.VARIANTS[variant]
        for seed in SEEDS:
            model = claim_runs.trained(how, seed, how.iterations)
            losses = claim_runs.evaluated(model, tasks, x)[0][0].astype(np.float64)
            found, kept = np.log(losses).mean(axis=0), data[f"{variant}_networks"][seed]
            assert found == pytest.approx(kept, rel=1e-13), (variant, seed)


@pytest.mark.slow
def test_trainings_stop_anew_where_the_gallery_says():
    data = claims_page.data_of("divergence")
    for function, optimiser in claims.DIVERGING.items():
        for start in ("linear", "glorot"):
            for i, rate in enumerate(claims.DIVERGING_RATES):
                how = claims.VARIANTS[f"{function}_{start}_{optimiser}_{rate}"]
                for seed in SEEDS:
                    stopped = claim_runs.trained(how, seed, how.iterations) is None
                    assert stopped == data[f"{function}_{start}_stopped"][i, seed]


# The variants


def untrained(**how) -> luna.sine.Chain:
    model = claim_runs.trained(Variant("reptile", **how), 7, 0)
    assert model is not None
    return model


def test_a_start_is_fluxs_in_its_layers_and_the_posts_in_the_others():
    post = [p.detach().numpy() for p in luna.sine_model(MersenneTwister(7)).parameters()]
    for start, layers in claim_runs.LAYERS.items():
        found = [p.detach().numpy() for p in untrained(start=start).parameters()]
        for i, (n_in, n_out) in enumerate([(1, 64), (64, 64), (64, 1)]):
            weight, bias = found[2 * i : 2 * i + 2]
            if i in layers:
                bound = sqrt(6 / (n_in + n_out))
                assert 0.9 * bound < np.abs(weight).max() <= bound and not bias.any()
            else:
                assert weight.tobytes() == post[2 * i].tobytes()
                assert bias.tobytes() == post[2 * i + 1].tobytes()


def test_a_perturbation_moves_every_weight_by_an_ulp():
    plain = luna.flatten(untrained())
    moved = luna.flatten(claim_runs.trained(Variant("reptile"), 7, 0, moved=1))
    smaller = np.minimum(np.abs(moved), np.abs(plain))
    assert (np.abs(moved - plain) == np.spacing(smaller)).all()


def test_held_out_tasks_are_drawn_as_evaluations_are():
    tasks, x = claim_runs.held_out(64)
    rng = MersenneTwister(64)
    for task, points in zip(tasks, x, strict=True):
        assert points.tobytes() == rng.uniform(-5.0, 5.0, 10).astype(np.float32).tobytes()
        assert task == luna.SineWave.draw(rng)
    assert len(tasks) == claim_runs.TASKS


def test_roughness_is_one_where_a_curve_bends_evenly_and_all_differences_at_a_kink():
    x = np.linspace(0, 1, 2000)
    wave, bowl, kink, line = np.sin(8 * pi * x), x**2, np.abs(x - 0.4), 2 * x
    found = claim_runs.roughness(np.stack([wave, 7 * wave, bowl, kink, line * 0]))
    assert found[:3] == pytest.approx([pi**2 / 8, pi**2 / 8, 1], rel=1e-2)
    assert found[3] > 900 and np.isnan(found[4])


def test_a_network_that_stopped_has_lost_and_no_roughness():
    tasks, x = claim_runs.held_out(1)
    losses, rough = claim_runs.evaluated(None, tasks, x)
    assert np.isinf(losses).all() and np.isnan(rough).all()
    both = Quantity.once(np.stack([rough, np.ones_like(rough), rough]), Kind.RESULT)
    stopped = Quantity.once(np.array([1, 0, 0]), Kind.RESULT)
    found = claims.log_roughness(Run({"roughness": both, "stopped": stopped}))
    assert found.tolist() == [np.inf, 0, -np.inf], "a straight line is as smooth as can be"


# Tolerances


def test_exact_runs_need_no_measured_tolerance_and_others_do(tmp_path):
    """A curve off by 1e-6 of itself is outside of what exact runs are allowed."""
    reference = Run.load(claims_page.GALLERY / "claims-rate.npz")
    entry = {"seed": 0, "iterations": None, "runs": {"claims-fomaml": {"engine": "exact"}}}
    allowed = envelope("claims-rate", entry, reference, tmp_path).tolerance
    middle = reference["fomaml_middle"]
    assert (allowed("fomaml_middle", middle) < 1e-6 * middle.values).all()
    entry["runs"]["other"] = {"engine": "fast"}
    with pytest.raises(NoEnvelope, match="figures-envelope"):
        envelope("claims-rate", entry, reference, tmp_path)

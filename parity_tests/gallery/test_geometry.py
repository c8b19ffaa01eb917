"""The drawings of the methods' geometry: what they show is computed, and computed rightly."""

from __future__ import annotations

import numpy as np
import pytest

from repro.gallery import updates
from repro.gallery.figure import arrays_of, known, load_post
from repro.julia import julia_range

X = julia_range(-5, 5, 50)


def loss(theta: np.ndarray, task: np.ndarray) -> float:
    return float(((updates.features(X) @ (theta - task)) ** 2).mean())


def objective(theta: np.ndarray, tasks: np.ndarray) -> float:
    """MAML's: the mean loss after one inner step, whose gradient is taken by differences."""

    def adapted(task: np.ndarray) -> np.ndarray:
        return theta - updates.FIRST_STEP * slope(lambda t: loss(t, task), theta)

    return float(np.mean([loss(adapted(task), task) for task in tasks]))


def slope(function, at: np.ndarray, by: float = 1e-4) -> np.ndarray:
    moves = np.eye(2) * by
    return np.array([(function(at + m) - function(at - m)) / (2 * by) for m in moves])


def test_mamls_meta_updates_follow_the_gradient_of_its_objective():
    """Catches a first-order drawing with MAML's name on it."""
    found = arrays_of(updates.maml(None))
    path, tasks = found["path"], found["tasks"]
    for before, after in zip(path[:-1], path[1:], strict=True):
        exact = slope(lambda t: objective(t, tasks), before)
        assert after - before == pytest.approx(-updates.META_RATE * exact, abs=1e-5)
    far = max(loss(task, way[-1]) for task, way in zip(tasks, found["onward"], strict=True))
    assert far < 0.01 * min(loss(path[0], task) for task in tasks)


def test_reptiles_path_comes_to_where_the_curves_are_nearest():
    """Catches a path that is painted, or that goes to one of the curves."""
    found = arrays_of(updates.reptile_geometry(None))
    upper, lower = found["curves"]
    apart = np.linalg.norm(upper[:, None] - lower[None], axis=2)
    i, j = np.unravel_index(apart.argmin(), apart.shape)
    middle = (upper[i] + lower[j]) / 2
    away = np.linalg.norm(found["path"] - middle, axis=1)
    assert away[-1] < 0.5 < 5 < away[0]
    assert updates.upper(upper[7])[0] == pytest.approx(0, abs=1e-12)
    assert updates.lower(lower[7])[0] == pytest.approx(0, abs=1e-12)
    for task in (updates.upper, updates.lower):
        at = np.array([0.7, -1.1])
        assert task(at)[1] == pytest.approx(slope(lambda w, f=task: f(w)[0], at))


def test_inner_steps_are_red_and_meta_updates_blue_as_in_the_post():
    post = load_post("luna")
    assert (post.INNER, post.META) == ("C1", "C0")  # of the style, vermilion and blue
    figure = known()["luna-fomaml-update"]
    drawing = figure.draw(**arrays_of(figure.data(_Seed())))
    arrows = [a.arrow_patch for a in drawing.axes[0].texts if getattr(a, "arrow_patch", None)]
    assert len(arrows) == 4  # three inner steps, then the update


class _Seed:
    """Runs of which a drawing asks the seed alone."""

    class options:
        seed = 0


def test_what_the_originals_have_no_figure_of_is_marked():
    """Catches a figure of our own that passes for the post's."""
    extras = {name for name, figure in known().items() if figure.extra}
    assert extras == {
        "ecoffet-peculiar-learning-curve", "ecoffet-expansion", "jang-headline",
    }  # fmt: skip

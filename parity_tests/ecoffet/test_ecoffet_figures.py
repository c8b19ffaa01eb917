"""What the second post's figures show, drawn from made-up arrays."""

from __future__ import annotations

import numpy as np
import pytest

from repro.gallery.figure import known, load_post

FIGURES = {name: f for name, f in known().items() if f.post == "ecoffet"}
X = np.linspace(-5, 5, 50)


@pytest.fixture
def post():
    return load_post("ecoffet")


def legend(axes):
    found = axes.get_legend()
    return [] if found is None else [text.get_text() for text in found.get_texts()]


def curve(steps, level=1.0):
    mean = level / np.arange(1, steps + 2)
    return np.stack([mean, mean - 0.1, mean + 0.1])


def test_the_gallery_has_every_figure_of_the_post():
    models = ("maml", "first-order", "reptile")
    expected = ["random-tasks", "1000-tasks", "average-function", "transfer-task"]
    expected += ["transfer-learning-curve", "peculiar-learning-curve", "expansion"]
    expected += [f"{m}-{kind}" for m in models for kind in ("task", "learning-curve", "one-sided")]
    assert sorted(FIGURES) == sorted(f"ecoffet-{name}" for name in expected)


def test_a_task_figure(post):
    after = {f"after_{n}": np.sin(X) for n in (0, 1, 10)}
    (axes,) = post.task(X[:10], X[:10], X, np.cos(X), **after).axes
    assert legend(axes) == [
        "Training Points", "True Function", "After 0 Steps", "After 1 Steps", "After 10 Steps"
    ]  # fmt: skip
    points, truth, *predictions = axes.get_lines()
    assert (points.get_marker(), points.get_linestyle()) == ("^", "None")
    assert truth.get_linestyle() == "-"
    assert [line.get_linestyle() for line in predictions] == ["--"] * 3


@pytest.mark.parametrize(
    ("name", "labels", "steps"),
    [
        ("ecoffet-transfer-learning-curve", ["Transfer", "Random"], 99),
        ("ecoffet-maml-learning-curve", ["Transfer", "MAML", "Random"], 9),
        ("ecoffet-first-order-learning-curve", ["MAML", "MAML First Order"], 9),
        ("ecoffet-reptile-learning-curve", ["MAML", "MAML First Order", "Reptile"], 31),
    ],
)
def test_a_learning_curve(post, name, labels, steps):
    slugs = [slug for slug, label in post.NAMES.items() if label in labels]
    curves = {slug: curve(steps, i + 1.0) for i, slug in enumerate(slugs)}
    (axes,) = FIGURES[name].draw(**curves).axes
    assert legend(axes) == labels
    assert axes.get_xlim() == (0, steps)
    for line, values in zip(axes.get_lines(), curves.values(), strict=True):
        assert np.array_equal(line.get_ydata(), values[0])
    bands = [c.get_datalim(axes.transData) for c in axes.collections]
    assert [(b.ymin, b.ymax) for b in bands] == [(c[1].min(), c[2].max()) for c in curves.values()]


def test_tasks(post):
    (few,) = post.random_tasks(X, np.ones((3, 50))).axes
    assert len(few.get_lines()) == 3
    (many,) = post.thousand_tasks(X, np.ones((1000, 50))).axes
    assert {line.get_color() for line in many.get_lines()} == {"black"}
    assert len(many.get_lines()) == 1000
    (average,) = post.average_function(X, X, X).axes
    assert legend(average) == ["Average", "Random"]


def test_the_expansions(post):
    rates = np.geomspace(1e-6, 1e-2, 5)
    norms = np.stack([[rates, rates**2]] * 2)
    panels = post.expansion(rates, MAML=norms, FOMAML=norms, Reptile=norms).axes
    assert [axes.get_title() for axes in panels] == ["relu, the post's network", "tanh"]
    assert legend(panels[0])[:3] == ["MAML", "FOMAML", "Reptile"]

"""Where the error sits: pictures, their words, and a page about a check of one's own."""

from __future__ import annotations

import json
import re

import numpy as np
import pytest
from reports.test_page import Page

import repro
from repro.reports import Named, Outcome
from repro.reports.junit import write_junit
from repro.reports.outcome import as_json
from repro.reports.where import MOST, _blocks, where

F32 = np.float32


def held(a, change, **options):
    steps = [{"a": a}, {"a": a}]
    wrong = np.array(a, copy=True)
    wrong[change] += 1
    return repro.check(steps, [steps[0], {"a": wrong}], **options)


def image(shape=(5, 7)):
    return np.random.default_rng(0).normal(size=shape).astype(F32)


def test_the_words_say_where_and_how_much():
    """Catches a picture that is nothing to those who cannot see it."""
    error, values = where(held(image(), (3, 2)))
    assert error.words.startswith("a, step 1: where the error sits. a, step 1: 1 of 35 elements")
    assert "most of all [3, 2], error (nothing may differ) 1" in error.words
    assert re.search(r"reference -?[\d.]+ to [\d.]+, port -?[\d.]+ to [\d.]+", values.words)
    assert error.source != values.source and error.source.startswith("data:image/svg+xml")


def test_over_tolerance_where_there_is_one():
    budget = repro.Ulps(4, because="for this test")
    (error, _) = where(held(image(), (3, 2), tolerance=budget))
    assert "error / tolerance" in error.words and "1 of 35 elements" in error.words


@pytest.mark.parametrize(
    ("a", "change", "said"),
    [
        (image((40,)), 7, "most of all [7]"),
        (image((2, 3, 4)), (1, 2, 3), "most of all [5, 3]"),
        (F32(1), (), "a, step by step: 1 of 2 elements are wrong, most of all [1]"),
        (np.arange(9), 4, "1 of 9 elements are wrong, most of all [4]"),
        (np.full((3, 3), np.nan, F32) * F32([[np.nan], [1], [1]]) + 1, (0, 0), None),
    ],
)
def test_every_shape_is_drawn(a, change, said):
    found = where(held(a, change))
    assert len(found) == (0 if said is None else 2)
    assert said is None or said in found[0].words


def test_infinities_and_large_arrays_are_drawn():
    a = image((2 * MOST + 3, 4))
    b = a.copy()
    b[401, 1] = np.inf
    (error, _) = where(repro.check([{"a": a}], [{"a": b}]))
    assert "most of all [401, 1]" in error.words and "inf" in error.words
    small = _blocks(np.where(np.isinf(b), 9.0, 0.0))
    assert small.shape == (MOST, 4) and small.max() == 9, "no wrong element is lost"


@pytest.mark.parametrize(
    "port", [[{"a": np.zeros(3, F32)}] * 2, [{"b": image()}] * 2, [{"a": image()}] * 2]
)
def test_what_cannot_be_laid_beside_each_other_or_is_right_has_no_picture(port):
    steps = [{"a": image(), "b": image()}] * 2
    assert where(repro.check(steps, port, names=["a"] if "a" in port[0] else ["b"])) == []


def step(state, draws, rate=0.2):
    g = draws["x"] * state["w"]
    return {"g": g, "w": state["w"] - F32(rate) * g}


def reference():
    w = image((3, 4))
    yield {"w": w}
    for t in range(4):
        x = F32(t + 1)
        made = step({"w": w}, {"x": x}, rate=0.1)
        w = made["w"]
        yield {"x": x, **made}


@pytest.fixture(scope="module")
def wrong():
    return repro.check(reference, step, resynchronise=True, draws=["x"])


def test_a_check_of_one_s_own_has_a_page_like_any_other(wrong, tmp_path):
    text = repro.write_page(wrong, tmp_path / "page", name="mine <b>").read_text()
    words = Page(text).words
    assert "mine <b>: FAIL" in words and "first wrong: `w` in step 1" in words
    assert "given: `x` came from the reference" in words and "(resynchronised)" in words
    assert text.count("<img") == 2 and 'alt="w, step 1: where the error sits' in text


def test_the_page_s_table_has_sharpness_steps_and_pattern(wrong, tmp_path):
    """Catches a page on which a pass does not say how sharp it was."""
    text = repro.write_page(wrong, tmp_path).read_text()
    (table,) = re.findall(r'aria-label="Quantities">(.*?)</table>', text, re.S)
    heads = re.findall(r"<th>(.*?)</th>", table, re.S)
    assert {"held to", "steps wrong", "looks like"} <= set(heads)
    rows = [re.findall(r"<td.*?>(.*?)</td>", r, re.S) for r in table.split("<tr>")[2:]]
    g, w = rows
    assert len(g) == len(heads) and g[0] == "g" and "0 of 4" in g and "4 of 4" in w
    assert float(g[heads.index("held to")]) < 1e-4


def test_json_and_junit_know_it_too(wrong, tmp_path):
    outcome = Outcome(Named("mine"), wrong)
    document = json.loads(json.dumps(as_json(outcome), allow_nan=False))
    assert document["given"] == {"draws": ["x"], "start": ["w"]} and document["accepted"] == {}
    rows = {row["name"]: row for row in document["table"]}
    assert rows["w"]["steps_wrong"] == 4 and rows["w"]["way"] == "resynchronised"
    assert rows["g"]["sharpness"] < 1e-4 and rows["g"]["pattern"] is None
    assert 'name="mine"' in write_junit([outcome], tmp_path / "j.xml").read_text()


def test_an_accepted_difference_stands_on_the_page_and_in_the_json(tmp_path):
    known = {"w": "another rate"}
    found = repro.check(reference, step, resynchronise=True, draws=["x"], accept=known)
    assert found and as_json(Outcome(Named("mine"), found))["accepted"] == known
    junit = write_junit([Outcome(Named("mine"), found)], tmp_path / "j.xml").read_text()
    assert "accepted differences: w (another rate)" in junit
    words = Page(repro.write_page(found, tmp_path).read_text()).words
    assert "accepted: another rate" in words and "differs in 4 of 4 steps" in words

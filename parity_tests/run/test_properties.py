"""Any run survives a file, any nested values their naming, any text the command line."""

from __future__ import annotations

import string

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays_of

from repro.checks.agreement import equal_bits
from repro.run import Kind, Provenance, Quantity, Run, arrays, digest, run_of, steps_of
from repro.run.values import leaves

TYPES = ["?", "i1", "i8", "u8", "f2", "f4", "f8", "c8", "c16", "U5"]
DTYPES = st.sampled_from([np.dtype(t) for t in TYPES])
ANY = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
JSON = st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | ANY


def values(dtypes=DTYPES):
    shapes = arrays_of.array_shapes(min_dims=0, max_dims=2, min_side=0, max_side=3)
    return dtypes.flatmap(lambda d: arrays_of.arrays(d, shapes, elements=_elements(d)))


def _elements(dtype):
    if dtype.kind != "U":
        return None
    letters = st.characters(exclude_categories=["Cs"])
    return st.text(letters, max_size=5).filter(lambda t: not t.endswith("\0"))  # NumPy drops those


@st.composite
def quantities(draw):
    a = draw(values())
    k = draw(st.integers(0, 3))
    steps = sorted(draw(st.sets(st.integers(0, 2**40), min_size=k, max_size=k)))
    return Quantity(
        np.array(steps, int), np.stack([a] * k) if k else a[None][:0], draw(st.sampled_from(Kind))
    )


NAMES = ANY.filter(lambda n: "\0" not in n) | st.sampled_from(["a", "a.npy", "file", "../a", "/a"])


@given(
    st.dictionaries(NAMES, quantities(), max_size=4), st.dictionaries(ANY, JSON, max_size=3), ANY
)
def test_any_run_is_read_as_it_was_written(tmp_path_factory, found, details, source):
    path = tmp_path_factory.getbasetemp() / "any.npz"
    fields = Provenance.__dataclass_fields__
    made = Provenance(source, details={n: v for n, v in details.items() if n not in fields})
    run = Run(found, made)
    run.save(path)
    again = Run.load(path)
    assert again.quantities.keys() == found.keys()
    for name, q in found.items():
        assert again[name].kind is q.kind and equal_bits(again[name].steps, q.steps)
        assert equal_bits(again[name].values, q.values)
    assert again.provenance.as_dict() == made.as_dict()


PARTS = st.text(string.ascii_letters, min_size=1, max_size=3)


@given(
    st.lists(
        st.dictionaries(PARTS, values(st.sampled_from([np.dtype(t) for t in ("f4", "f8", "i8")])),
                        min_size=1, max_size=4),
        min_size=1,
        max_size=5,
    )
)  # fmt: skip
def test_steps_become_a_run_and_the_same_steps_again(steps):
    """Inverse to each other, whatever shapes and types come and go."""
    again = steps_of(run_of(steps))
    assert list(again) == list(range(len(steps)))
    for t, step in enumerate(steps):
        assert again[t].keys() == step.keys()
        for name, a in step.items():
            assert equal_bits(again[t][name], a)


TREES = st.recursive(
    st.floats(width=32) | st.integers(-(2**62), 2**62) | PARTS,
    lambda inner: (
        st.dictionaries(PARTS, inner, min_size=1, max_size=3)
        | st.lists(inner, min_size=1, max_size=3).map(lambda parts: [{"p": p} for p in parts])
    ),
    max_leaves=8,
)


def put_together(found):
    """Dotted names as nested dicts."""
    whole: dict = {}
    for name, value in found:
        *path, last = name.split(".")
        inner = whole
        for part in path:
            inner = inner.setdefault(part, {})
        inner[last] = value
    return whole


def plain(tree):
    if isinstance(tree, list):
        return {str(i): plain(part) for i, part in enumerate(tree, 1)}
    return {n: plain(v) for n, v in tree.items()} if isinstance(tree, dict) else tree


@given(st.dictionaries(PARTS, TREES, min_size=1, max_size=3))
def test_naming_parts_is_undone_by_their_names(tree):
    found = [leaf for name, value in tree.items() for leaf in leaves(name, value, "step 0")]
    assert repr(put_together(found)) == repr(plain(tree))
    assert list(arrays(tree, "step 0")) == [name for name, _ in found]


@given(st.dictionaries(PARTS, values(), min_size=1, max_size=3), st.data())
def test_a_digest_changes_with_any_byte(found, data):
    name = data.draw(st.sampled_from(sorted(found)))
    changed = {n: a.copy() for n, a in found.items()}
    if not changed[name].size:
        return
    raw = changed[name].reshape(-1).view(np.uint8)
    raw[data.draw(st.integers(0, raw.size - 1))] ^= 1 << data.draw(st.integers(0, 7))
    assert digest(changed) != digest(found) == digest({n: found[n] for n in sorted(found)})

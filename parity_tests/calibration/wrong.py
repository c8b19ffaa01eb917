"""Wrong ports of the same families, of the kinds that users make: none of them may pass.

A mistake changes what an implementation is given (so that all that follows is off), what it gives,
or a piece of its source.
"""

from __future__ import annotations

import argparse
import inspect
import textwrap
import warnings
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from calibration import aside, families, pairs
from calibration.right import ASIDE, FAMILIES, Port, implementations, is_port

from repro.checks import Report

Arrays = Mapping[str, np.ndarray]
Function = Callable[[Arrays], Arrays]


@dataclass(frozen=True)
class Planted:
    """A mistake in one output (or in the source) of one family."""

    family: str
    kind: str
    where: str
    port: Callable[[str, int], tuple[Arrays, Arrays, Function]]

    def __str__(self) -> str:
        return f"{self.family}: {self.kind} in {self.where}"


def _array(value) -> np.ndarray:
    return np.asarray(value.detach() if hasattr(value, "detach") else value)


def _slice(a):
    """The last of the first axis by a thousandth."""
    a = np.array(a)
    a[-1:] *= a.dtype.type(1.001)
    return a


def _row(a):
    """The first row is the second's."""
    a = np.array(a)
    a[0] = a[1]
    return a


def _stale(a):
    """Every value is its neighbour's."""
    return np.roll(a, 1, axis=-1)


def _sign(a):
    a = np.array(a)
    a[..., 0] *= -1
    return a


def _narrow(a):
    narrower = {4: np.float16, 8: np.float32}
    return np.asarray(a).astype(narrower[np.asarray(a).dtype.itemsize]).astype(np.asarray(a).dtype)


OUTPUTS = {
    "a scale off by 1e-4": lambda a: a * a.dtype.type(1.0001),
    "one slice off by a thousandth": _slice,
    "one row is another's": _row,
    "stale values": _stale,
    "the sign of a pair": _sign,
    "single in double": _narrow,
}


def _last_left_out(given: Arrays) -> Arrays:
    """A term of the largest input is left out."""
    name = max((k for k, a in given.items() if a.dtype.kind == "f"), key=lambda k: given[k].size)
    changed = np.array(given[name])
    changed.flat[-1] = 0
    return {**given, name: changed}


def _one_row(given: Arrays) -> Arrays:
    """A row of the batch is scaled by a thousandth."""
    name = max((k for k, a in given.items() if a.dtype.kind == "f"), key=lambda k: given[k].size)
    changed = np.array(given[name])
    changed[0] = changed[0] * changed.dtype.type(1.001)
    return {**given, name: changed}


INPUTS = {"a term left out": _last_left_out, "one row of the batch": _one_row}

SOURCES = [
    ("norms", "epsilon outside the root", "/ np.sqrt(v + x.dtype.type(e))",
     "/ (np.sqrt(v) + x.dtype.type(e))"),
    ("norms", "another epsilon", "e = 1e-5", "e = 1e-6"),
    ("moments", "ddof", "ddof=1", "ddof=0"),
    ("softmax", "an epsilon that is not there", "e / s[:, None]", "e / (s[:, None] + 1e-3)"),
    ("train_tanh_sgd", "no factor of two", "go = 2 * e / B", "go = e / B"),
    ("train_tanh_sgd", "another rate", "0.05 * g[k]", "0.05001 * g[k]"),
    ("train_tanh_sgd", "derivative of another function", "ga * (1 - a * a)", "ga * (1 - a)"),
    ("cg", "one step less", "range(6)", "range(5)"),
    ("loss", "sum for mean", "S(d * d) / k", "S(d * d)"),
    ("recurrent", "one gate", "_sigmoid(a[:, n : 2 * n]", "_sigmoid(a[:, :n]"),
    ("recurrent", "the other way round", "(1 - z) * new + z * h", "z * new + (1 - z) * h"),
    ("recurrent", "no gate", "_sigmoid(o) * np.tanh(c)", "np.tanh(c)"),
    ("recurrent", "reset after", "np.tanh(a[:, 2 * n :] + r * b", "np.tanh(a[:, 2 * n :] + b"),
    ("pooling", "mean for sum of squares", "np.sqrt(S(parts * parts))", "np.sqrt(S(parts**2) / k)"),
    ("interpolation", "corners aligned", "(np.arange(12) + 0.5) / 2 - 0.5",
     "np.arange(12) * 5 / 11"),
    ("interpolation", "weights exchanged", '(1 - w) * given["y"][i] + w',
     'w * given["y"][i] + (1 - w)'),
    ("ordering", "lower median", 's[:, n // 2]) / 2', 's[:, (n - 1) // 2]) / 2'),
    ("ordering", "one more cut", "cut = n // 10", "cut = n // 10 + 1"),
    ("features", "no factor of two", "x.dtype.type(2) /", "x.dtype.type(1) /"),
    ("features", "sine", "np.cos(mm", "np.sin(mm"),
    ("features", "no half", "np.exp(-d / 2)", "np.exp(-d)"),
    ("trees", "one off", "left = c[:-1]", "left = c[1:]"),
    ("trees", "another rate", "residual - y.dtype.type(0.5)", "residual - y.dtype.type(0.5002)"),
    ("differential", "Euler at the end", "2 * b + 2 * c + d", "2 * b + 2 * c + a"),
    ("differential", "another step", "0.05 / 6", "0.05001 / 6"),
    ("differential", "another rate", "h + 0.2 *", "h + 0.2001 *"),
    ("optimisers", "epsilon inside the root", "(np.sqrt(s) + 1e-8)", "np.sqrt(s + 1e-8)"),
    ("optimisers", "no bias correction", "np.sqrt(v / (1 - 0.999**t))", "np.sqrt(v)"),
    ("optimisers", "dampened", "v = 0.9 * v + gradient", "v = 0.9 * v + 0.1 * gradient"),
    ("optimisers", "Adam's epsilon", "(1 - 0.999**t)) + 1e-8)", "(1 - 0.999**t)) + 1e-7)"),
    ("attention", "mask shifted", "np.tril(np.ones((n, n), bool))",
     "np.tril(np.ones((n, n), bool), 1)"),
    ("attention", "no scale", "np.sqrt(q.dtype.type(8))", "q.dtype.type(8)"),
    ("attention", "softmax's gradient by half", "(dp - S(p * dp))", "dp"),
    ("filtering", "no noise", "+ 0.01 * eye", ""),
    ("filtering", "gain", "P[0, 0] + 0.5", "P[0, 0] + 0.5001"),
    ("clustering", "mean for sum", "d.min(axis=1).sum()", "d.min(axis=1).mean()"),
    ("convolving", "no bias", ' + given["b"]', ""),
    ("convolving", "gradient of all", "(z > 0)", "(z > -9)"),
    ("regression", "ddof", "np.cov(X.T)", "np.cov(X.T, ddof=0)"),
]  # fmt: skip


def _made(name: str, n: int, width: str, seed: int) -> tuple[Arrays, Function]:
    given, found = implementations(name, n, width, seed)
    return given, found["np" if "np" in found else next(filter(is_port, found))]


def _output(name: str, kind: str, output: str) -> Planted:
    def port(width: str, seed: int) -> tuple[Arrays, Arrays, Function]:
        given, function = _made(name, _size(name), width, seed)

        def wrong(inputs: Arrays) -> Arrays:
            made = dict(function(inputs))
            value = made[output]
            made[output] = OUTPUTS[kind](_array(value) if hasattr(value, "detach") else value)
            return made

        return given, function(dict(given)), wrong

    return Planted(name, kind, output, port)


def _input(name: str, kind: str) -> Planted:
    def port(width: str, seed: int) -> tuple[Arrays, Arrays, Function]:
        given, function = _made(name, _size(name), width, seed)
        return given, function(dict(given)), lambda inputs: function(INPUTS[kind](inputs))

    return Planted(name, kind, "its inputs", port)


def _source(name: str, kind: str, old: str, new: str) -> Planted:
    def port(width: str, seed: int) -> tuple[Arrays, Arrays, Function]:
        given, function = _made(name, _size(name), width, seed)
        module = next(m for m in (aside, families, pairs) if _maker(name).__module__ == m.__name__)
        text = _text(name)
        assert old in text, f"{name} has no {old}"
        scope = dict(vars(module))
        exec(text.replace(old, new), scope)
        make = scope[_maker(name).__name__]
        make = make(*_arguments(name)) if _arguments(name) else make
        _, changed = make(np.dtype(f"f{width}"), _size(name), np.random.default_rng([seed]))
        return given, function(dict(given)), changed["np"]

    return Planted(name, kind, "its source", port)


def _maker(name: str) -> Callable:
    found = (FAMILIES | ASIDE)[name][0]
    return pairs.f_train if name.startswith("train") else found


def _arguments(name: str) -> tuple[str, ...]:
    return ("tanh", "sgd") if name.startswith("train") else ()


def _text(name: str) -> str:
    return textwrap.dedent(inspect.getsource(_maker(name)))


def _size(name: str) -> int:
    sizes = (FAMILIES | ASIDE)[name][1]
    return next((n for n in sizes if n >= 30), sizes[-1])


def catalogue(among: Iterable[str] = FAMILIES) -> Iterator[Planted]:
    """All of them in these families."""
    for name in among:
        if "centred" in name or name == "sum_smooth":
            continue  # nothing but rounding is left of these sums
        given, function = _made(name, _size(name), "8", 0)
        made = {key: _array(a) for key, a in function(dict(given)).items()}
        for kind in OUTPUTS:
            for output in [k for k, a in made.items() if a.dtype.kind == "f"][:2]:
                if made[output].ndim and len(made[output]) > 1:
                    yield _output(name, kind, output)
        for kind in INPUTS:
            yield _input(name, kind)
    for entry in [e for e in [*SOURCES, *aside.SOURCES] if e[0] in among]:
        yield _source(*entry)


def held(planted: Planted, width: str, seed: int = 0) -> Report | None:
    """None where the mistake changes nothing here: the rows are equal, or a sign of 0."""
    given, expected, wrong = planted.port(width, seed)
    found = wrong(dict(given))
    pairs = ((_array(found[name]), _array(a)) for name, a in expected.items())
    if all(np.array_equal(a, b, equal_nan=True) for a, b in pairs):
        return None
    return Port(given, wrong).beside(expected)[0]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--all", action="store_true", help="name those that pass")
    options = parser.parse_args()
    warnings.simplefilter("ignore")
    worst = 0
    for told, among in (("", FAMILIES), (", of families kept aside", ASIDE)):
        missed, total = Counter(), Counter()
        for planted in catalogue(among):
            for width in "48":
                report = held(planted, width)
                if report is None:
                    continue
                total[width] += 1
                if report:
                    missed[width] += 1
                    if options.all:
                        sharp = [c for c in report.comparisons if c.sharpness and c.name != "step"]
                        held_to = max((c.sharpness.median for c in sharp), default=0.0)
                        where = f"Float{8 * int(width)}: {planted}"
                        print(f"passes in {where}; held to {held_to:.0e}")
        for width in "48":
            share = 1 - missed[width] / total[width]
            passing = f"{100 * share:.1f} % of {total[width]} do not pass{told}"
            print(f"Float{8 * int(width)}: {passing}")
        bad = missed["8"] > 0.03 * total["8"] or missed["4"] > 0.15 * total["4"]
        worst = max(worst, int(bad))
    return worst


if __name__ == "__main__":
    raise SystemExit(main())

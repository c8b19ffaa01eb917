"""What the names of the packages' recorded rows mean for us; the format is `recorded_rows`'s."""

from __future__ import annotations

import ast
import re
from collections.abc import Callable
from functools import cache, partial
from typing import Any

import numpy as np
from julia.recorded_rows import Row, one_by_one, seed_of

from repro.julia import Range, Stream, default_rng
from repro.julia import distributions as D
from repro.julia import flux_init as F
from repro.julia import mlutils as M
from repro.julia import statsbase as S

f0 = np.float32


def iw(n: int) -> np.ndarray:
    return np.array([7919 * i % 101 % 16 + 1 for i in range(1, n + 1)])


def fw(n: int) -> np.ndarray:
    return iw(n) / 16


def zw(n: int) -> np.ndarray:
    return np.array([0.0 if i % 3 == 0 else 7919 * i % 101 % 8 / 8 for i in range(1, n + 1)])


WEIGHTS = {"fw": fw, "iw": iw, "zw": zw}
XS = np.array([3.5, 1.25, -2.0, 8.0, 0.5])


def dims(text: str) -> tuple[int, ...]:
    return tuple(int(n) for n in text.split("x"))


def flat(*arrays: Any) -> np.ndarray:
    return np.concatenate([np.asarray(a).ravel(order="F") for a in arrays])


# ---- Distributions

DISTRIBUTIONS: dict[str, Any] = {
    "Uniform()": D.Uniform(),
    "Uniform(-1,3)": D.Uniform(-1, 3),
    "Uniform(0.1,0.7)": D.Uniform(0.1, 0.7),
    "Uniform(0f0,2f0)": D.Uniform(f0(0), f0(2)),
    "Normal()": D.Normal(),
    "Normal(2,0.5)": D.Normal(2, 0.5),
    "Normal(0.3,1.7)": D.Normal(0.3, 1.7),
    "Normal(0f0,1f0)": D.Normal(f0(0), f0(1)),
    "Normal(1f0,3f0)": D.Normal(f0(1), f0(3)),
    "Exponential()": D.Exponential(),
    "Exponential(2.5)": D.Exponential(2.5),
    "Exponential(0.7)": D.Exponential(0.7),
    "Exponential(2f0)": D.Exponential(f0(2)),
    "LogNormal()": D.LogNormal(),
    "LogNormal(1,0.25)": D.LogNormal(1, 0.25),
    "LogNormal(0.3,0.7)": D.LogNormal(0.3, 0.7),
    "Bernoulli(0.3)": D.Bernoulli(0.3),
    "Bernoulli(0.5)": D.Bernoulli(0.5),
    "Bernoulli(1.0)": D.Bernoulli(1.0),
    "Categorical([0.1,0.2,0.3,0.4])": D.Categorical([0.1, 0.2, 0.3, 0.4]),
    "Categorical([0.5,0.25,0.125,0.125])": D.Categorical([0.5, 0.25, 0.125, 0.125]),
    "Categorical([1.0])": D.Categorical([1.0]),
    "Categorical([0.0,0.6,0.0,0.4])": D.Categorical([0.0, 0.6, 0.0, 0.4]),
    "Categorical(fw50/sum)": D.Categorical(fw(50) / fw(50).sum()),
    "Categorical(10)": D.Categorical(10),
    "MvNormal(mu,diagonal)": D.MvNormal([1.0, -2.0, 0.5], np.array([0.5, 1.0, 2.0]) ** 2),
    "MvNormal(mu,1.5^2I)": D.MvNormal([1.0, -2.0, 0.5], 1.5**2),
    "MvNormal(diagonal)": D.MvNormal([0.0] * 3, np.array([0.5, 1.0, 2.0]) ** 2),
    "MvNormal([0.3,-0.1,0.7],diagonal[0.9,1.1,1.3]^2)": D.MvNormal(
        [0.3, -0.1, 0.7], np.array([0.9, 1.1, 1.3]) ** 2
    ),
    "MvNormal(10,diagonal)": D.MvNormal(np.arange(1.0, 11), fw(10) ** 2),
}


def _distribution(r: Stream, v: str, d: str, n: str) -> Any:
    draw = partial(D.rand, r, DISTRIBUTIONS[d], version=v)
    how, size = re.fullmatch(r"(x|array_)(\d+)", n).groups()
    if how == "array_":
        return draw(int(size))
    drawn = [draw() for _ in range(int(size))]
    return np.concatenate(drawn) if d.startswith("MvNormal") else np.array(drawn)


# ---- StatsBase


def _sample(r: Stream, v: str, a: Any, k: Any = (), w: Any = None, **options: Any) -> Any:
    return S.sample(r, a, *k, weights=w, version=v, **options)


def _sample_of(r: Stream, v: str, a: str, rest: str) -> Any:
    """`1:10_Weights_fw10_12_noreplace`, `xs5_x50` and so on."""
    options = {"ordered": rest.endswith("_ordered"), "replace": "_noreplace" not in rest}
    rest = rest.replace("_ordered", "").replace("_noreplace", "")
    source = XS if a == "xs5" else None
    if re.fullmatch(r"\d+:\d+", a):
        source = Range(*(int(end) for end in a.split(":")))
    elif a == "10:-1:1":
        source = Range(10, 1, -1)
    elif a == "matrix":
        source = np.arange(1, 13).reshape(3, 4, order="F")
    weights = None
    if match := re.fullmatch(r"_\w*Weights_([fiz]w)(\d+)(_.*)", rest):
        weights, rest = WEIGHTS[match[1]](int(match[2])), match[3]
    elif match := re.fullmatch(r"_Weights_(\[.*\])(_.*)", rest):
        weights, rest = np.array(ast.literal_eval(match[1])), match[2]
    elif match := re.fullmatch(r"_UnitWeights(_.*)", rest):
        weights, rest = S.UnitWeights(10), match[1]
    if source is None:
        raise KeyError(a)
    if match := re.fullmatch(r"_x(\d+)", rest):
        return one_by_one(lambda: _sample(r, v, source, (), weights, **options), int(match[1]))
    if match := re.fullmatch(r"_dims_(.*)", rest):
        return _sample(r, v, source, dims(match[1]), weights, **options)
    return _sample(r, v, source, (int(rest[1:]),), weights, **options)


def _replaced(r: Stream, v: str, n: int, k: int, rp: str, od: str) -> Any:
    return _sample(r, v, Range(1, n), (k,), replace=rp == "true", ordered=od == "true")


def _by_weight(r: Stream, v: str, w: str, n: int) -> Any:
    weights = S.UnitWeights(10) if w == "UnitWeights10" else WEIGHTS[w[8:10]](int(w[10:]))
    size = 10 if w == "UnitWeights10" else len(weights)
    return one_by_one(lambda: _sample(r, v, Range(1, size), (), weights), n)


ALGORITHMS = {
    "fisher_yates_sample!": S.fisher_yates,
    "self_avoid_sample!": S.self_avoiding,
    "seqsample_a!": S.scan,
    "seqsample_c!": S.skips,
    "direct_sample!": S._scanned,
    "efraimidis_aexpj_wsample_norep!": S.exponential_jumps,
}


def _algorithm(r: Stream, v: str, a: str, n: int, k: int) -> Any:
    return ALGORITHMS[a](r, n, k) + 1


def _weighted_algorithm(r: Stream, v: str, a: str, n: int, k: int) -> Any:
    if a == "alias_sample!":
        release = tuple(int(part) for part in v.split("."))
        return S.aliased(r, fw(n), k, release) + 1
    return ALGORITHMS[a](r, fw(n), k) + 1


# ---- MLUtils


def batches(loader: Any) -> np.ndarray:
    parts = [np.concatenate([np.ravel(batch, order="F"), [0]]) for batch in loader]
    return np.concatenate(parts).astype(np.int64)


def _loader(n: int, b: int, **options: Any) -> Any:
    return M.DataLoader(Range(1, n), b, shuffle=True, **options)


def _epochs(loader: Any, n: int = 3) -> np.ndarray:
    return np.concatenate([batches(loader) for _ in range(n)])


def _first_then_all(r: Stream) -> np.ndarray:
    loader = _loader(10, 3, rng=r)
    return np.concatenate([next(iter(loader)), [0], batches(loader)])


def _pairs(r: Stream) -> Any:
    data = (np.arange(1, 11), np.arange(101, 111))
    return [np.concatenate(pair) for pair in M.DataLoader(data, 3, shuffle=True, rng=r)]


def _split(r: Stream, v: str, n: int, at: str) -> Any:
    share = tuple(float(s) for s in at.split("_"))
    whole = int(at) if at.isdigit() else share[0] if len(share) == 1 else share
    return batches(M.splitobs(r, Range(1, n), whole, shuffle=True))


# ---- Flux

INITS = {
    **{name: getattr(F, name) for name in ("glorot_uniform", "glorot_normal")},
    **{name: getattr(F, name) for name in ("kaiming_uniform", "kaiming_normal")},
    **{name: getattr(F, name) for name in ("truncated_normal", "lecun_normal")},
    "rand32": lambda r, *d: r.rand(*d, dtype=f0),
    "randn32": lambda r, *d: r.randn(*d, dtype=f0),
}
VERSIONED = ("glorot_uniform", "glorot_normal")


def _init(r: Stream, v: str, i: str, d: str) -> Any:
    options = {"version": v} if i in VERSIONED else {}
    if d == "thrice":
        return flat(*(INITS[i](r, *sizes, **options) for sizes in ((3, 4), (5,), (10, 10))))
    sizes, *settings = re.split(r"_(?=gain|mean|std|lo|hi)", d)
    for setting in settings:
        name, value = setting.split("_")
        options[name] = ast.literal_eval(value)
    return INITS[i](r, *dims(sizes), **options)


def _sparse(r: Stream, v: str, d: str, s: str, fresh: Any) -> Any:
    sparsity, *std = s.split("_std_")
    options = {"std": float(std[0])} if std else {}
    return F.sparse_init(r, *dims(d), float(sparsity), default=fresh(), **options)


def _weight_then(layer: Any) -> Any:
    return flat(*(part for part in layer if part is not None))


LAYERS: dict[str, Callable[..., Any]] = {
    "Dense_3_2": lambda r, **k: F.dense(r, 3, 2, **k).weight,
    "Dense_784_64": lambda r, **k: F.dense(r, 784, 64, **k).weight,
    "Dense_3_2_weight_and_bias": lambda r, **k: _weight_then(F.dense(r, 3, 2, **k)),
    "Dense_4_8_and_8_1": lambda r, **k: flat(
        F.dense(r, 4, 8, **k).weight, F.dense(r, 8, 1, **k).weight
    ),
    "Conv_3x3_1_8": lambda r, **k: F.conv(r, (3, 3), 1, 8, **k).weight,
    "Conv_5_2_4": lambda r, **k: F.conv(r, (5,), 2, 4, **k).weight,
    "Conv_2x2_4_6": lambda r, **k: F.conv(r, (2, 2), 4, 6, **k).weight,
    "Conv_3x3_4_8": lambda r, **k: F.conv(r, (3, 3), 4, 8, **k).weight,
    "Conv_3x3_4_8_groups_2": lambda r, **k: F.conv(r, (3, 3), 4, 8, 2, **k).weight,
    "ConvTranspose_3x3_4_8": lambda r, **k: F.conv_transpose(r, (3, 3), 4, 8, **k).weight,
    "DepthwiseConv_3x3_4_8": lambda r, **k: F.depthwise_conv(r, (3, 3), 4, 8, **k).weight,
    "Embedding_5_4": lambda r, version: F.embedding(r, 5, 4),
    "Bilinear_3_4_2": lambda r, **k: F.bilinear(r, (3, 4), 2, **k).weight,
    "MultiHeadAttention_8_q_k_v_out": lambda r, **k: flat(*F.attention(r, 8, **k)),
    **{
        f"{name}_{n}_{m}_{fields}": lambda r, n=n, m=m, layer=layer, **k: _weight_then(
            layer(r, n, m, **k)
        )
        for name, layer, fields in (
            ("RNN", F.rnn, "Wi_Wh_b"),
            ("LSTM", F.lstm, "Wi_Wh_b"),
            ("GRU", F.gru, "Wi_Wh_b"),
            ("GRUv3", F.gru_v3, "Wi_Wh_b_Whh"),
        )
        for n, m in ((2, 3), (10, 20))
    },
}


def _init_rng(r: Stream, v: str, layer: str) -> Any:
    return LAYERS[layer](r, version=v, init=partial(F.glorot_uniform, r))


def _flux_batches(r: Stream, v: str, n: int, b: int, p: str) -> Any:
    loader = M.FluxDataLoader(Range(1, n), b, shuffle=True, partial=p == "true", rng=r)
    return _epochs(loader)


def _dropped(r: Stream, v: str, kind: str, d: str, p: str, along: str | None) -> Any:
    sizes = dims(d)
    n = int(np.prod(sizes))
    ramp = sizes == (5, 4) and p != "0" and not (kind == "Float32" and p.endswith("g"))
    x = (np.arange(1, n + 1) if ramp else np.ones(n)).astype(kind.lower())
    options = (int(along),) if along else None
    return F.dropout(r, x.reshape(sizes, order="F"), float(p), options)


def _ones_dropped(r: Stream, v: str) -> Any:
    return F.dropout(r, np.ones((5, 4), f0, order="F"), 0.3)


PATTERNS: dict[str, Callable[..., Any]] = {
    rf"Distributions\.(?P<d>{'|'.join(map(re.escape, DISTRIBUTIONS))})_(?P<n>(x|array_)\d+)": (
        _distribution
    ),
    r"StatsBase\.sample_1:(?P<n>\d+)_(?P<k>\d+)_replace_(?P<rp>\w+)_ordered_(?P<od>\w+)": _replaced,
    r"StatsBase\.sample_(?P<w>(Weights_[fiz]w|UnitWeights)\d+)_x(?P<n>\d+)": _by_weight,
    r"StatsBase\.sample_(?P<a>matrix|xs5|[\d:-]+)(?P<rest>_.*)": _sample_of,
    r"StatsBase\.samplepair_10_x20": lambda r, v: flat(*(S.samplepair(r, 10) for _ in range(20))),
    r"StatsBase\.wsample_1:10_fw10(?P<rest>_.*)": lambda r, v, rest: _sample_of(
        r, v, "1:10", "_Weights_fw10" + rest
    ),
    r"StatsBase\.(?P<a>\w+!)_1:(?P<n>\d+)_(?P<k>\d+)": _algorithm,
    r"StatsBase\.(?P<a>\w+!)_1:(?P<n>\d+)_Weights_fw\d+_(?P<k>\d+)": _weighted_algorithm,
    r"MLUtils\.DataLoader_1:(?P<n>\d+)_batchsize_(?P<b>\d+)_partial_(?P<p>\w+)": (
        lambda r, v, n, b, p: batches(_loader(n, b, rng=r, partial=p == "true"))
    ),
    r"MLUtils\.DataLoader_1:(?P<n>\d+)_batchsize_(?P<b>\d+)_3_epochs": (
        lambda r, v, n, b: _epochs(_loader(n, b, rng=r))
    ),
    r"MLUtils\.DataLoader_1:10_batchsize_-1": lambda r, v: batches(
        [i] for i in _loader(10, -1, rng=r)
    ),
    r"MLUtils\.DataLoader_1:10_batchsize_0": lambda r, v: np.array(list(_loader(10, 0, rng=r))),
    r"MLUtils\.DataLoader_1:10_batchsize_3": lambda r, v: batches(_loader(10, 3, rng=r)),
    r"MLUtils\.DataLoader_1:10_batchsize_3_first_only_then_again": lambda r, v: _first_then_all(r),
    r"MLUtils\.DataLoader_1:10_batchsize_3_shuffle_false_draws": (
        lambda r, v: batches(M.DataLoader(Range(1, 10), 3, rng=r))
    ),
    r"MLUtils\.DataLoader_matrix_2x10_batchsize_3": lambda r, v: batches(
        M.DataLoader(np.arange(1, 21).reshape(2, 10, order="F"), 3, shuffle=True, rng=r)
    ),
    r"MLUtils\.DataLoader_tuple_10_batchsize_3": lambda r, v: batches(_pairs(r)),
    r"MLUtils\.shuffleobs_1:(?P<n>\d+)": lambda r, v, n: M.shuffleobs(r, Range(1, n)),
    r"MLUtils\.splitobs_1:(?P<n>\d+)_at_(?P<at>[\d._]+)": _split,
    r"MLUtils\.randobs_1:(?P<n>\d+)_x20": (
        lambda r, v, n: one_by_one(lambda: M.randobs(r, Range(1, n)), 20)
    ),
    r"MLUtils\.randobs_1:(?P<n>\d+)_20": lambda r, v, n: M.randobs(r, Range(1, n), 20),
    r"MLUtils\.rand_like_3x4_Float32": lambda r, v: r.rand(3, 4, dtype=f0),
    r"MLUtils\.randn_like_3x4_Float32": lambda r, v: r.randn(3, 4, dtype=f0),
    rf"Flux\.(?P<i>{'|'.join(INITS)})_(?P<d>.*)": _init,
    r"Flux\.sparse_init_(?P<d>\w+?)_(?P<s>[\d.].*)": _sparse,
    rf"Flux\.(?P<layer>{'|'.join(LAYERS)})": lambda r, v, layer: LAYERS[layer](r, version=v),
    rf"Flux\.(?P<layer>{'|'.join(LAYERS)})_init_rng": _init_rng,
    r"Flux\.Dense_4_8_kaiming_normal_rng": lambda r, v: F.kaiming_normal(r, 8, 4),
    r"Flux\.DataLoader_1:(?P<n>\d+)_batchsize_(?P<b>\d+)_partial_(?P<p>\w+)_3_epochs": (
        _flux_batches
    ),
    r"Flux\.dropout_(?P<d>5x4)_(?P<p>[\d.]+)(_dims_(?P<along>\d))?": (
        lambda r, v, d, p, along: _dropped(r, v, "Float32", d, p, along)
    ),
    r"NNlib\.dropout_Float32_5x4_0.3_global": lambda r, v: _ones_dropped(r, v),
    r"NNlib\.dropout_(?P<kind>\w+?)_(?P<d>\w+?)_(?P<p>[\d.]+)(_dims_(?P<along>\d))?": _dropped,
}
WHOLE = {"n", "b", "k"}

LEFT_OUT = {
    r"Distributions\.(Gamma|Beta|Binomial|Poisson|Chisq|TDist|Cauchy|Laplace|Logistic|Gumbel|"
    r"Weibull|Rayleigh|Pareto|InverseGamma|Geometric|NegativeBinomial|DiscreteUniform|"
    r"truncated|Dirichlet|Multinomial|MixtureModel)\(.*": "a distribution that is not here",
    r"Distributions\.MvNormal\(mu,A\)_.*": "a MvNormal of dependent components",
    r"Distributions\.mixed": "draws Gamma, Poisson, Beta and Binomial",
    r"StatsBase\.(knuths_sample!|seqsample_d!|naive_wsample_norep!|efraimidis_a_wsample_norep!|"
    r"efraimidis_ares_wsample_norep!)_.*": "an algorithm that `sample` never calls",
    r"MLUtils\.splitobs_.*_stratified_.*": "goes through classes in the order of a Dict",
    r"MLUtils\.DataLoader_.*_buffer": "a last, shorter batch keeps what the buffer held",
    r"MLUtils\.(kfolds|oversample|undersample)_.*": "not here",
    r"Flux\.orthogonal_.*": "its last bits are LAPACK's; held to a tolerance",
}
"""Names of rows that are not drawn here bit for bit, and why."""


@cache
def _fresh(seed: str, generator: str, julia: str) -> Stream:
    from julia.recorded_rows import GENERATORS

    return GENERATORS[generator](seed_of(seed), julia)


def generator_of(row: Row, julia: str) -> Stream:
    return _fresh(row.seed, row.generator, julia).copy()


def default_of(row: Row, julia: str) -> Stream:
    return default_rng(seed_of(row.seed), julia)


@cache
def drawer(name: str) -> Callable[..., Any] | None:
    """What draws the row of this name; None where it is left out, KeyError where nobody knows."""
    plain = name if name.startswith("NNlib") else name.removesuffix("_global")
    if any(re.fullmatch(pattern, plain) for pattern in LEFT_OUT):
        return None
    for pattern, draw in PATTERNS.items():
        if match := re.fullmatch(pattern, plain):
            texts = match.groupdict()
            given = {k: int(v) if k in WHOLE and v.isdigit() else v for k, v in texts.items()}
            return partial(_draw, draw, given)
    raise KeyError(f"no draw is called {name}: say in recorded_packages.py what it means")


def _draw(
    draw: Any, given: dict[str, Any], rng: Stream, version: str, fresh: Any, own: bool
) -> Any:
    if draw is _sparse:
        return draw(rng, version, fresh=(lambda: rng) if own else fresh, **given)
    return draw(rng, version, **given)


def runs(row: Row) -> list[tuple[str, str]]:
    """The package's and Julia's versions that gave the row."""
    pairs = [version.split("@") for version in row.versions]
    return [(package, ".".join(julia.split(".")[:2])) for package, julia in pairs]


def draw_row(row: Row, package: str, julia: str) -> tuple[Stream, Any]:
    """Our generator after it drew the row, and what it drew; None where it is left out."""
    draw = drawer(row.name)
    rng = generator_of(row, julia)
    if draw is None:
        return rng, None
    return rng, draw(rng, package, lambda: default_of(row, julia), row.name.endswith("_global"))

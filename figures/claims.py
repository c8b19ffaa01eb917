"""The figures of the posts' claims in words. Each function draws arrays; none computes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure as Drawing
from matplotlib.ticker import LogLocator
from numpy import ndarray

from repro.gallery import claims, ecoffet
from repro.gallery.figure import Figure

STYLES = ("-", "--", "-.", ":", (0, (3, 1, 1, 1, 1, 1)))


def pairs(
    *, panels: Mapping[str, Sequence[str]], rows: Sequence[str], **arrays: ndarray
) -> Drawing:
    """Bands over the networks, a panel for each group of variants, and what comes of the pairs.

    Args:
        panels: the variants of each panel, by its title.
        rows: what each pairing is called.
        arrays: those of `repro.gallery.claims.paired`.
    """
    figure = Drawing(figsize=(3.6 * len(panels) + 5.6, max(3.6, 0.62 * len(rows) + 1)))
    *axes, last = figure.subplots(1, len(panels) + 1, width_ratios=[3.6] * len(panels) + [2.6])
    for ax, (title, variants) in zip(axes, panels.items(), strict=True):
        bands(ax, variants, arrays)
        ax.set(title=title, xlabel="Updates", ylabel="Loss", yscale="log")
        ax.yaxis.set_major_locator(LogLocator(base=2))
        ax.yaxis.set_major_formatter("{x:g}")
        ax.minorticks_off()
        ax.legend(fontsize=8)
    won = [f"{w:.0f} of {n:.0f}" for w, n in zip(arrays["wins"], arrays["pairs"], strict=True)]
    labels = [f"{row.replace(': ', chr(10))}: {w}" for row, w in zip(rows, won, strict=True)]
    share = arrays["wins"] / arrays["pairs"]
    proportions(last, np.arange(len(rows)), share, arrays["win_low"], arrays["win_high"])
    last.axvline(0.5, color="#666666", linewidth=0.8)
    last.set_yticks(np.arange(len(rows)), labels, fontsize=8)
    last.set(xlim=(-0.03, 1.03), ylim=(len(rows) - 0.5, -0.5), xlabel="Share of the pairs")
    return figure


def bands(ax: Axes, variants: Sequence[str], arrays: Mapping[str, ndarray]) -> None:
    """A line for each variant's interquartile mean, and a band with half of its networks."""
    for name, style in zip(variants, STYLES, strict=False):
        (line,) = ax.plot(arrays[f"{name}_middle"], linestyle=style, label=claims.LABELS[name])
        low, high = arrays[f"{name}_low"], arrays[f"{name}_high"]
        updates, colour = np.arange(len(low)), line.get_color()
        ax.fill_between(updates, low, high, color=colour, alpha=0.15, linewidth=0)


def proportions(
    ax: Axes, at: ndarray, share: ndarray, low: ndarray, high: ndarray, vertical: bool = False
) -> None:
    """Points with their intervals, one below the other or one beside the other."""
    spread = np.stack([share - low, high - share])
    style = {"fmt": "o", "capsize": 3, "color": "C0", "linewidth": 1.2}
    if vertical:
        ax.errorbar(at, share, yerr=spread, **style)
    else:
        ax.errorbar(share, at, xerr=spread, **style)


def diverging(rates: ndarray, **arrays: ndarray) -> Drawing:
    """The share of trainings that stop, over the rate, for both starts of both functions."""
    figure = Drawing(figsize=(8, 3.6))
    for ax, (function, optimiser) in zip(
        figure.subplots(1, 2), claims.DIVERGING.items(), strict=True
    ):
        for start, style, shift in (("linear", "o-", -0.02), ("glorot", "s--", 0.02)):
            part = {n: arrays[f"{function}_{start}_{n}"] for n in ("wins", "pairs")}
            share = part["wins"] / part["pairs"]
            low, high = (arrays[f"{function}_{start}_win_{end}"] for end in ("low", "high"))
            ax.errorbar(
                rates * (1 + shift), share, [share - low, high - share], fmt=style,
                capsize=3, markersize=4, linewidth=1.2, label=STARTS[start],
            )  # fmt: skip
        ax.set(title=claims.LABELS[function], xlabel=f"{optimiser.capitalize()} rate", xscale="log")
        ax.set(ylabel="Share that stops", ylim=(-0.03, 1.03))
        ax.set_xticks(rates, [f"{rate:g}" for rate in rates], minor=False)
        ax.minorticks_off()
        ax.legend()
    return figure


KINDS = {"maml": "MAML", "maml_first_order": "first-order MAML"}


def below_a_fifth(fifth: ndarray, **arrays: ndarray) -> Drawing:
    """Bands over many networks of each kind, and where each of them ends.

    Args:
        fifth, arrays: those of `repro.gallery.ecoffet.networks`.
    """
    figure = Drawing(figsize=(9, 4))
    ax, last = figure.subplots(1, 2, sharey=True, width_ratios=[3, 2])
    for i, (name, label) in enumerate(KINDS.items()):
        low, median, high, all_of = (
            arrays[f"{name}_{part}"] for part in ("low", "median", "high", "networks")
        )
        (line,) = ax.plot(median, linestyle=STYLES[i], label=label)
        ax.fill_between(range(len(low)), low, high, color=line.get_color(), alpha=0.15, linewidth=0)
        across = i + np.linspace(-0.32, 0.32, len(all_of))
        last.plot(across, np.sort(all_of[:, -1]), ".", color=line.get_color(), markersize=4)
    wins = [f"{arrays[f'{n}_wins']:.0f} of {arrays[f'{n}_pairs']:.0f}" for n in KINDS]
    labels = [f"{label}\n{won} below" for label, won in zip(KINDS.values(), wins, strict=True)]
    last.set_xticks(range(len(KINDS)), labels, fontsize=8)
    last.set(title="Each network after 10 steps")
    ax.set(xlabel="Gradient steps", ylabel="Mean test loss", title="Half of the networks")
    for each in (ax, last):
        each.axhline(fifth, color="#666666", linewidth=0.8, linestyle="--")
    ax.text(0, float(fifth), " a fifth of the untrained loss", va="top", fontsize=8)
    ax.legend()
    return figure


STARTS = {"linear": "the post's Linear", "glorot": "Flux's glorot_uniform"}

_HOW = (
    "64 networks of each kind from the same 64 seeds, 2,000 iterations; each is fine-tuned on the "
    "same 50 tasks, ten points each, at a rate of 0.02, and its loss is the geometric mean over "
    "them. Lines are interquartile means over the networks, half of which are within the bands. "
    "To the right, in how many pairs of the same seed the first does better after ten updates, "
    "with the exact 95 % interval of that share."
)


def _figure(name: str, heading: str, about: str, *panels: str) -> Figure:
    pairings = claims.PAIRINGS[name]
    variants = dict.fromkeys(v for p in pairings for v in (p.better, p.worse))
    shown = {title: [v for v in variants if v.startswith(title.lower())] for title in panels}
    rows = [p.words for p in pairings]
    return Figure(
        f"claims-{name}",
        heading,
        f"{about} {_HOW}",
        partial(pairs, panels=shown or {"": list(variants)}, rows=rows),
        claims.paired(name),
    )


FIGURES = (
    _figure(
        "reptile",
        "Reptile and FOMAML",
        "Both learn to learn: far better than transfer learning, and than the network they begin "
        "with. An iteration of FOMAML sees three tasks and one of Reptile a single one: with "
        "three times as many iterations it has seen as many tasks.",
    ),
    _figure(
        "adam",
        "ADAM in the place of Descent",
        "“ADAM did not do well”: as the meta optimiser or as the inner one, at its default rate "
        "and at the rate that Descent has in its place.",
        "FOMAML",
        "Reptile",
    ),
    _figure(
        "rate",
        "An inner rate of 0.02 or of 0.01",
        "“0.02 does much better than 0.01”. Networks trained at 0.01 are fine-tuned at 0.02 as "
        "the others are (shown), and besides at their own rate.",
        "FOMAML",
        "Reptile",
    ),
    _figure(
        "relu",
        "tanh or relu",
        "“relu does worse, and its curves are less smooth”. Roughness is how unevenly the last "
        "prediction bends: n Σd² / (Σ|d|)² of its second differences, 1.23 for a sine.",
        "FOMAML",
        "Reptile",
    ),
    _figure(
        "glorot",
        "The start of the weights",
        "“Linear's initialisation does better than glorot_uniform, above all in the first layer”: "
        "uniform in ±1/√n_in, biases too, against Flux's Dense, in some layers or in all.",
        "FOMAML",
        "Reptile",
    ),
    Figure(
        "claims-divergence",
        "How often training diverges",
        "“The problem is prone to losses that become infinite”: of 64 trainings of 1,000 "
        "iterations, how many stop at an infinite or NaN loss, by FOMAML's meta rate (0.01 by "
        "default) and by Reptile's inner rate (0.02), from both starts. Bars are exact 95 % "
        "intervals.",
        diverging,
        claims.diverging,
    ),
    Figure(
        "claims-first-order",
        "First-order MAML, almost as good as MAML",
        "The second post shows five networks of each kind. Here are 64, whose first five are "
        "those; each is trained on 10,000 tasks four times, and its loss is the mean over 1,000 "
        "test tasks. Lines are medians, and half of the networks are within the bands. After ten "
        "steps 48 of 64 networks of MAML are below a fifth of the untrained loss, a share with the "
        "exact 95 % interval 0.63 to 0.85, and 26 of 64 of first-order MAML, 0.29 to 0.54. The "
        "mean of five is below in 68 % of all sets of five of MAML's, and in 8 % of first-order "
        "MAML's: so lucky is the post's picture.",
        below_a_fifth,
        ecoffet.networks,
    ),
)

"""The tables of docs/claims.md, from the data of the gallery's figures.

python -m gallery.claims_page [--gallery figures/gallery]      (or: make claims)

A table stands below the comment `<!-- claims-NAME -->` and ends at the next blank line.
"""

from __future__ import annotations

import argparse
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np

from repro.gallery import claims
from repro.gallery.figure import arrays_of
from repro.run import Run, atomic

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "claims.md"
GALLERY = ROOT / "figures" / "gallery"
PAIRS = "| better | than | by | pairs | share, 95 % interval | ratio, 95 % interval | |"
DIVERGING = "| | rate | start | stopped | share, 95 % interval |"
STARTS = {"linear": "`Linear`", "glorot": "`glorot_uniform`"}


def verdict(low: float, high: float) -> str:
    """Whether a claim holds, by the interval of its probability."""
    return "holds" if low > 0.5 else "**the opposite holds**" if high < 0.5 else "**undecided**"


def number(value: float) -> str:
    return f"{value:.3g}" if np.isfinite(value) else "–"


def table(name: str, data: Mapping[str, np.ndarray]) -> list[str]:
    """The lines of a claim's table."""
    if name == "divergence":
        return [DIVERGING, "|---|---|---|---|---|", *stopped(data)]
    return [PAIRS, "|---|---|---|---|---|---|---|", *won(name, data)]


def won(name: str, data: Mapping[str, np.ndarray]) -> Iterator[str]:
    """A row for each pairing."""
    for i, p in enumerate(claims.PAIRINGS[name]):
        wins, pairs, low, high = (data[n][i] for n in ("wins", "pairs", "win_low", "win_high"))
        ratio = [number(data[n][i]) for n in ("ratio", "ratio_low", "ratio_high")]
        yield (
            f"| {claims.LABELS[p.better]} | {claims.LABELS[p.worse]} | {p.measure.name} "
            f"| {wins:.0f} of {pairs:.0f} | {wins / pairs:.2f}, {low:.2f} to {high:.2f} "
            f"| {ratio[0]}, {ratio[1]} to {ratio[2]} | {verdict(low, high)} |"
        )


def stopped(data: Mapping[str, np.ndarray]) -> Iterator[str]:
    """A row for each function, rate and start."""
    for function, optimiser in claims.DIVERGING.items():
        for i, rate in enumerate(data["rates"]):
            for start, words in STARTS.items():
                parts = ("wins", "pairs", "win_low", "win_high")
                wins, pairs, low, high = (data[f"{function}_{start}_{n}"][i] for n in parts)
                yield (
                    f"| {claims.LABELS[function]}, {optimiser} | {rate:g} | {words} "
                    f"| {wins:.0f} of {pairs:.0f} | {wins / pairs:.2f}, {low:.2f} to {high:.2f} |"
                )


def data_of(name: str, gallery: Path = GALLERY) -> dict[str, np.ndarray]:
    return arrays_of(Run.load(gallery / f"claims-{name}.npz"))


def written(text: str, gallery: Path = GALLERY) -> str:
    """The page with its tables as the gallery's data have them."""

    def fresh(found: re.Match[str]) -> str:
        return "\n".join([found[1], *table(found[2], data_of(found[2], gallery)), "", ""])

    return re.sub(r"(<!-- claims-(\w+) -->)\n(?:\|.*\n)*\n", fresh, text)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gallery", type=Path, default=GALLERY)
    options = parser.parse_args()
    with atomic(PAGE) as temporary:
        temporary.write_text(written(PAGE.read_text("utf-8"), options.gallery), "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())

"""`repro stream`: what Julia would draw, printed as Julia prints it."""

from __future__ import annotations

from typing import Annotated

import typer

from repro.errors import ReproError


def stream(
    generator: Annotated[str, typer.Argument(help='Such as "Xoshiro(1234)" or "seed!(1)".')],
    expressions: Annotated[list[str], typer.Argument(help='Such as "randn(Float32, 3)".')],
    julia: Annotated[str, typer.Option(help="The Julia to follow, from 1.5 to 1.12.")] = "1.10",
) -> None:
    """Draw these expressions in turn from one generator, as Julia would."""
    from repro.julia.expressions import draw_text

    try:
        drawn = draw_text(generator, expressions, julia)
    except (TypeError, ValueError) as error:
        raise ReproError(str(error)) from error
    for text in drawn:
        print(text)

"""Dense layers as the original builds them on Flux 0.7.3."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from math import sqrt

import torch
from torch import Tensor, nn

from repro.julia import Rng
from repro.trace import note, within


class Linear(nn.Module):
    """``act.(W * x .+ b)``: features along rows, samples along columns.

    Args:
        n_in, n_out: widths.
        activation: elementwise function; the identity when None.
        rng: stream the parameters are drawn from: ``weight`` (n_out, n_in) column by column,
            then ``bias`` (n_out,), both uniform in ±1/sqrt(n_in), drawn in Float64 and rounded
            to Float32.
        device: where the parameters live.
        dtype: of the parameters. float64 widens the Float32 values, so that two runs of
            different precision start from the same numbers.
    """

    def __init__(
        self,
        n_in: int,
        n_out: int,
        activation: Callable[[Tensor], Tensor] | None = None,
        *,
        rng: Rng,
        device: torch.device | str | None = None,
        dtype: torch.dtype = torch.float32,
    ) -> None:
        super().__init__()
        bound = 1 / sqrt(n_in)

        def drawn(*size: int) -> nn.Parameter:
            values = torch.from_numpy(rng.uniform(-bound, bound, size))
            return nn.Parameter(values.to(torch.float32).to(device, dtype).contiguous())

        self.weight = drawn(n_out, n_in)
        self.bias = drawn(n_out)
        self.activation = activation

    def extra_repr(self) -> str:
        """As Julia shows the layer."""
        n_out, n_in = self.weight.shape
        named = (
            ""
            if self.activation is None
            else f", {getattr(self.activation, '__name__', self.activation)}"
        )
        return f"{n_in}, {n_out}{named}"

    def forward(self, x: Tensor) -> Tensor:
        """(n_in, n) to (n_out, n).

        The product is rounded before the bias is added (no fused ``addmm``). Float64 data meet
        Float32 weights in Float64, and autograd rounds the gradient when it reaches the weight:
        both as in Flux.
        """
        dtype = torch.promote_types(x.dtype, self.weight.dtype)
        weight, bias = self.weight.to(dtype), self.bias.to(dtype)
        z = weight @ x.to(dtype) + bias[:, None]
        note("pre", z, weight, x)
        out = z if self.activation is None else self.activation(z)
        note("out", out, z)
        return out


class Chain(nn.Module):
    """Layers applied one after the other: parameters are named ``layers.0.weight`` and so on."""

    def __init__(self, *layers: nn.Module) -> None:
        super().__init__()
        self.layers = nn.ModuleList(layers)

    def __iter__(self) -> Iterator[nn.Module]:
        return iter(self.layers)

    def forward(self, x: Tensor) -> Tensor:
        for i, layer in enumerate(self.layers):
            with within("layers.", i):
                x = layer(x)
        return x

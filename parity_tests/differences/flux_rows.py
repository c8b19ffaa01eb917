"""Flux beside torch: optimisers by what Flux 0.7.3 itself gave, the rest by its formulas."""

from __future__ import annotations

import warnings

import numpy as np
import torch
import torch.nn.functional as F
from differences.row import Effects, Row, moved, relative, share, trained
from flux.flux_optimisers import RECORDED, start

from repro.flux import ADAM

OPTIMISERS, LOSSES, LAYERS = "Optimisers", "Losses", "Layers"
GRADIENTS = RECORDED["gradients Float64"]


def torch_steps(make, rate=None, begin=None) -> np.ndarray:
    """What a torch optimiser subtracts for each gradient; ``rate(t)`` sets its learning rate. Where
    x matters it begins at ``begin``; else every step is taken from 0, so that none is rounded."""
    x = torch.tensor(np.zeros(12) if begin is None else begin, requires_grad=True)
    optimiser, steps = make([x]), []
    for t, g in enumerate(GRADIENTS):
        if begin is None:
            x.detach().zero_()
        before = x.detach().clone()
        if rate is not None:
            optimiser.param_groups[0]["lr"] = rate(t)
        x.grad = torch.tensor(g)
        optimiser.step()
        steps.append((before - x.detach()).numpy())
    return np.array(steps)


def beside(recorded: str, make) -> Effects:
    return moved(RECORDED[f"{recorded} Float64 steps"], torch_steps(make))


def flux_momentum(rate) -> np.ndarray:
    """``v = rho v - eta g; step -v``: the rate is inside the velocity."""
    v, steps = 0.0, []
    for t, g in enumerate(GRADIENTS):
        v = 0.9 * v - rate(t) * g
        steps.append(-v)
    return np.array(steps)


def halved(t: int) -> float:
    return 0.01 if t < 50 else 0.005


def momentum_schedule() -> Effects:
    found = torch_steps(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9), rate=halved)
    return moved(flux_momentum(halved), found)


def adamw() -> Effects:
    """Flux adds wd x to the step; torch multiplies x by 1 - lr wd."""
    opt, x, steps = ADAM(), torch.tensor(start("Float64")), []
    for g in GRADIENTS:
        step = opt.apply(x, torch.tensor(g)) + 0.01 * x
        x -= step
        steps.append(step.numpy().copy())
    found = torch_steps(lambda p: torch.optim.AdamW(p, weight_decay=0.01), begin=start("Float64"))
    return moved(np.array(steps), found)


def float16_epsilon() -> Effects:
    """Adam's share of a small gradient's step where epsilon rounds to 0."""
    g = np.float16(3e-4)
    v = np.float16(0.001) * g * g / np.float16(0.001)
    wide = 1.0 if v == 0 else float(g / (np.sqrt(v) + np.float16(1e-8)))
    right = 3e-4 / (3e-4 + 1e-8)
    return abs(wide - right), abs(wide - right)


def belief(corrected: bool) -> np.ndarray:
    m = s = 0.0
    steps = []
    for t, g in enumerate(GRADIENTS, start=1):
        m = 0.9 * m + 0.1 * g
        s = 0.999 * s + 0.001 * (g - m) ** 2 + 1e-16
        c = (1 - 0.9**t, 1 - 0.999**t) if corrected else (1, 1)
        steps.append(0.001 * m / c[0] / (np.sqrt(s / c[1]) + 1e-8))
    return np.array(steps)


def clipping() -> Effects:
    """Two arrays of gradients, norms 3 and 4, clipped to 1."""
    a, b = torch.full((4,), 1.5), torch.full((4,), 2.0)
    own = torch.cat([a / a.norm(), b / b.norm()])
    p = [torch.zeros(4, requires_grad=True) for _ in range(2)]
    for one, g in zip(p, (a, b), strict=True):
        one.grad = g.clone()
    torch.nn.utils.clip_grad_norm_(p, 1.0)
    whole = torch.cat([one.grad for one in p])
    return relative(own, whole), relative(own, whole)


def onehot(y):
    return F.one_hot(y, 3).double()


def cross_entropy_eps(z, y):
    return -(onehot(y) * torch.log(torch.softmax(z, 1) + torch.finfo(z.dtype).eps)).sum(1).mean()


def bce_flux(z, y):
    p, t = torch.sigmoid(z), onehot(y)
    eps = torch.finfo(z.dtype).eps
    return -(t * torch.log(p + eps) + (1 - t) * torch.log(1 - p + eps)).mean()


def kl(z, y):
    """``sum(y log(y / p))`` of each column, averaged over columns; labels smoothed."""
    t = 0.9 * onehot(y) + 0.1 / 3
    return (t * (torch.log(t) - torch.log_softmax(z, 1))).sum(1).mean()


def kl_torch(z, y):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it says that this is no mean over the batch
        return F.kl_div(torch.log_softmax(z, 1), 0.9 * onehot(y) + 0.1 / 3, reduction="mean")


def layer_norm(scale: float, eps: float):
    def effect() -> Effects:
        x = scale * np.random.default_rng(0).normal(size=(8, 16))
        flux = torchs = x
        ends = []
        for _ in range(100):
            c = flux - flux.mean(1, keepdims=True)
            flux = scale * c / (np.sqrt((c * c).mean(1, keepdims=True)) + eps)
            torchs = scale * F.layer_norm(torch.tensor(torchs), (16,), eps=1e-5).numpy()
            ends.append(relative(flux, torchs))
        return ends[0], ends[99]

    return effect


def batch_norm() -> Effects:
    layer = torch.nn.BatchNorm1d(5, dtype=torch.float64)
    rng, mean, var, found = np.random.default_rng(1), np.zeros(5), np.ones(5), []
    for _ in range(100):
        x = rng.normal(size=(12, 5))
        y = layer(torch.tensor(x)).detach().numpy()
        mu, s2 = x.mean(0), x.var(0)
        mean, var = 0.9 * mean + 0.1 * mu, 0.9 * var + 0.1 * s2 * 12 / 11
        here = (x - mu) / np.sqrt(s2 + 1e-5)
        off = max(relative(here, y), relative(mean, layer.running_mean.numpy()),
                  relative(var, layer.running_var.numpy()))  # fmt: skip
        found.append(off)
    return found[0], max(found)


def batch_norm_momentum() -> Effects:
    """Running mean where 0.1 is taken for the weight of the old."""
    rng, a, b, found = np.random.default_rng(1), np.zeros(5), np.zeros(5), []
    for _ in range(100):
        mu = 1 + rng.normal(size=(12, 5)).mean(0)
        a, b = 0.9 * a + 0.1 * mu, 0.1 * a + 0.9 * mu
        found.append(relative(a, b))
    return found[0], found[99]


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def gru(candidate, bias_inside: bool = False) -> Effects:
    """A Flux cell over 1 and 100 inputs beside torch's with the same numbers."""
    rng, n = np.random.default_rng(2), 6
    W, U, b = (
        rng.normal(size=(3 * n, 4)) / 2,
        rng.normal(size=(3 * n, n)) / 2,
        rng.normal(size=3 * n),
    )
    cell = torch.nn.GRUCell(4, n, dtype=torch.float64)
    with torch.no_grad():
        cell.weight_ih.copy_(torch.tensor(W))
        cell.weight_hh.copy_(torch.tensor(U))
        cell.bias_ih.copy_(torch.tensor(b * (not bias_inside)))
        cell.bias_hh.copy_(torch.tensor(b * bias_inside))
    h, k, found = np.zeros(n), torch.zeros(1, n, dtype=torch.float64), []
    for _ in range(100):
        x = rng.normal(size=4)
        gx, gh = (W @ x).reshape(3, n), (U @ h).reshape(3, n)
        b3 = b.reshape(3, n)
        r, z = sigmoid(gx[0] + gh[0] + b3[0]), sigmoid(gx[1] + gh[1] + b3[1])
        h = (1 - z) * np.tanh(gx[2] + candidate(r, gh[2], U[2 * n :], h) + b3[2]) + z * h
        k = cell(torch.tensor(x)[None], k)
        found.append(relative(h, k.detach().numpy()[0]))
    return found[0], max(found)


def lstm() -> Effects:
    rng, n = np.random.default_rng(2), 6
    W, U, b = (
        rng.normal(size=(4 * n, 4)) / 2,
        rng.normal(size=(4 * n, n)) / 2,
        rng.normal(size=4 * n),
    )
    cell = torch.nn.LSTMCell(4, n, dtype=torch.float64)
    with torch.no_grad():
        for p, a in zip(cell.parameters(), (W, U, b, 0 * b), strict=True):
            p.copy_(torch.tensor(a))
    h, c, found = np.zeros(n), np.zeros(n), []
    k = (torch.zeros(1, n, dtype=torch.float64),) * 2
    for _ in range(100):
        x = rng.normal(size=4)
        i, f, g, o = (W @ x + U @ h + b).reshape(4, n)
        c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
        h = sigmoid(o) * np.tanh(c)
        k = cell(torch.tensor(x)[None], k)
        found.append(relative(h, k[0].detach().numpy()[0]))
    return found[0], max(found)


def kept_state() -> Effects:
    """A Flux RNN called again without ``reset!`` goes on from its last state; torch's begins anew."""
    rng = np.random.default_rng(2)
    U, h = rng.normal(size=(6, 6)) / 2, np.zeros(6)
    x = rng.normal(size=6)
    found = []
    for _ in range(100):
        h = np.tanh(x + U @ h)
        found.append(relative(h, np.tanh(x)))
    return found[0], found[99]


def convolution() -> Effects:
    x, w = np.random.default_rng(0).normal(size=(2, 20))[:, :12], np.array([1.0, 2.0, -0.5])
    flux = np.stack([np.convolve(row, w, mode="valid") for row in x])
    found = F.conv1d(torch.tensor(x)[:, None], torch.tensor(w)[None, None])[:, 0].numpy()
    return relative(flux, found), relative(flux, found)


def gelu() -> Effects:
    """One layer of it, and a hundred with the same weights between."""
    w = torch.tensor(np.random.default_rng(0).normal(size=(20, 20)) / np.sqrt(6))
    a = b = torch.linspace(-3, 3, 20, dtype=torch.float64)
    ends = []
    for _ in range(100):
        a, b = F.gelu(w @ a, approximate="tanh"), F.gelu(w @ b)
        a, b = 3 * a / a.norm(), 3 * b / b.norm()
        ends.append(relative(a, b))
    return ends[0], ends[99]


def softmax_axis() -> Effects:
    x = np.random.default_rng(0).normal(size=(4, 6))
    e = np.exp(x)
    return (relative(e / e.sum(0), e / e.sum(1, keepdims=True)),) * 2


def upsampling() -> Effects:
    x = torch.tensor(np.random.default_rng(0).normal(size=(1, 1, 5, 5)))
    corners = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=True)
    found = F.interpolate(x, scale_factor=2, mode="bilinear")
    return relative(corners, found), relative(corners, found)


def dense_start() -> Effects:
    """The bound of a Dense(64, 64)'s weights."""
    glorot, linear = np.sqrt(24 / 128) / 2, 1 / np.sqrt(64)
    layer = torch.nn.Linear(64, 64)
    assert layer.weight.abs().max() <= linear < glorot
    return (float(1 - linear / glorot),) * 2


def conv_start() -> Effects:
    """The bound of a 3x3 convolution's weights, 16 to 32 channels: the sum of all four lengths in
    0.7.3, 9 (16 + 32) since."""
    old, new = np.sqrt(24 / (3 + 3 + 16 + 32)) / 2, np.sqrt(24 / (9 * 48)) / 2
    return (float(1 - new / old),) * 2


def dropout() -> Effects:
    """Kept where a uniform draw is above p; the draws are other generators'."""
    from repro.julia import MersenneTwister

    flux = MersenneTwister(1).rand(100) > 0.5
    torch.manual_seed(1)
    kept = F.dropout(torch.ones(100), 0.5).numpy() > 0
    return share(flux[:1], kept[:1]), share(flux, kept)


def adam(**options):
    return lambda p: torch.optim.Adam(p, **options)


def rows() -> list[Row]:
    o = torch.optim
    return [
        Row("descent", OPTIMISERS, "`Descent` / `SGD`", "x -= η g, η = 0.1", "the same, η = 0.001",
            "recorded", lambda: beside("Descent(0.1)", lambda p: o.SGD(p, lr=0.1)), note="defaults differ"),
        Row("momentum", OPTIMISERS, "`Momentum` / `SGD(momentum)`", "v = ρ v − η g; x += v",
            "v = ρ v + g; x −= η v", "0.7.3 to 0.14.25",
            lambda: moved(flux_momentum(lambda t: 0.01), torch_steps(lambda p: o.SGD(p, lr=0.01, momentum=0.9))),
            note="the same while η is constant"),
        Row("momentum-schedule", OPTIMISERS, "… η halved after 50 steps",
            "the velocity keeps the old rate", "the new rate holds at once", "0.7.3 to 0.14.25", momentum_schedule),
        Row("nesterov", OPTIMISERS, "`Nesterov` / `SGD(nesterov=True)`", "d = ρ² v − (1 + ρ) η g; v = ρ v − η g; x += d",
            "v = ρ v + g; x −= η (g + ρ v)", "recorded",
            lambda: beside("Nesterov(0.001, 0.9)", lambda p: o.SGD(p, lr=0.001, momentum=0.9, nesterov=True)),
            note="the same while η is constant"),
        Row("rmsprop", OPTIMISERS, "`RMSProp`, numbers alike", "x −= g η / (√acc + 1e-8)", "the same", "recorded",
            lambda: beside("RMSProp(0.001, 0.9)", lambda p: o.RMSprop(p, lr=0.001, alpha=0.9))),
        Row("rmsprop-defaults", OPTIMISERS, "… at the defaults", "η = 0.001, ρ = 0.9", "lr = 0.01, alpha = 0.99", "recorded",
            lambda: beside("RMSProp(0.001, 0.9)", lambda p: o.RMSprop(p))),
        Row("adam", OPTIMISERS, "`ADAM`", "m̂ / (√v̂ + 1e-8) η", "the same, grouped otherwise", "recorded",
            lambda: beside("ADAM(0.001, (0.9, 0.999))", adam())),
        Row("adam-epsilon", OPTIMISERS, "… with Keras' epsilon", "1e-8", "1e-7", "recorded",
            lambda: beside("ADAM(0.001, (0.9, 0.999))", adam(eps=1e-7))),
        Row("adam-uncorrected", OPTIMISERS, "… bias corrections left out", "m / (1 − β₁ᵗ), v / (1 − β₂ᵗ)", "m, v (a port's mistake)",
            "recorded", lambda: moved(RECORDED["ADAM(0.001, (0.9, 0.999)) Float64 steps"], plain_adam())),
        Row("adam-float16", OPTIMISERS, "… in Float16", "constants Float64 (0.7, 0.11); of x's type from Optimisers.jl on: ε = 0",
            "state Float16, ε a Python number", "Optimisers 0.3.4", float16_epsilon,
            note="the step of a gradient whose square underflows"),
        Row("adamax", OPTIMISERS, "`AdaMax`", "u = max(β₂ u, abs g); m̂ / (u + 1e-8)", "u = max(β₂ u, abs g + 1e-8); m̂ / u", "recorded",
            lambda: beside("AdaMax(0.001, (0.9, 0.999))", lambda p: o.Adamax(p, lr=0.001))),
        Row("nadam", OPTIMISERS, "`NADAM`", "β₁ m / (1 − β₁ᵗ⁺¹) + (1 − β₁) g / (1 − β₁ᵗ), over √(v β₂ / (1 − β₂ᵗ))",
            "μₜ = β₁ (1 − 0.96^(0.004 t) / 2) for β₁; √(v / (1 − β₂ᵗ))", "recorded",
            lambda: beside("NADAM(0.001, (0.9, 0.999))", lambda p: o.NAdam(p, lr=0.001))),
        Row("amsgrad", OPTIMISERS, "`AMSGrad`", "no bias correction; m, v, v̂ start at 1e-8", "both corrected, from 0", "recorded",
            lambda: beside("AMSGrad(0.001, (0.9, 0.999))", adam(amsgrad=True))),
        Row("adagrad", OPTIMISERS, "`ADAGrad`, η = 0.1", "acc starts at 1e-8; ε = 1e-8", "acc starts at 0; ε = 1e-10", "recorded",
            lambda: beside("ADAGrad(0.1)", lambda p: o.Adagrad(p, lr=0.1)),
            note="0.7.3 raises on Float32; torch's default is 0.01"),
        Row("adadelta", OPTIMISERS, "`ADADelta` until 0.11.0", "g √Δacc / (√acc + ε): Δacc stays 0, it never moves",
            "g √(Δacc + ε) / √(acc + ε)", "recorded",
            lambda: beside("ADADelta(0.9)", lambda p: o.Adadelta(p)), note="mended by 0.11.6"),
        Row("adadelta-epsilon", OPTIMISERS, "`ADADelta` from 0.11.6 on", "ε = 1e-8", "ε = 1e-6", "0.11.6 to 0.14.25",
            lambda: moved(torch_steps(lambda p: o.Adadelta(p, eps=1e-8)), torch_steps(lambda p: o.Adadelta(p)))),
        Row("adamw", OPTIMISERS, "`ADAMW`, decay 0.01", "step + λ x", "x (1 − lr λ), then the step", "0.7.3 to 0.14.25", adamw,
            note="give torch λ / lr"),
        Row("adabelief", OPTIMISERS, "`AdaBelief` until 0.12", "no bias correction; since 0.13 corrected", "(torch has none; its authors': corrected)", "0.11.6 to 0.13.17",
            lambda: moved(belief(True), belief(False))),
        Row("expdecay", OPTIMISERS, "`ExpDecay(0.001, 0.1)` until 0.8", "gradient × decay: the rate itself is not used; since 0.9 × η", "lr × gamma every so often", "0.7.3",
            lambda: moved(0.001 * GRADIENTS, 0.1 * GRADIENTS)),
        Row("clipping", OPTIMISERS, "`ClipNorm` / `clip_grad_norm_`", "each array by its own norm", "all arrays by one norm, + 1e-6",
            "0.11.6 to 0.14.25", clipping),
        Row("mse", LOSSES, "`mse`", "sum × (1 // n) (0.7.3); mean since", "mean", "0.7.3",
            lambda: trained(lambda z, y: ((z - onehot(y)) ** 2).sum() * (1 / z.numel()), lambda z, y: F.mse_loss(z, onehot(y)))),
        Row("mse-features", LOSSES, "… averaged over samples alone", "over all elements", "sum over features (a port's mistake)", "0.7.3",
            lambda: trained(lambda z, y: ((z - onehot(y)) ** 2).mean(), lambda z, y: ((z - onehot(y)) ** 2).sum(1).mean(), 0.01)),
        Row("crossentropy", LOSSES, "`crossentropy`", "of probabilities: −mean(sum(y log(p + eps)))", "`nll_loss(log p)`: no eps", "0.11.6 to 0.14.25",
            lambda: trained(cross_entropy_eps, F.cross_entropy)),
        Row("crossentropy-logits", LOSSES, "… given to `cross_entropy`", "takes probabilities", "takes logits: softmax twice (a port's mistake)", "0.11.6 to 0.14.25",
            lambda: trained(F.cross_entropy, lambda z, y: F.cross_entropy(torch.softmax(z, 1), y))),
        Row("binarycrossentropy", LOSSES, "`binarycrossentropy`", "log(p + eps), eps of p itself in 0.7.3, of its type since",
            "log p, not below −100", "0.11.6 to 0.14.25",
            lambda: trained(bce_flux, lambda z, y: F.binary_cross_entropy(torch.sigmoid(z), onehot(y)))),
        Row("kldivergence", LOSSES, "`kldivergence(p, y)` / `kl_div(log p, y)`", "summed over classes, averaged over columns",
            "averaged over all elements: use `batchmean`", "0.11.6 to 0.14.25", lambda: trained(kl, kl_torch)),
        Row("batchnorm", LAYERS, "`BatchNorm`", "variance by n to normalise, by n − 1 to keep; 0.1 the weight of the new; ε = 1e-5 (its docstring says 1e-8)",
            "the same", "0.7.3 to 0.14.25", batch_norm),
        Row("batchnorm-momentum", LAYERS, "… beside Flax and Keras", "momentum: the weight of the new", "of the old", "0.7.3 to 0.14.25", batch_norm_momentum),
        Row("layernorm", LAYERS, "`LayerNorm`, values of size 1", "(x − μ) / (σ + 1e-5); in 0.15 √(σ² + 1e-10)", "(x − μ) / √(σ² + 1e-5)", "0.11.0 to 0.15.0", layer_norm(1.0, 1e-5)),
        Row("layernorm-small", LAYERS, "… of size 0.01", "the same", "the same", "0.11.6 to 0.14.25", layer_norm(0.01, 1e-5)),
        Row("layernorm-0.7", LAYERS, "… until 0.10, of size 0.01", "(x − μ) / σ", "(x − μ) / √(σ² + 1e-5)", "0.7.3", layer_norm(0.01, 0.0)),
        Row("lstm", LAYERS, "`LSTM`", "gates input, forget, cell, output; one bias, forget's starts at 1",
            "the same order; two biases, added", "0.7.3 to 0.14.25", lstm, note="give the bias to one of the two; the rest of it starts by `glorot_uniform` until 0.11, at 0 since"),
        Row("gru", LAYERS, "`GRU`", "tanh(W x + b + r (U h)); (1 − z) h̃ + z h", "tanh(W x + b + r (U h + b′))", "0.7.3 to 0.14.25",
            lambda: gru(lambda r, uh, U, h: r * uh), note="b′ = 0"),
        Row("gru-bias", LAYERS, "… its bias given as torch's `bias_hh`", "outside r", "inside r", "0.7.3 to 0.14.25",
            lambda: gru(lambda r, uh, U, h: r * uh, bias_inside=True)),
        Row("gru-v3", LAYERS, "`GRUv3`", "tanh(W x + U (r h) + b)", "tanh(W x + b + r (U h))", "0.14.25",
            lambda: gru(lambda r, uh, U, h: U @ (r * h)), note="torch has none"),
        Row("kept-state", LAYERS, "a recurrent layer called again", "goes on from its last state until `reset!`", "begins at 0, or at what is given",
            "0.7.3 to 0.14.25", kept_state),
        Row("convolution", LAYERS, "`Conv`", "turns the kernel: convolution; `CrossCor` does not", "does not: cross-correlation",
            "0.7.3 to 0.14.25", convolution, note="flip the kernel's spatial axes"),
        Row("gelu", LAYERS, "`gelu`", "by tanh", "by erf; `approximate=\"tanh\"`", "NNlib 0.9.22", gelu),
        Row("softmax", LAYERS, "`softmax(x)` of a matrix", "of each column, dims = 1", "of the axis that is named; rows are samples", "0.7.3 to 0.14.25", softmax_axis),
        Row("upsampling", LAYERS, "`upsample_bilinear`", "corners aligned", "not aligned", "NNlib 0.9.22", upsampling),
        Row("dense-start", LAYERS, "`Dense(64, 64)`'s first weights", "± √(6 / (in + out)), bias 0 (0.14; 0.7.3 the same)",
            "± 1 / √in, bias too", "0.7.3 to 0.14.25", dense_start),
        Row("conv-start", LAYERS, "`glorot_uniform(3, 3, 16, 32)`", "√(24 / sum of all lengths) until 0.9", "`xavier_uniform_`: √(6 / (9 × 48)), as Flux since 0.10", "0.7.3", conv_start),
        Row("dropout", LAYERS, "`Dropout(p)`", "kept where rand > p, over 1 − p", "the same law, another stream", "0.7.3 to 0.14.25", dropout, "share"),
    ]  # fmt: skip


def plain_adam() -> np.ndarray:
    m = v = 0.0
    steps = []
    for g in GRADIENTS:
        m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g * g
        steps.append(0.001 * m / (np.sqrt(v) + 1e-8))
    return np.array(steps)

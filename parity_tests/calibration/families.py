"""Right pairs of our own: what models are made of, by NumPy, torch, plain loops and in Float64.

``FAMILIES[name]`` is ``(make, sizes, widths)``; see ``pairs.py``.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from calibration.pairs import seqsum, wide

T = torch.tensor
ROWS = 5


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def loop_matmul(a, b):
    """A product of matrices by a loop over what is summed."""
    total = np.zeros(a.shape[:-1] + b.shape[1:], a.dtype)
    for k in range(a.shape[-1]):
        total = total + a[..., k : k + 1] * b[k]
    return total


def recurrent(dt, n, rng):
    """A GRU cell and an LSTM cell over eight steps, n hidden units."""
    d = 4
    scale = n**-0.5
    given = {"x": rng.normal(size=(8, ROWS, d)).astype(dt), "h": np.zeros((ROWS, n), dt)}
    for gates, kind in ((3, "g"), (4, "l")):
        given[f"W{kind}"] = (rng.normal(size=(gates * n, d)) * scale).astype(dt)
        given[f"U{kind}"] = (rng.normal(size=(gates * n, n)) * scale).astype(dt)
        given[f"b{kind}"] = (rng.normal(size=gates * n) * 0.1).astype(dt)

    def by_numpy(given, mm=np.matmul):
        h = given["h"]
        for x in given["x"]:
            a, b = mm(x, given["Wg"].T) + given["bg"], mm(h, given["Ug"].T)
            r, z = _sigmoid(a[:, :n] + b[:, :n]), _sigmoid(a[:, n : 2 * n] + b[:, n : 2 * n])
            new = np.tanh(a[:, 2 * n :] + r * b[:, 2 * n :])
            h = (1 - z) * new + z * h
        k, c = given["h"], given["h"]
        for x in given["x"]:
            i, f, g, o = np.split(
                mm(x, given["Wl"].T) + mm(k, given["Ul"].T) + given["bl"], 4, axis=1
            )
            c = _sigmoid(f) * c + _sigmoid(i) * np.tanh(g)
            k = _sigmoid(o) * np.tanh(c)
        return {"gru": h, "lstm": k, "cell": c}

    def by_torch(given):
        given = {name: T(a) for name, a in given.items()}
        zeros = torch.zeros_like(given["bg"])
        h, k, c = given["h"], given["h"], given["h"]
        for x in given["x"]:
            h = torch.gru_cell(x, h, given["Wg"], given["Ug"], given["bg"], zeros)
            k, c = torch.lstm_cell(
                x, (k, c), given["Wl"], given["Ul"], given["bl"], torch.zeros_like(given["bl"])
            )
        return {"gru": h, "lstm": k, "cell": c}

    loop = lambda given: by_numpy(given, loop_matmul)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def embedding(dt, n, rng):
    """Look up, average, and the gradient that is added up where indices meet."""
    given = {
        "E": rng.normal(size=(7, 4)).astype(dt),
        "i": rng.integers(0, 7, n),
        "g": rng.normal(size=(n, 4)).astype(dt),
    }

    def by_numpy(given):
        grad = np.zeros_like(given["E"])
        np.add.at(grad, given["i"], given["g"])
        return {"mean": given["E"][given["i"]].mean(axis=0), "grad": grad}

    def by_torch(given):
        E = T(given["E"]).requires_grad_()
        found = F.embedding(T(given["i"]), E)
        found.backward(T(given["g"]))
        return {"mean": found.mean(0), "grad": E.grad}

    def one_hot(given):
        hot = (given["i"][:, None] == np.arange(7)).astype(given["g"].dtype)
        return {
            "mean": seqsum(given["E"][given["i"]], 0) / given["g"].dtype.type(n),
            "grad": hot.T @ given["g"],
        }

    return given, {"np": by_numpy, "t": by_torch, "hot": one_hot, "f64": wide(by_numpy)}


def pooling(dt, n, rng):
    """Average and largest over windows of four, and over all."""
    n -= n % 4
    given = {"x": rng.normal(size=(ROWS, n)).astype(dt)}

    def by_numpy(given, S=lambda a: a.sum(axis=-1)):
        x = given["x"]
        parts = x.reshape(ROWS, n // 4, 4)
        k = x.dtype.type(4)
        return {
            "mean": S(parts) / k,
            "max": parts.max(axis=-1),
            "whole": S(x) / x.dtype.type(n),
            "lp": np.sqrt(S(parts * parts)),
        }

    def by_torch(given):
        x = T(given["x"])[:, None]
        return {
            "mean": F.avg_pool1d(x, 4)[:, 0],
            "max": F.max_pool1d(x, 4)[:, 0],
            "whole": F.adaptive_avg_pool1d(x, 1)[:, 0, 0],
            "lp": F.lp_pool1d(x, 2.0, 4)[:, 0],
        }

    loop = lambda given: by_numpy(given, seqsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def interpolation(dt, n, rng):
    """Linear between sorted points; bilinear upsampling by two."""
    x = np.sort(rng.uniform(0, 1, n))
    q = rng.uniform(x[0], x[-1], n)
    given = {"x": x.astype(dt), "y": rng.normal(size=n).astype(dt), "q": q.astype(dt)}
    given["q"] = np.clip(given["q"], given["x"][0], given["x"][-1])
    given["im"] = rng.normal(size=(6, 6)).astype(dt)

    def lines(given, xp):
        i = np.clip(np.searchsorted(given["x"], given["q"], side="right") - 1, 0, n - 2)
        w = (given["q"] - given["x"][i]) / (given["x"][i + 1] - given["x"][i])
        return i, w

    def up(a):
        pos = np.clip((np.arange(12) + 0.5) / 2 - 0.5, 0, 5)
        lo = np.minimum(pos.astype(int), 4)
        w = (pos - lo).astype(a.dtype)
        rows = a[lo] * (1 - w)[:, None] + a[lo + 1] * w[:, None]
        return rows[:, lo] * (1 - w) + rows[:, lo + 1] * w

    def slopes(given):
        i, w = lines(given, np)
        return {
            "lin": given["y"][i] + w * (given["y"][i + 1] - given["y"][i]),
            "up": up(given["im"]),
        }

    def weights(given):
        i, w = lines(given, np)
        return {"lin": (1 - w) * given["y"][i] + w * given["y"][i + 1], "up": up(given["im"].T).T}

    def by_torch(given):
        i, _ = lines(given, np)
        x, y, q = T(given["x"]), T(given["y"]), T(given["q"])
        w = (q - x[i]) / (x[i + 1] - x[i])
        image = F.interpolate(T(given["im"])[None, None], scale_factor=2, mode="bilinear")
        return {"lin": torch.lerp(y[i], y[i + 1], w), "up": image[0, 0]}

    return given, {"np": weights, "t": by_torch, "slopes": slopes, "f64": wide(weights)}


def ordering(dt, n, rng):
    """Sorted, ranked, trimmed mean, quantile, running maximum."""
    given = {"x": rng.normal(size=(ROWS, n)).astype(dt)}

    def by_numpy(given, S=lambda a: a.sum(axis=-1)):
        s = np.sort(given["x"], axis=1)
        cut = n // 10
        kept = s[:, cut : n - cut]
        return {
            "sorted": s,
            "rank": np.argsort(np.argsort(given["x"], axis=1, kind="stable"), axis=1),
            "trimmed": S(kept) / s.dtype.type(kept.shape[1]),
            "median": (s[:, (n - 1) // 2] + s[:, n // 2]) / 2,
            "top": S(s[:, -3:]),
        }

    def by_torch(given):
        x = T(given["x"])
        s = x.sort(dim=1).values
        cut = n // 10
        return {
            "sorted": s,
            "rank": x.argsort(dim=1, stable=True).argsort(dim=1),
            "trimmed": s[:, cut : n - cut].mean(1),
            "median": 0.5 * s[:, (n - 1) // 2] + 0.5 * s[:, n // 2],
            "top": x.topk(3, dim=1).values.sum(1),
        }

    loop = lambda given: by_numpy(given, seqsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def sparse(dt, n, rng):
    """A sparse matrix times a vector: entries scattered, dense, and row by row."""
    rows, per = 8, max(n // 8, 2)
    cols = np.stack([np.sort(rng.permutation(2 * per)[:per]) for _ in range(rows)])
    given = {
        "v": rng.normal(size=(rows, per)).astype(dt),
        "c": cols,
        "x": rng.normal(size=2 * per).astype(dt),
    }

    def dense(given):
        A = np.zeros((rows, 2 * per), given["v"].dtype)
        np.put_along_axis(A, given["c"], np.asarray(given["v"]), axis=1)
        return A

    def scattered(given):
        y = np.zeros(rows, given["v"].dtype)
        np.add.at(y, np.repeat(np.arange(rows), per), (given["v"] * given["x"][given["c"]]).ravel())
        return {"y": y}

    def by_torch(given):
        y = torch.zeros(rows, dtype=T(given["v"]).dtype)
        flat = (T(given["v"]) * T(given["x"])[T(given["c"])]).reshape(-1)
        return {"y": y.index_add(0, torch.arange(rows).repeat_interleave(per), flat)}

    return given, {
        "np": lambda given: {"y": (given["v"] * given["x"][given["c"]]).sum(axis=1)},
        "np_at": scattered,
        "t": by_torch,
        "t_mm": lambda given: {"y": T(dense(given)) @ T(given["x"])},
        "loop": lambda given: {"y": seqsum(given["v"] * given["x"][given["c"]])},
        "f64": wide(lambda given: {"y": dense(given) @ given["x"]}),
    }


def features(dt, n, rng):
    """Random Fourier features and the kernel that they approach; n features."""
    given = {
        "x": rng.normal(size=(ROWS, 3)).astype(dt),
        "w": rng.normal(size=(3, n)).astype(dt),
        "b": rng.uniform(0, 2 * np.pi, n).astype(dt),
    }

    def by_numpy(given, mm=np.matmul):
        x = given["x"]
        z = np.sqrt(x.dtype.type(2) / x.dtype.type(n)) * np.cos(mm(x, given["w"]) + given["b"])
        d = ((x[:, None] - x[None]) ** 2).sum(axis=-1)
        return {"z": z, "K": mm(z, z.T), "exact": np.exp(-d / 2)}

    def by_torch(given):
        x = T(given["x"])
        z = (2.0 / n) ** 0.5 * torch.cos(torch.addmm(T(given["b"]), x, T(given["w"])))
        d = (x[:, None] - x[None]).pow(2).sum(-1)
        return {"z": z, "K": z @ z.T, "exact": torch.exp(-0.5 * d)}

    loop = lambda given: by_numpy(given, loop_matmul)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def trees(dt, n, rng):
    """A split's variances over all thresholds by cumulative sums; means in leaves; boosting."""
    x = np.sort(rng.normal(size=n))
    given = {"x": x.astype(dt), "y": (np.sin(2 * x) + 0.3 * rng.normal(size=n)).astype(dt)}

    def gains(c, total, xp):
        k = xp.arange(1, n).astype(c.dtype) if xp is np else torch.arange(1, n).to(c.dtype)
        left = c[:-1]
        return left * left / k + (total - left) ** 2 / (n - k)

    def by_numpy(given, cumulate=np.cumsum, S=np.sum):
        y, out = given["y"], {}
        out["gain"] = gains(cumulate(y), S(y), np)
        residual, leaf = y, given["y"] * 0
        for q in (n // 2, n // 4, 3 * n // 4):
            means = [S(part) / part.dtype.type(part.size) for part in (residual[:q], residual[q:])]
            step = np.where(np.arange(n) < q, means[0], means[1])
            residual, leaf = residual - y.dtype.type(0.5) * step, leaf + y.dtype.type(0.5) * step
        return {**out, "leaf": leaf, "residual": residual}

    def by_torch(given):
        y = T(given["y"])
        residual, leaf = y, torch.zeros_like(y)
        for q in (n // 2, n // 4, 3 * n // 4):
            step = torch.empty_like(y)
            step[:q], step[q:] = residual[:q].mean(), residual[q:].mean()
            residual, leaf = residual - 0.5 * step, leaf + 0.5 * step
        return {"gain": gains(y.cumsum(0), y.sum(), torch), "leaf": leaf, "residual": residual}

    loop = lambda given: by_numpy(given, S=lambda a: seqsum(a))  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def differential(dt, n, rng):
    """Lotka-Volterra by RK4, and the heat equation; n steps of one, n points of the other."""
    given = {"u": rng.uniform(0.5, 1.5, 2).astype(dt), "h": np.sin(np.linspace(0, 3, n)).astype(dt)}

    def solve(stack, laplacian):
        def run(given):
            u, h = given["u"], given["h"]
            rate = lambda u: stack([u[0] * (1 - u[1]), u[1] * (u[0] - 1)])  # noqa: E731
            for _ in range(min(n, 60)):
                a = rate(u)
                b = rate(u + 0.025 * a)
                c = rate(u + 0.025 * b)
                d = rate(u + 0.05 * c)
                u = u + 0.05 / 6 * (a + 2 * b + 2 * c + d)
            for _ in range(20):
                h = h + 0.2 * laplacian(h)
            return {"u": u, "h": h}

        return run

    def padded(h):
        out = 0 * h
        out[1:-1] = h[2:] - 2 * h[1:-1] + h[:-2]
        return out

    by_numpy = solve(np.stack, padded)
    differences = solve(np.stack, lambda h: np.pad(np.diff(np.diff(h)), 1))
    by_torch = solve(torch.stack, lambda h: F.pad((h[2:] + h[:-2]) - 2 * h[1:-1], (1, 1)))
    return given, {
        "np": by_numpy,
        "t": lambda given: by_torch({name: T(a) for name, a in given.items()}),
        "diff": differences,
        "f64": wide(by_numpy),
    }


def optimisers(dt, n, rng):
    """Twelve steps of momentum, RMSProp and Adam, in place by torch, on a quartic in n numbers."""
    given = {"w": rng.normal(size=n).astype(dt), "a": rng.uniform(0.5, 2, n).astype(dt)}

    def gradient(w, a):
        return a * w * w * w - w

    def by_numpy(given):
        out = {}
        w, v = given["w"], 0 * given["w"]
        for _ in range(12):
            v = 0.9 * v + gradient(w, given["a"])
            w = w - 0.02 * v
        out["momentum"] = w
        w, s = given["w"], 0 * given["w"]
        for _ in range(12):
            g = gradient(w, given["a"])
            s = 0.99 * s + (1 - 0.99) * g * g
            w = w - 0.01 * g / (np.sqrt(s) + 1e-8)
        out["rmsprop"] = w
        w, m, v = given["w"], 0 * given["w"], 0 * given["w"]
        for t in range(1, 13):
            g = gradient(w, given["a"])
            m, v = 0.9 * m + (1 - 0.9) * g, 0.999 * v + (1 - 0.999) * g * g
            w = w - 0.01 * (m / (1 - 0.9**t)) / (np.sqrt(v / (1 - 0.999**t)) + 1e-8)
        return {**out, "adam": w}

    def by_torch(given):
        makes = {
            "momentum": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9),
            "rmsprop": lambda p: torch.optim.RMSprop(p, lr=0.01, alpha=0.99),
            "adam": lambda p: torch.optim.Adam(p, lr=0.01),
        }
        out = {}
        for name, make in makes.items():
            w = T(given["w"]).clone().requires_grad_()
            optimiser = make([w])
            for _ in range(12):
                w.grad = gradient(w.detach(), T(given["a"]))
                optimiser.step()
            out[name] = w
        return out

    return given, {"np": by_numpy, "t": by_torch, "f64": wide(by_numpy)}


def attention(dt, n, rng):
    """One causal head over n positions, with its gradient; a padding mask of -1e9."""
    n = min(n, 200)
    given = {k: rng.normal(size=(n, 8)).astype(dt) for k in ("q", "k", "v", "g")}
    causal = np.tril(np.ones((n, n), bool))

    def by_numpy(given, mm=np.matmul, S=lambda a: a.sum(axis=1, keepdims=True)):
        q, k, v, g = given["q"], given["k"], given["v"], given["g"]
        scores = mm(q, k.T) / np.sqrt(q.dtype.type(8)) + np.where(causal, 0, -1e9).astype(q.dtype)
        e = np.exp(scores - scores.max(axis=1, keepdims=True))
        p = e / S(e)
        dp = mm(g, v.T)
        ds = p * (dp - S(p * dp))
        return {"scores": scores, "p": p, "out": mm(p, v), "dv": mm(p.T, g), "ds": ds}

    def by_torch(given):
        q, k, v, g = (T(given[name]) for name in "qkvg")
        v.requires_grad_()
        mask = torch.where(T(causal), 0.0, -1e9).to(q.dtype)
        scores = q @ k.T / 8**0.5 + mask
        scores.requires_grad_()
        p = scores.softmax(1)
        out = p @ v
        out.backward(g)
        return {"scores": scores, "p": p, "out": out, "dv": v.grad, "ds": scores.grad}

    loop = lambda given: by_numpy(given, loop_matmul, lambda a: seqsum(a)[:, None])  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def filtering(dt, n, rng):
    """A Kalman filter over 20 observations, an FFT's power, a filter."""
    given = {"z": rng.normal(size=20).astype(dt), "x": rng.normal(size=n).astype(dt)}
    given["A"] = np.array([[1, 0.1], [0, 1]], dt)
    taps = np.hanning(9)[1:-1]

    def kalman(given, conv, eye, col):
        A, z = conv(given["A"]), conv(given["z"])
        m, P = 0 * A[:, :1], eye
        for k in range(20):
            m, P = A @ m, A @ P @ A.T + 0.01 * eye
            s = P[0, 0] + 0.5
            K = P[:, :1] / s
            m, P = m + K * (z[k] - m[0, 0]), P - K @ P[:1]
        return {"m": m, "P": P}

    def by_numpy(given):
        x, w = given["x"], taps.astype(given["x"].dtype)
        f = np.fft.rfft(x)
        return {
            **kalman(given, lambda a: a, np.eye(2).astype(x.dtype), None),
            "power": f.real**2 + f.imag**2,
            "fir": np.convolve(x, w, mode="valid"),
        }

    def by_torch(given):
        x, w = T(given["x"]), T(taps.astype(given["x"].dtype))
        fir = F.conv1d(x[None, None], w.flip(0)[None, None])[0, 0]
        power = torch.fft.rfft(x).abs() ** 2
        return {**kalman(given, T, torch.eye(2, dtype=x.dtype), None), "power": power, "fir": fir}

    def loop(given):
        x, w = given["x"], taps.astype(given["x"].dtype)
        windows = np.lib.stride_tricks.sliding_window_view(x, 7) * w[::-1]
        return {**by_numpy(given), "fir": seqsum(windows)}

    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def clustering(dt, n, rng):
    """K-means for five rounds, distances by differences and by products; labels and inertia."""
    centres = rng.normal(size=(3, 4)) * 4
    labels = rng.integers(0, 3, n)
    labels[:3] = [0, 1, 2]
    given = {
        "x": (centres[labels] + rng.normal(size=(n, 4)) * 0.5).astype(dt),
        "c": (centres + 0.3 * rng.normal(size=(3, 4))).astype(dt),
    }

    def by_numpy(given):
        x, c = given["x"], given["c"]
        for _ in range(5):
            d = ((x[:, None] - c) ** 2).sum(axis=-1)
            hot = (d.argmin(axis=1)[:, None] == np.arange(3)).astype(x.dtype)
            c = hot.T @ x / hot.sum(axis=0)[:, None]
        return {"label": d.argmin(axis=1), "c": c, "inertia": d.min(axis=1).sum()}

    def by_torch(given):
        x, c = T(given["x"]), T(given["c"])
        for _ in range(5):
            d = (x[:, None] - c).pow(2).sum(-1)
            which = d.argmin(1)
            c = torch.stack([x[which == k].mean(0) for k in range(3)])
        return {"label": which, "c": c, "inertia": d.min(1).values.sum()}

    def loop(given):
        x, c = given["x"], given["c"]
        for _ in range(5):
            d = seqsum((x[:, None] - c) ** 2)
            which = d.argmin(axis=1)
            parts = [x[which == k] for k in range(3)]
            c = np.stack([seqsum(p, 0) / p.dtype.type(len(p)) for p in parts])
        return {"label": which, "c": c, "inertia": seqsum(d.min(axis=1))}

    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def convolving(dt, n, rng):
    """A layer of 3x3 convolutions with bias and relu, and its gradients."""
    side = min(max(int(n**0.5), 4), 16)
    given = {
        "x": rng.normal(size=(2, 3, side, side)).astype(dt),
        "w": (rng.normal(size=(4, 3, 3, 3)) / 5).astype(dt),
        "b": rng.normal(size=4).astype(dt),
    }

    def by_numpy(given, mm=np.matmul):
        v = np.lib.stride_tricks.sliding_window_view(given["x"], (3, 3), axis=(2, 3))
        cols = v.transpose(0, 2, 3, 1, 4, 5).reshape(-1, 27)
        z = mm(cols, given["w"].reshape(4, 27).T) + given["b"]
        gz = (z > 0).astype(z.dtype)
        k = side - 2
        back = lambda a: a.reshape(2, k, k, 4).transpose(0, 3, 1, 2)  # noqa: E731
        return {
            "z": back(z),
            "a": back(np.maximum(z, 0)),
            "dw": mm(gz.T, cols).reshape(4, 3, 3, 3),
            "db": gz.sum(axis=0),
        }

    def by_torch(given):
        w, b = T(given["w"]).requires_grad_(), T(given["b"]).requires_grad_()
        z = F.conv2d(T(given["x"]), w, b)
        a = z.relu()
        a.sum().backward()
        return {"z": z, "a": a, "dw": w.grad, "db": b.grad}

    loop = lambda given: by_numpy(given, loop_matmul)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def regression(dt, n, rng):
    """Least squares by QR, by the normal equations and by torch; covariance and correlation."""
    X = rng.normal(size=(n, 4))
    y = X @ np.array([1, -2, 0.5, 0]) + 0.1 * rng.normal(size=n)
    given = {"X": X.astype(dt), "y": y.astype(dt)}

    def by_numpy(given):
        X, y = given["X"], given["y"]
        beta = np.linalg.lstsq(X, y)[0]
        return {"beta": beta, "fit": X @ beta, "cov": np.cov(X.T), "corr": np.corrcoef(X.T)}

    def normal(given):
        X, y = given["X"], given["y"]
        beta = np.linalg.solve(X.T @ X, X.T @ y)
        d = X - X.mean(axis=0)
        cov = d.T @ d / X.dtype.type(n - 1)
        s = np.sqrt(np.diag(cov))
        return {"beta": beta, "fit": X @ beta, "cov": cov, "corr": cov / s / s[:, None]}

    def by_torch(given):
        X, y = T(given["X"]), T(given["y"])
        beta = torch.linalg.lstsq(X, y[:, None]).solution[:, 0]
        return {"beta": beta, "fit": X @ beta, "cov": X.T.cov(), "corr": X.T.corrcoef()}

    return given, {"np": by_numpy, "np_ne": normal, "t": by_torch, "f64": wide(by_numpy)}


FAMILIES = {
    "recurrent": (recurrent, (4, 32), "48"),
    "embedding": (embedding, (10, 100, 10_000, 100_000), "248"),
    "pooling": (pooling, (12, 100, 1000, 100_000), "48"),
    "interpolation": (interpolation, (10, 100, 1000), "48"),
    "ordering": (ordering, (10, 100, 1000, 100_000), "248"),
    "sparse": (sparse, (16, 100, 1000, 100_000), "48"),
    "features": (features, (10, 100, 1000), "48"),
    "trees": (trees, (10, 100, 1000, 10_000), "48"),
    "differential": (differential, (10, 100), "48"),
    "optimisers": (optimisers, (3, 100), "48"),
    "attention": (attention, (5, 40), "48"),
    "filtering": (filtering, (10, 100, 1000), "48"),
    "clustering": (clustering, (10, 100, 1000), "48"),
    "convolving": (convolving, (16, 100), "48"),
    "regression": (regression, (10, 100, 1000), "48"),
}

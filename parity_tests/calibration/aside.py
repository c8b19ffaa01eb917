"""Right pairs kept aside: no constant, row or factor was chosen by them.

``FAMILIES[name]`` is ``(make, sizes, widths)``; see ``pairs.py``. They were written after the rule;
what they found is told in docs/tolerances.md.
"""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from calibration.families import loop_matmul
from calibration.pairs import seqsum, wide

T = torch.tensor


def _sigmoid(x):
    return 1 / (1 + np.exp(-x))


def through_time(dt, n, rng):
    """A plain recurrent cell over six steps, and its gradients through time."""
    given = {
        "x": rng.normal(size=(6, 3, 4)).astype(dt),
        "W": (rng.normal(size=(4, n)) / 2).astype(dt),
        "U": (rng.normal(size=(n, n)) / n**0.5).astype(dt),
        "b": (0.1 * rng.normal(size=n)).astype(dt),
    }

    def by_numpy(given, mm=np.matmul):
        hs = [np.zeros((3, n), given["x"].dtype)]
        for x in given["x"]:
            hs.append(np.tanh(mm(x, given["W"]) + mm(hs[-1], given["U"]) + given["b"]))
        dh, dU, db = hs[-1], 0 * given["U"], 0 * given["b"]
        for t in range(5, -1, -1):
            da = dh * (1 - hs[t + 1] * hs[t + 1])
            dU, db = dU + mm(hs[t].T, da), db + da.sum(axis=0)
            dh = mm(da, given["U"].T)
        return {"h": hs[-1], "dU": dU, "db": db}

    def by_torch(given):
        given = {name: T(a) for name, a in given.items()}
        U, b = given["U"].requires_grad_(), given["b"].requires_grad_()
        h = torch.zeros(3, n, dtype=U.dtype)
        for x in given["x"]:
            h = torch.tanh(torch.addmm(b, x, given["W"]) + h @ U)
        (0.5 * (h * h).sum()).backward()
        return {"h": h, "dU": U.grad, "db": b.grad}

    loop = lambda given: by_numpy(given, loop_matmul)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def pool_images(dt, n, rng):
    """Average, largest and softmax-weighted over windows of an image; its whole in channels."""
    side = max(2 * int(n**0.5 / 2), 4)
    given = {"x": rng.normal(size=(3, side, side)).astype(dt)}

    def windows(x):
        k = side // 2
        return x.reshape(3, k, 2, k, 2).transpose(0, 1, 3, 2, 4).reshape(3, k, k, 4)

    def by_numpy(given, S=lambda a: a.sum(axis=-1)):
        w = windows(given["x"])
        e = np.exp(w - w.max(axis=-1, keepdims=True))
        flat = given["x"].reshape(3, -1)
        return {
            "mean": S(w) / w.dtype.type(4),
            "max": w.max(axis=-1),
            "soft": S(e * w) / S(e),
            "rms": np.sqrt(S(flat * flat) / w.dtype.type(side * side)),
        }

    def by_torch(given):
        x = T(given["x"])
        w = F.unfold(x[:, None], 2, stride=2).reshape(3, 4, side // 2, side // 2)
        return {
            "mean": F.avg_pool2d(x[None], 2)[0],
            "max": F.max_pool2d(x[None], 2)[0],
            "soft": (w.softmax(1) * w).sum(1),
            "rms": x.square().mean((1, 2)).sqrt(),
        }

    loop = lambda given: by_numpy(given, seqsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def cubic(dt, n, rng):
    """Catmull-Rom between even points, and Lagrange's polynomial through six, barycentric."""
    given = {
        "y": rng.normal(size=n).astype(dt),
        "q": rng.uniform(1, n - 2.01, n).astype(dt),
        "z": rng.normal(size=6).astype(dt),
        "p": rng.uniform(0.05, 0.95, 9).astype(dt),
    }
    nodes = (np.cos(np.pi * (2 * np.arange(6) + 1) / 12) + 1) / 2

    def points(given):
        i = np.floor(given["q"]).astype(int)
        y = given["y"]
        return given["q"] - i.astype(y.dtype), y[i - 1], y[i], y[i + 1], y[i + 2]

    def barycentric(given, xp=np):
        x = nodes.astype(given["p"].dtype)
        w = np.array([1 / np.prod([a - b for b in x if a != b]) for a in x]).astype(x.dtype)
        c = w / (given["p"][:, None] - x)
        return (c * given["z"]).sum(axis=1) / c.sum(axis=1)

    def powers(given):
        t, a, b, c, d = points(given)
        half = t.dtype.type(0.5)
        cubed = (-a + 3 * b - 3 * c + d) * t**3
        spline = half * (2 * b + (c - a) * t + (2 * a - 5 * b + 4 * c - d) * t**2 + cubed)
        return {"spline": spline, "lagrange": barycentric(given)}

    def horner(given):
        t, a, b, c, d = points(given)
        inner = (2 * a - 5 * b + 4 * c - d) + t * (3 * (b - c) + d - a)
        x, z = nodes.astype(given["p"].dtype), given["z"]
        terms = 0 * given["p"]
        for j in range(6):
            part = z[j] + 0 * given["p"]
            for k in range(6):
                part = part * (given["p"] - x[k]) / (x[j] - x[k]) if k != j else part
            terms = terms + part
        return {"spline": b + t * (c - a + t * inner) / 2, "lagrange": terms}

    def by_torch(given):
        t, a, b, c, d = (T(p) for p in points(given))
        spline = b + 0.5 * t * (c - a + t * (2 * a - 5 * b + 4 * c - d + t * (3 * (b - c) + d - a)))
        x = T(nodes.astype(given["p"].dtype))
        apart = x[:, None] - x + torch.eye(6, dtype=x.dtype)
        c = 1 / apart.prod(1) / (T(given["p"])[:, None] - x)
        return {"spline": spline, "lagrange": (c @ T(given["z"])) / c.sum(1)}

    return given, {"np": powers, "np_horner": horner, "t": by_torch, "f64": wide(horner)}


def ranked(dt, n, rng):
    """Gini's coefficient, the earth mover's distance, the area under a curve, all by sorting."""
    given = {
        "x": rng.gamma(2, size=n).astype(dt),
        "y": rng.gamma(2.5, size=n).astype(dt),
        "label": rng.random(n) < 0.4,
    }
    given["label"][:2] = [True, False]

    def by_numpy(given, S=np.sum, C=np.cumsum):
        s, k = np.sort(given["x"]), given["x"].dtype.type(n)
        weights = ((2 * np.arange(1, n + 1) - n - 1) / n).astype(s.dtype)
        rank = np.argsort(np.argsort(given["x"], kind="stable"), kind="stable") + 1
        up = int(given["label"].sum())
        area = (rank[given["label"]].sum() - up * (up + 1) / 2) / (up * (n - up))
        return {
            "gini": S(weights * s) / S(s),
            "mover": S(np.abs(s - np.sort(given["y"]))) / k,
            "lorenz": C(s) / S(s),
            "area": np.float64(area),
        }

    def by_torch(given):
        s, y = T(given["x"]).sort().values, T(given["y"]).sort().values
        weights = torch.arange(1 - n, n, 2).to(s.dtype) / n
        above, below = T(given["x"])[T(given["label"])], T(given["x"])[~T(given["label"])]
        return {
            "gini": (weights @ s) / s.sum(),
            "mover": (s - y).abs().mean(),
            "lorenz": s.cumsum(0) / s.sum(),
            "area": (above[:, None] > below).double().mean(),
        }

    loop = lambda given: by_numpy(given, seqsum, np.cumsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def walking(dt, n, rng):
    """PageRank by twenty steps over a list of edges, and a graph's smoothing of features."""
    nodes = max(n // 4, 4)
    given = {
        "from": np.concatenate([np.arange(nodes), rng.integers(0, nodes, n)]),
        "to": np.concatenate([np.roll(np.arange(nodes), 1), rng.integers(0, nodes, n)]),
        "f": rng.normal(size=(nodes, 3)).astype(dt),
    }

    def matrix(given, dtype):
        A = np.zeros((nodes, nodes), dtype)
        np.add.at(A, (given["to"], given["from"]), dtype.type(1))
        return A

    def by_numpy(given, mm=np.matmul):
        f = given["f"]
        A = matrix(given, f.dtype)
        P = A / A.sum(axis=0)
        r = np.full(nodes, f.dtype.type(1) / f.dtype.type(nodes))
        for _ in range(20):
            r = 0.85 * mm(P, r[:, None])[:, 0] + 0.15 / nodes
        d = 1 / np.sqrt(A.sum(axis=1) + 1)
        smooth = d[:, None] * (mm(A, d[:, None] * f) + d[:, None] * f)
        return {"rank": r, "smooth": smooth}

    def edges(given):
        f, out = given["f"], np.bincount(given["from"], minlength=nodes)
        out = out.astype(f.dtype)
        r = np.full(nodes, f.dtype.type(1) / f.dtype.type(nodes))
        for _ in range(20):
            new = 0 * r
            np.add.at(new, given["to"], r[given["from"]] / out[given["from"]])
            r = 0.85 * new + 0.15 / nodes
        degree = np.bincount(given["to"], minlength=nodes).astype(f.dtype)
        d = (degree + 1) ** f.dtype.type(-0.5)
        smooth = 0 * f
        np.add.at(smooth, given["to"], d[given["from"], None] * f[given["from"]])
        return {"rank": r, "smooth": d[:, None] * (smooth + d[:, None] * f)}

    def by_torch(given):
        f, start, end = T(given["f"]), T(given["from"]), T(given["to"])
        ones = torch.ones(len(start), dtype=f.dtype)
        out = torch.zeros(nodes, dtype=f.dtype).index_add(0, start, ones)
        r = torch.full((nodes,), 1 / nodes, dtype=f.dtype)
        for _ in range(20):
            r = 0.85 * torch.zeros_like(r).index_add(0, end, (r / out)[start]) + 0.15 / nodes
        d = (torch.zeros_like(r).index_add(0, end, ones) + 1).rsqrt()
        sums = torch.zeros_like(f).index_add(0, end, (d[:, None] * f)[start])
        return {"rank": r, "smooth": d[:, None] * (sums + d[:, None] * f)}

    return given, {"np": by_numpy, "np_at": edges, "t": by_torch, "f64": wide(by_numpy)}


def ridge(dt, n, rng):
    """Ridge regression on random features, primal and dual, and its loss left one out."""
    given = {
        "x": rng.normal(size=(20, 3)).astype(dt),
        "w": rng.normal(size=(3, n)).astype(dt),
        "y": rng.normal(size=20).astype(dt),
    }

    def features(given):
        h = np.maximum(given["x"] @ given["w"], 0)
        return h / np.sqrt(h.dtype.type(n))

    def dual(given):
        h, y = features(given), given["y"]
        K = h @ h.T
        inverse = np.linalg.inv(K + 0.5 * np.eye(20).astype(K.dtype))
        alpha = inverse @ y
        return {"fit": K @ alpha, "left": alpha / np.diag(inverse)}

    def primal(given):
        h, y = features(given), given["y"]
        A = h.T @ h + 0.5 * np.eye(n).astype(h.dtype)
        fit = h @ np.linalg.solve(A, h.T @ y)
        hat = np.einsum("ij,ji->i", h, np.linalg.solve(A, h.T))
        return {"fit": fit, "left": (y - fit) / (1 - hat)}

    def by_torch(given):
        h = torch.relu(T(given["x"]) @ T(given["w"])) / n**0.5
        K = h @ h.T
        L = torch.linalg.cholesky(K + 0.5 * torch.eye(20, dtype=K.dtype))
        inverse = torch.cholesky_inverse(L)
        alpha = torch.cholesky_solve(T(given["y"])[:, None], L)[:, 0]
        return {"fit": K @ alpha, "left": alpha / inverse.diagonal()}

    return given, {"np": dual, "np_primal": primal, "t": by_torch, "f64": wide(dual)}


def soft_tree(dt, n, rng):
    """A tree of depth two whose splits are sigmoids; its leaves' entropy; boosting's weights."""
    given = {
        "x": rng.normal(size=(n, 3)).astype(dt),
        "w": rng.normal(size=(3, 3)).astype(dt),
        "leaf": rng.normal(size=4).astype(dt),
        "y": rng.random(n) < 0.5,
    }

    def by_numpy(given, mm=np.matmul, S=lambda a: a.sum(axis=0)):
        p = _sigmoid(mm(given["x"], given["w"]))
        left, right = p[:, :1], 1 - p[:, :1]
        leaves = np.concatenate(
            [left * p[:, 1:2], left * (1 - p[:, 1:2]), right * p[:, 2:], right * (1 - p[:, 2:])], 1
        )
        out = mm(leaves, given["leaf"][:, None])[:, 0]
        share = S(leaves) / leaves.dtype.type(n)
        sign = np.where(given["y"], 1, -1).astype(out.dtype)
        weight = np.exp(-sign * out)
        return {
            "out": out,
            "entropy": -S(share * np.log(share)),
            "weight": weight / S(weight),
        }

    def by_torch(given):
        x, w, leaf = T(given["x"]), T(given["w"]), T(given["leaf"])
        z = x @ w
        p, q = torch.sigmoid(z), torch.sigmoid(-z)
        leaves = torch.stack(
            [p[:, 0] * p[:, 1], p[:, 0] * q[:, 1], q[:, 0] * p[:, 2], q[:, 0] * q[:, 2]], 1
        )
        out = leaves @ leaf
        sign = T(given["y"]).to(out.dtype) * 2 - 1
        return {
            "out": out,
            "entropy": torch.special.entr(leaves.mean(0)).sum(),
            "weight": torch.softmax(-sign * out, 0),
        }

    loop = lambda given: by_numpy(given, loop_matmul, lambda a: seqsum(a, 0))  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def implicit(dt, n, rng):
    """The heat equation by Crank and Nicolson, a pendulum by Verlet, a stiff one by Newton."""
    given = {"h": np.sin(np.linspace(0, 3, n)).astype(dt), "q": rng.uniform(0.5, 1.5, 2).astype(dt)}

    def matrix(h, r):
        return ((1 + 2 * r) * np.eye(n) - r * np.eye(n, k=1) - r * np.eye(n, k=-1)).astype(h.dtype)

    def thomas(h, r):
        r, d, c = h.dtype.type(r), [], []
        for i in range(n):
            below = (1 + 2 * r) + r * c[-1] if i else 1 + 2 * r
            c.append(-r / below)
            d.append((h[i] + r * d[-1]) / below if i else h[i] / below)
        out = [d[-1]]
        for i in range(n - 2, -1, -1):
            out.append(d[i] - c[i] * out[-1])
        return np.stack(out[::-1])

    def numbers(q, sin, exp):
        angle, speed = q[0] + 0, q[1] + 0
        for _ in range(40):
            half = speed - 0.025 * sin(angle)
            angle = angle + 0.05 * half
            speed = half - 0.025 * sin(angle)
        u = q[1] + 0
        for _ in range(10):
            v = u
            for _ in range(6):
                v = v - (v - u + 0.2 * (exp(v) - 1)) / (1 + 0.2 * exp(v))
            u = v
        return angle, speed, u

    def solving(solve):
        def run(given):
            h = given["h"]
            r = 0.4
            for _ in range(10):
                inner = np.pad(h, 1)
                h = solve(h + h.dtype.type(r) * (inner[2:] - 2 * h + inner[:-2]), r)
            angle, speed, u = numbers(given["q"], np.sin, np.exp)
            return {"heat": h, "angle": angle, "speed": speed, "stiff": u}

        return run

    def by_torch(given):
        h, q = T(given["h"]), T(given["q"])
        A = T(matrix(given["h"], 0.4))
        B = 2 * torch.eye(n, dtype=h.dtype) - A
        for _ in range(10):
            h = torch.linalg.solve(A, B @ h)
        angle, speed, u = numbers(q, torch.sin, torch.exp)
        return {"heat": h, "angle": angle, "speed": speed, "stiff": u}

    by_numpy = solving(lambda b, r: np.linalg.solve(matrix(b, r), b))
    return given, {"np": by_numpy, "np_thomas": solving(thomas), "t": by_torch,
                   "f64": wide(by_numpy)}  # fmt: skip


def more_optimisers(dt, n, rng):
    """Ten steps of Adagrad, of Nesterov with a clipped gradient, and of AdamW."""
    given = {"w": rng.normal(size=n).astype(dt), "a": rng.uniform(0.5, 2, n).astype(dt)}

    def gradient(w, a):
        return a * w * w * w - w

    def by_numpy(given, S=np.sum):
        out, a = {}, given["a"]
        w, s = given["w"], 0 * given["w"]
        for _ in range(10):
            g = gradient(w, a)
            s = s + g * g
            w = w - 0.05 * g / (np.sqrt(s) + 1e-7)
        out["adagrad"] = w
        w, v = given["w"], 0 * given["w"]
        for _ in range(10):
            g = gradient(w, a)
            norm = np.sqrt(S(g * g))
            g = g * np.minimum(0.5 / (norm + 1e-6), 1).astype(g.dtype)
            v = 0.9 * v + g
            w = w - 0.02 * (g + 0.9 * v)
        out["nesterov"] = w
        w, m, v = given["w"], 0 * given["w"], 0 * given["w"]
        for t in range(1, 11):
            g = gradient(w, a)
            w = w * (1 - 0.01 * 0.1)
            m, v = 0.9 * m + 0.1 * g, 0.99 * v + 0.01 * g * g
            w = w - 0.01 / (1 - 0.9**t) * m / (np.sqrt(v) / np.sqrt(1 - 0.99**t) + 1e-3)
        return {**out, "adamw": w}

    def by_torch(given):
        makes = {
            "adagrad": lambda p: torch.optim.Adagrad(p, lr=0.05, eps=1e-7),
            "nesterov": lambda p: torch.optim.SGD(p, lr=0.02, momentum=0.9, nesterov=True),
            "adamw": lambda p: torch.optim.AdamW(
                p, lr=0.01, betas=(0.9, 0.99), eps=1e-3, weight_decay=0.1
            ),
        }
        out = {}
        for name, make in makes.items():
            w = T(given["w"]).clone().requires_grad_()
            optimiser = make([w])
            for _ in range(10):
                w.grad = gradient(w.detach(), T(given["a"]))
                if name == "nesterov":
                    torch.nn.utils.clip_grad_norm_([w], 0.5)
                optimiser.step()
            out[name] = w
        return out

    loop = lambda given: by_numpy(given, seqsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def hidden_states(dt, n, rng):
    """A hidden Markov chain's filter and likelihood, in probabilities and in logarithms."""
    given = {
        "A": rng.dirichlet(np.ones(4), 4).astype(dt),
        "like": rng.uniform(0.05, 1, (n, 4)).astype(dt),
    }

    def scaled(given):
        p, total = np.full(4, given["A"].dtype.type(0.25)), 0 * given["A"][0, 0]
        for row in given["like"]:
            p = (p @ given["A"]) * row
            c = p.sum()
            p, total = p / c, total + np.log(c)
        return {"p": p, "loglik": total}

    def logs(given):
        logA, q = np.log(given["A"]), np.log(np.full(4, given["A"].dtype.type(0.25)))
        for row in np.log(given["like"]):
            z = q[:, None] + logA
            top = z.max(axis=0)
            q = top + np.log(np.exp(z - top).sum(axis=0)) + row
        top = q.max()
        total = top + np.log(np.exp(q - top).sum())
        return {"p": np.exp(q - total), "loglik": total}

    def by_torch(given):
        logA = T(given["A"]).log()
        q = torch.full((4,), 0.25, dtype=logA.dtype).log()
        for row in T(given["like"]).log():
            q = torch.logsumexp(q[:, None] + logA, 0) + row
        return {"p": q.softmax(0), "loglik": torch.logsumexp(q, 0)}

    return given, {"np": scaled, "np_log": logs, "t": by_torch, "f64": wide(scaled)}


def transport(dt, n, rng):
    """Cosine similarities, Sinkhorn's plan between two clouds, and its cost."""
    given = {"x": rng.normal(size=(n, 3)).astype(dt), "y": rng.normal(size=(n, 3)).astype(dt)}

    def by_numpy(given, mm=np.matmul, S=lambda a: a.sum(axis=-1)):
        x, y = given["x"], given["y"]
        units = [a / np.sqrt(S(a * a))[:, None] for a in (x, y)]
        cost = S((x[:, None] - y) ** 2)
        K, one = np.exp(-cost / 2), np.ones(n, x.dtype) / x.dtype.type(n)
        u = one
        for _ in range(15):
            v = one / mm(K.T, u[:, None])[:, 0]
            u = one / mm(K, v[:, None])[:, 0]
        plan = u[:, None] * K * v
        return {"cosine": mm(units[0], units[1].T), "plan": plan, "cost": (plan * cost).sum()}

    def by_torch(given):
        x, y = T(given["x"]), T(given["y"])
        cost = torch.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist").square()
        logK = -0.5 * cost
        log_n = torch.log(torch.tensor(float(n), dtype=x.dtype))
        f = torch.zeros(n, dtype=x.dtype) - log_n
        for _ in range(15):
            g = -log_n - torch.logsumexp(logK.T + f, 1)
            f = -log_n - torch.logsumexp(logK + g, 1)
        plan = torch.exp(f[:, None] + logK + g)
        return {
            "cosine": F.normalize(x) @ F.normalize(y).T,
            "plan": plan,
            "cost": (plan * cost).sum(),
        }

    loop = lambda given: by_numpy(given, loop_matmul, seqsum)  # noqa: E731
    return given, {"np": by_numpy, "t": by_torch, "loop": loop, "f64": wide(by_numpy)}


def spectral(dt, n, rng):
    """A periodic function's derivative and convolution by FFT, by sums, and a cosine transform."""
    n += n % 2
    given = {"x": rng.normal(size=n).astype(dt), "k": rng.normal(size=n).astype(dt)}
    turn = 2 * np.pi * np.arange(n) / n

    def by_numpy(given):
        x, k = given["x"], given["k"]
        f = np.fft.rfft(x)
        waves = np.arange(n // 2 + 1) * (np.arange(n // 2 + 1) < n // 2)
        around = np.fft.irfft(f * np.fft.rfft(k), n)
        mirrored = np.fft.rfft(np.concatenate([x, x[::-1]]))[:n]
        shift = np.exp(-1j * np.pi * np.arange(n) / (2 * n)).astype(mirrored.dtype)
        return {
            "slope": np.fft.irfft(1j * waves.astype(x.dtype) * f, n),
            "around": around,
            "cosine": (mirrored * shift).real / 2,
        }

    def by_sums(given):
        x, k = given["x"], given["k"]
        waves = np.arange(1, n // 2)
        kernel = (-2 / n) * (waves * np.sin(np.outer(turn, waves))).sum(axis=1)
        at = (np.arange(n)[:, None] - np.arange(n)) % n
        turns = np.outer(np.arange(n), 2 * np.arange(n) + 1) % (4 * n)
        table = np.cos(np.pi * turns / (2 * n))
        return {
            "slope": kernel.astype(x.dtype)[at] @ x,
            "around": k[at] @ x,
            "cosine": table.astype(x.dtype) @ x,
        }

    def by_torch(given):
        x, k = T(given["x"]), T(given["k"])
        f = torch.fft.rfft(x)
        waves = torch.arange(n // 2 + 1) * (torch.arange(n // 2 + 1) < n // 2)
        full = torch.fft.fft(torch.cat([x, x.flip(0)]))[:n]
        angle = -torch.pi * torch.arange(n, dtype=x.dtype) / (2 * n)
        shift = torch.polar(torch.ones_like(angle), angle)
        return {
            "slope": torch.fft.irfft(1j * waves.to(x.dtype) * f, n),
            "around": torch.fft.irfft(f * torch.fft.rfft(k), n),
            "cosine": (full * shift).real / 2,
        }

    return given, {"np": by_numpy, "np_sums": by_sums, "t": by_torch, "f64": wide(by_numpy)}


FAMILIES = {
    "through_time": (through_time, (4, 32), "48"),
    "pool_images": (pool_images, (16, 100, 10_000), "248"),
    "cubic": (cubic, (10, 100, 1000), "48"),
    "ranked": (ranked, (10, 100, 1000), "248"),
    "walking": (walking, (16, 100, 400), "48"),
    "ridge": (ridge, (10, 100), "48"),
    "soft_tree": (soft_tree, (10, 100, 1000), "248"),
    "implicit": (implicit, (10, 60), "48"),
    "more_optimisers": (more_optimisers, (3, 100, 1000), "248"),
    "hidden_states": (hidden_states, (10, 100), "48"),
    "transport": (transport, (10, 50), "48"),
    "spectral": (spectral, (10, 100), "48"),
}

LESS_EXACT = {("hidden_states", "p"): ("np_log", "t")}
"""Implementations that lose more digits than others do: as references they may rightly fail these.
Of a hundred observations a logarithm is -100, and its ulp 100 times that of a probability."""

SOURCES = [
    ("through_time", "one step of the gradient less", "range(5, -1, -1)", "range(5, 0, -1)"),
    ("through_time", "derivative of the value before", "hs[t + 1] * hs[t + 1]", "hs[t] * hs[t]"),
    ("through_time", "bias of one row", "db + da.sum(axis=0)", "db + da[0]"),
    ("pool_images", "no softmax", '"soft": S(e * w) / S(e)', '"soft": S(e * w) / 4'),
    ("pool_images", "one less in the mean", "w.dtype.type(side * side)",
     "w.dtype.type(side * side - 1)"),
    ("cubic", "one coefficient", "+ 4 * c - d) * t**2", "+ 4 * c) * t**2"),
    ("cubic", "a node's weight", "if a != b]) for a in x]", "if a > b]) for a in x]"),
    ("ranked", "ranks from zero", "2 * np.arange(1, n + 1)", "2 * np.arange(n)"),
    ("ranked", "not sorted", '- np.sort(given["y"])', '- given["y"]'),
    ("walking", "damping", "0.85 * mm", "0.8501 * mm"),
    ("walking", "no loop at a node", "A.sum(axis=1) + 1)", "A.sum(axis=1) + 2)"),
    ("walking", "a third of the steps", "range(20)", "range(7)"),
    ("ridge", "another penalty", "K + 0.5 *", "K + 0.5001 *"),
    ("ridge", "not left out", "alpha / np.diag(inverse)", "alpha"),
    ("soft_tree", "leaves exchanged", "left * p[:, 1:2], left * (1 - p[:, 1:2])",
     "left * (1 - p[:, 1:2]), left * p[:, 1:2]"),
    ("soft_tree", "logarithm of two", "np.log(share)", "np.log2(share)"),
    ("implicit", "another step", "            r = 0.4\n", "            r = 0.4001\n"),
    ("implicit", "Euler's half step", "half - 0.025 * sin(angle)", "half - 0.025 * angle"),
    ("implicit", "Newton stops", "range(6)", "range(2)"),
    ("more_optimisers", "no look ahead", "g + 0.9 * v", "v"),
    ("more_optimisers", "decay in the gradient", "w * (1 - 0.01 * 0.1)", "w * (1 - 0.1 * 0.1)"),
    ("more_optimisers", "clipped at one", "0.5 / (norm", "1.0 / (norm"),
    ("more_optimisers", "forgetting", "s + g * g", "0.99 * s + g * g"),
    ("hidden_states", "the other way", 'p @ given["A"]', 'given["A"] @ p'),
    ("hidden_states", "an epsilon that is not there", "np.log(c)", "np.log(c + 1e-5)"),
    ("transport", "one round less", "range(15)", "range(3)"),
    ("transport", "no square", "np.sqrt(S(a * a))", "S(a * a)"),
    ("transport", "another scale", "-cost / 2", "-cost / 2.0002"),
    ("spectral", "the highest wave too", "(np.arange(n // 2 + 1) < n // 2)", "1"),
    ("spectral", "a sample more", "np.arange(n) / (2 * n))", "np.arange(n) / (2 * n + 1))"),
]  # fmt: skip
"""Mistakes in their sources."""

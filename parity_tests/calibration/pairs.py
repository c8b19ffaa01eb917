"""Right pairs: the same function by several implementations that only round otherwise.

``FAMILIES[name]`` is ``(make, sizes, widths)``. ``make(dtype, n, generator)`` gives inputs
and ``{implementation: function}``; a function takes the dict of arrays and gives a dict of arrays.
What is called ``np...`` or ``t...`` (NumPy, torch) can be a port; ``loop``, ``blocked``, ``f64``
and the like are references. Widths are bytes: 2, 4, 8 for Float16, 32, 64. Any two
implementations of a family are to agree.
"""

import numpy as np
import scipy.linalg as sl
import torch
import torch.nn.functional as F

T = torch.tensor


def seqsum(t, axis=-1):
    return np.take(np.add.accumulate(t, axis=axis), -1, axis=axis)


def blocked(t, b=64):
    n = t.shape[-1]
    m = -(-n // b) * b
    p = np.zeros(t.shape[:-1] + (m,), t.dtype)
    p[..., :n] = t
    return seqsum(seqsum(p.reshape(t.shape[:-1] + (-1, b))))


def lanes(t, b=8):
    n = t.shape[-1]
    m = -(-n // b) * b
    p = np.zeros(t.shape[:-1] + (m,), t.dtype)
    p[..., :n] = t
    return seqsum(seqsum(p.reshape(t.shape[:-1] + (-1, b)), axis=-2))


def wide(fn):
    def g(given):
        out = fn({k: (v.astype("f8") if v.dtype.kind == "f" else v) for k, v in given.items()})
        dt = next(v.dtype for v in given.values() if v.dtype.kind == "f")
        return {
            k: np.asarray(v).astype(dt) if np.asarray(v).dtype.kind == "f" else v
            for k, v in out.items()
        }

    return g


def pw_cumsum(a):
    def rec(lo, hi, start, out):
        if hi - lo < 128:
            s = a[lo]
            out[lo] = start + s
            for i in range(lo + 1, hi):
                s = s + a[i]
                out[i] = start + s
            return s
        m = (lo + hi) // 2
        s1 = rec(lo, m, start, out)
        s2 = rec(m, hi, start + s1, out)
        return s1 + s2

    out = np.empty_like(a)
    rec(0, len(a), a.dtype.type(0), out)
    return out


R = 6


def terms(rng, kind, shape, dt):
    if kind == "pos":
        x = rng.random(shape)
    elif kind == "norm":
        x = rng.normal(size=shape)
    elif kind == "smooth":
        x = np.sin(np.linspace(0, 2 * np.pi, shape[-1])) * rng.random(shape[:-1] + (1,)) + 0.01
    elif kind == "lognormal":
        x = np.exp(1.5 * rng.normal(size=shape))
    elif kind == "centred":
        x = rng.normal(size=shape)
        x = x - x.mean(-1, keepdims=True)
    return x.astype(dt)


def f_sum(kind):
    def fam(dt, n, rng):
        given = {"x": terms(rng, kind, (R, n), dt)}
        return given, {
            "np_sum": lambda given: {"s": np.sum(given["x"], axis=1)},
            "t_sum": lambda given: {"s": T(given["x"]).sum(1)},
            "loop": lambda given: {"s": seqsum(given["x"])},
            "rev": lambda given: {"s": seqsum(given["x"][:, ::-1])},
            "np_dot": lambda given: {"s": given["x"] @ np.ones(n, dt)},
            "blocked": lambda given: {"s": blocked(given["x"])},
            "lanes": lambda given: {"s": lanes(given["x"])},
            "f64": wide(lambda given: {"s": np.sum(given["x"], axis=1)}),
        }

    return fam


def f_moments(dt, n, rng):
    given = {"x": (rng.normal(size=(R, n)) * 2 + 1).astype(dt)}

    def npm(given):
        x = given["x"]
        m = np.mean(x, axis=1)
        return {
            "m": m,
            "v": np.var(x, axis=1, ddof=1),
            "s": np.std(x, axis=1),
            "norm": np.linalg.norm(x, axis=1),
        }

    def tm(given):
        x = T(given["x"])
        return {
            "m": x.mean(1),
            "v": x.var(1),
            "s": x.std(1, correction=0),
            "norm": torch.linalg.vector_norm(x, dim=1),
        }

    def loop(given):
        x = given["x"]
        k = dt.type(n)
        m = seqsum(x) / k
        d = x - m[:, None]
        ss = seqsum(d * d)
        return {
            "m": m,
            "v": ss / dt.type(n - 1),
            "s": np.sqrt(ss / k),
            "norm": np.sqrt(seqsum(x * x)),
        }

    return given, {"np": npm, "t": tm, "loop": loop, "f64": wide(npm)}


def f_cumsum(kind):
    def fam(dt, n, rng):
        given = {"x": (terms(rng, kind, (n,), dt) - (0.25 if kind == "pos" else 0)).astype(dt)}
        return given, {
            "np": lambda given: {"c": np.cumsum(given["x"])},
            "t": lambda given: {"c": T(given["x"]).cumsum(0)},
            "pairwise": lambda given: {"c": pw_cumsum(given["x"])},
            "f64": wide(lambda given: {"c": np.cumsum(given["x"])}),
        }

    return fam


def kloop(a, b):
    acc = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1]):
        acc = acc + a[:, k : k + 1] * b[k : k + 1]
    return acc


def kfma(a, b):
    acc = np.zeros((a.shape[0], b.shape[1]), a.dtype)
    for k in range(a.shape[1]):
        acc = (acc.astype("f8") + a[:, k : k + 1].astype("f8") * b[k : k + 1]).astype(a.dtype)
    return acc


def f_matmul(kind):
    def fam(dt, n, rng):
        m = 8 if n < 5000 else 4
        given = {"a": terms(rng, kind, (m, n), dt), "b": terms(rng, kind, (n, m), dt)}
        r = {
            "np_at": lambda given: {"c": given["a"] @ given["b"]},
            "t_mm": lambda given: {"c": T(given["a"]) @ T(given["b"])},
            "np_einsum": lambda given: {"c": np.einsum("ij,jk->ik", given["a"], given["b"])},
            "t_sum": lambda given: {"c": (T(given["a"])[:, :, None] * T(given["b"])).sum(1)},
            "f64": wide(lambda given: {"c": given["a"] @ given["b"]}),
        }
        if n <= 10000:
            r["kloop"] = lambda given: {"c": kloop(given["a"], given["b"])}
        if n <= 10000 and dt != np.dtype("f8"):
            r["kfma"] = lambda given: {"c": kfma(given["a"], given["b"])}
        return given, r

    return fam


def f_gram(dt, n, rng):
    given = {"X": (rng.normal(size=(n, 5)) + 0.3).astype(dt)}

    def blk(given):
        X = given["X"]
        acc = np.zeros((5, 5), dt)
        for i in range(0, n, 256):
            acc = acc + X[i : i + 256].T @ X[i : i + 256]
        return {"G": acc}

    return given, {
        "np": lambda given: {"G": given["X"].T @ given["X"]},
        "t": lambda given: {"G": T(given["X"]).T @ T(given["X"])},
        "blocks": blk,
        "loop": lambda given: {"G": seqsum(given["X"][:, :, None] * given["X"][:, None, :], 0)},
        "f64": wide(lambda given: {"G": given["X"].T @ given["X"]}),
    }


def f_softmax(dt, n, rng):
    given = {"x": (rng.normal(size=(R, n)) * 3).astype(dt)}

    def npf(given, S=lambda e: np.sum(e, axis=1)):
        x = given["x"]
        m = np.max(x, axis=1)
        e = np.exp(x - m[:, None])
        s = S(e)
        log = np.log(s)
        return {"p": e / s[:, None], "lse": m + log, "lsm": x - m[:, None] - log[:, None]}

    def tf(given):
        x = T(given["x"])
        return {"p": x.softmax(1), "lse": x.logsumexp(1), "lsm": x.log_softmax(1)}

    return given, {"np": npf, "t": tf, "loop": lambda given: npf(given, seqsum), "f64": wide(npf)}


def f_norms(dt, n, rng):
    given = {
        "x": (rng.normal(size=(R, n)) * 2 + 1).astype(dt),
        "w": rng.normal(size=n).astype(dt),
        "b": rng.normal(size=n).astype(dt),
    }
    e = 1e-5

    def npf(given, M=lambda x: np.mean(x, axis=1, keepdims=True)):
        x = given["x"]
        m = M(x)
        v = M((x - m) ** 2)
        ln = (x - m) / np.sqrt(v + x.dtype.type(e)) * given["w"] + given["b"]
        xt = x
        mb = np.mean(xt, axis=0)
        vb = np.var(xt, axis=0)
        bn = (xt - mb) / np.sqrt(vb + x.dtype.type(e)) * given["w"] + given["b"]
        rms = x / np.sqrt(M(x * x) + x.dtype.type(e)) * given["w"]
        return {"ln": ln, "bn": bn, "rms": rms}

    def tf(given):
        x, w, b = T(given["x"]), T(given["w"]), T(given["b"])
        return {
            "ln": F.layer_norm(x, (n,), w, b, e),
            "bn": F.batch_norm(x, None, None, w, b, True, 0.1, e),
            "rms": F.rms_norm(x, (n,), w, e),
        }

    return given, {
        "np": npf,
        "t": tf,
        "loop": lambda given: npf(given, lambda x: (seqsum(x) / x.dtype.type(n))[:, None]),
        "f64": wide(npf),
    }


def f_elem(dt, n, rng):
    given = {"x": (rng.normal(size=n) * 2).astype(dt)}

    def npf(given):
        x = given["x"]
        o = x.dtype.type(1)

        sg = o / (o + np.exp(-x))
        return {
            "exp": np.exp(x),
            "tanh": np.tanh(x),
            "sig": sg,
            "log1p": np.log1p(np.abs(x)),
            "softplus": np.log1p(np.exp(-np.abs(x))) + np.maximum(x, 0),
            "silu": x * sg,
            "pow": np.abs(x) ** x.dtype.type(1.7),
            "sin": np.sin(x),
            "expm1": np.expm1(x),
            "elu": np.where(x > 0, x, np.exp(x) - o),
        }

    def tf(given):
        x = T(given["x"])
        return {
            "exp": x.exp(),
            "tanh": x.tanh(),
            "sig": x.sigmoid(),
            "log1p": x.abs().log1p(),
            "softplus": F.softplus(x),
            "silu": F.silu(x),
            "pow": x.abs() ** 1.7,
            "sin": x.sin(),
            "expm1": x.expm1(),
            "elu": F.elu(x),
        }

    return given, {"np": npf, "t": tf, "f64": wide(npf)}


def f_linalg(dt, n, rng):
    A = rng.normal(size=(n, n))
    A = A @ A.T / n + 0.1 * np.eye(n)
    given = {"A": A.astype(dt), "b": rng.normal(size=n).astype(dt)}

    def np_solve(given):
        return {
            "x": np.linalg.solve(given["A"], given["b"]),
            "inv": np.linalg.inv(given["A"]),
            "ev": np.linalg.eigvalsh(given["A"]),
            "ld": np.linalg.slogdet(given["A"])[1],
        }

    def t_solve(given):
        A = T(given["A"])
        return {
            "x": torch.linalg.solve(A, T(given["b"])),
            "inv": torch.linalg.inv(A),
            "ev": torch.linalg.eigvalsh(A),
            "ld": torch.linalg.slogdet(A)[1],
        }

    def np_inv(given):
        Ai = np.linalg.inv(given["A"])
        return {
            "x": Ai @ given["b"],
            "inv": Ai,
            "ev": np.linalg.eigvalsh(given["A"]),
            "ld": np.linalg.slogdet(given["A"])[1],
        }

    def t_chol(given):
        A = T(given["A"])
        L = torch.linalg.cholesky(A)
        return {
            "x": torch.cholesky_solve(T(given["b"])[:, None], L)[:, 0],
            "inv": torch.cholesky_inverse(L),
            "ev": torch.linalg.svdvals(A).flip(0),
            "ld": 2 * L.diagonal().log().sum(),
        }

    def qr(given):
        q, r = np.linalg.qr(given["A"])
        return {
            "x": sl.solve_triangular(r, q.T @ given["b"]),
            "inv": sl.solve_triangular(r, q.T),
            "ev": np.linalg.svd(given["A"])[1][::-1],
            "ld": np.log(np.abs(np.diag(r))).sum(),
        }

    return given, {
        "np_solve": np_solve,
        "t_solve": t_solve,
        "np_inv": np_inv,
        "t_chol": t_chol,
        "qr": qr,
        "f64": wide(np_solve),
    }


def f_cg(dt, n, rng):
    A = rng.normal(size=(n, n))
    A = A @ A.T / n + np.eye(n)
    given = {"A": A.astype(dt), "b": rng.normal(size=n).astype(dt)}

    def mk(conv, dot, mv):
        def f(given):
            A, b = conv(given["A"]), conv(given["b"])
            x = 0 * b
            r = b
            p = b
            for _ in range(6):
                Ap = mv(A, p)
                a = dot(r, r) / dot(p, Ap)
                x = x + a * p
                s = r - a * Ap
                p = s + dot(s, s) / dot(r, r) * p
                r = s
            return {"x": x, "r": r}

        return f

    npf = mk(lambda a: a, np.dot, np.dot)
    tf = mk(T, torch.dot, torch.mv)
    lp = mk(lambda a: a, lambda a, b: seqsum(a * b), lambda A, p: seqsum(A * p))
    return given, {"np": npf, "t": tf, "loop": lp, "f64": wide(npf)}


def f_loss(dt, n, rng):
    given = {"a": rng.normal(size=n).astype(dt), "b": rng.normal(size=n).astype(dt)}

    def npf(given, S=np.sum):
        d = given["a"] - given["b"]
        k = d.dtype.type(n)
        return {
            "mse": S(d * d) / k,
            "mae": S(np.abs(d)) / k,
            "bce": S(np.logaddexp(0, given["a"]) - given["a"] * (given["b"] > 0)) / k,
        }

    def tf(given):
        a, b = T(given["a"]), T(given["b"])
        return {
            "mse": F.mse_loss(a, b),
            "mae": F.l1_loss(a, b),
            "bce": F.binary_cross_entropy_with_logits(a, (b > 0).to(a.dtype)),
        }

    return given, {"np": npf, "t": tf, "loop": lambda given: npf(given, seqsum), "f64": wide(npf)}


def f_train(act, opt):
    def fam(dt, n, rng):
        B, d, h = 32, 6, min(n, 64)
        given = {
            "W1": (rng.normal(size=(h, d)) / d**0.5).astype(dt),
            "b1": np.zeros(h, dt),
            "W2": (rng.normal(size=(1, h)) / h**0.5).astype(dt),
            "b2": np.zeros(1, dt),
            "X": rng.normal(size=(B, d)).astype(dt),
            "y": rng.normal(size=(B, 1)).astype(dt),
        }
        P = ["W1", "b1", "W2", "b2"]
        steps = 10

        def npf(given, S=None):
            p = {k: given[k] for k in P}
            X, y = given["X"], given["y"]
            m = {k: 0 * p[k] for k in P}
            v = {k: 0 * p[k] for k in P}
            for t in range(1, steps + 1):
                z = X @ p["W1"].T + p["b1"]
                a = np.tanh(z) if act == "tanh" else np.maximum(z, 0)
                o = a @ p["W2"].T + p["b2"]
                e = o - y
                loss = np.mean(e * e)
                go = 2 * e / B
                g = {"W2": go.T @ a, "b2": np.sum(go, axis=0)}
                ga = go @ p["W2"]
                gz = ga * (1 - a * a) if act == "tanh" else ga * (z > 0)
                g["W1"] = gz.T @ X
                g["b1"] = np.sum(gz, axis=0)
                for k in P:
                    if opt == "sgd":
                        p[k] = p[k] - 0.05 * g[k]
                    else:
                        m[k] = 0.9 * m[k] + 0.1 * g[k]
                        v[k] = 0.999 * v[k] + 0.001 * g[k] * g[k]
                        p[k] = p[k] - 0.01 * (m[k] / (1 - 0.9**t)) / (
                            np.sqrt(v[k] / (1 - 0.999**t)) + 1e-8
                        )
            return {**p, "loss": loss, "g1": g["W1"]}

        def tf(given):
            p = {k: T(given[k]).clone().requires_grad_() for k in P}
            X, y = T(given["X"]), T(given["y"])
            o = (
                torch.optim.SGD(p.values(), lr=0.05)
                if opt == "sgd"
                else torch.optim.Adam(p.values(), lr=0.01)
            )
            for _ in range(steps):
                o.zero_grad()
                z = F.linear(X, p["W1"], p["b1"])
                loss = F.mse_loss(
                    F.linear(z.tanh() if act == "tanh" else z.relu(), p["W2"], p["b2"]), y
                )
                loss.backward()
                o.step()
            return {**p, "loss": loss, "g1": p["W1"].grad}

        return given, {"np": npf, "t": tf, "f64": wide(npf)}

    return fam


FAMILIES = {}
for k in ("pos", "norm", "smooth", "lognormal", "centred"):
    FAMILIES["sum_" + k] = (f_sum(k), (10, 100, 1000, 10000, 100000), "248")
FAMILIES["moments"] = (f_moments, (10, 100, 1000, 10000, 100000), "48")
for k in ("pos", "norm"):
    FAMILIES["cumsum_" + k] = (f_cumsum(k), (10, 100, 1000, 10000, 100000), "48")
for k in ("pos", "norm", "centred"):
    FAMILIES["matmul_" + k] = (f_matmul(k), (10, 100, 1000, 10000), "248")
FAMILIES["gram"] = (f_gram, (100, 1000, 10000, 100000), "48")
FAMILIES["softmax"] = (f_softmax, (10, 100, 1000, 10000), "248")
FAMILIES["norms"] = (f_norms, (10, 100, 1000, 10000), "48")
FAMILIES["elem"] = (f_elem, (10, 1000, 100000), "48")
FAMILIES["linalg"] = (f_linalg, (3, 10, 50, 150), "48")
FAMILIES["cg"] = (f_cg, (10, 100, 400), "48")
FAMILIES["loss"] = (f_loss, (10, 100, 1000, 10000, 100000), "48")
FAMILIES["train_tanh_sgd"] = (f_train("tanh", "sgd"), (8, 64), "48")

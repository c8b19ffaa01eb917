"""What people get wrong in ports, each as one small change to ours.

A fault names the case it is planted in, the iteration in which it must show, and the operation
that must be blamed: the beginning of the name of an intermediate value (see `docs/localise.md`).
"""

from __future__ import annotations

from dataclasses import dataclass

from planted.plant import Change

LAYERS, LOSS, OPTIMISE = "repro.flux.layers", "repro.flux.loss", "repro.flux.optimise"
SINE, EVALUATE, TRAINING = "repro.luna.sine", "repro.luna.evaluate", "repro.luna.training"
TRANSFER, FOMAML, REPTILE = "repro.luna.transfer", "repro.luna.fomaml", "repro.luna.reptile"
STREAM = "repro.julia.stream"

ADAM = {"meta_opt": "ADAM(0.001)"}


@dataclass(frozen=True)
class Fault:
    """A wrong port.

    Attributes:
        name: what is wrong, in a few words.
        changes: the source changes that make it so.
        function: the algorithm it is planted in, at seed 0.
        operation: the name, or its beginning, that localising must give.
        iteration: the first iteration in which it can show; 0 is the new model.
        settings: arguments under which it shows, where the defaults hide it.
        eval_interval: likewise.
        recorded: the recording it is held against where one has these settings.
    """

    name: str
    changes: tuple[Change, ...]
    function: str
    operation: str
    iteration: int = 1
    settings: tuple[tuple[str, str], ...] = ()
    eval_interval: int = 1
    recorded: str | None = None


def _fault(name, function, operation, *changes, iteration=1, settings=None, **kwargs) -> Fault:
    settings = tuple((settings or {}).items())
    if not settings and "eval_interval" not in kwargs:
        kwargs.setdefault("recorded", f"{function}_seed0_dense")
    # An evaluation is followed only where the fault is in it: it takes longer than the rest.
    kwargs.setdefault("eval_interval", 1 if operation.startswith("eval") else 1000)
    planted = tuple(Change(*change) for change in changes)
    return Fault(name, planted, function, operation, iteration, settings, **kwargs)


DRAWS = [
    _fault(
        "biases drawn before weights", "fomaml", "init.layers.0.weight",
        (LAYERS, "        self.weight = drawn(n_out, n_in)\n        self.bias = drawn(n_out)\n",
         "        bias = drawn(n_out)\n        self.weight = drawn(n_out, n_in)\n"
         "        self.bias = bias\n"),
        iteration=0,
    ),
    _fault(
        "weights filled row by row", "fomaml", "init.layers.1.weight",
        (LAYERS, "rng.uniform(-bound, bound, size)",
         "rng.uniform(-bound, bound, size).ravel(order='F').reshape(size)"),
        iteration=0,
    ),
    _fault(
        "Glorot bound instead of 1/sqrt(n_in)", "fomaml", "init.layers.0.weight",
        (LAYERS, "bound = 1 / sqrt(n_in)", "bound = sqrt(6 / (n_in + n_out))"),
        iteration=0,
    ),
    _fault(
        "biases start at zero", "transfer_learn", "init.layers.0.bias",
        (LAYERS, "self.bias = drawn(n_out)",
         "self.bias = drawn(n_out)\n        self.bias.data.zero_()"),
        iteration=0,
    ),
    _fault(
        "phase drawn before amplitude", "fomaml", "task1.amplitude",
        (SINE, "        amplitude = rng.uniform(0.1, 5.0)\n"
         "        task = cls(amplitude, rng.uniform(0.0, 2 * pi))\n",
         "        phase = rng.uniform(0.0, 2 * pi)\n"
         "        task = cls(rng.uniform(0.1, 5.0), phase)\n"),
    ),
    _fault(
        "amplitudes from zero on", "reptile", "task1.amplitude",
        (SINE, "rng.uniform(0.1, 5.0)", "rng.uniform(0.0, 5.0)"),
    ),
    _fault(
        "amplitudes in Float32's own arithmetic", "fomaml", "task1.amplitude",
        (SINE, "rng.uniform(0.1, 5.0)",
         "float(np.float32(0.1) + np.float32(4.9) * np.float32(rng.rand()))"),
        recorded=None,
    ),
    _fault(
        "phases up to pi", "transfer_learn", "task1.phase_shift",
        (SINE, "rng.uniform(0.0, 2 * pi)", "rng.uniform(0.0, pi)"),
    ),
    _fault(
        "batch drawn before its task", "fomaml", "task1.amplitude",
        (FOMAML, "                task = SineWave.draw(rng)\n"
         "                x = data.batch(rng, train_batch_size)\n",
         "                x = data.batch(rng, train_batch_size)\n"
         "                task = SineWave.draw(rng)\n"),
    ),
    _fault(
        "evaluation's task drawn before its x", "fomaml", "eval.x",
        (TRAINING, "            evalx = self.batch(rng, batch_size)\n"
         "            task = SineWave.draw(rng)\n",
         "            task = SineWave.draw(rng)\n"
         "            evalx = self.batch(rng, batch_size)\n"),
    ),
    _fault(
        "normal draws for uniform ones", "fomaml", "task1.x",
        (TRAINING, "self(rng.uniform(-5.0, 5.0, size))",
         "self(np.random.default_rng(0).standard_normal(size))"),
    ),
    _fault(
        "points from the right half only", "transfer_learn", "task1.x",
        (TRAINING, "rng.uniform(-5.0, 5.0, size)", "rng.uniform(0.0, 5.0, size)"),
    ),
    _fault(
        "permutation off by one", "reptile", "task1.permutation",
        (REPTILE, "rng.randperm(len(x)) - 1", "rng.randperm(len(x)) % len(x)"),
    ),
    _fault(
        "points visited in order", "reptile", "task1.permutation",
        (REPTILE, "torch.from_numpy(rng.randperm(len(x)) - 1)",
         "(rng.randperm(len(x)), torch.arange(len(x)))[1]"),
    ),
    _fault(
        "permutation drawn before the task", "reptile", "task1.amplitude",
        (REPTILE, "            order = torch.from_numpy(rng.randperm(len(x)) - 1).to(x.device)\n", ""),
        (REPTILE, "            task = SineWave.draw(rng)\n",
         "            order = torch.from_numpy(rng.randperm(len(x)) - 1).to(x.device)\n"
         "            task = SineWave.draw(rng)\n"),
    ),
]

ALGORITHM = [
    _fault(
        "mean instead of sum over tasks", "fomaml", "task1.sum",
        (FOMAML, "add_(grad[name])", "add_(grad[name] / n_tasks)"),
    ),
    _fault(
        "only the last task's gradient counts", "fomaml", "task2.sum",
        (FOMAML, "add_(grad[name])", "copy_(grad[name])"),
    ),
    _fault(
        "test gradient taken at the unadapted weights", "fomaml", "task1.outer.layers.0.pre",
        (FOMAML, "                testy = task(testx)\n",
         "                restore(weights, prev_weights)\n                testy = task(testx)\n"),
    ),
    _fault(
        "meta-gradient taken on the training batch", "fomaml", "task1.testy",
        (FOMAML, "                testy = task(testx)\n"
         "                note(\"testy\", testy, testx)\n", ""),
        (FOMAML, "mse(model(testx[None, :]), testy[None, :])", "mse(model(x[None, :]), y[None, :])"),
    ),
    _fault(
        "second order where first belongs", "fomaml", "task1.outer.grad.layers.0.weight",
        (FOMAML, "gradient(mse(model(testx[None, :]), testy[None, :]), weights)",
         "torch.autograd.grad(\n"
         "                        mse(model(testx[None, :]), testy[None, :]), [*weights.values()])"),
        (FOMAML, "                restore(weights, prev_weights)\n",
         "                restore(weights, prev_weights)\n"
         "                own = [*weights.values()]\n"
         "                inner = torch.autograd.grad(\n"
         "                    mse(model(x[None, :]), y[None, :]), own, create_graph=True)\n"
         "                products = torch.autograd.grad(inner, own, grad, allow_unused=True)\n"
         "                grad = {n: g if h is None else g - inner_opt.eta * h\n"
         "                        for n, g, h in zip(weights, grad, products)}\n"
         "                with within('outer'):\n"
         "                    note('grad', grad)\n"),
    ),
    _fault(
        "weights not restored between tasks", "fomaml", "task1.restore",
        (FOMAML, "                restore(weights, prev_weights)\n", ""),
    ),
    _fault(
        "weights restored as NaN", "fomaml", "task1.restore",
        (SINE, "w.copy_(saved[name])", "w.copy_(saved[name] * float('nan'))"),
    ),
    _fault(
        "starting weights kept by reference, not copied", "fomaml", "task1.restore",
        (SINE, "w.detach().clone()", "w.detach()"),
    ),
    _fault(
        "Reptile's starting weights kept by reference", "reptile", "meta.difference",
        (SINE, "w.detach().clone()", "w.detach()"),
    ),
    _fault(
        "Reptile steps away from the adapted weights", "reptile", "meta.difference",
        (REPTILE, "w - prev_weights[name] for", "prev_weights[name] - w for"),
    ),
    _fault(
        "Reptile starts its step from the adapted weights", "reptile", "meta.update",
        (REPTILE, "w.copy_(prev_weights[name] + steps[name])", "w.copy_(w + steps[name])"),
    ),
    _fault(
        "one inner step too few", "reptile", "task1.inner5",
        (REPTILE, "order.split(train_batch_size)", "order.split(train_batch_size)[:-1]"),
    ),
    _fault(
        "the short last batch is dropped", "reptile", "task1.inner5",
        (REPTILE, "order.split(train_batch_size)",
         "(p for p in order.split(train_batch_size) if len(p) == train_batch_size)"),
        settings={"train_batch_size": "12"}, recorded="reptile_seed2_batch12",
    ),
    _fault(
        "a fresh permutation's points, the old one's values", "reptile", "task1.inner1.y",
        (REPTILE, "y[idx]", "y[: len(idx)]"),
    ),
]

LEARNING = [
    _fault(
        "Descent in place of the given meta optimiser", "fomaml", "meta.update",
        (FOMAML, "meta_opt or Descent(0.01)", "Descent(0.01)"),
        settings=ADAM, recorded="fomaml_seed2_meta_adam",
    ),
    _fault(
        "inner and meta rates exchanged", "fomaml", "task1.inner.update",
        (FOMAML, "meta_opt or Descent(0.01), inner_opt or Descent(0.02)",
         "inner_opt or Descent(0.02), meta_opt or Descent(0.01)"),
    ),
    _fault(
        "learning rate in Float32", "transfer_learn", "task1.train.update",
        (OPTIMISE, "(gradient.double() * self.eta).to(gradient.dtype)", "gradient * self.eta"),
        settings={"opt": "Descent(0.3)"},
    ),
    _fault(
        "evaluations at the post's rate", "reptile", "eval.fit1.update",
        (EVALUATE, "Descent(0.02) if opt is None", "Descent(0.01) if opt is None"),
    ),
    _fault(
        "evaluations with the training's optimiser", "fomaml", "eval.fit1.update",
        (FOMAML, "data.evaluate(model, rng, eval_batch_size, i)",
         "data.evaluate(model, rng, eval_batch_size, i, opt=inner_opt)"),
        settings={"inner_opt": "Descent(0.015)"}, recorded="fomaml_seed2_batch13_rates",
    ),
    _fault(
        "Adam without bias correction", "fomaml", "meta.update",
        (OPTIMISE, "(m.double() / (1 - b1_t) / root", "(m.double() / root"),
        settings=ADAM, recorded="fomaml_seed2_meta_adam",
    ),
    _fault(
        "Adam's bias correction a step late", "fomaml", "meta.update",
        (OPTIMISE, "torch.tensor(self.betas, dtype=torch.float64)",
         "torch.tensor(self.betas, dtype=torch.float64) ** 2"),
        settings=ADAM, recorded="fomaml_seed2_meta_adam",
    ),
    _fault(
        "Adam's epsilon under the root", "transfer_learn", "task1.train.update",
        (OPTIMISE, "_sqrt(v.double() / (1 - b2_t)) + 1e-8",
         "_sqrt(v.double() / (1 - b2_t) + 1e-8)"),
        settings={"opt": "ADAM(0.001)"}, recorded="transfer_learn_seed2_adam",
    ),
    _fault(
        "momentum with damping", "reptile", "task1.inner1.update",
        (OPTIMISE, "v.double() - self.eta * gradient",
         "v.double() - (1 - self.rho) * self.eta * gradient"),
        settings={"inner_opt": "Momentum(0.005, 0.9)"},
        recorded="reptile_seed2_inner_momentum",
    ),
    _fault(
        "Nesterov's momentum", "fomaml", "meta.update",
        (OPTIMISE, "        return -v\n", "        return self.eta * gradient - self.rho * v\n"),
        settings={"meta_opt": "Momentum(0.001, 0.9)"}, recorded="fomaml_seed2_meta_momentum",
    ),
    _fault(
        "meta optimiser made anew in every iteration", "fomaml", "meta.update",
        (FOMAML, "update_params(meta_opt, weights)",
         "update_params(type(meta_opt)(meta_opt.eta), weights)"),
        settings=ADAM, iteration=2, recorded="fomaml_seed2_meta_adam",
    ),
    _fault(
        "inner optimiser made anew for every task", "fomaml", "task2.inner.update",
        (FOMAML, "step(inner_opt, weights, grad)",
         "step(type(inner_opt)(inner_opt.eta), weights, grad)"),
        settings={"inner_opt": "ADAM(0.005)"}, recorded="fomaml_seed2_inner_adam",
    ),
    _fault(
        "Reptile's meta state kept between iterations", "reptile", "meta.step",
        (REPTILE, "meta_opt.apply(prev_weights[name], d)", "meta_opt.apply(weights[name], d)"),
        settings=ADAM, iteration=2, recorded="reptile_seed2_meta_adam",
    ),
    _fault(
        "gradients not cleared after the update", "transfer_learn", "task1.train.grad",
        (OPTIMISE, "        grad_of(w).zero_()\n", "        pass\n"),
        iteration=2, eval_interval=1000,
    ),
]

ARITHMETIC = [
    _fault(
        "squared error summed, not averaged", "transfer_learn", "task1.train.loss",
        (LOSS, "torch.sum(difference * difference) * reciprocal",
         "torch.sum(difference * difference)"),
    ),
    _fault(
        "half the squared error", "fomaml", "task1.inner.loss",
        (LOSS, "torch.sum(difference * difference) * reciprocal",
         "torch.sum(difference * difference) * reciprocal / 2"),
    ),
    _fault(
        "absolute error", "reptile", "task1.inner1.loss",
        (LOSS, "torch.sum(difference * difference)", "torch.sum(torch.abs(difference))"),
    ),
    _fault(
        "relu for tanh", "fomaml", "task1.inner.layers.0.out",
        (SINE, "layer(a, b, torch.tanh)", "layer(a, b, torch.relu if a == 1 else torch.tanh)"),
    ),
    _fault(
        "tanh on the output too", "transfer_learn", "task1.train.layers.2.out",
        (SINE, "layer(hidden[-1], n_out)", "layer(hidden[-1], n_out, torch.tanh)"),
    ),
    _fault(
        "hidden layer transposed", "fomaml", "task1.inner.layers.1.pre",
        (LAYERS, "z = weight @ x.to(dtype)",
         "z = (weight.T if weight.shape[0] == weight.shape[1] else weight) @ x.to(dtype)"),
    ),
    _fault(
        "bias left out", "reptile", "task1.inner1.layers.0.pre",
        (LAYERS, " + bias[:, None]", " + 0 * bias[:, None]"),
    ),
    _fault(
        "Float64 left in where Float32 belongs", "transfer_learn", "task1.x",
        (TRAINING, "drawn.to(torch.float32).to(self.device, self.dtype)",
         "drawn.to(self.device)"),
    ),
    _fault(
        "activations in half precision", "fomaml", "task1.inner.layers.0.out",
        (LAYERS, "self.activation(z)", "self.activation(z).half().to(z.dtype)"),
    ),
    _fault(
        "products with TensorFloat-32's ten bits", "fomaml", "task1.inner.layers.0.pre",
        (LAYERS, "z = weight @ x.to(dtype)",
         "cut = lambda a: a + ((a.detach().view(torch.int32) & -8192).view(a.dtype) - a.detach())\n"
         "        z = cut(weight) @ cut(x.to(dtype))"),
    ),
    _fault(
        "sine of degrees", "fomaml", "task1.y",
        (SINE, "(x + self.phase_shift).double()", "((x + self.phase_shift) / 57.29578).double()"),
    ),
    _fault(
        "cosine for sine", "reptile", "task1.y",
        (SINE, "torch.sin(", "torch.cos("),
    ),
]

EVALUATION = [
    _fault(
        "weights not restored after eval_model", "fomaml", "eval.restore",
        (EVALUATE, "        restore(weights, prev_weights)\n", "        pass\n"),
    ),
    _fault(
        "one update too few in eval_model", "transfer_learn", "eval.fit32",
        (EVALUATE, "range(1, updates + 1)", "range(1, updates)"),
    ),
    _fault(
        "evaluations one iteration early", "fomaml", "eval",
        (FOMAML, "if i % eval_interval == 0", "if (i + 1) % eval_interval == 0"),
        iteration=4, eval_interval=5,
    ),
    _fault(
        "test loss taken before the update", "reptile", "eval.test1.layers.0.pre",
        (EVALUATE, "            with within(\"fit\", k):\n",
         "            with within(\"test\", k):\n"
         "                final_predictions, test_loss = test()\n"
         "            with within(\"fit\", k):\n"),
        (EVALUATE, "                update_params(opt, weights)\n"
         "            with within(\"test\", k):\n"
         "                final_predictions, test_loss = test()\n",
         "                update_params(opt, weights)\n"),
    ),
    _fault(
        "fine-tuned on the test points", "transfer_learn", "eval.y",
        (EVALUATE, "    y, testy = task(x), task(testx)\n",
         "    x = testx\n    y, testy = task(x), task(testx)\n"),
    ),
    _fault(
        "evaluation points spaced from a closed linspace of 51", "fomaml", "task1.testx",
        (TRAINING, "self.testx = self(julia_range(-5, 5, 50))",
         "self.testx = self(julia_range(-5, 5, 51)[:50])"),
    ),
    _fault(
        "NumPy's linspace for Julia's range", "transfer_learn_blog", "eval.testx",
        (TRAINING, "self.testx = self(julia_range(-5, 5, 50))",
         "self.testx = self(np.linspace(-5, 5, 50))"),
    ),
]

CATALOGUE: tuple[Fault, ...] = (*DRAWS, *ALGORITHM, *LEARNING, *ARITHMETIC, *EVALUATION)

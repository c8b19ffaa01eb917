"""Faults that an outside trial once planted and no test noticed, where their lines are now."""

from __future__ import annotations

C, A, E = "repro/checks/compare.py", "repro/checks/agreement.py", "repro/checks/envelope.py"
K, R, M = "repro/checks/kernels.py", "repro/checks/rules.py", "repro/checks/measured.py"
Q, F, L = "repro/run/quantity.py", "repro/run/files.py", "repro/run/collecting.py"
W, G, T = "repro/sides/worker.py", "repro/sides/frame.py", "repro/julia/mersenne.py"

SLIPPED = [
    ("a step without figures is no excess", C,
     "return self.steps[~(self.ratio <= 1)]", "return self.steps[self.ratio > 1]"),
    ("nor the first one", C,
     "_first(self.steps, ~(self.ratio <= 1))", "_first(self.steps, self.ratio > 1)"),
    ("nor does it fail", C, "not bool(np.all(self.ratio <= 1))", "bool(np.any(self.ratio > 1))"),
    ("a problem is forgotten in `worst`", C, "c.problem is not None, c.worst_ratio", "c.worst_ratio"),
    ("missing steps are equal bits", C, "equal=fill(measured.equal, 0.0)", "equal=fill(measured.equal, 1.0)"),
    ("the tolerance shown is the first column's", K, "ratio, at = used, limit", "ratio, at = used, allowed[i, 0]"),
    ("the ulp figure is not filled", K, "absolute, ulp, at, ratio\n", "absolute, 0.0, at, ratio\n"),
    ("nor where steps are missing", C, "ulp=fill(measured.ulp, np.nan)", "ulp=fill(measured.ulp, 0.0)"),
    ("one quantum for all steps", E, "magnitude.max(axis=1, initial=0)", "magnitude.max(axis=1, initial=0).max(initial=0) + 0 * magnitude.max(axis=1, initial=0)"),
    ("perturbations= is ignored", R, "self.perturbations = tuple(perturbations)\n        if", "self.perturbations = tuple(range(1, 33))\n        if"),
    ("a pooled rule's are", R, "measure(self.on, self.perturbations)", "measure(self.on, PERTURBATIONS)"),
    ("perturbations= may be empty", R, "if not self.perturbations:", "if self.perturbations is None:"),
    ("a form without its steps", L, "quantities[label] = Quantity(np.array(at)", "quantities[label] = Quantity(np.arange(len(at))"),
    ("no floor of ulps in an envelope", E, "FACTOR * np.maximum(growth, quantum(reference))", "FACTOR * growth"),
    ("half of it", E, "np.maximum(growth, quantum(reference))", "np.maximum(growth, quantum(reference) / 2)"),
    ("no floor where growth is measured", M, "least = np.fmax(self.growth(name, reference.steps), least)", "least = np.fmax(self.growth(name, reference.steps), 0 * least)"),
    ("half of it there", M, "kernels().floor(found, bits, bottom, (int(info.nmant) + 1) // 2, _ulp(dtype))", "kernels().floor(found, bits, bottom, (int(info.nmant) + 1) // 2, _ulp(dtype) / 2)"),
    ("an envelope covers any step", E, "if name not in self.growth or not np.isin(reference.steps, self.growth[name].steps).all():", "if name not in self.growth:"),
    ("infinities set the ulp of a step", E, "np.nan_to_num(np.abs(rows(values)), posinf=0)", "np.nan_to_num(np.abs(rows(values)))"),
    ("infinities set the ulp of a number", A, "np.where(np.isfinite(magnitude), np.abs(magnitude), 0)", "np.nan_to_num(np.abs(magnitude), posinf=np.finfo(dtype).max)"),
    ("one NaN counts as equal", A, "(np.isnan(a) & np.isnan(b))", "(np.isnan(a) | np.isnan(b))"),
    ("one NaN counts as equal bits", K, "equal += (bits_a[i, j] == bits_b[i, j]) | (nan_x & nan_y)", "equal += (bits_a[i, j] == bits_b[i, j]) | nan_x | nan_y"),
    ("one NaN is no distance", K, "apart = np.inf if nan_x != nan_y else apart", "apart = 0.0 if nan_x | nan_y else apart"),
    ("negative numbers are counted from the wrong end", K, "else float(size_a) + float(size_b)", "else abs(float(a) - float(b))"),
    ("types differ in the ulp distance", C, "cast = values.astype(expected.dtype, copy=False)", "cast = values"),
    ("types differ in equal bits", A, "if a.dtype != b.dtype or a.shape != b.shape:", "if a.shape != b.shape:"),
    ("a short header", G, "if len(header) < len(MAGIC) + 8 + 32:", "if not header:"),
    ("equal steps in a trajectory", Q, "np.any(np.diff(steps) <= 0)", "np.any(np.diff(steps) < 0)"),
    ("`upto` without its end", Q, "kept = self.steps <= step", "kept = self.steps < step"),
    ("a digest is blind to names", F, 'f"{name} {a.dtype.str} {a.shape}\\n"', 'f"{a.dtype.str} {a.shape}\\n"'),
    ("to types", F, 'f"{name} {a.dtype.str} {a.shape}\\n"', 'f"{name} {a.shape}\\n"'),
    ("to shapes", F, 'f"{name} {a.dtype.str} {a.shape}\\n"', 'f"{name} {a.dtype.str}\\n"'),
    ("files are left private", F, "temporary.chmod(0o644)", "temporary.chmod(0o600)"),
    ("`at()` takes the next step", Q, "np.searchsorted(self.steps, steps)", 'np.searchsorted(self.steps, steps, "right") % len(self.steps)'),
    ("lengths differ", Q, "steps.ndim != 1 or len(steps) != len(values)", "steps.ndim != 1"),
    ("`state()` shares the cache", T, '"cache": self._cache.copy()', '"cache": self._cache'),
    ("the second one", T, '"ints": self._ints.copy()', '"ints": self._ints'),
    ("the recursion", T, '"dsfmt": self._dsfmt.copy()', '"dsfmt": self._dsfmt'),
    ("`from_state` shares it", T, 'np.array(ints, dtype="<u8")', 'np.asarray(ints, dtype="<u8")'),
    ("an error's status is taken for an answer", W, 'if answer.pop("status", None) != "ok":', 'if answer.pop("status", None) is None:'),
    ("no status is taken for an answer", W, 'if answer.pop("status", None) != "ok":', 'if answer.pop("status", None) == "error":'),
    ("its session is ours", W, "start_new_session=True", "start_new_session=False"),
    ("the beginning of its output is quoted", W, "self.printed()[-2000:]", "self.printed()[:2000]"),
    ("one that does not come up is left running", W, "    process.kill()\n    process.wait()\n", "    pass\n"),
]  # fmt: skip
"""What it does, the file, the line as it is, and with the fault."""

"""The first post's closing claims: how often each holds in pairs of the same seed."""

from __future__ import annotations

from repro.gallery.claim_runs import Variant, training

_BRIEF = 1000
"""Iterations that show whether a rate diverges."""

VARIANTS = {
    "untrained": Variant("fomaml", iterations=0),
    "fomaml": Variant("fomaml"),
    "reptile": Variant("reptile"),
    "fomaml_inner_001": Variant("fomaml", {"inner_opt": "Descent(0.01)"}),
    "reptile_inner_001": Variant("reptile", {"inner_opt": "Descent(0.01)"}),
    "fomaml_relu": Variant("fomaml", activation="relu"),
    "reptile_relu": Variant("reptile", activation="relu"),
    **{f"{f}_{s}": Variant(f, start=s) for f in ("fomaml", "reptile")
       for s in ("glorot", "glorot_first", "glorot_rest")},
    "fomaml_meta_adam": Variant("fomaml", {"meta_opt": "ADAM(0.001)"}),
    "fomaml_meta_adam_001": Variant("fomaml", {"meta_opt": "ADAM(0.01)"}),
    "fomaml_inner_adam": Variant("fomaml", {"inner_opt": "ADAM(0.001)"}),
    "fomaml_inner_adam_002": Variant("fomaml", {"inner_opt": "ADAM(0.02)"}),
    "reptile_meta_adam": Variant("reptile", {"meta_opt": "ADAM(0.001)"}),
    "reptile_meta_adam_01": Variant("reptile", {"meta_opt": "ADAM(0.1)"}),
    "reptile_inner_adam": Variant("reptile", {"inner_opt": "ADAM(0.001)"}),
    "reptile_inner_adam_002": Variant("reptile", {"inner_opt": "ADAM(0.02)"}),
    **{f"{f}_{s}_{opt}_{rate}": Variant(f, {f"{opt}_opt": f"Descent({rate})"}, s, iterations=_BRIEF)
       for f, opt in (("fomaml", "meta"), ("reptile", "inner"))
       for rate in (0.02, 0.04, 0.08, 0.16) for s in ("linear", "glorot")},
}  # fmt: skip
"""Everything that is trained."""

RUNS = {name: training(name, variant) for name, variant in VARIANTS.items()}

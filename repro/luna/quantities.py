"""What the recorded quantities are, so that runs and recordings describe them alike."""

KINDS = {"init_weights": "draw", "next_rand": "draw", "weights": "state"}
"""How a last-bit difference may travel, see :class:`repro.run.Series`."""

SUFFIXES = {
    "_x": "draw",
    "_testx": "draw",
    "_y": "results",
    "_testy": "results",
    "predictions": "results",
    "test_losses": "runs",
    "_weights": "state",
}


def kind_of(name: str) -> str:
    """The kind of a quantity by its recorded name.

    Raises:
        KeyError: no recording has such a quantity.
    """
    if name in KINDS:
        return KINDS[name]
    for suffix, kind in SUFFIXES.items():
        if name.endswith(suffix):
            return kind
    raise KeyError(f"{name!r} is no quantity of a luna run: see repro.luna.quantities")

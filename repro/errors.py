"""What can go wrong in ways that the user can mend."""


class ReproError(Exception):
    """Bad input or a missing part. Its message is one clear line that ends with what to do next;
    the command line prints it and exits with status 2."""


class Unavailable(ReproError):
    """A side that cannot be run here: a check with it ends in ``NOT_RUN``, with this reason."""


class EngineError(Unavailable, ValueError):
    """A compiled engine was asked for something that it does not do."""


class NonFiniteLossError(ReproError, ArithmeticError):
    """Raised where Flux's ``back!`` and ``gradient`` raise: the loss is infinite or NaN."""

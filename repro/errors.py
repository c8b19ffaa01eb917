"""What the user can mend."""


class ReproError(Exception):
    """Bad input or a missing part. Its message is one clear line that ends with what to do next;
    the command line prints it and exits with status 2."""

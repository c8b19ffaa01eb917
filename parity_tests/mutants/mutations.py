"""One small fault after the other in a file of ours, as mutmut makes them.

mutmut's own runner is not used: it plants all faults of a function beside each other, behind a
call that chooses one, which Numba cannot compile, and it counts every wording of every message.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from itertools import accumulate
from os.path import commonprefix
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """A file with one fault in it.

    Attributes:
        file: within the repository.
        source: its whole text, with the fault.
        line: the first that differs, counted from 1.
        was, now: the lines that differ, without indentation.
    """

    file: str
    source: str
    line: int
    was: str
    now: str

    @property
    def module(self) -> str:
        return self.file.removesuffix(".py").removesuffix("/__init__").replace("/", ".")

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.was}  ->  {self.now}"


def mutants_of(file: str) -> list[Mutant]:
    """All of those inside functions, but for what changes a text alone."""
    import libcst as cst
    from libcst.metadata import MetadataWrapper, WhitespaceInclusivePositionProvider
    from mutmut.mutation.file_mutation import Mutation, create_mutations

    texts = (cst.SimpleString, cst.FormattedString, cst.ConcatenatedString)
    text = Path(file).read_text()
    # mutmut leaves decorated functions alone; without its decorator, ours is like any other.
    module, mutations, _, _ = create_mutations(file, re.sub(r"(?m)^( *)@", r"\1#", text))
    where = MetadataWrapper(module, unsafe_skip_copy=True).resolve(
        WhitespaceInclusivePositionProvider
    )
    starts = [0, *accumulate(len(line) for line in text.splitlines(keepends=True))]

    def one(mutation: Mutation) -> Mutant:
        span = where[mutation.original_node]
        start, end = (starts[at.line - 1] + at.column for at in (span.start, span.end))
        now = module.code_for_node(mutation.mutated_node)
        return _compared(file, text, text[:start] + now + text[end:], span.start.line)

    inside = (
        m for m in mutations if isinstance(m.contained_by_top_level_function, cst.FunctionDef)
    )
    return [one(m) for m in inside if not isinstance(m.original_node, texts)]


def planted(file: str, was: str, now: str) -> Mutant:
    """A fault that somebody has thought of, which stands in one place."""
    text = Path(file).read_text()
    if text.count(was) != 1:
        raise ValueError(f"{file} has {text.count(was)} times {was!r}: give what is there once")
    line = text[: text.index(was)].count("\n") + 1
    return _compared(file, text, text.replace(was, now), line)


def _compared(file: str, text: str, source: str, line: int) -> Mutant:
    before, after = text.splitlines(), source.splitlines()
    end = len(commonprefix([before[: line - 1 : -1], after[: line - 1 : -1]]))
    was, now = (_joined(lines[line - 1 : len(lines) - end]) for lines in (before, after))
    return Mutant(file, source, line, was, now)


def _joined(lines: list[str]) -> str:
    return " ".join(line.strip() for line in lines)

"""A process that answers requests: starting it, asking it, and saying what went wrong.

The process gets two pipes of its own for the frames, so nothing that it or a library prints
can get into them. What it prints is kept, and its end is part of the error message.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import tempfile
import time
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import IO

from repro.errors import ReproError
from repro.sides.frame import FrameError, Value, encode, read_frame

#: A process that needs longer than this to come up, or a request that nobody gave a limit, hangs.
START_SECONDS = 120.0
REQUEST_SECONDS = 600.0
Told = Callable[[str, Value], Value]


class WorkerError(ReproError, RuntimeError):
    """The other side did not answer, or answered with an error. The message says which, and what
    it said.

    Attributes:
        backtrace: its own, where it reported an error.
        signal: number of the signal that ended the process, where one did.
    """

    def __init__(self, message: str, *, backtrace: str = "", signal: int | None = None) -> None:
        super().__init__(message)
        self.backtrace = backtrace
        self.signal = signal


class Worker:
    """One running process. Any failure but an error that it reports ends it. What is started is a
    subclass's to say.

    Args:
        command: the command line up to and without the script.
        environment: the process's whole environment.
        source: folder of the script.
        start_seconds: limit for coming up.

    Attributes:
        program: its name.
        options: of its command line.
        script: in the source folder.
        error: what is raised.
        other, advice: how to choose another, and how to get one.
        about: what the process said of itself: versions, processor.

    Raises:
        WorkerError: the subclass's; it does not come up.
    """

    program: str
    options: tuple[str, ...]
    script: Path
    error: type[WorkerError]
    other: str
    advice: str

    def __init__(
        self,
        command: Sequence[str],
        environment: Mapping[str, str],
        source: Path,
        start_seconds: float = START_SECONDS,
    ) -> None:
        script = str(source / self.script)
        self._printed: IO[bytes] = tempfile.TemporaryFile()  # noqa: SIM115  (as long as self)
        self._told = 0  # bytes of it
        self._asked = 0  # requests
        # Its standard output and its standard error each keep a place in the file.
        fcntl.fcntl(self._printed, fcntl.F_SETFL, os.O_APPEND)
        to_it, self._requests = os.pipe()
        self._answers, from_it = os.pipe()
        try:
            self._process = subprocess.Popen(
                [*command, *self.options, script, str(to_it), str(from_it)],
                env=dict(environment),
                pass_fds=(to_it, from_it),
                stdin=subprocess.DEVNULL,
                stdout=self._printed,
                stderr=subprocess.STDOUT,
                # Its own session: an interrupt typed at the terminal is Python's to handle.
                start_new_session=True,
            )
        except OSError as problem:
            _close_files(self._printed, self._requests, self._answers)
            raise self.error(f"{command[0]} does not start ({problem}). {self.advice}") from problem
        finally:
            os.close(to_it)
            os.close(from_it)
        # Also called when the object is dropped, and when Python ends.
        self._end = weakref.finalize(
            self, _end, self._process, self._printed, self._requests, self._answers
        )
        try:
            self.about = self._receive("come up", start_seconds)
        except BaseException:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """The process's number."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can take another request."""
        return self._end.alive and self._process.poll() is None

    def ask(
        self, request: Mapping[str, Value], seconds: float, told: Told | None = None
    ) -> dict[str, Value]:
        """Send a request and wait for its answer.

        Args:
            request: names with values.
            seconds: limit for the whole.
            told: gets each value that it notes on the way, and gives what it goes on with.

        Raises:
            WorkerError: it reports an error (the process lives on), or ends, or sends
                something else than a whole answer, or takes too long (the process is ended).
        """
        self._asked += 1
        message = encode({**request, "request": self._asked})
        try:
            self._send(message, seconds)
            while True:
                answer = self._receive("answer", seconds)
                if told is None or "note" not in answer:
                    return answer
                self._send(encode({"value": told(str(answer["note"]), answer["value"])}), seconds)
        except WorkerError:
            raise
        except BaseException:  # an interrupt leaves an answer under way: nobody may read it later
            self.close()
            raise

    def printed(self) -> str:
        """What it and its libraries have printed since this was last asked."""
        if self._printed.closed:
            return ""
        self._printed.seek(self._told)
        found = self._printed.read()
        self._told += len(found)
        return found.decode("utf-8", "replace")

    def _last_words(self) -> str:
        """The end of what it printed, however much that is."""
        size = self._printed.seek(0, os.SEEK_END)
        self._told = max(self._told, size - 8000)
        return self.printed()[-2000:].strip()

    def close(self) -> None:
        """End the process. Harmless when it has ended."""
        self._end()

    def _send(self, message: bytes, seconds: float) -> None:
        deadline = time.monotonic() + seconds
        view = memoryview(message)
        os.set_blocking(self._requests, False)
        while view:
            _, writable, _ = select.select([], [self._requests], [], _left(deadline))
            if not writable:
                raise self._failure(f"did not take a request within {seconds:g} s")
            try:
                view = view[os.write(self._requests, view) :]
            except BrokenPipeError:
                raise self._failure("ended before it took the request", ended=True) from None

    def _receive(self, action: str, seconds: float) -> dict[str, Value]:
        deadline = time.monotonic() + seconds
        ended = False

        def read(size: int) -> bytes:
            nonlocal ended
            found = read_pipe(self._answers, size, deadline)
            ended = len(found) < size
            return found

        try:
            answer = read_frame(read)
        except TimeoutError:
            raise self._failure(f"did not {action} within {seconds:g} s") from None
        except FrameError as problem:
            raise self._failure(f"did not {action}: {problem}", ended) from problem
        if (number := answer.pop("request", 0)) != self._asked:
            raise self._failure(f"answered request {number} and not request {self._asked}")
        if answer.pop("status", None) != "ok":
            raise self.error(
                f"{self.program} reports: {answer.get('message', answer)}",
                backtrace=str(answer.get("backtrace", "")),
            )
        return answer

    def _failure(self, what: str, ended: bool = False) -> WorkerError:
        """End the process and describe how it went."""
        try:  # where its pipe has ended the process is about to, and how it does is the news
            status = self._process.wait(5 if ended else 0)
        except subprocess.TimeoutExpired:
            status = None
        printed = self._last_words()
        program = self._process.args[0]  # type: ignore[index]
        self.close()
        if status is None:
            ending = "it was stopped"
        elif status < 0:
            ending = f"it was ended by {signal.Signals(-status).name}"
        else:
            ending = f"it ended with status {status}"
        said = f". It printed:\n{printed}" if printed else " and printed nothing"
        return self.error(
            f"{self.program} ({program!s}) {what}; {ending}{said}\n"
            f"The next request starts a new one; allow more seconds, or {self.other}, if it "
            "happens again",
            signal=-status if status is not None and status < 0 else None,
        )


def _end(process: subprocess.Popen[bytes], printed: IO[bytes], *pipes: int) -> None:
    process.kill()
    process.wait()
    _close_files(printed, *pipes)


def read_pipe(pipe: int, size: int, deadline: float) -> bytes:
    """So many bytes of a pipe, or fewer where it ends.

    Args:
        deadline: by :func:`time.monotonic`.

    Raises:
        TimeoutError: they have not come by then.
    """
    parts = bytearray()
    while len(parts) < size:
        readable, _, _ = select.select([pipe], [], [], _left(deadline))
        if not readable:
            raise TimeoutError
        part = os.read(pipe, min(size - len(parts), 1 << 20))
        if not part:
            break
        parts += part
    return bytes(parts)


def _close_files(printed: IO[bytes], *pipes: int) -> None:
    with suppress(OSError):  # of a full disk: what it printed has been read
        printed.close()
    for pipe in pipes:
        os.close(pipe)


def _left(deadline: float) -> float:
    return max(0.0, deadline - time.monotonic())

"""A program that plays Julia for test_worker.py: it comes up, and then misbehaves as told.

Its environment says how: FAKE_VERSION, FAKE_BEHAVIOUR, FAKE_STATE (a file; it exists from the
first request on, so that a second process can behave better).
"""

from __future__ import annotations

import os
import signal
import sys
import time
from pathlib import Path

from repro.sides.frame import encode, read_frame

reading, writing = os.fdopen(int(sys.argv[-2]), "rb"), os.fdopen(int(sys.argv[-1]), "wb", 0)
behaviour = os.environ.get("FAKE_BEHAVIOUR", "")
state = Path(os.environ["FAKE_STATE"])


def kill(number: int) -> None:
    os.kill(os.getpid(), number)


def answer(number: int, **items) -> bytes:
    return encode({"request": number, "status": "ok", "values": os.getpid(), **items})


def cut(data: bytes) -> None:
    writing.write(data[:-5])
    sys.exit(0)


def misbehave(number: int) -> None:
    again = state.exists()
    state.touch()
    if behaviour == "cuts its answer":
        cut(answer(number))
    if behaviour == "damages its answer":
        writing.write(answer(number)[:-1] + b"?")
    if behaviour == "writes rubbish":
        writing.write(b"signal (11): Segmentation fault" * 9)
    if behaviour == "reports an error":
        told = {"status": "error", "message": "no such thing", "backtrace": "f.jl"}
        writing.write(answer(number, **told))
    if behaviour == "has no status":
        writing.write(encode({"request": number, "values": 7}))
    if behaviour == "ends":
        print("ERROR: out of memory", flush=True)
        sys.exit(3)
    if behaviour == "answers twice":
        writing.write(answer(number))
    if behaviour == "answers without its values":
        writing.write(encode({"request": number, "status": "ok"}))
    if behaviour == "fills its standard error":
        print("the beginning", file=sys.stderr)
        print("x" * 8_000_000, "\nthe end", file=sys.stderr, flush=True)
        if again:
            sys.exit(1)
    if behaviour == "crashes" or (behaviour == "crashes once" and not again):
        writing.write(answer(number)[:30])
        kill(signal.SIGSEGV)
    if behaviour == "notes twice":
        value = 1
        for _ in range(2):
            writing.write(answer(number, note="w", value=value))
            value = read_frame(reading.read)["value"]
    if behaviour == "is slow once" and not again:
        time.sleep(60)


print("printed before anything else", flush=True)
writing.write(
    encode({"status": "ok", "julia": os.environ.get("FAKE_VERSION", "1.5.3"), "threads": 1})
)
while True:
    print("noise " * 10, flush=True)
    try:
        number = read_frame(reading.read)["request"]
    except ValueError:
        sys.exit(0)
    misbehave(number)
    writing.write(answer(number, draws="a die"))

"""What comes from outside, and what it must not reach: a test for each line of docs/security.md."""

from __future__ import annotations

import ast
import io
import json
import os
import pickle
import re
import shutil
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from rich.console import Console

import repro
from repro.cli import console
from repro.engine import compiling
from repro.errors import ReproError
from repro.reports import write_junit, write_page
from repro.reports.outcome import Named, Outcome
from repro.run import RunError, alone, atomic, load, read_npz
from repro.run.files import digest
from repro.sides import recorded
from repro.sides.frame import MAGIC, FrameError, read_frame
from repro.sides.julia import debian
from repro.sides.named import SideError, literals

PACKAGE = Path(repro.__file__).parent
EVIL = '"><script>alert(1)</script><img src=x onerror=alert(1)>'


class Planted:
    """Unpickled, it makes a folder."""

    def __init__(self, place: Path) -> None:
        self.place = place

    def __reduce__(self):
        return os.mkdir, (str(self.place),)


def test_every_test_that_the_page_names_is_there():
    tests = (PACKAGE.parent / "parity_tests").rglob("test_*.py")
    there = set(re.findall(r"^def (test_\w+)", "\n".join(p.read_text() for p in tests), re.M))
    page = (PACKAGE.parent / "docs" / "security.md").read_text()
    named = set(re.findall(r"`(test_\w+)`", page))
    assert len(named) > 15 and named <= there


def test_no_object_is_unpickled_from_a_recording(tmp_path):
    np.savez(tmp_path / "run.npz", **{"0:w": np.array([Planted(tmp_path / "made")], object)})
    (tmp_path / "pickle.npz").write_bytes(pickle.dumps(Planted(tmp_path / "made")))
    for name in ("run.npz", "pickle.npz"):
        with pytest.raises(RunError, match="cannot be read as arrays"):
            load(tmp_path / name)
    assert not (tmp_path / "made").exists()


CODE = {"eval", "exec", "compile", "__import__", "seval", "exec_module", "popen"}
READS_CODE = {"pickle", "dill", "joblib", "marshal", "shelve", "yaml", "cloudpickle"}
ALLOWED = {
    "sides/named.py: exec_module": "the Python file that the user names as a side",
    "sides/python/answering.py: exec_module": "the same, in another Python; and files of ours",
    "sides/julia/inprocess.py: seval": "a text of ours",
    "gallery/figure.py: exec_module": "the package's own figures",
}


def code_from_data(source: str, path: str) -> set[str]:
    """Calls and imports by which data could become code, and pickles that are asked for."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import | ast.ImportFrom):
            names = [alias.name for alias in node.names] + [getattr(node, "module", None) or ""]
            found |= READS_CODE & {name.partition(".")[0] for name in names}
        if isinstance(node, ast.Call):
            called = getattr(node.func, "attr", getattr(node.func, "id", ""))
            own = not isinstance(node.func, ast.Attribute) or node.func.attr != "compile"
            found |= {called} & CODE if own else set()
            asked = {k.arg: ast.unparse(k.value) for k in node.keywords}
            found |= {n for n in ("allow_pickle", "shell") if asked.get(n, "False") != "False"}
            found |= {"torch.load", "os.system"} & {ast.unparse(node.func)}
    return {f"{path}: {name}" for name in found}


def test_no_data_becomes_code():
    """In the whole package; what numba keeps is the exception, and has its own test below."""
    sources = {str(p.relative_to(PACKAGE)): p.read_text() for p in PACKAGE.rglob("*.py")}
    found = set().union(*(code_from_data(text, path) for path, text in sources.items()))
    assert found == ALLOWED.keys()


@pytest.mark.parametrize(
    "planted",
    [
        "np.load(path, allow_pickle=True)",
        "torch.load(path)",
        "import yaml",
        "from pickle import loads",
        "eval(text)",
        "os.system(text)",
        "subprocess.run(text, shell=True)",
    ],
)
def test_planted_code_from_data_is_found(planted):
    assert code_from_data(planted, "x.py")


def bomb(path: Path, chunks: int) -> None:
    """A recording of so many times 16 MB of zeros, each of which takes 16 kB."""
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    chunk = deflate.compress(bytes(1 << 24)) + deflate.flush(zlib.Z_FULL_FLUSH)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0:w.npy", chunk * chunks)
    content = bytearray(path.read_bytes())
    for mark, method, size in ((b"PK\3\4", 8, 22), (b"PK\1\2", 10, 24)):
        at = content.index(mark)
        content[at + method] = zipfile.ZIP_DEFLATED
        content[at + size : at + size + 4] = struct.pack("<I", chunks << 24)
    path.write_bytes(content)


def test_a_bomb_in_a_small_recording_is_refused_before_it_is_unpacked(tmp_path):
    """Planted: members read one after the other, whatever they unpack to."""
    bomb(tmp_path / "bomb.npz", 64)
    assert (tmp_path / "bomb.npz").stat().st_size < 2 << 20
    with pytest.raises(RunError, match="would unpack to 1,073,741,824 bytes"):
        read_npz(tmp_path / "bomb.npz")
    bomb(tmp_path / "small.npz", 1)
    with pytest.raises(RunError, match="cannot be read as arrays"):
        read_npz(tmp_path / "small.npz")  # unpacked, and found to be no array


def test_a_recording_that_claims_more_memory_than_there_is(tmp_path):
    """An array of exabytes by its header; one of 9 PB would be asked of the system."""
    path = tmp_path / "claims.npz"
    header = io.BytesIO()
    about = {"descr": "<f8", "fortran_order": False, "shape": (1 << 50,)}
    np.lib.format.write_array_header_1_0(header, about)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("0:w.npy", header.getvalue() + bytes(8))
    with pytest.raises(RunError, match="cannot be read as arrays"):
        read_npz(path)


def signed(**arrays) -> dict[str, np.ndarray]:
    return {**arrays, "sha256": np.array(digest(arrays))}


SAID = np.array("{}")


@pytest.mark.parametrize(
    "arrays",
    [
        signed(w=np.ones(2)),
        signed(w=np.ones(2), provenance=SAID),
        signed(**{"state:w": np.ones(2)}, provenance=SAID),
        signed(**{"rubbish:w": np.ones(2), "steps:w": np.arange(2)}, provenance=SAID),
        signed(**{"state:w": np.ones(2), "steps:w": np.arange(3)}, provenance=SAID),
        signed(**{"state:w": np.ones(2), "steps:w": np.arange(2)}, provenance=np.array("[1]")),
        {"9" * 5000 + ":w": np.ones(2)},
        {"0:w": np.ones(2), "sha256": np.array(b"\xff")},
    ],
)
def test_a_right_checksum_over_nonsense_is_one_line(tmp_path, arrays):
    np.savez(tmp_path / "run.npz", **arrays)
    with pytest.raises(RunError) as caught:
        load(tmp_path / "run.npz")
    assert len(str(caught.value).splitlines()) == 1


def item(code: bytes, *dims: int, data: bytes = b"") -> bytes:
    return b"\0\0" + code + bytes([len(dims)]) + struct.pack(f"<{len(dims)}Q", *dims) + data


@pytest.mark.parametrize(
    "content",
    [
        item(b"d", 2**64 - 1),
        item(b"d", 2**32, 2**32),
        item(b"d", *[1] * 255, data=bytes(8)),
        item(b"t", 2**63),
        item(b"(", 1) * 20_000 + item(b"n"),
        item(b"t", 20_001, data=item(b"s", 1, data=b"a") * 20_000
             + item(b"s", 10**7, data=b"b" * 10**7)),
    ],
    ids=["more than memory", "overflow", "dimensions", "texts", "nested", "wide texts"],
)  # fmt: skip
def test_a_frame_that_is_a_bomb_is_refused(content):
    import hashlib

    payload = struct.pack("<I", 1) + content
    head = MAGIC + struct.pack("<Q", len(payload)) + hashlib.sha256(payload).digest()
    with pytest.raises(FrameError):
        read_frame(io.BytesIO(head + payload).read)


def test_names_are_escaped_wherever_they_are_shown(tmp_path):
    """In the page, its charts, the XML, and on a terminal."""
    name = f"{EVIL}\x1b]0;owned\x07$\\frac{{"
    steps = [{name: np.ones(2) * i} for i in range(3)]
    wrong = [{name: np.ones(2) * i + (i == 2)} for i in range(3)]
    found = repro.check(steps, wrong, tolerance=repro.Bitwise())
    page = write_page(found, tmp_path, name=EVIL).read_text()
    xml = write_junit([Outcome(Named(EVIL), found)], tmp_path / "r.xml").read_text()
    for text in (page, xml):
        assert "<script>" not in text and "<img src=x" not in text and "\x1b" not in text
    terminal = io.StringIO()
    shown = type(console.console)(file=terminal, force_terminal=True, color_system=None)
    shown.print(found.message, markup=False)
    assert "\\x1b]0;owned\\x07" in terminal.getvalue() and "\x1b]0" not in terminal.getvalue()
    assert "\x1b]0" in _printed_by(Console, found.message)  # rich alone lets it through


def _printed_by(kind: type[Console], text: str) -> str:
    file = io.StringIO()
    kind(file=file, force_terminal=True, color_system=None).print(text, markup=False)
    return file.getvalue()


def test_the_gallerys_page_escapes_its_manifest(tmp_path):
    from repro.gallery.page import write_page as write_gallery

    entry = {"seed": EVIL, "iterations": None, "device": EVIL, "hardware": EVIL, "original": None}
    entry |= {"formats": [EVIL], "runs": {EVIL: {"epochs": 1, "seconds": 1}}, "command": EVIL}
    entry |= {"parity": [{"run": EVIL, "verdict": EVIL, "text": EVIL}]}
    manifest = {"figures": {"luna-sine-wave": entry}}
    (tmp_path / "gallery.json").write_text(json.dumps(manifest))
    text = write_gallery(tmp_path).read_text()
    assert "&lt;script&gt;" in text and "<script>" not in text and "<img src=x" not in text


@pytest.mark.parametrize(
    "text", ["__import__('os').mkdir('x')", "x", "1)+(2", "{[]: 1}", "(" * 500, "-" * 100_000 + "1",
             "**{}", "*[1]", "f'{1}'", "1).__class__.__bases__[0](", "a=1,a=2"],
)  # fmt: skip
def test_arguments_are_literals_and_nothing_is_evaluated(text, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SideError, match="nothing is evaluated"):
        literals(text, "f.py:f")
    assert not [*tmp_path.iterdir()]


@pytest.mark.parametrize("name", ["../../fomaml", "/etc/fomaml", "a/b"])
def test_a_recordings_name_does_not_leave_its_folder(tmp_path, name):
    (tmp_path / "index.json").write_text(json.dumps({name: {}}))
    sums = {"index.json": recorded.file_sha256(tmp_path / "index.json")}
    (tmp_path / "sha256.json").write_text(json.dumps(sums))
    with pytest.raises(ReproError, match="no file in it: remove it there"):
        recorded.names(tmp_path)


def test_what_is_written_replaces_a_symbolic_link_and_not_what_it_points_to(tmp_path):
    kept, link = tmp_path / "kept", tmp_path / "out.npz"
    kept.write_text("precious")
    link.symlink_to(kept)
    with atomic(link) as temporary:
        temporary.write_text("new")
    assert kept.read_text() == "precious" and link.read_text() == "new" and not link.is_symlink()


def test_a_lock_that_is_a_symbolic_link_is_refused_or_leaves_its_target(tmp_path):
    kept = tmp_path / "kept"
    kept.write_text("precious")
    (tmp_path / "lock").symlink_to(kept)
    try:
        with alone(tmp_path / "lock"):
            pass
    except ReproError as refused:
        assert "cannot be written" in str(refused)
    assert kept.read_text() == "precious"


@pytest.mark.parametrize("mode", [0o777, 0o770])
def test_compiled_code_that_others_may_write_is_not_loaded(tmp_path, monkeypatch, mode):
    monkeypatch.setenv("REPRO_CACHE_DIR", str(tmp_path))
    compiling.cache_folder.cache_clear()
    try:
        folder = compiling.cache_folder()
        assert folder is not None and folder.stat().st_mode & 0o777 == 0o700
        folder.chmod(mode)
        compiling.cache_folder.cache_clear()
        assert compiling.cache_folder() is None
    finally:
        compiling.cache_folder.cache_clear()


@pytest.mark.parametrize("mirror", ["[trusted=yes] http://x/debian", "http://x\ndeb http://y"])
def test_a_mirror_is_one_address(monkeypatch, mirror):
    monkeypatch.setenv("REPRO_DEBIAN_MIRROR", mirror)
    with pytest.raises(ReproError, match="is no address"):
        debian.mirror()


def test_unsigned_packages_are_not_taken():
    for line in ("AllowUnauthenticated", "AllowInsecureRepositories"):
        (found,) = [text for text in debian._SETTINGS.splitlines() if line in text]
        assert found.endswith('"false";')


@pytest.mark.parametrize("attack", ["dots", "link", "absolute"])
def test_a_package_unpacks_into_its_folder_alone(tmp_path, attack, not_run):
    """What `install_julia` calls, on a package that was made to leave it."""
    if shutil.which("dpkg") is None:
        not_run("this system has no dpkg")
    outside, inside = tmp_path / "outside", tmp_path / "inside"
    outside.mkdir()
    package = tmp_path / "evil.deb"
    package.write_bytes(deb(attack, outside))
    try:
        debian.run(["dpkg", "-x", str(package), str(inside)])
    except ReproError as refused:
        assert "ended with status" in str(refused)
    assert not [*outside.iterdir()] and not (tmp_path / "escaped").exists()


def deb(attack: str, outside: Path) -> bytes:
    """A Debian package with a file that is to lie outside of where it is unpacked."""
    data = io.BytesIO()
    with tarfile.open(fileobj=data, mode="w") as tar:
        name = {"dots": "../escaped", "absolute": f"{outside}/escaped", "link": "./link/escaped"}
        if attack == "link":
            link = tarfile.TarInfo("./link")
            link.type, link.linkname = tarfile.SYMTYPE, str(outside)
            tar.addfile(link)
        member = tarfile.TarInfo(name[attack])
        member.size = 4
        tar.addfile(member, io.BytesIO(b"evil"))
    control = io.BytesIO()
    with tarfile.open(fileobj=control, mode="w") as tar:
        text = b"Package: evil\nVersion: 1\nArchitecture: all\nMaintainer: x\nDescription: x\n"
        member = tarfile.TarInfo("./control")
        member.size = len(text)
        tar.addfile(member, io.BytesIO(text))
    parts = {
        "debian-binary": b"2.0\n",
        "control.tar": control.getvalue(),
        "data.tar": data.getvalue(),
    }
    archive = b"!<arch>\n"
    for name, content in parts.items():
        archive += f"{name:<16}{0:<12}{0:<6}{0:<6}{100644:<8}{len(content):<10}`\n".encode()
        archive += content + b"\n" * (len(content) % 2)
    return archive


def test_environment_variables_reach_no_shell(tmp_path):
    """A name of a program is a program's name, whatever it holds."""
    made = tmp_path / "made"
    environment = {
        **os.environ,
        "REPRO_JULIA": f"julia; mkdir {made}",
        "PYTHONPATH": str(PACKAGE.parent),
    }
    done = subprocess.run([sys.executable, "-m", "repro", "julia", "find"], env=environment,
                          capture_output=True, text=True)  # fmt: skip
    assert done.returncode == 2 and not made.exists() and "Traceback" not in done.stderr

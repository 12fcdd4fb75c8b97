"""A file is the old one or the new one, whole; a damaged one is refused in one sentence."""

import json
import os
import random
import resource
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tsrnn.files.atomic import replacing
from tsrnn.files.container import FORMAT, Content, content_of, parse, read_bytes, to_bytes, write
from tsrnn.files.errors import DamagedError, NewerError

safetensors = pytest.importorskip("safetensors.numpy")
CONTENT = Content(
    "RNNThing", {"a": [1, "ä"]}, {"x": np.arange(5.0), "y": np.arange(3, dtype=np.uint8)}
)


def whole(raw):
    """Content of the bytes of a file, checked."""
    metadata, arrays = parse(raw)
    return content_of(raw, metadata["tsrnn"], arrays)


def test_what_is_written_is_read(tmp_path):
    write(tmp_path / "file", CONTENT)
    raw = read_bytes(tmp_path / "file")
    kind, tree, arrays = whole(raw)
    assert (kind, tree, sorted(arrays)) == ("RNNThing", {"a": [1, "ä"]}, ["x", "y"])
    for name, array in CONTENT.arrays.items():
        np.testing.assert_array_equal(arrays[name], array, strict=True)
        assert arrays[name].flags.writeable
    assert to_bytes(CONTENT) == raw and os.listdir(tmp_path) == ["file"]


def test_every_flipped_bit_is_seen():
    raw = bytes(to_bytes(CONTENT))
    for place in range(len(raw)):
        for bit in range(8):
            spoilt = bytearray(raw)
            spoilt[place] ^= 1 << bit
            with pytest.raises((DamagedError, NewerError, KeyError)) as caught:
                whole(bytes(spoilt))
            # the name of the header itself
            assert caught.type is not KeyError or "tsrnn" in str(caught.value)
            assert "\n" not in str(caught.value)


def test_every_cut_is_seen():
    raw = bytes(to_bytes(CONTENT))
    for length in range(len(raw)):
        with pytest.raises(DamagedError):
            whole(raw[:length])
    with pytest.raises(DamagedError):
        whole(raw + b"\0")


def test_a_newer_format_says_so():
    raw = bytes(to_bytes(CONTENT)).replace(
        f'\\"format\\":{FORMAT}'.encode(), f'\\"format\\":{FORMAT + 1}'.encode()
    )
    with pytest.raises(
        NewerError, match=f"format {FORMAT + 1}.*newer than the {FORMAT}.*upgrade tsrnn"
    ):
        whole(raw)


@pytest.mark.parametrize(
    "header",
    [
        b"{}" + b" " * 90,
        b'{"x":{"dtype":"F32","shape":[1000000000000],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1,-1],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"BF16","shape":[2],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F8_E4M3","shape":[4],"data_offsets":[0,4]}}',
        b'{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"y":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"__metadata__":{"tsrnn":5},"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        b'{"x":' + b"[" * 100_000,
    ],
)
def test_a_hostile_header_is_damage(header):
    for length in (len(header), 2**63, 10**8 - 9):
        with pytest.raises((DamagedError, KeyError)) as caught:
            whole(length.to_bytes(8, "little") + header + b"\0" * 4)
        assert caught.type is not KeyError or str(caught.value) == "'tsrnn'"


@pytest.mark.parametrize(
    "text",
    [
        "", "5", "[]", "{", '{"format": 2}', "[" * 100_000, '{"format": 1e999}', '{"format": true}',
        '{"format": ' + "9" * 5000 + "}", '{"format": 2, "sha256": "", "written_by": "", "kind": ""}',
        '{"format": 2, "sha256": "\\ud800", "written_by": "", "kind": ""}',
    ],
)  # fmt: skip
def test_a_hostile_text_is_damage(text):
    raw = safetensors.save({"x": np.zeros(1)}, {"tsrnn": text})
    with pytest.raises(DamagedError) as caught:
        whole(raw)
    assert "\n" not in str(caught.value)


def test_more_than_a_header_holds_is_refused(monkeypatch):
    monkeypatch.setattr("tsrnn.files.container.LARGEST_HEADER", 100)
    with pytest.raises(ValueError, match="must fit into 100 bytes to be saved"):
        to_bytes(CONTENT)


# Atomic writing


def test_an_error_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    path.write_bytes(b"old")
    for error in (RuntimeError, KeyboardInterrupt, SystemExit, MemoryError):
        with pytest.raises(error), replacing(path) as file:
            file.write(b"new")
            raise error
        assert path.read_bytes() == b"old" and os.listdir(tmp_path) == ["file"]


def test_permissions_and_links_stay(tmp_path):
    path, link = tmp_path / "file", tmp_path / "link"
    with replacing(path) as file:
        file.write(b"old")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE(path.stat().st_mode) == 0o666 & ~umask
    path.chmod(0o640)
    link.symlink_to(path)
    with replacing(link) as file:
        file.write(b"new")
    assert (
        link.is_symlink()
        and path.read_bytes() == b"new"
        and stat.S_IMODE(path.stat().st_mode) == 0o640
    )


def test_a_place_that_cannot_be_written_is_one_sentence(tmp_path, monkeypatch):
    (tmp_path / "closed").write_bytes(b"old")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setattr("os.access", lambda path, mode: not str(path).endswith("closed"))
    cases = {
        "": (IsADirectoryError, "got that of a folder"),
        "none/file": (FileNotFoundError, "in a folder that exists"),
        "closed": (PermissionError, "may be written"),
        "pipe": (OSError, "a device or a pipe"),
        "closed/file": (OSError, "in a folder that exists"),
        "x" * 300: (OSError, "name too long"),
    }
    for name, (error, match) in cases.items():
        with pytest.raises(error, match=match) as caught:
            write(tmp_path / name, CONTENT)
        assert str(tmp_path / name) in str(caught.value) and "\n" not in str(caught.value)
    for path in (None, 5, b"file", open(tmp_path / "closed", "rb")):  # noqa: SIM115
        with pytest.raises(TypeError, match=r"path must be a path"):
            write(path, CONTENT)
        with pytest.raises(TypeError, match=r"path must be a path"):
            read_bytes(path)
    with pytest.raises(DamagedError, match="a device or a pipe"):
        read_bytes("/dev/zero")
    assert sorted(os.listdir(tmp_path)) == ["closed", "pipe"]


def test_a_full_disk_leaves_the_old_file(tmp_path):
    path = tmp_path / "file"
    write(path, CONTENT)
    before = path.read_bytes()
    large = CONTENT._replace(arrays={"x": np.zeros(100_000)})
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, limits[1]))
    try:
        with pytest.raises(OSError, match="File too large") as caught:
            write(path, large)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert str(path) in str(caught.value)
    assert path.read_bytes() == before and os.listdir(tmp_path) == ["file"]


WRITER = """
import sys
import numpy as np
from tsrnn.files.container import Content, write
print("ready", flush=True)
while True:
    for number in (1, 2):
        write(sys.argv[1], Content("RNNThing", number, {"x": np.full(300_000, number)}))
"""


def killed(path, delay):
    """Kill a process that writes `path` over and over, at some moment."""
    with subprocess.Popen([sys.executable, "-c", WRITER, path], stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        time.sleep(delay)
        process.send_signal(signal.SIGKILL)


@pytest.mark.parametrize("n", [5, pytest.param(60, marks=pytest.mark.slow)])
def test_a_killed_process_leaves_a_whole_file(tmp_path, n):
    path, rng = tmp_path / "file", random.Random(n)
    write(path, CONTENT._replace(tree=0))
    for _ in range(n):
        killed(path, rng.uniform(0.0, 0.12))
        _, tree, arrays = whole(read_bytes(path))
        assert tree == 0 or (arrays["x"] == tree).all()
        for left in Path(tmp_path).glob(".tsrnn-*"):
            left.unlink()
    assert tree in (1, 2)


def test_the_header_is_json_that_anyone_reads(tmp_path):
    write(tmp_path / "file", CONTENT)
    with pytest.importorskip("safetensors").safe_open(tmp_path / "file", "numpy") as file:
        header = json.loads(file.metadata()["tsrnn"])
        np.testing.assert_array_equal(file.get_tensor("x"), CONTENT.arrays["x"])
    assert (
        header["kind"] == "RNNThing"
        and header["tree"] == {"a": [1, "ä"]}
        and header["format"] == FORMAT
    )

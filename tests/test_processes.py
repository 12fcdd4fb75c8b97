"""The same bits in every process and thread, after a fork, and where no file can be written; and nothing hangs."""

import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from textbook import SINGLE

import tsrnn
from tsrnn import RNNClassifier, RNNRegressor

LIMIT = 120  # seconds until a process counts as hung

# Run here and in other processes; enough work for a second thread to take part.
SOURCE = """
import hashlib
import numpy as np
from tsrnn import RNNRegressor, RNNSequenceRegressor

def model(n_jobs):
    rng = np.random.default_rng(0)
    X = [rng.normal(size=(length, 3)) for length in rng.integers(5, 25, size=300)]
    settings = {"cell": "rnn", "hidden_size": 96, "batch_size": 150, "max_iter": 2, "random_state": 0}
    settings |= {"n_networks": 1, "n_layers": 1, "segment": 1, "pooling": "last"}
    return RNNRegressor(**settings, augment=None, n_jobs=n_jobs).fit(X, [x.sum() for x in X]), X

def digest(n_jobs):
    fitted, X = model(n_jobs)
    parts = [*fitted.weights_.values(), fitted.predict(X), np.array(fitted.loss_curve_)]
    stepwise = RNNSequenceRegressor(cell="rnn", hidden_size=96, bptt_steps=8, max_iter=1, random_state=0, n_jobs=n_jobs)
    parts += [*stepwise.fit(X, [x[:, 0] for x in X]).weights_.values(), *stepwise.predict(X)]
    return hashlib.sha256(b"".join(part.tobytes() for part in parts)).hexdigest()
"""

HERE = {}
exec(SOURCE, HERE)


@pytest.fixture(scope="module")
def expected():
    return HERE["digest"](1)


def has_threads():
    return any(thread.name.startswith("tsrnn") for thread in threading.enumerate())


def run(source, **environment):
    """Standard output of a new process; a process that hangs or fails is an error."""
    variables = {
        name: value for name, value in (os.environ | environment).items() if value is not None
    }
    command = [sys.executable, "-c", SOURCE + source]
    done = subprocess.run(command, capture_output=True, text=True, timeout=LIMIT, env=variables)
    assert done.returncode == 0, done.stderr
    return done.stdout.split()


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_a_new_process_finds_the_same_bits(n_jobs, expected, tmp_path):
    assert run(f"print(digest({n_jobs}))", PYTHONHASHSEED="7", OPENBLAS_NUM_THREADS="1") == [
        expected
    ]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_forked_child_fits_with_threads_of_its_own(expected):
    """The parent's threads do not exist in the child; waiting for them would be forever."""
    source = """
import os, threading
before = digest(2)
assert any(thread.name.startswith("tsrnn") for thread in threading.enumerate())
reading, writing = os.pipe()
child = os.fork()
if child == 0:
    os.write(writing, digest(2).encode())
    os._exit(0)
os.close(writing)
with os.fdopen(reading) as pipe:
    print(before, pipe.read(), digest(2))
assert os.waitpid(child, 0)[1] == 0
"""
    assert run(source) == [expected] * 3


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_pool_of_forked_workers_fits():
    source = """
import multiprocessing
digest(2)
with multiprocessing.get_context("fork").Pool(2) as pool:
    print(*pool.map(digest, [1, 2, 2]))
"""
    assert len(set(run(source))) == 1


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_threads_that_fit_at_once_do_not_meet(n_jobs):
    """Different models in as many threads, started together, several times over."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(150, 12, 3))
    y = X[:, -1, 0]

    def fit(i):
        kind, target = (RNNClassifier, y > 0) if i % 2 else (RNNRegressor, y)
        settings = {
            "cell": ["rnn", "gru"][i % 2],
            "hidden_size": 96,
            "batch_size": 100,
            "max_iter": 3,
        }
        model = kind(**SINGLE, **settings, random_state=i, n_jobs=n_jobs).fit(X, target)
        return [weight.tobytes() for weight in model.weights_.values()], model.predict(X).tolist()

    alone = [fit(i) for i in range(4)]
    found, start = [None] * 4, threading.Barrier(4)

    def work(i):
        start.wait()
        found[i] = fit(i)

    threads = [threading.Thread(target=work, args=(i,), daemon=True) for i in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert not any(thread.is_alive() for thread in threads)
    assert found == alone


def test_one_model_predicts_in_many_threads():
    model, X = HERE["model"](2)
    assert has_threads()
    expected = model.predict(X).tolist()
    found = []
    threads = [
        threading.Thread(target=lambda: found.append(model.predict(X).tolist()), daemon=True)
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(LIMIT)
    assert found == [expected] * 4


def contents(folder):
    return sorted(
        (str(path.relative_to(folder)), path.stat().st_size) for path in folder.rglob("*")
    )


def test_an_installation_that_cannot_be_written_works(expected, tmp_path):
    """No cache of machine code can be kept, neither beside the sources nor at home.

    A plain file where a folder would have to be made stops even a user who may write everywhere.
    """
    copy = tmp_path / "installed" / "tsrnn"
    shutil.copytree(Path(tsrnn.__file__).parent, copy, ignore=shutil.ignore_patterns("__pycache__"))
    for folder in [copy, *(path for path in copy.rglob("*") if path.is_dir())]:
        (folder / "__pycache__").touch()
    for path in [*copy.rglob("*"), copy]:
        path.chmod(0o555 if path.is_dir() else 0o444)
    nowhere = tmp_path / "file" / "home"
    nowhere.parent.touch()
    before = contents(tmp_path)
    source = f"import tsrnn; assert tsrnn.__file__.startswith({str(copy)!r})\nprint(digest(2))"
    homes = {
        name: str(nowhere) for name in ("HOME", "XDG_CACHE_HOME", "USERPROFILE", "LOCALAPPDATA")
    }
    found = run(
        source, PYTHONPATH=str(copy.parent), NUMBA_CACHE_DIR=None, PYTHONSAFEPATH="1", **homes
    )
    for path in [copy, *copy.rglob("*")]:
        path.chmod(0o755)
    assert found == [expected]
    assert contents(tmp_path) == before


# Machine code on disk


SMALL = """
import numpy as np
from tsrnn import RNNRegressor
X = np.random.default_rng(0).normal(size=(20, 6, 2))
model = RNNRegressor(cell="rnn", max_iter=2, random_state=0).fit(X, X[:, -1, 0])
print(model.predict(X).sum().hex(), model.loss_curve_[-1].hex())
"""


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder with machine code, and what a process finds that has it."""
    folder = tmp_path_factory.mktemp("kept")
    return folder, run(SMALL, NUMBA_CACHE_DIR=str(folder))


def middle(data, change):
    return data[: len(data) // 2] + change + data[len(data) // 2 + len(change) :]


DAMAGES = {
    "empty": lambda data: b"",
    "cut": lambda data: data[: len(data) // 2],
    "garbage": lambda data: bytes(range(256)) * 8,
    "one byte": lambda data: middle(data, bytes([data[len(data) // 2] ^ 1])),
    "end": lambda data: data[:-1] + bytes([data[-1] ^ 1]),
}


QUICK = ("cut", "nbi"), ("one byte", "nbc")  # each takes a process that compiles
ALL = [(damage, suffix) for damage in DAMAGES for suffix in ("nbi", "nbc")]
DAMAGED = [pytest.param(*case, marks=() if case in QUICK else pytest.mark.slow) for case in ALL]


@pytest.mark.parametrize(("damage", "suffix"), DAMAGED)
def test_damaged_machine_code_is_compiled_anew(suffix, damage, kept, tmp_path):
    """A crash or a full disk leaves such files; so does a disk that forgets a bit, which nobody would see."""
    folder, expected = kept
    shutil.copytree(folder, tmp_path / "kept")
    files = [
        path
        for path in (tmp_path / "kept").rglob(f"*.{suffix}")
        if path.name.startswith(("packing.", "elementwise."))
    ]
    assert len(files) > 5
    before = {path: path.read_bytes() for path in files}
    for path, data in before.items():
        path.write_bytes(DAMAGES[damage](data))
    assert run(SMALL, NUMBA_CACHE_DIR=str(tmp_path / "kept")) == expected
    mended = [path for path, data in before.items() if path.read_bytes() != DAMAGES[damage](data)]
    assert len(mended) > 5  # those that the fit needed


def test_machine_code_is_found_in_the_next_process(kept):
    folder, expected = kept
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")}
    assert run(SMALL, NUMBA_CACHE_DIR=str(folder)) == expected
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*.nb?")} == before


def test_a_folder_that_can_no_longer_be_written_only_costs_time(kept, tmp_path):
    """The folder is there when kernels are made, and a plain file when their machine code is to be kept."""
    _, expected = kept
    folder = tmp_path / "cache"
    source = SMALL.replace(
        "X = np",
        f"import shutil\nshutil.rmtree({str(folder)!r})\nopen({str(folder)!r}, 'w')\nX = np",
        1,
    )
    folder.mkdir()
    assert run(source, NUMBA_CACHE_DIR=str(folder)) == expected
    assert folder.is_file()


def test_without_a_compiler_one_sentence_says_so():
    command = [
        sys.executable,
        "-c",
        "import tsrnn; tsrnn.RNNRegressor().fit([[0.0, 1.0]] * 4, [0.0, 1.0, 0.0, 1.0])",
    ]
    done = subprocess.run(
        command, capture_output=True, text=True, env=os.environ | {"NUMBA_DISABLE_JIT": "1"}
    )
    last = done.stderr.strip().splitlines()[-1]
    assert done.returncode == 1
    assert (
        last.startswith("ImportError: NUMBA_DISABLE_JIT must be unset or 0 for tsrnn")
        and "got '1'" in last
    )


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_child_forked_while_another_thread_compiles_can_compile():
    """numba's lock would stay locked in the child, by a thread that is not there."""
    source = """
import os, threading, time, signal
from numba import njit
import tsrnn.backends.cpu
stop = threading.Event()

def compile_on():
    while not stop.is_set():
        njit(eval("lambda x: x * 2 + 1"))(1)

thread = threading.Thread(target=compile_on)
thread.start()
children = []
for _ in range(6):
    time.sleep(0.05)
    child = os.fork()
    if child == 0:
        signal.alarm(40)
        os._exit(0 if njit(eval("lambda x: x + 1"))(1) == 2 else 1)
    children.append(child)
stop.set()
thread.join()
print(*[os.waitpid(child, 0)[1] for child in children])
"""
    assert run(source) == ["0"] * 6


@pytest.mark.skipif(sys.platform != "linux", reason="the limit is Linux's")
@pytest.mark.parametrize(
    ("fitted", "call"),
    [(False, "model.fit(long, y)"), (True, "model.fit(long, y)"), (True, "model.predict(long)")],
)
def test_out_of_memory_is_a_memory_error_that_changes_nothing(fitted, call):
    source = f"""
import pickle, resource
from tsrnn import RNNRegressor
rng = np.random.default_rng(0)
X, long, y = rng.normal(size=(20, 6, 2)), np.zeros((20, 20_000, 2), np.float32), rng.normal(size=20)
model = RNNRegressor(cell="lstm", n_layers=2, hidden_size=256, max_iter=1, random_state=0, n_jobs=1)
other = RNNRegressor(cell="lstm", n_layers=2, hidden_size=256, max_iter=1, random_state=0, n_jobs=1).fit(X, y)
other.predict(X)
if {fitted}:
    model.fit(X, y)
before = pickle.dumps(vars(model))
pages = int(open("/proc/self/statm").read().split()[0])
resource.setrlimit(resource.RLIMIT_AS, (pages * resource.getpagesize() + 150 * 2**20, resource.RLIM_INFINITY))
try:
    {call}
except MemoryError as error:
    print("MemoryError", str(error).startswith("Unable to allocate"))
resource.setrlimit(resource.RLIMIT_AS, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))
print(pickle.dumps(vars(model)) == before, np.isfinite(model.fit(X, y).predict(X)).all())
"""
    assert run(source) == ["MemoryError", "True", "True", "True"]


def test_a_system_without_fork_has_all_the_rest():
    code = "import os; del os.register_at_fork; import tsrnn; print(tsrnn.RNNRegressor, tsrnn.RNNForecaster)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr

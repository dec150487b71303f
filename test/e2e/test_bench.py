"""The benches run and say what they should, on tiny sizes: how fast is not tested."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

BENCH = Path(__file__).resolve().parents[1] / "bench" / "bench.py"
sys.path.insert(0, str(BENCH.parent))
# The build that is tested has assertions: it cannot be measured, but it runs.
os.environ.setdefault("FABRIC_BUILD_DIR", str(BENCH.parents[2] / "build"))

from fabric_bench import figures, models, process, step  # noqa: E402


def run_bench(folder, *arguments):
    command = [sys.executable, BENCH, *arguments, f"--python={sys.executable}", f"--output-dir={folder}"]
    return subprocess.run([str(c) for c in command], capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize("name", ["step", "overhead", "memory", "compile", "start"])
def test_quick(name, tmp_path):
    result = run_bench(tmp_path, name, "--quick")
    assert result.returncode == 0, result.stdout + result.stderr
    assert "prove nothing" in result.stdout
    written = json.loads((tmp_path / "bench.json").read_text())
    assert written["figures"] and all(figure["value"] > 0 for figure in written["figures"])
    assert (tmp_path / "bench.svg").read_text().startswith("<svg")
    assert [path.name for path in tmp_path.iterdir() if path.is_dir()] == []


def test_assertions_are_not_measured(tmp_path):
    result = run_bench(tmp_path, "overhead")
    assert result.returncode == 1
    assert result.stderr.count("\n") == 1 and "has assertions" in result.stderr
    assert list(tmp_path.iterdir()) == []


def test_a_release_is_measured(tmp_path):
    flags = ["CMAKE_CXX_FLAGS:STRING=", "CMAKE_CXX_FLAGS_RELEASE:STRING=-O3 -DNDEBUG"]
    (tmp_path / "CMakeCache.txt").write_text("\n".join(["// Of this build:", "CMAKE_BUILD_TYPE:STRING=Release", *flags]))
    process.refuse_assertions(tmp_path)


def test_another_step_does_not_take_part(tmp_path):
    case = step.Case(step.QUICK_SIZES[0], tmp_path)
    answer = case.run_fabric((2, 2))
    step.check_losses(case, "itself", answer, answer)
    for wrong, at in ((answer["losses"][3] * 1.01, 3), (float("nan"), 0), (None, 1)):
        other = {"losses": [wrong if i == at else loss for i, loss in enumerate(answer["losses"])]}
        with pytest.raises(process.BenchError, match=f"at step {at + 1}"):
            step.check_losses(case, "other", other, answer)


def test_figures():
    held = figures.Figure("b", "c", "w", "s", [1.0, 3.0, 2.0], 2)
    short = figures.Figure("b", "c", "<w>", "", [40.0], 50, at_least=True)
    assert (held.value, held.held, short.held) == (2.0, True, False)
    lines = figures.table([held, short]).splitlines()
    assert "1.00 - 3.00" in lines[2] and lines[2].endswith("held") and lines[3].endswith("falls short")
    assert "&lt;w&gt;" in figures.picture([held, short], "t")


def test_files(tmp_path):
    path = tmp_path / "x.npy"
    offset = models.write_npy(path, (3, 5))
    array = np.load(path)
    assert array.shape == (3, 5) and array.dtype == np.float32
    assert path.read_bytes()[offset:] == array.tobytes()

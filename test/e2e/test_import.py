"""fabric-import by value and by message: the text, evaluated in numpy, against the module in PyTorch."""

import os
import re
import subprocess
import sys

import cases
import numpy as np
import pytest
import torch
from importing import BUILD, MODELS, REPOSITORY, default_dtype, import_text, load, run_importer, to_numpy
from safetensors.torch import load_file
from text_interpreter import Module

FEEDFORWARD = MODELS / "feedforward.py"
TOLERANCE = {"f32": 2e-6, "f64": 1e-13, "bf16": 2e-2}
TORCH_DTYPES = {"f32": torch.float32, "f64": torch.float64, "bf16": torch.bfloat16}


@pytest.fixture
def program(tmp_path):
    """Writes a Python file whose functions return the given cases, and gives the reference of one."""

    def make(group, name, function="build"):
        path = tmp_path / "program.py"
        path.write_text(
            f"import cases\n\n\ndef {function}():\n    return cases.{group}[{name!r}]{'[0]' if group == 'FAILURES' else ''}()\n"
        )
        return f"{path}:{function}"

    return make


def reference(built, dtype):
    """Results of the module in PyTorch, and the arrays that went in."""
    module, args, *loss = built
    torch_dtype = TORCH_DTYPES[dtype]
    module = module.to(torch_dtype)
    args = tuple(a.to(torch_dtype) for a in args)
    with default_dtype(torch_dtype):
        result = module(*args)
    if loss:
        result = loss[0](result)
    parameters = {name: to_numpy(p) for name, p in module.named_parameters()}
    return (result if isinstance(result, tuple) else (result,)), [to_numpy(a) for a in args], parameters


def assert_agrees(text, built, dtype):
    expected, inputs, parameters = reference(built, dtype)
    module = Module(text)
    assert set(module.parameters) == set(parameters)
    actual = module.evaluate(dict(zip(module.inputs, inputs, strict=True)), parameters)
    for (name, value), tensor in zip(actual.items(), expected, strict=True):
        want = to_numpy(tensor)
        assert value.shape == want.shape, name
        error = np.linalg.norm(value.astype(np.float64) - want) / max(np.linalg.norm(want), 1e-30)
        assert error <= TOLERANCE[dtype], f"{name}: off by {error}"
    return module


@pytest.mark.parametrize("dtype", ["f32", "f64", "bf16"])
@pytest.mark.parametrize("name", cases.PARITY)
def test_value(program, name, dtype):
    text = import_text(program("PARITY", name), f"--dtype={dtype}")
    torch.manual_seed(1)
    assert_agrees(text, cases.PARITY[name](), dtype)


@pytest.mark.parametrize("name", cases.FAILURES)
def test_failure_is_one_line_and_leaves_nothing(program, tmp_path, name):
    reference = program("FAILURES", name)
    before = set(os.listdir(tmp_path))
    status, out, err = run_importer(reference, "-o", tmp_path / "m.mlir", f"--weights={tmp_path / 'w.safetensors'}")
    assert status == 1 and out == ""
    errors = [line for line in err.splitlines() if ": remark: " not in line]
    assert len(errors) == 1 and errors[0].startswith("fabric-import: error: "), err
    assert re.search(cases.FAILURES[name][1], errors[0]), errors[0]
    assert set(os.listdir(tmp_path)) <= before | {"__pycache__"}


# The document's program


def test_document_program():
    """Names, initialisers, results, and exactly the ops that a person would write."""
    text = import_text(f"{FEEDFORWARD}:build")
    module = assert_agrees(text, load(FEEDFORWARD, "build")(), "f32")
    assert module.function == "feedforward"
    assert list(module.inputs) == ["x"] and ", batch_dim = 0>" in module.inputs["x"][1]
    assert list(module.parameters) == ["w1.weight", "w2.weight", "w3.weight"]
    assert module.results == ["loss"]
    assert module.kinds() == ["linear", "silu", "linear", "mul", "linear", "sum"]
    for name, bound in {"w1.weight": 128**-0.5, "w2.weight": 256**-0.5, "w3.weight": 128**-0.5}.items():
        low, high = map(float, re.search(r"init = uniform\(([^,]+), ([^)]+)\)", module.parameters[name][1]).groups())
        assert (low, high) == pytest.approx((-bound, bound))
    assert "dist." not in text


def test_document_program_without_a_loss():
    module = assert_agrees(import_text(f"{FEEDFORWARD}:build_forward"), load(FEEDFORWARD, "build_forward")(), "f32")
    assert module.results == ["output"] and module.kinds() == ["linear", "silu", "linear", "mul", "linear"]


def test_locations_name_module_line_and_column():
    """Every op leads back to its own expression in the user's file, without a path of this machine."""
    text = import_text(f"{FEEDFORWARD}:build")
    lines = FEEDFORWARD.read_text().splitlines()
    found = []
    for location in Module(text).locations():
        module, line, column = re.fullmatch(r'(?:"([\w.]*)"\()?"feedforward\.py":(\d+):(\d+)\)?', location).groups()
        found.append((module, lines[int(line) - 1][int(column) - 1 :].split("(")[0]))
    assert found == [
        ("w1", "self.w1"),
        (None, "F.silu"),
        ("w3", "self.w3"),
        (None, "F.silu"),
        ("w2", "self.w2"),
        (None, "output.sum"),
    ]
    assert str(REPOSITORY) not in text


def test_text_does_not_depend_on_the_folder(tmp_path, monkeypatch):
    texts = []
    for folder in ("a", "b/c"):
        (tmp_path / folder).mkdir(parents=True)
        (tmp_path / folder / "feedforward.py").write_text(FEEDFORWARD.read_text())
        monkeypatch.chdir(tmp_path / folder)
        texts.append(import_text("feedforward.py:build"))
    monkeypatch.chdir(tmp_path)
    texts.append(import_text("a/feedforward.py"))
    assert texts[0] == texts[1] == texts[2]


def test_meta_module_gives_the_same_text_and_has_no_weights(tmp_path):
    on_cpu, on_meta = import_text(f"{FEEDFORWARD}:build"), import_text(f"{FEEDFORWARD}:build_meta")
    strip = lambda text: re.sub(r" loc\(.*\)$", "", text, flags=re.M)  # noqa: E731
    assert strip(on_cpu) == strip(on_meta)
    status, _, err = run_importer(
        f"{FEEDFORWARD}:build_meta", f"--weights={tmp_path / 'w.safetensors'}", "-o", tmp_path / "m.mlir"
    )
    assert status == 1 and "parameter 'w1.weight' is on the meta device and has no values" in err
    assert os.listdir(tmp_path) == []


def test_shipped_text_is_the_document_program():
    """The models written by hand compute what the module computes, under the module's names."""
    for name, function in {"feedforward.mlir": "build", "feedforward_forward.mlir": "build_forward"}.items():
        lines = (MODELS / name).read_text().splitlines()
        text = "\n".join(
            line + " loc(unknown)" if " = fabric." in line and line.startswith("    ") else line for line in lines
        )
        module = assert_agrees(text, load(FEEDFORWARD, function)(), "f32")
        imported = Module(import_text(f"{FEEDFORWARD}:{function}"))
        assert module.kinds() == imported.kinds() and list(module.parameters) == list(imported.parameters)


# Weights


def test_weights_load_strictly(tmp_path):
    path = tmp_path / "w.safetensors"
    status, _, err = run_importer(f"{FEEDFORWARD}:build", "-o", tmp_path / "m.mlir", f"--weights={path}")
    assert status == 0, err
    assert sorted(os.listdir(tmp_path)) == ["m.mlir", "w.safetensors"]
    module = load(FEEDFORWARD, "build")()[0]
    expected = {name: p.clone() for name, p in module.state_dict().items()}
    torch.nn.init.zeros_(module.w1.weight)
    module.load_state_dict(load_file(path), strict=True)
    assert all(torch.equal(p, expected[name]) for name, p in module.state_dict().items())


def test_weights_in_another_type(tmp_path):
    path = tmp_path / "w.safetensors"
    assert run_importer(f"{FEEDFORWARD}:build", "-o", tmp_path / "m.mlir", f"--weights={path}", "--dtype=f64")[0] == 0
    assert all(t.dtype is torch.float64 for t in load_file(path).values())


def test_tied_frozen_and_unused_parameters(program, tmp_path):
    """A tied weight once, under its first name; what is frozen says so; so does what PyTorch would never update."""
    path = tmp_path / "w.safetensors"
    status, text, err = run_importer(program("PARITY", "tied"), f"--weights={path}")
    assert status == 0
    module = Module(text)
    assert (
        set(load_file(path))
        == set(module.parameters)
        == {"unused", "first.weight", "frozen.weight", "frozen.bias", "second.bias"}
    )
    assert {name for name, (_, rest) in module.parameters.items() if ", frozen>" in rest} == {
        "unused",
        "frozen.weight",
        "frozen.bias",
    }
    assert "remark: parameter 'unused' takes no part in the results" in err
    assert sum("%first.weight" in line for line in text.splitlines()) == 3  # the argument and two uses


@pytest.mark.parametrize("flag", ["-o", "--weights="])
def test_unwritable_output_leaves_nothing(tmp_path, flag):
    missing = tmp_path / "missing" / "file"
    other = ["-o", tmp_path / "m.mlir"] if flag != "-o" else [f"--weights={tmp_path / 'w'}"]
    target = [flag, missing] if flag == "-o" else [f"{flag}{missing}"]
    status, _, err = run_importer(f"{FEEDFORWARD}:build", *target, *other)
    assert status == 1 and err == f"fabric-import: error: {missing}: cannot be written: No such file or directory\n"
    assert os.listdir(tmp_path) == []


# Inputs and results


def test_containers_and_keywords(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import cases\n\nbuild = cases.containers\n")
    module = Module(import_text(path, "--batch-dim=mask=none", "--batch-dim=pair.a=1"))
    assert list(module.inputs) == ["pair.a", "pair.b", "mask"]
    dims = [re.search(r"batch_dim = (\d)", rest) for _, rest in module.inputs.values()]
    assert [d and d[1] for d in dims] == ["1", "0", None]
    assert module.results == ["sum", "difference"]


def test_first_scalar_result_is_the_loss(tmp_path):
    path = tmp_path / "program.py"
    path.write_text(
        "import torch, cases\n\n\ndef build():\n    return cases.Function(lambda x, p: (x * p, (x * p).sum()), (4,)), (torch.randn(3, 4),)\n"
    )
    assert Module(import_text(path)).results == ["output_0", "loss"]


def test_factories_on_meta_are_constants(tmp_path):
    """A meta module's unused buffers do not matter, and what it makes on its own device has values all the same."""
    path = tmp_path / "program.py"
    path.write_text("import cases\n\nbuild = cases.on_meta_with_a_buffer\n")
    assert "fabric.constant dense<[0.0, 1.0, 2.0, 3.0]> : tensor<4xf32>" in import_text(path)
    path = tmp_path / "other.py"
    path.write_text("import cases\n\nbuild = cases.on_meta_using_a_buffer\n")
    status, _, err = run_importer(path)
    assert status == 1 and "'table' is on the meta device and has no values" in err and err.count("\n") == 1


def test_standard_output_is_the_text_alone(tmp_path):
    path = tmp_path / "program.py"
    path.write_text("import cases, torch\n\n\ndef build():\n    return cases.Chatty(), (torch.randn(3, 4),)\n")
    status, out, err = run_importer(path)
    assert status == 0 and out.startswith("module {") and "building\n" in err and "tracing\n" in err


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--batch-dim=y=0"], "--batch-dim: no input 'y' (inputs: x)"),
        (["--batch-dim=x=2"], "--batch-dim=x=2: the input has 2 dims"),
        (["--batch-dim=x"], "--batch-dim=x: expected an input's name and a dim"),
        (["--mesh=dp=2,dp=2"], "--mesh=dp=2,dp=2: expected distinct axes"),
        (["--mesh=dp=0"], "--mesh=dp=0: expected distinct axes with positive sizes"),
        (["--dtype=f8"], "argument --dtype: invalid choice"),
        (["--nonsense"], "unrecognized arguments: --nonsense"),
    ],
)
def test_bad_flags(arguments, message):
    status, out, err = run_importer(f"{FEEDFORWARD}:build", *arguments)
    assert status == 1 and out == "" and message in err and err.count("\n") == 1


@pytest.mark.parametrize(
    "source, message",
    [
        (None, "program.py: no such file"),
        ("def build(:\n", "program.py:1: invalid syntax"),
        ("import nonsense\n", "program.py:1: loading "),
        ("x = 1\n", "has no function 'build'"),
    ],
)
def test_bad_files(tmp_path, source, message):
    path = tmp_path / "program.py"
    if source is not None:
        path.write_text(source)
    status, _, err = run_importer(f"{path}:build")
    assert status == 1 and message in err and err.count("\n") == 1, err


# Constants


def test_constants_are_folded(program):
    """Position ids, masks and tables are constants; a repeated one is a broadcast, not a copy for each of the batch."""
    module = Module(import_text(program("PARITY", "positions")))
    assert set(module.kinds()) == {"constant", "broadcast", "mul", "add", "contract"}
    constants = [re.search(r"-> (.*)|(.*)", signature) for _, kind, _, signature, _ in module.ops if kind == "constant"]
    assert "tensor<5x4xf32>" in [c[0] for c in constants]
    assert all(op[3] != "tensor<2x5x4xf32>" or op[2].count(",") == 0 for op in module.ops if op[1] == "constant")


# The launcher


@pytest.fixture
def launcher():
    path = BUILD / "bin" / "fabric-import"
    if not path.exists():
        pytest.skip("fabric-import is not built")
    return path


def test_launcher_runs(launcher, tmp_path):
    environment = {**os.environ, "FABRIC_PYTHON": sys.executable}
    command = [launcher, f"{FEEDFORWARD}:build", "-o", "m.mlir", "--weights=w.safetensors"]
    result = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
    assert result.returncode == 0, result.stderr
    assert (tmp_path / "m.mlir").read_text() == import_text(f"{FEEDFORWARD}:build")


def test_launcher_says_how_to_get_torch(launcher, tmp_path):
    """A Python without PyTorch: one line. --help needs none."""
    bare = [sys.executable, "-I", "-S"]
    (tmp_path / "python").write_text(f'#!/bin/sh\nexec {" ".join(bare)} "$@"\n')
    (tmp_path / "python").chmod(0o755)
    environment = {**os.environ, "FABRIC_PYTHON": str(tmp_path / "python")}
    result = subprocess.run([launcher, "model.py:build"], env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and result.stderr.count("\n") == 1
    assert "no module 'torch'" in result.stderr and "FABRIC_PYTHON" in result.stderr
    result = subprocess.run([launcher, "--help"], env=environment, capture_output=True, text=True)
    assert result.returncode == 0 and "examples:" in result.stdout
    environment["FABRIC_PYTHON"] = str(tmp_path / "missing")
    result = subprocess.run([launcher, "--help"], env=environment, capture_output=True, text=True)
    assert result.returncode == 1 and "no Python at" in result.stderr

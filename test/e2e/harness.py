"""The way of a user's model, import -> compile -> run, and the same training in PyTorch to compare with."""

import functools
import hashlib
import inspect
import json
import os
import subprocess
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from importing import BUILD, MODELS, load, run_importer, to_numpy
from safetensors.torch import load_file, load_model

STEPS = 10
LEARNING_RATE = 3e-3  # the document's
WEIGHT_DECAY = 1e-2  # PyTorch's default
MPIRUN = ["mpirun", "--allow-run-as-root", "--oversubscribe"]
TORCH_DTYPES = {"f32": torch.float32, "f64": torch.float64}


@dataclass(frozen=True)
class Model:
    """A build function under test/models, and the sizes that a mesh must divide to hold it."""

    name: str
    file: str
    function: str
    batch: int
    hidden: int

    def build(self):
        return load(MODELS / self.file, self.function)()

    def meshes(self):
        """Every (dp, tp) of up to eight ranks that divides the model."""
        return [
            (dp, tp)
            for dp in range(1, 9)
            for tp in range(1, 9)
            if dp * tp <= 8 and self.batch % dp == 0 and self.hidden % tp == 0
        ]


FEEDFORWARD = Model("feedforward", "feedforward.py", "build", batch=16, hidden=256)
MODELS_UNDER_TEST = [
    FEEDFORWARD,
    Model("feedforward_odd", "feedforward.py", "build_odd", batch=210, hidden=210),
    Model("mlp", "mlp.py", "build", batch=16, hidden=96),
    Model("mlp_odd", "mlp.py", "build_odd", batch=210, hidden=210),
    Model("gelu_mlp", "gelu_mlp.py", "build", batch=16, hidden=96),
    Model("gelu_mlp_odd", "gelu_mlp.py", "build_odd", batch=210, hidden=210),
    Model("op_families", "op_families.py", "build", batch=16, hidden=96),
    Model("chain", "linears.py", "build_chain", batch=16, hidden=96),
    Model("pair", "linears.py", "build_pair", batch=16, hidden=96),
    Model("pair_odd", "linears.py", "build_pair_odd", batch=210, hidden=210),
    Model("towers", "towers.py", "build", batch=16, hidden=96),
]
EVERY_MESH = [
    pytest.param(m, mesh, id=f"{m.name}-{mesh[0]}x{mesh[1]}") for m in MODELS_UNDER_TEST for mesh in m.meshes()
]


# Models that their meshes do not divide: batch, hidden and features are padded. The styles are the user's, since
# the automatic choice takes only what divides.
UNEVEN_MODELS = [
    (
        Model("feedforward_uneven", "feedforward.py", "build_uneven", batch=6, hidden=176),
        {"w1": "colwise", "w3": "colwise", "w2": "rowwise"},
    ),
    (
        Model("mlp_uneven", "mlp.py", "build_uneven", batch=6, hidden=176),
        {"up": "rowwise", "middle": "colwise", "down": "rowwise"},
    ),
    (
        Model("gelu_mlp_uneven", "gelu_mlp.py", "build_uneven", batch=6, hidden=176),
        {"*.up": "colwise", "*.down": "rowwise"},
    ),
    (
        Model("chain_uneven", "linears.py", "build_chain_uneven", batch=6, hidden=176),
        {"layers.[024]": "colwise", "layers.[135]": "rowwise"},
    ),
    (
        Model("towers_uneven", "towers.py", "build_uneven", batch=6, hidden=176),
        {"left": "colwise", "frozen": "rowwise", "down": "rowwise"},
    ),
]
UNEVEN_MESHES = [(dp, tp) for dp in range(1, 9) for tp in range(1, 9) if 1 < dp * tp <= 8]
EVERY_UNEVEN_MESH = [
    pytest.param(m, plan, mesh, id=f"{m.name}-{mesh[0]}x{mesh[1]}")
    for m, plan in UNEVEN_MODELS
    for mesh in UNEVEN_MESHES
]


@functools.cache
def batches(model):
    """Input name -> [STEPS, global shape], in f64."""
    module, args, *_ = model.build()
    names = list(inspect.signature(module.forward).parameters)
    generator = torch.Generator().manual_seed(7)
    return {
        name: torch.randn((STEPS, *arg.shape), generator=generator, dtype=torch.float64).numpy()
        for name, arg in zip(names, args, strict=True)
    }


class Workspace:
    """Imported models and their data, made once in a folder of the test session."""

    def __init__(self, folder: Path):
        self.folder = folder
        self._imported = {}

    def imported(self, model, dtype, *flags):
        """The folder with model.mlir, weights.safetensors and an .npy for each input."""
        key = (model, dtype, flags)
        if key not in self._imported:
            folder = self.folder / f"{model.name}-{dtype}-{len(self._imported)}"
            folder.mkdir()
            status, _, err = run_importer(
                f"{MODELS / model.file}:{model.function}",
                *("-o", folder / "model.mlir"),
                f"--weights={folder / 'weights.safetensors'}",
                f"--dtype={dtype}",
                *flags,
            )
            assert status == 0, err
            for name, array in batches(model).items():
                np.save(folder / f"{name}.npy", array.astype(np.float64 if dtype == "f64" else np.float32))
            self._imported[key] = folder
        return self._imported[key]


def run_tool(command, stream="stdout", **kwargs):
    """Runs a tool that must succeed; gives what it wrote to the stream."""
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    result = subprocess.run(
        [str(c) for c in command], capture_output=True, text=True, env=environment, timeout=300, **kwargs
    )
    assert result.returncode == 0, f"{' '.join(map(str, command))}\n{result.stderr}"
    return getattr(result, stream)


def compile_plan(folder, mesh, *flags):
    """compiled.bin of the folder's model on `mesh`."""
    key = hashlib.sha256(" ".join(flags).encode()).hexdigest()[:8]
    plan = folder / f"{mesh[0]}x{mesh[1]}-{key}.bin"
    run_tool(
        [
            BUILD / "bin" / "fabric-compile",
            folder / "model.mlir",
            "-o",
            plan,
            f"--dp={mesh[0]}",
            f"--tp={mesh[1]}",
            *flags,
        ]
    )
    return plan


def adamw(eps):
    return ["--train=adamw", f"--lr={LEARNING_RATE}", f"--weight-decay={WEIGHT_DECAY}", f"--eps={eps}"]


FABRIC_RUN = BUILD / "bin" / "fabric-run"


def run_plan(plan, model, folder, *flags, ranks=None, runner=FABRIC_RUN):
    """Runs the plan on the folder's weights and data; under mpirun where `ranks` is given."""
    launcher = [*MPIRUN, "-n", ranks] if ranks else []
    data = [f"--data={name}={folder / f'{name}.npy'}" for name in batches(model)]
    return run_tool(
        [*launcher, runner, plan, f"--weights={folder / 'weights.safetensors'}", *data, *flags]
    )


@dataclass
class Trained:
    losses: np.ndarray
    parameters: "dict[str, np.ndarray]"


def train(plan, model, folder, output, steps=STEPS, **how):
    """Trains as the plan says. `output` is a folder for what it writes."""
    saved, metrics = output / "out.safetensors", output / "metrics.jsonl"
    run_plan(plan, model, folder, f"--steps={steps}", f"--save={saved}", f"--metrics={metrics}", **how)
    lines = [json.loads(line) for line in metrics.read_text().splitlines()]
    assert [line["step"] for line in lines] == list(range(1, steps + 1))
    module = model.build()[0].to(next(iter(load_file(saved).values())).dtype)
    load_model(module, saved)  # strict, and knows of tied parameters
    return Trained(np.array([line["loss"] for line in lines]), {n: to_numpy(p) for n, p in module.named_parameters()})


def module_and_loss(model, dtype):
    """The module in `dtype`, and its loss as a function of the step, which picks the batch."""
    module, _, *loss = model.build()
    module = module.to(TORCH_DTYPES[dtype])

    def evaluate(step):
        inputs = [torch.from_numpy(array[step]).to(TORCH_DTYPES[dtype]) for array in batches(model).values()]
        result = module(*inputs)
        results = result if isinstance(result, tuple) else (result,)
        return loss[0](*results) if loss else result

    return module, evaluate


@functools.cache
def train_in_torch(model, dtype, eps):
    module, evaluate = module_and_loss(model, dtype)
    optimizer = torch.optim.AdamW(
        module.parameters(), lr=LEARNING_RATE, weight_decay=WEIGHT_DECAY, eps=eps, foreach=False
    )
    losses = []
    for step in range(STEPS):
        optimizer.zero_grad()
        loss = evaluate(step)
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    return Trained(np.array(losses), {name: to_numpy(p) for name, p in module.named_parameters()})


@functools.cache
def gradients_in_torch(model):
    """Loss and gradients of the first batch, in f64."""
    module, evaluate = module_and_loss(model, "f64")
    loss = evaluate(0)
    loss.backward()
    return loss.item(), {n: to_numpy(p.grad) for n, p in module.named_parameters() if p.requires_grad}


def distance(actual, expected):
    """Norm-wise, relative."""
    actual, expected = np.asarray(actual, np.float64), np.asarray(expected, np.float64)
    assert actual.shape == expected.shape
    return np.linalg.norm(actual - expected) / max(np.linalg.norm(expected), 1e-300)


def assert_trained_alike(actual, expected, loss_tolerance, parameter_tolerance):
    """Every loss, and every parameter norm-wise a tensor."""
    error = np.max(np.abs(actual.losses - expected.losses) / np.abs(expected.losses))
    assert error <= loss_tolerance, f"losses differ by {error}"
    assert set(actual.parameters) == set(expected.parameters)
    for name, value in expected.parameters.items():
        error = distance(actual.parameters[name], value)
        assert error <= parameter_tolerance, f"{name} differs by {error}"

"""--parallelize: a user's function under PyTorch's fake process group, and the TP styles that it leaves."""

import importlib.util
import re
import sys

import pytest
import torch
from fabric_import import compat
from importing import MODELS, import_text, run_importer
from text_interpreter import Module

FEEDFORWARD = MODELS / "feedforward.py"


def styles(text):
    """Parameter -> style, of those that have one."""
    found = {
        name: re.search(r"dist\.tp = #dist\.tp<(\w+)>", rest) for name, (_, rest) in Module(text).parameters.items()
    }
    return {name: match[1] for name, match in found.items() if match}


def test_document_program():
    """The document's function, word for word; the mesh is in the module."""
    text = import_text(f"{FEEDFORWARD}:build", f"--parallelize={FEEDFORWARD}:parallelize_feedforward")
    assert styles(text) == {"w1.weight": "colwise", "w2.weight": "rowwise", "w3.weight": "colwise"}
    assert text.startswith('module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {')


@pytest.mark.parametrize("mesh", ["dp=4,tp=2", "dp=1,tp=4", "tp=2,dp=2"])
def test_other_meshes(mesh):
    """Styles do not depend on sizes, nor on the order of the axes."""
    text = import_text(f"{FEEDFORWARD}:build", f"--parallelize={FEEDFORWARD}:parallelize_feedforward", f"--mesh={mesh}")
    assert styles(text) == {"w1.weight": "colwise", "w2.weight": "rowwise", "w3.weight": "colwise"}
    axes = ", ".join(f'"{a}"={n}' for a, n in (item.split("=") for item in mesh.split(",")))
    assert f"dist.mesh = #dist.mesh<[{axes}]>" in text


def test_meta_module():
    text = import_text(f"{FEEDFORWARD}:build_meta", f"--parallelize={FEEDFORWARD}:parallelize_feedforward")
    assert styles(text) == {"w1.weight": "colwise", "w2.weight": "rowwise", "w3.weight": "colwise"}


def test_no_tensor_parallelism_no_styles():
    """On tp=1 the function places nothing over TP: what is left open, the compiler chooses."""
    text = import_text(
        f"{FEEDFORWARD}:build", f"--parallelize={FEEDFORWARD}:parallelize_feedforward", "--mesh=dp=4,tp=1"
    )
    assert styles(text) == {}


def test_mesh_alone():
    text = import_text(f"{FEEDFORWARD}:build", "--mesh=dp=4,tp=2")
    assert text.startswith('module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=2]>} {') and styles(text) == {}


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["--mesh=dp=4"], "parallelize_feedforward: the mesh has no axis 'tp' (axes: dp)"),
        (["--mesh=tp=4"], "parallelize_feedforward(): KeyError"),
    ],
)
def test_mesh_without_an_axis(arguments, message):
    status, out, err = run_importer(
        f"{FEEDFORWARD}:build", f"--parallelize={FEEDFORWARD}:parallelize_feedforward", *arguments
    )
    assert status == 1 and out == "" and message in err and err.count("\n") == 1, err


SOURCE = """
import torch
import torch.nn as nn
from torch.distributed.algorithms._checkpoint.checkpoint_wrapper import checkpoint_wrapper
from torch.distributed.fsdp import fully_shard
from torch.distributed.tensor.parallel import ColwiseParallel, RowwiseParallel, SequenceParallel, parallelize_module


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(8, 4)
        self.norm = nn.LayerNorm(4)
        self.other = nn.LayerNorm(4)
        self.up = nn.Linear(4, 8)
        self.down = nn.Linear(8, 4)
        self.left = nn.Linear(4, 4, bias=False)
        self.output = nn.Linear(4, 8, bias=False)
        self.output.weight = self.table.weight

    def forward(self, x):
        terms = [(p * p).sum() for m in (self.table, self.norm, self.other) for p in m.parameters()]
        return self.down(self.up(self.left(x))).sum() + self.output(x).sum() + sum(terms)


def build():
    return Net(), (torch.randn(4, 4),)


PLAN = {
    "table": RowwiseParallel(),
    "norm": SequenceParallel(),
    "up": ColwiseParallel(),
    "down": RowwiseParallel(),
    "output": ColwiseParallel(),
}


def parallelize(model, mesh, plan=PLAN):
    parallelize_module(model, mesh["tensor_parallel"], plan)
    model.up = checkpoint_wrapper(model.up)
    fully_shard(model, mesh=mesh["data_parallel"])


def disagree(model, mesh):
    parallelize(model, mesh, PLAN | {"output": RowwiseParallel()})  # over the in-features


def rename(model, mesh):
    model.extra = nn.Linear(4, 4)
    parallelize(model, mesh, PLAN | {"extra": ColwiseParallel()})


def fail(model, mesh):
    raise ValueError("no luck\\nat all")
"""


@pytest.fixture
def net(tmp_path):
    path = tmp_path / "net.py"
    path.write_text(SOURCE)
    return path


def test_styles_of_all_kinds(net):
    """Biases follow their layer, a tied table is split where both its users say, sequence parallelism is told from replication,
    wrappers do not hide names, and what the plan leaves alone has no style."""
    status, text, err = run_importer(f"{net}:build", f"--parallelize={net}:disagree")
    assert status == 1 and "'output.weight' is tied to 'table.weight'" in err and err.count("\n") == 1
    status, text, err = run_importer(f"{net}:build", f"--parallelize={net}:parallelize")
    assert status == 0, err
    assert styles(text) == {
        "table.weight": "colwise",
        "norm.weight": "sequence",
        "norm.bias": "sequence",
        "up.weight": "colwise",
        "up.bias": "colwise",
        "down.weight": "rowwise",
        "down.bias": "replicate",
    }


def test_failures(net):
    status, _, err = run_importer(f"{net}:build", f"--parallelize={net}:fail")
    assert status == 1 and re.search(r"error: net\.py:\d+: fail\(\): ValueError: no luck$", err.strip()), err
    status, _, err = run_importer(f"{net}:build", f"--parallelize={net}:rename")
    assert status == 1 and "has a parameter 'extra." in err and err.count("\n") == 1
    assert not torch.distributed.is_initialized()


def test_moved_import_path_is_provided():
    """A PyTorch without FSDP2's first path: the document's import line still works."""
    finder = compat._MovedModules()
    assert finder.find_spec("torch.distributed._composable_other") is None
    spec = finder.find_spec(compat.FULLY_SHARD)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.fully_shard is torch.distributed.fsdp.fully_shard
    compat.provide_moved_modules()
    compat.provide_moved_modules()
    assert sum(isinstance(f, compat._MovedModules) for f in sys.meta_path) == 1
    assert isinstance(sys.meta_path[-1], compat._MovedModules)

"""Initialisers as the importer observes them: what a module's own code drew, filled or copied."""

import math

import pytest
import torch
import torch.nn as nn
from fabric_import.initializers import Constant, Normal, Uniform, recording
from importing import import_text
from text_interpreter import Module


def parameter(make):
    def build():
        module = nn.Module()
        module.p = nn.Parameter(make())
        return module

    return build


def drawn(shape, function, *args, **kwargs):
    def make():
        tensor = torch.empty(shape)
        function(tensor, *args, **kwargs)
        return tensor

    return parameter(make)


def in_the_data(module, name, write):
    def build():
        result = module()
        with torch.no_grad():
            write(getattr(result, name))
        return result

    return build


CASES = {
    "linear": (lambda: nn.Linear(16, 4), {"weight": Uniform(-0.25, 0.25), "bias": Uniform(-0.25, 0.25)}),
    "layer_norm": (lambda: nn.LayerNorm(4), {"weight": Constant(1.0), "bias": Constant(0.0)}),
    "embedding": (lambda: nn.Embedding(5, 4), {"weight": Normal(0.0, 1.0)}),
    # A row of zeros in a normal table is no distribution that we have.
    "embedding_padding": (lambda: nn.Embedding(5, 4, padding_idx=0), {"weight": None}),
    "convolution": (lambda: nn.Conv2d(4, 8, 2), {"weight": Uniform(-0.25, 0.25), "bias": Uniform(-0.25, 0.25)}),
    "xavier_uniform": (drawn((2, 4), nn.init.xavier_uniform_), {"p": Uniform(-1.0, 1.0)}),
    "kaiming_normal": (drawn((2, 8), nn.init.kaiming_normal_), {"p": Normal(0.0, 0.5)}),
    "constant": (drawn((2, 8), nn.init.constant_, 0.1), {"p": Constant(0.1)}),
    "truncated_far": (drawn((2, 8), nn.init.trunc_normal_, std=0.02), {"p": Normal(0.0, 0.02)}),
    "truncated_near": (drawn((2, 8), nn.init.trunc_normal_, std=1.0), {"p": None}),
    "orthogonal": (drawn((8, 8), nn.init.orthogonal_), {"p": None}),
    "scaled": (parameter(lambda: torch.randn(4, 4) / math.sqrt(16)), {"p": Normal(0.0, 0.25)}),
    "shifted": (parameter(lambda: 1 - 2 * torch.rand(4)), {"p": None}),
    "negated": (parameter(lambda: -(torch.rand(4) * 2) + 1), {"p": Uniform(-1.0, 1.0)}),
    "in_place": (parameter(lambda: torch.randn(4).mul_(3).add_(1, alpha=2).sub_(1)), {"p": Normal(1.0, 3.0)}),
    "sum_of_two": (parameter(lambda: torch.randn(4) + torch.rand(4)), {"p": None}),
    "zeros_filled_in_part": (
        in_the_data(lambda: nn.LayerNorm(4), "weight", lambda w: w[:2].fill_(1.0)),
        {"weight": Constant(1.0), "bias": Constant(0.0)},
    ),
    "overwritten_in_part": (
        in_the_data(lambda: nn.LayerNorm(4), "weight", lambda w: w[:2].fill_(3.0)),
        {"weight": None, "bias": Constant(0.0)},
    ),
    "view_of_all": (
        in_the_data(lambda: nn.Linear(4, 4), "weight", lambda w: w.view(-1).normal_(0, 0.5)),
        {"weight": Normal(0.0, 0.5), "bias": Uniform(-0.5, 0.5)},
    ),
    "data": (
        in_the_data(lambda: nn.LayerNorm(4), "weight", lambda w: w.data.uniform_(0, 2)),
        {"weight": Uniform(0.0, 2.0), "bias": Constant(0.0)},
    ),
    "copied": (
        in_the_data(lambda: nn.LayerNorm(4), "weight", lambda w: w.copy_(torch.randn(4))),
        {"weight": Normal(0.0, 1.0), "bias": Constant(0.0)},
    ),
    "one_number": (parameter(lambda: torch.tensor(0.5)), {"p": Constant(0.5)}),
    "some_numbers": (parameter(lambda: torch.tensor([0.5, 1.0])), {"p": None}),
    "full": (parameter(lambda: torch.full((3,), 2.0)), {"p": Constant(2.0)}),
    "like": (parameter(lambda: torch.ones_like(torch.empty(3))), {"p": Constant(1.0)}),
    "unwritten": (parameter(lambda: torch.empty(3)), {"p": None}),
    "converted": (lambda: nn.Linear(16, 4, bias=False).to(torch.bfloat16), {"weight": Uniform(-0.25, 0.25)}),
    "loaded": (lambda: _loaded(), {"weight": None, "bias": None}),
}


def _loaded():
    module = nn.Linear(2, 2)
    module.load_state_dict({"weight": torch.tensor([[1.0, 2.0], [3.0, 4.0]]), "bias": torch.tensor([1.0, 2.0])})
    return module


# On the meta device PyTorch has no number to see, and does not call the function at all.
ON_CPU_ONLY = {"one_number", "orthogonal"}


@pytest.mark.parametrize(
    "name, device", [(n, d) for n in CASES for d in ("cpu", "meta") if d == "cpu" or n not in ON_CPU_ONLY]
)
def test_observed(name, device):
    build, expected = CASES[name]
    with recording() as recorder, torch.device(device):
        module = build()
    for parameter_name, note in expected.items():
        found = recorder.of(getattr(module, parameter_name))
        assert type(found) is type(note), f"{parameter_name}: {found}"
        if note is not None:
            assert vars(found) == pytest.approx(vars(note), abs=1e-12), parameter_name


def test_notes_do_not_pass_to_new_tensors_at_an_old_address():
    """A freed tensor's address is used again at once by the next one of its size."""
    with recording() as recorder:
        addresses = set()
        for _ in range(50):
            tensor = torch.zeros(1000)
            addresses.add(tensor.data_ptr())
            del tensor
        parameter = nn.Parameter(torch.frombuffer(bytearray(4000), dtype=torch.float32))
    assert len(addresses) < 50 and recorder.of(parameter) is None


def test_values_lie_where_the_initialiser_says():
    """The attribute in the text describes the values that the module really drew."""
    from importing import MODELS, load

    text = import_text(f"{MODELS / 'mlp.py'}:build")
    module = load(MODELS / "mlp.py", "build")()[0]
    for name, tensor in module.named_parameters():
        low, high = map(float, Module(text).parameters[name][1].partition("uniform(")[2].partition(")")[0].split(","))
        assert low <= tensor.min() < low / 2 < high / 2 < tensor.max() <= high

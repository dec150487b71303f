"""Numbers, strings and names in MLIR's spelling."""

import re

import numpy as np
import pytest
import torch
from fabric_import import mlir
from importing import check_with_fabric_opt
from text_interpreter import EVALUATE, parse_type


@pytest.mark.parametrize(
    "value, dtype, text",
    [
        (0.1, torch.float32, "0.1"),
        (1e-8, torch.float32, "1.0e-08"),
        (1 / 3, torch.float32, "0.33333334"),
        (1 / 3, torch.float64, "0.3333333333333333"),
        (1 / 3, torch.bfloat16, "0.334"),
        (-2.0, torch.float16, "-2.0"),
        (float("-inf"), torch.float32, "0xFF800000"),
        (float("inf"), torch.float64, "0x7FF0000000000000"),
        (float("inf"), torch.bfloat16, "0x7F80"),
        (3, torch.int64, "3"),
        (True, torch.bool, "true"),
    ],
)
def test_number(value, dtype, text):
    value = torch.tensor(value, dtype=dtype).item()
    assert mlir.number(value, dtype) == text
    type_ = mlir.tensor_type((2,), dtype)
    check_with_fabric_opt(
        f"func.func @f() -> {type_} {{\n  %c = fabric.constant dense<{text}> : {type_}\n  return %c : {type_}\n}}"
    )


@pytest.mark.parametrize(
    "tensor",
    [
        torch.tensor([[1.5, -2.25], [0.1, 1e-20]]),
        torch.tensor([1.0, float("-inf"), 2.0]),
        torch.tensor([True, False, True]),
        torch.arange(16).reshape(2, 2, 4),
        torch.randn(5, 7, dtype=torch.float64),
        torch.arange(40, dtype=torch.int32).reshape(8, 5).T,
        torch.arange(40) % 3 == 0,
    ],
    ids=lambda t: f"{t.dtype}-{tuple(t.shape)}",
)
def test_constant(tensor):
    """Read back, each element is the same: short ones as numbers, long ones as bytes."""
    literal = mlir.dense(tensor)
    assert ('"0x' in literal) == (tensor.numel() > mlir.MAX_WRITTEN_ELEMENTS and tensor.dtype is not torch.bool)
    type_ = mlir.tensor_type(tensor.shape, tensor.dtype)
    shape, dtype, _ = parse_type(type_)
    if "inf" not in str(tensor):
        assert np.array_equal(EVALUATE["constant"](literal, [], shape, dtype), tensor.numpy())
    check_with_fabric_opt(
        f"func.func @f() -> {type_} {{\n  %c = fabric.constant {literal} : {type_}\n  return %c : {type_}\n}}"
    )


def test_strings_and_names():
    for text in ('a"b', "a\\b", "tab\there", "größe", "plain.weight"):
        spelt = mlir.string(text)
        raw = re.sub(rb"\\([0-9A-F]{2})", lambda m: bytes([int(m[1], 16)]), spelt[1:-1].encode())
        assert raw.decode() == text and spelt.isascii()
        check_with_fabric_opt(
            f"func.func @f(%{mlir.ssa_name(text)}: tensor<2xf32> {{fabric.input = #fabric.input<{spelt}>}}) {{ return }}"
        )
    assert mlir.ssa_name("0.weight") == "_0.weight"

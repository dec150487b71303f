"""Every op that the importer maps, compiled and run: results and gradients in f64 against torch.autograd."""

import cases
import numpy as np
import pytest
import torch
from harness import run_tool
from importing import BUILD, NEEDS_TOOLS, default_dtype, run_importer, to_numpy

pytestmark = NEEDS_TOOLS

PROGRAM = """
import cases


def squares(*results):
    return sum((r * r).sum() for r in results if r.is_floating_point())


def build():
    module, args, *_ = cases.PARITY[{name!r}]()
    return module, args, squares
"""


@pytest.mark.parametrize("mesh", [(2, 2), (1, 3)], ids=lambda m: f"{m[0]}x{m[1]}")
@pytest.mark.parametrize("name", cases.PARITY)
def test_loss_and_gradients(tmp_path, name, mesh):
    """The loss is the sum of the results' squares, so that every element counts."""
    (tmp_path / "program.py").write_text(PROGRAM.format(name=name))
    torch.manual_seed(0)
    module, (x,), *_ = cases.PARITY[name]()
    module, x = module.double(), x.double()

    flags = [] if x.shape[0] % mesh[0] == 0 else ["--batch-dim=x=none"]
    weights, model, plan = (tmp_path / n for n in ("weights.safetensors", "model.mlir", "compiled.bin"))
    torch.manual_seed(0)
    status, _, err = run_importer(tmp_path / "program.py", "-o", model, f"--weights={weights}", "--dtype=f64", *flags)
    assert status == 0, err
    np.save(tmp_path / "x.npy", x.numpy()[None])
    run_tool(
        [BUILD / "bin" / "fabric-compile", model, "-o", plan, f"--dp={mesh[0]}", f"--tp={mesh[1]}", "--train=gradients"]
    )
    run = [BUILD / "bin" / "fabric-run", plan, f"--weights={weights}", f"--data=x={tmp_path / 'x.npy'}", "--steps=1"]
    run_tool([*run, f"--output-dir={tmp_path}"])

    with default_dtype(torch.float64):
        results = module(x)
    results = results if isinstance(results, tuple) else (results,)
    loss = sum((r * r).sum() for r in results)
    loss.backward()
    assert np.load(tmp_path / "loss.npy").item() == pytest.approx(loss.item(), rel=1e-12)
    gradients = {n: to_numpy(p.grad) for n, p in module.named_parameters() if p.grad is not None}
    norm = np.sqrt(sum(np.linalg.norm(g) ** 2 for g in gradients.values()))
    for n, gradient in gradients.items():
        actual = np.load(tmp_path / f"grad.{n}.npy")
        assert actual.shape == gradient.shape
        error = np.linalg.norm(actual - gradient) / max(np.linalg.norm(gradient), 1e-3 * norm)
        assert error <= 1e-12, f"gradient of {n} differs by {error}"

"""Training on every mesh of up to eight ranks against live PyTorch.

Two values of AdamW's eps, since at 1e-8 a wrong scale of the gradients hides
(g / sqrt(g^2) has none), and at 1e-3 it does not. In f64 every gradient.
"""

import json

import numpy as np
import pytest
from harness import (
    EVERY_MESH,
    EVERY_UNEVEN_MESH,
    FEEDFORWARD,
    MODELS_UNDER_TEST,
    Model,
    adamw,
    assert_trained_alike,
    compile_plan,
    distance,
    gradients_in_torch,
    module_and_loss,
    run_plan,
    run_tool,
    train,
    train_in_torch,
)
from importing import BUILD, MODELS, NEEDS_TOOLS, to_numpy
from safetensors.torch import load_file

pytestmark = NEEDS_TOOLS

# dtype, eps -> tolerance of losses, of parameters
TOLERANCES = {("f32", 1e-3): (1e-5, 1e-5), ("f32", 1e-8): (1e-5, 1e-4), ("f64", 1e-8): (1e-10, 1e-10)}


@pytest.mark.parametrize("dtype, eps", TOLERANCES)
@pytest.mark.parametrize("model, mesh", EVERY_MESH)
def test_ten_steps(workspace, tmp_path, model, mesh, dtype, eps):
    """Ten steps of AdamW: every loss, every parameter; the saved file loads into the module with strict=True."""
    folder = workspace.imported(model, dtype)
    trained = train(compile_plan(folder, mesh, *adamw(eps)), model, folder, tmp_path)
    assert_trained_alike(trained, train_in_torch(model, dtype, eps), *TOLERANCES[dtype, eps])


# fabric-run, with a GPU that runs PTX on the CPU.
EMULATED_GPU = BUILD / "test" / "gpu" / "fabric-run-emulated"
EMULATED_MESHES = {(4, 1), (2, 4), (5, 1)}


@pytest.mark.skipif(not EMULATED_GPU.exists(), reason="fabric-run-emulated is not built")
@pytest.mark.parametrize("dtype, eps", [("f32", 1e-3), ("f64", 1e-8)])
@pytest.mark.parametrize("model, mesh", [each for each in EVERY_MESH if each.values[1] in EMULATED_MESHES])
def test_emulated_gpu(workspace, tmp_path, model, mesh, dtype, eps):
    """Ten steps of plans for GPUs."""
    folder = workspace.imported(model, dtype)
    plan = compile_plan(folder, mesh, *adamw(eps), "--target=cuda:sm_80")
    trained = train(plan, model, folder, tmp_path, runner=EMULATED_GPU)
    assert_trained_alike(trained, train_in_torch(model, dtype, eps), *TOLERANCES[dtype, eps])


@pytest.mark.parametrize("model, mesh", EVERY_MESH)
def test_every_gradient(workspace, tmp_path, model, mesh):
    """In f64 against torch.autograd: norm-wise, relative to the larger of its own norm and 1e-3 of the global one."""
    folder = workspace.imported(model, "f64")
    run_plan(compile_plan(folder, mesh, "--train=gradients"), model, folder, "--steps=1", f"--output-dir={tmp_path}")
    loss, gradients = gradients_in_torch(model)
    assert np.load(tmp_path / "loss.npy").item() == pytest.approx(loss, rel=1e-10, abs=0)
    global_norm = np.sqrt(sum(np.linalg.norm(g) ** 2 for g in gradients.values()))
    for name, gradient in gradients.items():
        actual = np.load(tmp_path / f"grad.{name}.npy")
        assert actual.shape == gradient.shape
        error = np.linalg.norm(actual - gradient) / max(np.linalg.norm(gradient), 1e-3 * global_norm)
        assert error <= 1e-10, f"gradient of {name} differs by {error}"


FSDP_AUTO_MESHES = {(2, 2), (4, 1), (2, 4), (5, 1)}


@pytest.mark.parametrize("dtype, eps", TOLERANCES)
@pytest.mark.parametrize("model, mesh", [each for each in EVERY_MESH if each.values[1] in FSDP_AUTO_MESHES])
def test_fsdp_auto(workspace, tmp_path, model, mesh, dtype, eps):
    """Ten steps with parameters that are kept split where that sends less."""
    folder = workspace.imported(model, dtype)
    trained = train(compile_plan(folder, mesh, *adamw(eps), "--fsdp=auto"), model, folder, tmp_path)
    assert_trained_alike(trained, train_in_torch(model, dtype, eps), *TOLERANCES[dtype, eps])


def _uneven_plan(tmp_path, styles):
    file = tmp_path / "tp_plan.json"
    file.write_text(json.dumps(styles))
    return f"--tp-plan={file}"


@pytest.mark.parametrize("dtype, eps", [("f32", 1e-3), ("f64", 1e-8)])
@pytest.mark.parametrize("model, styles, mesh", EVERY_UNEVEN_MESH)
def test_uneven(workspace, tmp_path, model, styles, mesh, dtype, eps):
    """Meshes that do not divide the model: as before, and the saved file shows no padding, nor do moments drift."""
    folder = workspace.imported(model, dtype)
    plan = compile_plan(folder, mesh, *adamw(eps), _uneven_plan(tmp_path, styles))
    trained = train(plan, model, folder, tmp_path)
    assert_trained_alike(trained, train_in_torch(model, dtype, eps), *TOLERANCES[dtype, eps])


@pytest.mark.parametrize("model, styles, mesh", EVERY_UNEVEN_MESH[::3])
def test_uneven_initial_values(workspace, tmp_path, model, styles, mesh):
    """What is drawn from a seed does not depend on padding."""
    folder = workspace.imported(model, "f32")
    drawn = []
    for each in [mesh, (1, 1)]:
        saved = tmp_path / f"{each[0]}x{each[1]}.safetensors"
        plan = compile_plan(folder, each, *adamw(1e-8), _uneven_plan(tmp_path, styles))
        run_tool(
            [BUILD / "bin" / "fabric-run", plan, "--seed=5", "--steps=1", "--lr=0", "--data=random", f"--save={saved}"]
        )
        drawn.append(load_file(saved))
    for name, value in drawn[1].items():
        assert np.array_equal(drawn[0][name].numpy(), value.numpy())


def test_parallelize_function_of_the_document(workspace, tmp_path):
    """The document's program with its own parallelize function: the styles that it chose are in the plan, the values as before."""
    folder = workspace.imported(
        FEEDFORWARD, "f64", f"--parallelize={MODELS / 'feedforward.py'}:parallelize_feedforward"
    )
    plan = compile_plan(folder, (2, 2), *adamw(1e-3))
    assert_trained_alike(
        train(plan, FEEDFORWARD, folder, tmp_path), train_in_torch(FEEDFORWARD, "f64", 1e-3), 1e-10, 1e-10
    )


@pytest.mark.parametrize("mesh", [(1, 1), (2, 2), (1, 4), (4, 1)], ids=lambda m: f"{m[0]}x{m[1]}")
def test_inference(workspace, tmp_path, mesh):
    """Without a loss and without --train: the output in its global shape."""
    model = Model("feedforward_forward", "feedforward.py", "build_forward", batch=16, hidden=256)
    folder = workspace.imported(model, "f64")
    run_plan(compile_plan(folder, mesh), model, folder, f"--output-dir={tmp_path}")
    _, evaluate = module_and_loss(model, "f64")
    assert distance(np.load(tmp_path / "output.npy"), to_numpy(evaluate(0))) <= 1e-13


@pytest.mark.parametrize("mesh", [(2, 2), (1, 3), (5, 1)], ids=lambda m: f"{m[0]}x{m[1]}")
def test_local_against_mpirun(workspace, tmp_path, mesh):
    """One process for all ranks against one a rank: f64 to 1e-12 (the order of a sum may differ)."""
    model = MODELS_UNDER_TEST[1] if 16 % mesh[0] or 256 % mesh[1] else FEEDFORWARD
    folder = workspace.imported(model, "f64")
    plan = compile_plan(folder, mesh, *adamw(1e-8))
    (tmp_path / "mpi").mkdir()
    local = train(plan, model, folder, tmp_path)
    assert_trained_alike(train(plan, model, folder, tmp_path / "mpi", ranks=mesh[0] * mesh[1]), local, 1e-12, 1e-12)


@pytest.mark.parametrize("model, mesh", EVERY_MESH)
def test_shared_memory_against_any(workspace, tmp_path, model, mesh):
    """Ten steps that read peers' memory against ten that copy it: f64 to 1e-12 (the order of a sum may differ)."""
    folder = workspace.imported(model, "f64")
    (tmp_path / "shared").mkdir()
    any_plan = compile_plan(folder, mesh, *adamw(1e-3))
    shared = compile_plan(folder, mesh, *adamw(1e-3), "--comm=local")
    expected = train(any_plan, model, folder, tmp_path)
    assert_trained_alike(train(shared, model, folder, tmp_path / "shared"), expected, 1e-12, 1e-12)


def test_twenty_runs_give_the_same_bits(workspace, tmp_path):
    """Reductions go in rank order, whatever thread comes first."""
    folder = workspace.imported(FEEDFORWARD, "f32")
    plan = compile_plan(folder, (2, 2), *adamw(1e-8))
    runs = []
    for i in range(20):
        output = tmp_path / str(i)
        output.mkdir()
        trained = train(plan, FEEDFORWARD, folder, output)
        runs.append((trained.losses.tobytes(), (output / "out.safetensors").read_bytes()))
    assert all(run == runs[0] for run in runs)


def test_seed_starts_as_the_module_would(workspace, tmp_path):
    """Drawn values lie where nn.Linear's would, fill the interval evenly, and are the same on every mesh."""
    folder = workspace.imported(FEEDFORWARD, "f32")
    drawn = {}
    for mesh in [(1, 1), (2, 2), (1, 4), (8, 1)]:
        saved = tmp_path / f"{mesh[0]}x{mesh[1]}.safetensors"
        plan = compile_plan(folder, mesh, *adamw(1e-8))
        _run_seeded(plan, saved, 5, folder)
        drawn[mesh] = {name: t.numpy() for name, t in load_file(saved).items()}
    module = FEEDFORWARD.build()[0]
    for name, parameter in module.named_parameters():
        bound = parameter.shape[1] ** -0.5
        values = drawn[1, 1][name]
        assert np.abs(values).max() <= bound and np.unique(values).size > 0.9 * values.size
        assert values.mean() == pytest.approx(0, abs=0.02 * bound) and values.std() == pytest.approx(
            bound / 3**0.5, rel=0.02
        )
        assert all(np.array_equal(d[name], values) for d in drawn.values())
    _run_seeded(compile_plan(folder, (1, 1), *adamw(1e-8)), tmp_path / "other.safetensors", 6, folder)
    assert not np.array_equal(load_file(tmp_path / "other.safetensors")["w1.weight"].numpy(), drawn[1, 1]["w1.weight"])


def _run_seeded(plan, saved, seed, folder):
    """One step at lr 0, which leaves the initial values as they are."""
    run_tool(
        [
            BUILD / "bin" / "fabric-run",
            plan,
            f"--seed={seed}",
            "--steps=1",
            "--lr=0",
            f"--data=x={folder / 'x.npy'}",
            f"--save={saved}",
        ]
    )

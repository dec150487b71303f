"""--parallelize: what a parallelize function for PyTorch does to the parameters.

The function runs unchanged, on the module with its parameters on the meta
device, under PyTorch's fake process group, with a device mesh as Lightning
Fabric gives it. It leaves DTensors; how they lie on the tensor-parallel dim of
the mesh is the parameter's TP style. Parameters that it leaves alone get no
style: the compiler chooses.
"""

import contextlib
import math

import torch

from .errors import ImportFailure, user_failure

# Lightning Fabric's names for the axes of the mesh.
LIGHTNING_NAMES = {"dp": "data_parallel", "tp": "tensor_parallel"}
TP = LIGHTNING_NAMES["tp"]

# Inserted into names by wrappers that a parallelize function may put around modules.
WRAPPERS = ("_checkpoint_wrapped_module.", "_orig_mod.", "_fsdp_wrapped_module.")


def tp_styles(module: torch.nn.Module, function, mesh: "dict[str, int]", where: str) -> "dict[str, str]":
    """From a parameter's name (any of a tied one's) to its style. Moves `module` to the meta device."""
    if "tp" not in mesh:
        raise ImportFailure(f"{where}: the mesh has no axis 'tp' (axes: {', '.join(mesh)})")
    module = module.to("meta")
    with _fake_ranks(mesh) as device_mesh, _sequence_parallel_modules() as on_sequence:
        try:
            result = function(module, device_mesh)
        except Exception as error:
            raise user_failure(f"{where}()", error) from None
        if not isinstance(result, torch.nn.Module):
            result = module
        sequence = {_plain(name) for name, m in result.named_modules() if id(m) in on_sequence}
        styles = {}
        for name, parameter in result.named_parameters(remove_duplicate=False):
            name = _plain(name)
            owner = name.rpartition(".")[0]
            placement = _tp_placement(parameter)
            if placement is not None:
                styles[name] = "sequence" if owner in sequence else _style(name, placement, where)
    return styles


def merge(styles: "dict[str, str]", canonical: "dict[str, str]") -> "dict[str, str]":
    """Under canonical names; the names of a tied parameter must not disagree."""
    merged = {}
    for name, style in styles.items():
        if name not in canonical:
            raise ImportFailure(
                f"--parallelize: the parallelized module has a parameter '{name}' that the module has not"
            )
        first = canonical[name]
        if merged.setdefault(first, style) != style:
            raise ImportFailure(f"--parallelize: '{name}' is tied to '{first}', but is {style} and not {merged[first]}")
    return merged


def _plain(name: str) -> str:
    for wrapper in WRAPPERS:
        name = name.replace(wrapper, "")
    return name


def _tp_placement(parameter):
    placements, mesh = getattr(parameter, "placements", None), getattr(parameter, "device_mesh", None)
    if placements is None or TP not in (mesh.mesh_dim_names or ()):
        return None
    return placements[mesh.mesh_dim_names.index(TP)]


def _style(name, placement, where) -> str:
    """`dist.tp` speaks of dims: colwise splits dim 0, rowwise dim 1. So an embedding that PyTorch splits rowwise,
    over the vocabulary, is colwise here, like the output layer that it may be tied to."""
    if placement.is_replicate():
        return "replicate"
    styles = {0: "colwise", 1: "rowwise"}
    dim = getattr(placement, "dim", None)
    if dim not in styles:
        raise ImportFailure(f"{where}: '{name}' is placed as {placement} over tensor_parallel, which is no TP style")
    return styles[dim]


@contextlib.contextmanager
def _fake_ranks(mesh):
    import torch.distributed as distributed
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    distributed.init_process_group("fake", rank=0, world_size=math.prod(mesh.values()), store=FakeStore())
    try:
        names = tuple(LIGHTNING_NAMES.get(name, name) for name in mesh)
        yield init_device_mesh("cpu", tuple(mesh.values()), mesh_dim_names=names)
    finally:
        distributed.destroy_process_group()


@contextlib.contextmanager
def _sequence_parallel_modules():
    """The ids of modules that get the SequenceParallel style: on parameters alone it looks like replication."""
    from torch.distributed.tensor.parallel import SequenceParallel

    seen, original = set(), SequenceParallel._apply

    def apply(style, module, device_mesh):
        seen.add(id(module))
        return original(style, module, device_mesh)

    SequenceParallel._apply = apply
    try:
        yield seen
    finally:
        SequenceParallel._apply = original

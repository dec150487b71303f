"""How long a chain of linears with activations takes to compile for training, on meshes of 4 to 1,024 ranks, and with
the choice of what is gathered."""

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, need, run

MESHES = [(2, 2), (8, 8), (32, 32)]
AUTO = ["--fsdp=auto"]
LAYERS, SECONDS = 2000, 3


def measure(options, folder, quiet):
    need(FABRIC_COMPILE, "fabric-compile")
    layers = 20 if options.quick else LAYERS
    meshes = MESHES[:1] if options.quick else MESHES
    sizes = [layers] if options.quick else [layers // 2, layers]
    seconds = {(size, mesh): [] for size in sizes for mesh in meshes if size == layers or mesh == MESHES[0]}
    with_auto = {size: [] for size in sizes}
    for size in sizes:
        (folder / f"chain-{size}.mlir").write_text(models.chain(size))
    for _ in range(options.rounds):
        for (size, (dp, tp)), values in seconds.items():
            values.append(compile_seconds(folder, quiet, size, (dp, tp)))
        for size in sizes:
            with_auto[size].append(compile_seconds(folder, quiet, size, MESHES[0], AUTO))
    figures = []
    for (size, (dp, tp)), values in seconds.items():
        case = f"{size} linears on {dp} x {tp}"
        figures.append(Figure("compile", case, "seconds", "s", values, SECONDS if size == LAYERS else None))
        if (dp, tp) != MESHES[0]:
            ratios = [a / b for a, b in zip(values, seconds[size, MESHES[0]], strict=True)]
            figures.append(Figure("compile", case, "time / time on 2 x 2", "", ratios, 1.1))
        elif size == LAYERS:
            ratios = [a / b for a, b in zip(values, seconds[size // 2, MESHES[0]], strict=True)]
            figures.append(Figure("compile", case, "time / time of half as many", "", ratios, 2.2))
    case = f"{layers} linears on 2 x 2, {AUTO[0]}"
    figures.append(Figure("compile", case, "seconds", "s", with_auto[layers]))
    if not options.quick:
        ratios = [a / b for a, b in zip(with_auto[layers], with_auto[layers // 2], strict=True)]
        figures.append(Figure("compile", case, "time / time of half as many", "", ratios, 2.2))
    return figures


def compile_seconds(folder, quiet, size, mesh, flags=()):
    quiet.sample()
    model, plan = folder / f"chain-{size}.mlir", folder / "chain.bin"
    return run([FABRIC_COMPILE, model, "-o", plan, f"--dp={mesh[0]}", f"--tp={mesh[1]}", *flags]).seconds

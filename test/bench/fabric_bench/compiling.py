"""How long a chain of linears with activations takes to compile for training, on meshes of 4 to 1,024 ranks."""

from . import models
from .figures import Figure
from .process import FABRIC_COMPILE, need, run

MESHES = [(2, 2), (8, 8), (32, 32)]
LAYERS, SECONDS = 2000, 3


def measure(options, folder, quiet):
    need(FABRIC_COMPILE, "fabric-compile")
    layers = 20 if options.quick else LAYERS
    meshes = MESHES[:1] if options.quick else MESHES
    sizes = [layers] if options.quick else [layers // 2, layers]
    seconds = {(size, mesh): [] for size in sizes for mesh in meshes if size == layers or mesh == MESHES[0]}
    for size in sizes:
        (folder / f"chain-{size}.mlir").write_text(models.chain(size))
    for _ in range(options.rounds):
        for (size, (dp, tp)), values in seconds.items():
            quiet.sample()
            model, plan = folder / f"chain-{size}.mlir", folder / "chain.bin"
            values.append(run([FABRIC_COMPILE, model, "-o", plan, f"--dp={dp}", f"--tp={tp}"]).seconds)
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
    return figures

"""The command line of fabric-import."""

import argparse
import os
import sys

from .errors import ImportFailure

DESCRIPTION = """\
Turns a PyTorch module into MLIR text of Fabric's dialect, which fabric-opt and
fabric-compile read.

The argument names a Python file and a function in it, without arguments, that
returns (module, example args) or (module, example args, loss):

  def build():
      return FeedForward(128, 256), (torch.randn(16, 128),), lambda y: y.sum()

The example args are forward's, as a tuple, or as a dict of keywords; only
their names, shapes and dtypes count. They carry the *global* batch, in dim 0
unless --batch-dim says otherwise. The loss is called on forward's results;
without one the results are forward's own, and the first scalar one is the
loss. A module on the meta device is imported too, without values.
"""

EXAMPLES = """\
examples:
  fabric-import model.py:build -o model.mlir --weights=model.safetensors
  fabric-import model.py:build -o model.mlir --dtype=f64
  fabric-import model.py:build -o model.mlir --parallelize=model.py:parallelize --mesh=dp=2,tp=2
      # calls parallelize(module, device_mesh), written for Lightning Fabric: the
      # mesh's dims are "data_parallel" and "tensor_parallel". The placements that
      # it leaves on the parameters become their TP styles.
  fabric-import model.py:build -o model.mlir --batch-dim=mask=none

then:
  fabric-compile model.mlir -o compiled.bin --dp=2 --tp=2 --train=adamw
  fabric-run compiled.bin --weights=model.safetensors --data=x=x.npy --save=out.safetensors
"""


def parse_mesh(text: str) -> "dict[str, int]":
    """'dp=2,tp=2' -> {'dp': 2, 'tp': 2}, major first."""
    mesh = {}
    for item in text.split(","):
        name, sep, size = item.strip().partition("=")
        if not sep or not name.isidentifier() or not size.isdigit() or int(size) < 1 or name in mesh:
            raise ImportFailure(f"--mesh={text}: expected distinct axes with positive sizes, as in dp=2,tp=2")
        mesh[name] = int(size)
    return mesh


def parse_batch_dims(items: "list[str]") -> "dict[str, int | None]":
    """['x=1', 'mask=none'] -> {'x': 1, 'mask': None}."""
    dims = {}
    for item in items:
        name, sep, dim = item.rpartition("=")
        if not sep or not name or not (dim == "none" or dim.isdigit()):
            raise ImportFailure(f"--batch-dim={item}: expected an input's name and a dim or 'none', as in x=1")
        dims[name] = None if dim == "none" else int(dim)
    return dims


def parser() -> argparse.ArgumentParser:
    class Parser(argparse.ArgumentParser):
        def error(self, message):
            raise ImportFailure(f"{message} (fabric-import --help shows the usage)")

    result = Parser(
        prog="fabric-import",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    result.add_argument(
        "program", metavar="model.py:build", help="a Python file and a function in it (build, if none is named)"
    )
    result.add_argument(
        "-o", dest="output", metavar="FILE", default="-", help="the MLIR text (default: standard output)"
    )
    result.add_argument(
        "--weights", metavar="FILE", help="also write the parameters, under the module's own names, as safetensors"
    )
    result.add_argument(
        "--dtype", choices=["f32", "bf16", "f64"], help="convert the module and its inputs first (default: as they are)"
    )
    result.add_argument(
        "--parallelize", metavar="model.py:fn", help="run fn(module, device_mesh) on meta tensors for the TP plan"
    )
    result.add_argument(
        "--mesh", metavar="dp=2,tp=2", help="the mesh to name in the module (with --parallelize dp=2,tp=2 if not given)"
    )
    result.add_argument(
        "--batch-dim",
        metavar="NAME=DIM",
        action="append",
        default=[],
        help="the batch dim of an input, or none (default 0)",
    )
    return result


def main(argv: "list[str] | None" = None) -> int:
    try:
        options = parser().parse_args(argv)
        options.mesh = parse_mesh(options.mesh) if options.mesh else None
        options.batch_dim = parse_batch_dims(options.batch_dim)
        try:
            import torch  # noqa: F401
        except ModuleNotFoundError as error:
            raise ImportFailure(
                f"{sys.executable} has no module '{error.name}': 'bash test/run.sh' makes a virtual environment with PyTorch in "
                f"build/venv; or pip install -r {requirements()} into one of yours and set FABRIC_PYTHON to its python"
            ) from None
        from .importer import run

        run(options)
    except ImportFailure as failure:
        print(f"fabric-import: error: {failure}", file=sys.stderr)
        return 1
    except BrokenPipeError:
        return 1
    return 0


def requirements() -> str:
    folder = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
    return os.path.relpath(os.path.join(folder, "requirements.txt"))

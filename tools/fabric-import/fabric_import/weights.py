"""The parameters as a safetensors file, under the module's own names."""

import os

from .errors import ImportFailure


def check(parameters) -> None:
    """Every parameter must have values."""
    for name, parameter in parameters.items():
        if parameter.is_meta:
            raise ImportFailure(
                f"--weights: parameter '{name}' is on the meta device and has no values; "
                "leave --weights out (fabric-run --seed draws them), or build the module on the CPU"
            )


def write(tensors, path: str) -> None:
    """Tied parameters are in the dict once, so they are in the file once."""
    from safetensors.torch import save_file

    save_file({name: t.cpu().contiguous() for name, t in tensors.items()}, path, metadata={"format": "pt"})


class Outputs:
    """Files written beside their targets, and moved there when the block ends; a failure leaves nothing behind."""

    def __init__(self):
        self._pending = []

    def add(self, path: str, write_to) -> None:
        temporary = f"{path}.{os.getpid()}.tmp"
        self._pending.append((temporary, path))
        try:
            open(temporary, "wb").close()
            mode = os.stat(temporary).st_mode
            write_to(temporary)
            os.chmod(temporary, mode)  # safetensors makes a file that only its owner can read
        except Exception as error:
            raise _unwritable(path, error) from None

    def __enter__(self):
        return self

    def __exit__(self, kind, error, traceback):
        try:
            for temporary, path in self._pending if kind is None else []:
                try:
                    os.replace(temporary, path)
                except OSError as failure:
                    raise _unwritable(path, failure) from None
        finally:
            for temporary, _ in self._pending:
                if os.path.exists(temporary):
                    os.remove(temporary)


def _unwritable(path, error) -> ImportFailure:
    reason = getattr(error, "strerror", None) or str(error)
    return ImportFailure(f"{path}: cannot be written: {reason}")

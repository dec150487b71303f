"""Import paths of PyTorch that programs still spell and a newer PyTorch may have moved."""

import importlib.abc
import importlib.machinery
import sys

# FSDP2 was first published here; now it is torch.distributed.fsdp.fully_shard.
FULLY_SHARD = "torch.distributed._composable.fsdp.fully_shard"


class _MovedModules(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """Last in line: asked only for modules that nobody else finds."""

    def find_spec(self, name, path=None, target=None):
        if (
            name == FULLY_SHARD
            or (FULLY_SHARD + ".").startswith(name + ".")
            and name.startswith("torch.distributed._composable")
        ):
            return importlib.machinery.ModuleSpec(name, self, is_package=name != FULLY_SHARD)
        return None

    def create_module(self, spec):
        return None

    def exec_module(self, module):
        from torch.distributed.fsdp import fully_shard

        module.fully_shard = fully_shard


def provide_moved_modules() -> None:
    if not any(isinstance(finder, _MovedModules) for finder in sys.meta_path):
        sys.meta_path.append(_MovedModules())

"""Shared by all end-to-end tests: the importer's package is in reach, and PyTorch runs on few threads."""

import sys
from pathlib import Path

import pytest
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "tools" / "fabric-import"))
torch.set_num_threads(2)


@pytest.fixture(scope="session")
def workspace(tmp_path_factory):
    from harness import Workspace

    return Workspace(tmp_path_factory.mktemp("workspace"))

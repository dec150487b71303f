"""The lit suite: IR tests, tools, and end-to-end runs of compiled plans."""

import os

import lit.formats
from lit.llvm import llvm_config
from lit.llvm.subst import ToolSubst

config.name = "Fabric"
config.test_format = lit.formats.ShTest(not llvm_config.use_lit_shell)
config.suffixes = [".mlir", ".test"]
config.excludes = ["models", "unit", "Inputs", "e2e", "bench"]
config.test_source_root = os.path.dirname(__file__)
config.test_exec_root = os.path.join(config.fabric_obj_root, "test")

llvm_config.use_default_substitutions()
llvm_config.with_environment("PATH", config.llvm_tools_dir, append_path=True)
llvm_config.with_environment("PATH", config.fabric_tools_dir, append_path=True)
# One thread a rank: the tests run side by side.
llvm_config.with_environment("OMP_NUM_THREADS", "1")

config.substitutions.append(("%models", os.path.join(config.test_source_root, "models")))
config.substitutions.append(("%unit", os.path.join(config.fabric_obj_root, "test", "unit")))
# As root on few cores, Open MPI has to be told that this is meant.
config.substitutions.append(
    ("%mpirun", "mpirun --allow-run-as-root --oversubscribe"))

llvm_config.add_tool_substitutions(
    [
        ToolSubst("fabric-opt", unresolved="fatal"),
        ToolSubst("fabric-compile", unresolved="ignore"),
        ToolSubst("fabric-run", unresolved="ignore"),
        ToolSubst("fabric-verify", unresolved="ignore"),
        ToolSubst("fabric-check-values", unresolved="ignore"),
    ],
    [config.fabric_tools_dir, config.llvm_tools_dir],
)
# Built with CUDA, and with the driver that tests put in the place of NVIDIA's.
if os.path.exists(os.path.join(config.fabric_obj_root, "test", "unit", "fake-cuda", "libcuda.so.1")):
    config.available_features.add("cuda-build")
# What the toolkit's assembler says of generated PTX.
config.substitutions.append(
    ("%ptxas", os.path.join(config.test_source_root, "ptxas.sh") + " " + config.ptxas))
if config.ptxas:
    config.available_features.add("ptxas")
if config.have_mpi:
    config.available_features.add("mpi")

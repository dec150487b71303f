//===- fabric-verify.cpp - Proves a plan on the user's own model ----------===//

#include "compiler/Verify/VerifyCommand.h"

#include <CLI/CLI.hpp>
#include <iostream>

using mlir::fabric::MeshSize;
using mlir::fabric::VerifyCommand;

/// "2x4" -> dp 2, tp 4.
static bool parseMesh(const std::string &text, MeshSize &mesh) {
  size_t cross = text.find('x');
  auto parse = [](const std::string &digits, int64_t &size) {
    if (digits.empty() || digits.size() > 6 ||
        digits.find_first_not_of("0123456789") != std::string::npos)
      return false;
    size = std::stoll(digits);
    return size > 0;
  };
  return cross != std::string::npos && parse(text.substr(0, cross), mesh.dp) &&
         parse(text.substr(cross + 1), mesh.tp);
}

/// The flags of fabric-compile that a user would try here.
static std::string refuseDtype(const std::string &) {
  return "everything is verified in f64, where nothing is rounded, so that any "
         "difference is an error; leave it out";
}

int main(int argc, char **argv) {
  CLI::App app(
      "Compares, in f64, the loss and every gradient that compiled plans "
      "compute\n"
      "with what the unsharded model computes in the reference interpreter.\n\n"
      "  fabric-verify model.mlir --meshes=2x2,4x1,1x4\n"
      "  fabric-verify model.mlir --meshes=2x2 --weights=w.safetensors "
      "--data=x=x.npy\n\n"
      "Errors are norm-wise, relative to the larger of a result's own norm "
      "and\n"
      "1e-3 of the global one. The exit status is 0 if all agree. Where one "
      "does "
      "not,\na line says after which phase of the compiler, and in which op "
      "first.\n",
      "fabric-verify");
  VerifyCommand command;
  std::vector<std::string> meshes;
  std::string comm = "any";
  std::string fsdp = "gather";
  std::string overlap = "off";
  app.add_option("model", command.model, "the model: an MLIR file")->required();
  app.add_option("--meshes", meshes, "DPxTP, with commas between (2x2)")
      ->delimiter(',');
  app.add_option("--tp-plan", command.tpPlan,
                 "JSON file of TP styles by parameter");
  app.add_option("--weights", command.weights,
                 "safetensors file (default: drawn from --seed)");
  app.add_option("--data", command.data,
                 "NAME=FILE.npy, NAME=random, NAME=random:LOW:HIGH (random)");
  app.add_option("--seed", command.seed, "of drawn weights and data (0)");
  app.add_option("--tolerance", command.tolerance, "largest error (1e-12)")
      ->check(CLI::PositiveNumber);
  app.add_option("--memory", command.memory,
                 "min, fast or a budget in bytes, as in fabric-compile (fast)");
  app.add_option("--comm", comm, "any or local, as in fabric-compile (any)")
      ->check(CLI::IsMember({"any", "local"}));
  app.add_option("--fsdp", fsdp, "gather or auto, as in fabric-compile")
      ->check(CLI::IsMember({"gather", "auto"}));
  app.add_flag("--join-products", command.joinProducts, "as in fabric-compile");
  app.add_option("--overlap", overlap, "on or off, as in fabric-compile (off)")
      ->check(CLI::IsMember({"on", "off"}));
  std::string dtype;
  for (const char *flag : {"--param-dtype", "--reduce-dtype"})
    app.add_option(flag, dtype, "not here: plans are verified in f64")
        ->check(refuseDtype);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success &success) {
    return app.exit(success);
  } catch (const CLI::ParseError &error) {
    std::cerr << "fabric-verify: error: " << error.what() << "\n";
    return 2;
  }
  command.sharedMemory = comm == "local";
  command.fsdpAuto = fsdp == "auto";
  command.overlap = overlap == "on";
  if (command.sharedMemory && command.overlap) {
    std::cerr << "fabric-verify: error: --overlap=on needs --comm=any\n";
    return 2;
  }
  if (meshes.empty())
    meshes = {"2x2"};
  for (const std::string &text : meshes) {
    MeshSize mesh;
    if (!parseMesh(text, mesh)) {
      std::cerr
          << "fabric-verify: error: --meshes: expected DPxTP such as 2x2, "
             "found "
          << text << "\n";
      return 2;
    }
    command.meshes.push_back(mesh);
  }
  return mlir::fabric::runVerify(command);
}

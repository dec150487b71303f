//===- GenerateFixture.h - Generated programs in a test ---------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_GENERATE_GENERATEFIXTURE_H
#define FABRIC_TEST_UNIT_GENERATE_GENERATEFIXTURE_H

#include "compiler/Registration.h"
#include "test/generate/Check.h"
#include "test/generate/Generate.h"
#include "gtest/gtest.h"

namespace mlir::fabric::generate {

class GenerateFixture {
protected:
  /// The programs of `FABRIC_TEST_PROGRAMS`, else `count`.
  static unsigned getNumPrograms(unsigned count) {
    const char *text = std::getenv("FABRIC_TEST_PROGRAMS");
    return text ? std::atoi(text) : count;
  }

  /// One for each program: what a context has made stays in it.
  static std::unique_ptr<MLIRContext> makeContext() {
    DialectRegistry registry;
    registerDialects(registry);
    auto context = std::make_unique<MLIRContext>(
        registry, MLIRContext::Threading::DISABLED);
    context->loadAllAvailableDialects();
    return context;
  }

  static dist::MeshAttr makeMesh(MLIRContext *context,
                                 ArrayRef<std::pair<StringRef, int64_t>> axes) {
    SmallVector<StringAttr> names;
    SmallVector<int64_t> sizes;
    for (auto [name, size] : axes) {
      names.push_back(StringAttr::get(context, name));
      sizes.push_back(size);
    }
    return dist::MeshAttr::get(context, names, sizes);
  }
};

} // namespace mlir::fabric::generate

#endif // FABRIC_TEST_UNIT_GENERATE_GENERATEFIXTURE_H

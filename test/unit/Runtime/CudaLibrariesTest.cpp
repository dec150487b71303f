//===- CudaLibrariesTest.cpp - What is loaded when it is needed -----------===//
//
// The functions of cuBLASLt and NCCL are found by name, which no compiler
// checks; nothing here needs a GPU.
//
//===----------------------------------------------------------------------===//

#include "runtime/Comm/NcclConnection.h"
#include "runtime/Kernels/CudaGemm.h"
#include "runtime/Support/SharedLibrary.h"

#include <gtest/gtest.h>

using namespace fabric;

namespace {

TEST(CudaLibraries, NcclHasTheFunctions) {
  auto nccl = comm::Nccl::load();
  ASSERT_TRUE(nccl.ok()) << nccl.message();
  EXPECT_TRUE((*nccl)->check(ncclSuccess, "a call", nullptr).ok());
  EXPECT_TRUE((*nccl)->check(ncclInProgress, "a call", nullptr).ok());
  Status status = (*nccl)->check(ncclInvalidArgument, "a call", nullptr);
  ASSERT_TRUE(status.failed());
  EXPECT_EQ(status.message().find("NCCL: a call: "), 0u) << status.message();
  EXPECT_EQ(status.message().find('\n'), std::string::npos);
}

TEST(CudaLibraries, CublasLtHasTheFunctions) {
  auto gemms = kernels::createCudaGemms();
  // Without a GPU it is the library itself that refuses, not the search.
  if (gemms.failed()) {
    EXPECT_EQ(gemms.message().find("cuBLASLt: cublasLtCreate: "), 0u)
        << gemms.message();
  }
}

TEST(CudaLibraries, WhatIsNotThereIsNamed) {
  auto library = SharedLibrary::open("libfabric-none.so.7");
  ASSERT_TRUE(library.failed());
  EXPECT_EQ(library.message().find("cannot load libfabric-none.so.7: "), 0u)
      << library.message();
  library = SharedLibrary::open("libc.so.6");
  ASSERT_TRUE(library.ok());
  void (*function)() = nullptr;
  EXPECT_EQ(library->find(function, "fabric_none").message(),
            "libc.so.6 has no function fabric_none");
}

} // namespace

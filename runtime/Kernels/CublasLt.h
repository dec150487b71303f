//===- CublasLt.h - cuBLASLt, wrapped ---------------------------*- C++ -*-===//
//
// Private to the files of runtime/Kernels that CMake builds with CUDA.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_KERNELS_CUBLASLT_H
#define FABRIC_RUNTIME_KERNELS_CUBLASLT_H

#include "runtime/Support/SharedLibrary.h"

#include <cstdint>
#include <cublasLt.h>
#include <string>
#include <utility>

namespace fabric::kernels {

/// The library, found when the first product is made: none is linked.
struct CublasLt {
  SharedLibrary library;
#define FABRIC_CUBLASLT_FUNCTIONS(X)                                           \
  X(cublasLtCreate)                                                            \
  X(cublasLtDestroy)                                                           \
  X(cublasLtGetStatusString)                                                   \
  X(cublasLtGetVersion)                                                        \
  X(cublasLtMatmul)                                                            \
  X(cublasLtMatmulAlgoCheck)                                                   \
  X(cublasLtMatmulAlgoGetHeuristic)                                            \
  X(cublasLtMatmulDescCreate)                                                  \
  X(cublasLtMatmulDescDestroy)                                                 \
  X(cublasLtMatmulDescSetAttribute)                                            \
  X(cublasLtMatmulPreferenceCreate)                                            \
  X(cublasLtMatmulPreferenceDestroy)                                           \
  X(cublasLtMatmulPreferenceSetAttribute)                                      \
  X(cublasLtMatrixLayoutCreate)                                                \
  X(cublasLtMatrixLayoutDestroy)                                               \
  X(cublasLtMatrixLayoutSetAttribute)
#define FABRIC_DECLARE(name) decltype(&::name) name = nullptr;
  FABRIC_CUBLASLT_FUNCTIONS(FABRIC_DECLARE)
#undef FABRIC_DECLARE

  Status load() {
    std::string file = "libcublasLt.so." + std::to_string(CUBLAS_VER_MAJOR);
    FABRIC_ASSIGN_OR_RETURN(library, SharedLibrary::open(file));
#define FABRIC_FIND(name) FABRIC_RETURN_IF_ERROR(library.find(name, #name));
    FABRIC_CUBLASLT_FUNCTIONS(FABRIC_FIND)
#undef FABRIC_FIND
    return Status::success();
  }
#undef FABRIC_CUBLASLT_FUNCTIONS

  /// The one converter.
  Status check(cublasStatus_t code, const char *call) const {
    if (code == CUBLAS_STATUS_SUCCESS)
      return Status::success();
    return Status::error("cuBLASLt: ", call, ": ",
                         cublasLtGetStatusString(code));
  }
};

/// An object of the library, and the library that takes it back.
template <typename Handle> class Owned {
public:
  using Close = cublasStatus_t (*)(Handle);
  Owned() = default;
  Owned(Handle handle, Close close) : handle(handle), close(close) {}
  Owned(Owned &&other) noexcept
      : handle(std::exchange(other.handle, nullptr)), close(other.close) {}
  Owned &operator=(Owned &&other) noexcept {
    std::swap(handle, other.handle);
    std::swap(close, other.close);
    return *this;
  }
  ~Owned() {
    if (handle)
      (void)close(handle);
  }
  Handle get() const { return handle; }

private:
  Handle handle = nullptr;
  Close close = nullptr;
};

/// A library and its handle; outlives what is made with it.
struct CublasLtContext {
  CublasLt lt;
  Owned<cublasLtHandle_t> handle;
};

} // namespace fabric::kernels

#endif // FABRIC_RUNTIME_KERNELS_CUBLASLT_H

//===- OneDnnGemm.cpp - f32 and bf16 products -----------------------------===//
//
// One matmul primitive a layout, on the plan's strides: a transposed operand is
// a stride, never a reorder of ours. The bias is oneDNN's own, accumulation its
// sum post-op. Scratch memory is ours (user mode), so nothing is allocated in a
// step; oneDNN keeps the generated code in a cache that all ranks share.
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/GemmBackends.h"

#include <array>
#include <oneapi/dnnl/dnnl.hpp>

// From the OpenMP runtime that oneDNN is linked with, not the compiler's own:
// with clang these are two libraries.
extern "C" void omp_set_num_threads(int threads);

namespace fabric::kernels {
namespace {

using dnnl::memory;

/// The one place that turns oneDNN's exceptions into a Status.
template <typename Work> Status guarded(Work work) {
  try {
    work();
    return Status::success();
  } catch (const dnnl::error &error) {
    return Status::error("oneDNN: ", error.what());
  }
}

memory::data_type typeOf(DType dtype) {
  switch (dtype) {
  case DType::F32:
    return memory::data_type::f32;
  case DType::BF16:
    return memory::data_type::bf16;
  default:
    return memory::data_type::undef;
  }
}

memory::desc describe(DType dtype, int64_t batch, int64_t rows, int64_t columns,
                      const MatrixLayout &layout) {
  memory::dims dims = {rows, columns};
  memory::dims strides = {layout.leading, 1};
  if (layout.transposed)
    std::swap(strides[0], strides[1]);
  if (batch > 1) {
    // One matrix for the whole batch is a broadcast dim.
    dims.insert(dims.begin(), layout.batchStride == 0 ? 1 : batch);
    strides.insert(strides.begin(), layout.batchStride == 0
                                        ? rows * columns
                                        : layout.batchStride);
  }
  return memory::desc(dims, typeOf(dtype), strides);
}

class OneDnnGemm final : public Gemm {
public:
  Status initialize(const GemmDesc &desc) {
    return guarded([&] {
      memory::desc a = describe(desc.input, desc.batch, desc.m, desc.k, desc.a);
      memory::desc b = describe(desc.input, desc.batch, desc.k, desc.n, desc.b);
      memory::desc c =
          describe(desc.output, desc.batch, desc.m, desc.n, desc.c);

      dnnl::primitive_attr attributes;
      attributes.set_scratchpad_mode(dnnl::scratchpad_mode::user);
      if (desc.accumulate) {
        dnnl::post_ops operations;
        operations.append_sum(1.0f);
        attributes.set_post_ops(operations);
      }

      memory::desc bias;
      if (desc.bias) {
        memory::dims dims = {1, desc.n}, strides = {desc.n, 1};
        if (desc.batch > 1) {
          dims.insert(dims.begin(), 1);
          strides.insert(strides.begin(), desc.n);
        }
        bias = memory::desc(dims, typeOf(*desc.bias), strides);
      }
      dnnl::matmul::desc operation = desc.bias
                                         ? dnnl::matmul::desc(a, b, bias, c)
                                         : dnnl::matmul::desc(a, b, c);
      dnnl::matmul::primitive_desc prepared(operation, attributes, engine);
      primitive = dnnl::matmul(prepared);
      memory::desc scratchpad = prepared.scratchpad_desc();
      scratch = static_cast<int64_t>(scratchpad.get_size());

      bind(DNNL_ARG_SRC, a);
      bind(DNNL_ARG_WEIGHTS, b);
      bind(DNNL_ARG_DST, c);
      bind(DNNL_ARG_SCRATCHPAD, scratchpad);
      if (desc.bias)
        bind(DNNL_ARG_BIAS, bias);
    });
  }

  int64_t scratchBytes() const override { return scratch; }

  Status run(const void *a, const void *b, const void *bias, void *c,
             void *scratchpad) override {
    // In the order of bind(). The C functions, for the C++ ones allocate.
    const void *addresses[] = {a, b, c, scratchpad, bias};
    for (int i = 0; i < numArguments; ++i)
      FABRIC_RETURN_IF_ERROR(
          check(dnnl_memory_set_data_handle(arguments[i].memory,
                                            const_cast<void *>(addresses[i])),
                "setting an address"));
    FABRIC_RETURN_IF_ERROR(
        check(dnnl_primitive_execute(primitive.get(), stream.get(),
                                     numArguments, arguments.data()),
              "running a product"));
    return check(dnnl_stream_wait(stream.get()), "waiting for a product");
  }

private:
  static Status check(dnnl_status_t status, const char *what) {
    if (status == dnnl_success)
      return Status::success();
    return Status::error("oneDNN: ", what, " failed with status ", status);
  }

  void bind(int argument, const memory::desc &desc) {
    memories[numArguments] = memory(desc, engine, DNNL_MEMORY_NONE);
    arguments[numArguments] = {argument, memories[numArguments].get()};
    ++numArguments;
  }

  dnnl::engine engine{dnnl::engine::kind::cpu, 0};
  dnnl::stream stream{engine};
  dnnl::matmul primitive;
  std::array<memory, 5> memories;
  std::array<dnnl_exec_arg_t, 5> arguments = {};
  int numArguments = 0;
  int64_t scratch = 0;
};

} // namespace

Expected<std::unique_ptr<Gemm>> createOneDnnGemm(const GemmDesc &desc) {
  std::unique_ptr<OneDnnGemm> gemm;
  FABRIC_RETURN_IF_ERROR(
      guarded([&] { gemm = std::make_unique<OneDnnGemm>(); }));
  Status status = gemm->initialize(desc);
  if (status.failed() && desc.input == DType::BF16)
    return Status::error("products of bf16 need a processor with AVX-512 (",
                         status.message(), ")");
  FABRIC_RETURN_IF_ERROR(status);
  return std::unique_ptr<Gemm>(std::move(gemm));
}

void setOneDnnThreads(int threads) { omp_set_num_threads(threads); }

} // namespace fabric::kernels

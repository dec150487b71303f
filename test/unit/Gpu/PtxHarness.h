//===- PtxHarness.h - Short pieces of PTX, run ------------------*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_GPU_PTXHARNESS_H
#define FABRIC_TEST_UNIT_GPU_PTXHARNESS_H

#include "../Runtime/StatusMatchers.h"

#include "test/gpu/emulator/Launch.h"

#include <bit>
#include <cstring>

namespace fabric::test {

/// A kernel `k` of buffers `a` and `b`, whose addresses are in %a and %b.
inline std::string kernel(const std::string &body) {
  return R"(.version 7.0
.target sm_80
.address_size 64
.visible .entry k(.param .u64 a, .param .u64 b)
{
.reg .pred %p<8>; .reg .b16 %h<8>; .reg .b32 %r<16>; .reg .b64 %d<16>, %a, %b;
ld.param.u64 %a, [a];
ld.param.u64 %b, [b];
)" + body +
         "\nret;\n}\n";
}
/// The line of the body's first line.
constexpr int firstLine = 9;

/// Runs kernel(body) on buffers that it may change.
template <typename A, typename B>
Status runOn(const std::string &body, plan::Grid grid, std::vector<A> &a,
             std::vector<B> &b) {
  FABRIC_ASSIGN_OR_RETURN(emulator::Code code,
                          emulator::parsePtx(kernel(body)));
  emulator::DeviceMemory memory;
  emulator::Launcher launcher(memory);
  auto place = [&](auto &host) {
    auto bytes = static_cast<int64_t>(host.size() * sizeof(host[0]));
    uint64_t address = *memory.allocate(bytes, 256);
    std::memcpy(memory.find(address, 0)->bytes.get(), host.data(),
                static_cast<size_t>(bytes));
    return address;
  };
  auto fetch = [&](auto &host, uint64_t address) {
    std::memcpy(host.data(), memory.find(address, 0)->bytes.get(),
                host.size() * sizeof(host[0]));
  };
  uint64_t aAddress = place(a), bAddress = place(b);
  void *parameters[] = {reinterpret_cast<void *>(aAddress),
                        reinterpret_cast<void *>(bAddress)};
  FABRIC_RETURN_IF_ERROR(
      launcher.launch(code, code.entries.at("k"), grid, parameters));
  fetch(a, aAddress);
  fetch(b, bAddress);
  return Status::success();
}

constexpr plan::Grid oneThread = {{1, 1, 1}, {1, 1, 1}, 0};
constexpr plan::Grid blocks(int64_t number, int64_t threads) {
  return {{number, 1, 1}, {threads, 1, 1}, 0};
}

/// `mnemonic result, operands` by one thread: what the instruction makes of
/// operands of these types. A bool is a predicate.
template <typename Result, typename... Operands>
Result evaluate(const std::string &mnemonic, Operands... operands) {
  auto typeOf = []<typename T>(T) {
    return std::is_same_v<T, bool> ? std::string("pred")
                                   : "b" + std::to_string(8 * sizeof(T));
  };
  std::string body = ".reg ." + typeOf(Result{}) + " %result;\n", list;
  std::vector<uint64_t> cells;
  int number = 0;
  auto add = [&]<typename T>(T operand) {
    std::string name = "%x" + std::to_string(number), type = typeOf(operand);
    std::string place = "[%a+" + std::to_string(8 * number) + "]";
    body += ".reg ." + type + " " + name + ";\n";
    if (type == "pred")
      body += "ld.global.b32 %r0, " + place + ";\nsetp.ne.b32 " + name +
              ", %r0, 0;\n";
    else
      body += "ld.global." + type + " " + name + ", " + place + ";\n";
    list += ", " + name;
    uint64_t cell = 0;
    std::memcpy(&cell, &operand, sizeof(T));
    cells.push_back(cell);
    ++number;
  };
  (add(operands), ...);
  body += mnemonic + " %result" + list + ";\n";
  if (std::is_same_v<Result, bool>)
    body += "selp.b32 %r0, 1, 0, %result;\nst.global.b32 [%b], %r0;";
  else
    body += "st.global." + typeOf(Result{}) + " [%b], %result;";
  std::vector<uint64_t> out = {0};
  EXPECT_TRUE(succeeded(runOn(body, oneThread, cells, out))) << body;
  Result result;
  std::memcpy(&result, out.data(), sizeof(result));
  return result;
}

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_GPU_PTXHARNESS_H

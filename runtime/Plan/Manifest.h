//===- Manifest.h - Words that writer and reader share ----------*- C++ -*-===//
//
// Private to runtime/Plan: the layout of the plan file, and the spelling of the
// enums in its manifest.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_PLAN_MANIFEST_H
#define FABRIC_RUNTIME_PLAN_MANIFEST_H

#include "runtime/Plan/Plan.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace fabric::plan::manifest {

inline constexpr std::string_view magic = "FABRPLAN";
inline constexpr uint32_t version = 1;
/// Magic, version, zero, length of the manifest.
inline constexpr int64_t headerBytes = 24;
inline constexpr int64_t sectionAlignment = 64;
inline constexpr int64_t digestBytes = 32;

template <typename Enum, size_t N>
using Names = std::array<std::pair<Enum, std::string_view>, N>;

inline constexpr Names<Mode, 3> modes = {{{Mode::Inference, "inference"},
                                          {Mode::Gradients, "gradients"},
                                          {Mode::Train, "train"}}};

inline constexpr Names<DType, 8> dtypes = {{{DType::F32, "f32"},
                                            {DType::BF16, "bf16"},
                                            {DType::F16, "f16"},
                                            {DType::F64, "f64"},
                                            {DType::I8, "i8"},
                                            {DType::I32, "i32"},
                                            {DType::I64, "i64"},
                                            {DType::Bool, "bool"}}};

inline constexpr Names<Initializer::Kind, 3> initializers = {
    {{Initializer::Kind::Uniform, "uniform"},
     {Initializer::Kind::Normal, "normal"},
     {Initializer::Kind::Constant, "constant"}}};

inline constexpr Names<Collective::Kind, 5> collectives = {
    {{Collective::Kind::AllGather, "all_gather"},
     {Collective::Kind::ReduceScatter, "reduce_scatter"},
     {Collective::Kind::AllReduce, "all_reduce"},
     {Collective::Kind::AllToAll, "all_to_all"},
     {Collective::Kind::AllSlice, "all_slice"}}};

inline constexpr Names<Collective::Reduction, 3> reductions = {
    {{Collective::Reduction::Sum, "sum"},
     {Collective::Reduction::Max, "max"},
     {Collective::Reduction::Min, "min"}}};

/// By their index in Instruction::op.
inline constexpr Names<size_t, 7> ops = {{{0, "gemm"},
                                          {1, "launch"},
                                          {2, "collective"},
                                          {3, "copy"},
                                          {4, "barrier"},
                                          {5, "record"},
                                          {6, "wait"}}};

constexpr const auto &namesOf(Mode) { return modes; }
constexpr const auto &namesOf(DType) { return dtypes; }
constexpr const auto &namesOf(Initializer::Kind) { return initializers; }
constexpr const auto &namesOf(Collective::Kind) { return collectives; }
constexpr const auto &namesOf(Collective::Reduction) { return reductions; }

/// Empty for a value that is none of the enum's.
template <typename Enum, size_t N>
std::string_view nameOf(const Names<Enum, N> &names, Enum value) {
  for (const auto &[candidate, name] : names)
    if (candidate == value)
      return name;
  return {};
}

template <typename Enum, size_t N>
std::optional<Enum> parse(const Names<Enum, N> &names, std::string_view text) {
  for (const auto &[value, name] : names)
    if (name == text)
      return value;
  return std::nullopt;
}

/// "f32, bf16 or f16".
template <typename Enum, size_t N>
std::string listOf(const Names<Enum, N> &names) {
  std::string text;
  for (size_t i = 0; i < N; ++i)
    text += std::string(i == 0      ? ""
                        : i + 1 < N ? ", "
                                    : " or ") +
            std::string(names[i].second);
  return text;
}

} // namespace fabric::plan::manifest

#endif // FABRIC_RUNTIME_PLAN_MANIFEST_H

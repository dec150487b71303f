//===- DataSource.h - The inputs of every step ------------------*- C++ -*-===//
//
// What `--data` means. Every rank reads or draws its own box of an input, and
// which sample goes into which global batch depends on the step only, never on
// the mesh.
//
//   x=x.npy            x's shape with a dim more in front, [n, ...]: step s
//                      takes x[s mod n]. An array of x's own rank is samples
//                      along x's batch dim, cut in order into n global batches;
//                      a rest that fills none is dropped, with a note.
//   x=random           normal(0, 1) numbers, keyed by (seed, "data:x:s", index)
//   x=random:LOW:HIGH  integers in [LOW, HIGH), for integer inputs; numbers
//                      uniform in [LOW, HIGH) for the others
//   random             x=random for every input that has no entry of its own
//
// dtypes: an array of floats has the input's dtype, but for bf16, which .npy
// does not know: it takes f32, rounded. An integer input takes i8, i32 and i64,
// and every number is checked against the input's range as it is read.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_DATA_DATASOURCE_H
#define FABRIC_RUNTIME_DATA_DATASOURCE_H

#include "runtime/Plan/Plan.h"
#include "runtime/Support/Box.h"
#include "runtime/Support/Status.h"

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace fabric::data {

/// Where the global value of one input comes from. read() is thread safe.
class InputSource {
public:
  virtual ~InputSource() = default;
  /// The box of the input at step `step`, dense and row major, as elements of
  /// the input's dtype.
  virtual Status read(int64_t step, const Box &box, void *shard) const = 0;
};

/// The sources of all inputs of a plan.
class DataSource {
public:
  /// `specs` are the values of `--data` as they were given. Fails on an unknown
  /// input, one with two entries or none, and on an array that does not fit;
  /// the message names input, file, expected and found.
  static Expected<std::unique_ptr<DataSource>>
  open(const std::vector<std::string> &specs, const plan::Plan &plan,
       uint64_t seed);

  /// Fills `shard` with the box of `input` at step `step`, counted from 0.
  /// Thread safe.
  Status read(std::string_view input, int64_t step, const Box &box,
              void *shard) const;

  /// Remarks for people, one line each: dropped samples.
  const std::vector<std::string> &notes() const { return remarks; }

private:
  DataSource() = default;

  std::map<std::string, std::unique_ptr<InputSource>, std::less<>> sources;
  std::vector<std::string> remarks;
};

} // namespace fabric::data

#endif // FABRIC_RUNTIME_DATA_DATASOURCE_H

//===- Status.h - Errors as values ------------------------------*- C++ -*-===//
//
// Everything in the runtime that can fail returns a Status or an Expected<T>.
// Nothing throws across a library boundary and nothing calls exit: the tools
// print the one line that a Status holds and choose the exit code.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_STATUS_H
#define FABRIC_RUNTIME_SUPPORT_STATUS_H

#include <cassert>
#include <optional>
#include <sstream>
#include <string>
#include <utility>
#include <variant>

namespace fabric {

/// Success, or one line that says what failed. Messages start in lower case,
/// carry no full stop, and name the file, op, dim, axis, rank or flag.
class [[nodiscard]] Status {
public:
  static Status success() { return Status(); }

  /// Builds the message from streamable pieces: `Status::error("rank ", r)`.
  template <typename... Pieces>
  static Status error(const Pieces &...pieces) {
    std::ostringstream stream;
    (stream << ... << pieces);
    Status status;
    status.text = stream.str();
    return status;
  }

  bool ok() const { return !text.has_value(); }
  bool failed() const { return text.has_value(); }
  const std::string &message() const {
    assert(failed() && "a success has no message");
    return *text;
  }

  /// The same failure seen from one level up: "context: message".
  Status in(const std::string &context) const {
    return ok() ? success() : error(context, ": ", *text);
  }

private:
  Status() = default;
  std::optional<std::string> text;
};

/// A value, or the reason why there is none.
template <typename T>
class [[nodiscard]] Expected {
public:
  Expected(T value) : storage(std::move(value)) {}
  Expected(Status status) : storage(std::move(status)) {
    assert(std::get<Status>(storage).failed() && "a success needs a value");
  }

  bool ok() const { return std::holds_alternative<T>(storage); }
  bool failed() const { return !ok(); }
  const Status &status() const { return std::get<Status>(storage); }
  const std::string &message() const { return status().message(); }

  T &operator*() { return std::get<T>(storage); }
  const T &operator*() const { return std::get<T>(storage); }
  T *operator->() { return &std::get<T>(storage); }
  const T *operator->() const { return &std::get<T>(storage); }

private:
  std::variant<T, Status> storage;
};

} // namespace fabric

/// Returns from the enclosing function when `expr` is a failed Status.
#define FABRIC_RETURN_IF_ERROR(expr)                                           \
  do {                                                                         \
    ::fabric::Status status_ = (expr);                                         \
    if (status_.failed())                                                      \
      return status_;                                                          \
  } while (false)

#define FABRIC_CONCAT_INNER_(a, b) a##b
#define FABRIC_CONCAT_(a, b) FABRIC_CONCAT_INNER_(a, b)

/// Declares `lhs` from an Expected, or returns its failure.
#define FABRIC_ASSIGN_OR_RETURN(lhs, expr)                                     \
  FABRIC_ASSIGN_OR_RETURN_IMPL_(FABRIC_CONCAT_(expected_, __LINE__), lhs, expr)
#define FABRIC_ASSIGN_OR_RETURN_IMPL_(tmp, lhs, expr)                          \
  auto tmp = (expr);                                                           \
  if (tmp.failed())                                                            \
    return tmp.status();                                                       \
  lhs = std::move(*tmp)

#endif // FABRIC_RUNTIME_SUPPORT_STATUS_H

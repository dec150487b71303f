//===- UniqueHandle.h - Ownership of foreign handles ------------*- C++ -*-===//
//
// The one template behind every wrapper of a handle that a C library gives out:
// file descriptors, shared objects, MPI communicators. A `Traits` names the
// handle's type, its empty value and how it is given back:
//
//   struct FileTraits {
//     using Handle = int;
//     static Handle null() { return -1; }
//     static void close(Handle fd) { ::close(fd); }
//   };
//   using UniqueFile = UniqueHandle<FileTraits>;
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_UNIQUEHANDLE_H
#define FABRIC_RUNTIME_SUPPORT_UNIQUEHANDLE_H

#include <utility>

namespace fabric {

/// Owns one handle; move only.
template <typename Traits> class UniqueHandle {
public:
  using Handle = typename Traits::Handle;

  UniqueHandle() = default;
  explicit UniqueHandle(Handle handle) : handle(handle) {}
  UniqueHandle(UniqueHandle &&other) noexcept
      : handle(std::exchange(other.handle, Traits::null())) {}
  UniqueHandle &operator=(UniqueHandle &&other) noexcept {
    if (this != &other) {
      reset();
      handle = std::exchange(other.handle, Traits::null());
    }
    return *this;
  }
  ~UniqueHandle() { reset(); }

  Handle get() const { return handle; }
  explicit operator bool() const { return handle != Traits::null(); }

  void reset() {
    if (handle != Traits::null())
      Traits::close(std::exchange(handle, Traits::null()));
  }

private:
  Handle handle = Traits::null();
};

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_UNIQUEHANDLE_H

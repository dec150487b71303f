//===- SharedLibrary.h - Libraries that are found when needed ---*- C++ -*-===//
//
// For libraries that only some machines have: a program that was linked with
// them would not start on the others.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_RUNTIME_SUPPORT_SHAREDLIBRARY_H
#define FABRIC_RUNTIME_SUPPORT_SHAREDLIBRARY_H

#include "runtime/Support/Status.h"
#include "runtime/Support/UniqueHandle.h"

#include <string>

namespace fabric {

struct SharedLibraryTraits {
  using Handle = void *;
  static Handle null() { return nullptr; }
  static void close(Handle library);
};

/// An open shared object.
class SharedLibrary {
public:
  /// `file`: "libnccl.so.2", looked for where the system looks.
  static Expected<SharedLibrary> open(const std::string &file);

  /// Sets `function` to the function of this name, of its own type.
  template <typename Function>
  Status find(Function *&function, const char *name) const {
    FABRIC_ASSIGN_OR_RETURN(void *address, addressOf(name));
    function = reinterpret_cast<Function *>(address);
    return Status::success();
  }

private:
  Expected<void *> addressOf(const char *name) const;

  std::string file;
  UniqueHandle<SharedLibraryTraits> handle;
};

} // namespace fabric

#endif // FABRIC_RUNTIME_SUPPORT_SHAREDLIBRARY_H

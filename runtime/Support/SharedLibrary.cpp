//===- SharedLibrary.cpp - Libraries that are found when needed -----------===//

#include "runtime/Support/SharedLibrary.h"

#include <dlfcn.h>

namespace fabric {

void SharedLibraryTraits::close(Handle library) { ::dlclose(library); }

Expected<SharedLibrary> SharedLibrary::open(const std::string &file) {
  SharedLibrary library;
  library.file = file;
  library.handle = UniqueHandle<SharedLibraryTraits>(
      ::dlopen(file.c_str(), RTLD_NOW | RTLD_LOCAL));
  if (!library.handle)
    return Status::error("cannot load ", ::dlerror(),
                         " (LD_LIBRARY_PATH says where else to look)");
  return library;
}

Expected<void *> SharedLibrary::addressOf(const char *name) const {
  void *address = ::dlsym(handle.get(), name);
  if (!address)
    return Status::error(file, " has no function ", name);
  return address;
}

} // namespace fabric

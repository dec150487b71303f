//===- LinkSharedObject.cpp - Links kernels by lld ------------------------===//
//
// Debian packages lld as a program. Its input, output and messages go through
// memory files: nothing is written to disk that a crash could leave there, and
// no path can reach the output.
//
//===----------------------------------------------------------------------===//

#include "passes/Lowering/Kernels/KernelObject.h"
#include "llvm/ADT/ScopeExit.h"
#include "llvm/Support/FileSystem.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/Program.h"
#include <sys/mman.h>
#include <unistd.h>

using namespace mlir;
using namespace mlir::lowering;

namespace {

/// A file in memory that a child process can open by its path.
class MemoryFile {
public:
  explicit MemoryFile(const char *name)
      : descriptor(memfd_create(name, MFD_CLOEXEC)),
        path("/proc/" + std::to_string(getpid()) + "/fd/" +
             std::to_string(descriptor)) {}
  MemoryFile(const MemoryFile &) = delete;
  MemoryFile &operator=(const MemoryFile &) = delete;
  ~MemoryFile() {
    if (isOpen())
      close(descriptor);
  }

  bool isOpen() const { return descriptor >= 0; }
  StringRef getPath() const { return path; }

  llvm::Error write(ArrayRef<char> bytes) {
    llvm::raw_fd_ostream stream(descriptor, /*shouldClose=*/false);
    stream.write(bytes.data(), bytes.size());
    stream.flush();
    return llvm::errorCodeToError(stream.error());
  }

  llvm::Expected<std::unique_ptr<llvm::MemoryBuffer>> read() const {
    llvm::sys::fs::file_status status;
    if (std::error_code error = llvm::sys::fs::status(descriptor, status))
      return llvm::errorCodeToError(error);
    return llvm::errorOrToExpected(
        llvm::MemoryBuffer::getOpenFile(descriptor, path, status.getSize(),
                                        /*RequiresNullTerminator=*/false));
  }

private:
  int descriptor;
  std::string path;
};

llvm::Expected<std::string> findLinker() {
  // The one beside the LLVM that this is built with, or the same on the PATH.
  const StringRef folder = FABRIC_LLVM_TOOLS_DIR;
  if (auto path = llvm::sys::findProgramByName("ld.lld", folder))
    return *path;
  if (auto path = llvm::sys::findProgramByName("ld.lld-22"))
    return *path;
  return llvm::createStringError(
      "cannot find the linker 'ld.lld-22' (Debian's package lld-22)");
}

} // namespace

llvm::Expected<SmallVector<char>>
mlir::lowering::linkSharedObject(ArrayRef<char> object) {
  llvm::Expected<std::string> linker = findLinker();
  if (!linker)
    return linker.takeError();
  MemoryFile input("kernels.o"), output("kernels.so"), messages("messages");
  if (!input.isOpen() || !output.isOpen() || !messages.isOpen())
    return llvm::createStringError("cannot create a file in memory");
  if (llvm::Error error = input.write(object))
    return error;

  // The host process brings libm.
  StringRef arguments[] = {*linker,
                           "-shared",
                           "--soname=kernels.so",
                           "--build-id=none",
                           "--hash-style=gnu",
                           "--strip-all",
                           "-z",
                           "now",
                           "-o",
                           "-",
                           input.getPath()};
  std::optional<StringRef> redirects[] = {StringRef(""), output.getPath(),
                                          messages.getPath()};
  std::string error;
  int status = llvm::sys::ExecuteAndWait(*linker, arguments, std::nullopt,
                                         redirects, 0, 0, &error);
  if (status != 0) {
    auto text = messages.read();
    if (!text)
      llvm::consumeError(text.takeError());
    else if (error.empty())
      error = (*text)->getBuffer().trim().str();
    return llvm::createStringError("cannot link kernels: " + error);
  }
  auto linked = output.read();
  if (!linked)
    return linked.takeError();
  StringRef bytes = (*linked)->getBuffer();
  return SmallVector<char>(bytes.begin(), bytes.end());
}

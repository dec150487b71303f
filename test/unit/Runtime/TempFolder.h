//===- TempFolder.h - A folder that lives as long as a test -----*- C++ -*-===//

#ifndef FABRIC_TEST_UNIT_RUNTIME_TEMPFOLDER_H
#define FABRIC_TEST_UNIT_RUNTIME_TEMPFOLDER_H

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

namespace fabric::test {

class TempFolder {
public:
  TempFolder() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "fabric-XXXXXX").string();
    if (::mkdtemp(pattern.data()))
      folder = pattern;
  }
  ~TempFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(folder, ignored);
  }
  TempFolder(const TempFolder &) = delete;

  std::string path(const std::string &name) const {
    return (folder / name).string();
  }
  /// Writes a file as it is and returns its path.
  std::string write(const std::string &name, const std::string &bytes) const {
    std::ofstream(path(name), std::ios::binary) << bytes;
    return path(name);
  }
  std::string read(const std::string &name) const {
    std::ifstream stream(path(name), std::ios::binary);
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  /// Number of entries: what tests of cleaning up look at.
  size_t numFiles() const {
    return static_cast<size_t>(
        std::distance(std::filesystem::directory_iterator(folder), {}));
  }

private:
  std::filesystem::path folder;
};

} // namespace fabric::test

#endif // FABRIC_TEST_UNIT_RUNTIME_TEMPFOLDER_H

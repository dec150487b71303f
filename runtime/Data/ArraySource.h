//===- ArraySource.h - An input from a .npy file ----------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_DATA_ARRAYSOURCE_H
#define FABRIC_RUNTIME_DATA_ARRAYSOURCE_H

#include "runtime/Data/DataSource.h"

#include <memory>
#include <string>
#include <vector>

namespace fabric::data {

/// Opens the array and checks that it fits `input`. Adds to `notes` what a
/// person should know. Messages do not name the input yet.
Expected<std::unique_ptr<InputSource>>
openArraySource(const std::string &path, const plan::Input &input,
                std::vector<std::string> &notes);

} // namespace fabric::data

#endif // FABRIC_RUNTIME_DATA_ARRAYSOURCE_H

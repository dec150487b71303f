//===- RandomSource.h - An input drawn from the seed ------------*- C++ -*-===//

#ifndef FABRIC_RUNTIME_DATA_RANDOMSOURCE_H
#define FABRIC_RUNTIME_DATA_RANDOMSOURCE_H

#include "runtime/Data/DataSource.h"

#include <memory>
#include <string_view>

namespace fabric::data {

/// `text` is what follows "random": nothing, or ":LOW:HIGH". Messages do not
/// name the input yet.
Expected<std::unique_ptr<InputSource>>
makeRandomSource(std::string_view text, const plan::Input &input,
                 uint64_t seed);

} // namespace fabric::data

#endif // FABRIC_RUNTIME_DATA_RANDOMSOURCE_H

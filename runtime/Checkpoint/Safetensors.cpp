//===- Safetensors.cpp - Weights files, read and written by shard ---------===//

#include "runtime/Checkpoint/Safetensors.h"

#include "runtime/Support/CheckedMath.h"
#include "runtime/Support/Json.h"

#include <algorithm>
#include <array>
#include <limits>

using namespace fabric;
using namespace fabric::checkpoint;
using nlohmann::json;

using Entries = std::map<std::string, TensorRegion, std::less<>>;

/// The header's length, before the header.
static constexpr int64_t prefixBytes = 8;
/// The one key of the header that is no tensor.
static constexpr const char *metadataKey = "__metadata__";

static constexpr std::array<std::pair<DType, std::string_view>, 8> dtypeNames =
    {{{DType::F64, "F64"},
      {DType::F32, "F32"},
      {DType::F16, "F16"},
      {DType::BF16, "BF16"},
      {DType::I64, "I64"},
      {DType::I32, "I32"},
      {DType::I8, "I8"},
      {DType::Bool, "BOOL"}}};

static bool isFloat(DType dtype) {
  return dtype == DType::F32 || dtype == DType::F64 || dtype == DType::F16 ||
         dtype == DType::BF16;
}

//===----------------------------------------------------------------------===//
// Reading the header
//===----------------------------------------------------------------------===//

static bool isSize(const json &value) {
  return value.is_number_unsigned() &&
         value.get<uint64_t>() <=
             static_cast<uint64_t>(std::numeric_limits<int64_t>::max());
}

static bool isSizeList(const json &value) {
  return value.is_array() && std::all_of(value.begin(), value.end(), isSize);
}

/// One tensor of the header; offsets still count from the start of the data,
/// and `end` is one past its last byte.
static Expected<TensorRegion> parseTensor(const json &value, int64_t &end) {
  if (!value.is_object() || value.size() != 3 || !value.contains("dtype") ||
      !value.contains("shape") || !value.contains("data_offsets"))
    return Status::error("entry, expected dtype, shape and data_offsets, found "
                         "others");
  const json &dtype = value["dtype"], &shape = value["shape"],
             &offsets = value["data_offsets"];
  TensorRegion region;
  const auto *known =
      std::find_if(dtypeNames.begin(), dtypeNames.end(),
                   [&](const auto &pair) { return dtype == pair.second; });
  if (known == dtypeNames.end())
    return Status::error("dtype, expected F64, F32, F16, BF16, I64, I32, I8 or "
                         "BOOL, found ",
                         describeJson(dtype));
  region.dtype = known->first;
  if (!isSizeList(shape))
    return Status::error("shape, expected a list of sizes, found ",
                         describeJson(shape));
  if (shape.size() > maxFileDims)
    return Status::error("shape, expected at most ", maxFileDims,
                         " dims, found ", shape.size());
  region.shape = shape.get<Shape>();
  if (!isSizeList(offsets) || offsets.size() != 2)
    return Status::error("data_offsets, expected begin and end, found ",
                         describeJson(offsets));
  region.offset = offsets[0].get<int64_t>();
  end = offsets[1].get<int64_t>();
  std::optional<int64_t> bytes = checkedProduct(region.shape);
  if (bytes)
    bytes = checkedMul(*bytes, plan::byteWidth(region.dtype));
  if (!bytes)
    return Status::error("shape, expected less than 2^63 bytes, found ",
                         toString(region.shape));
  if (end < region.offset || end - region.offset != *bytes)
    return Status::error("data_offsets, expected ", *bytes, " bytes for shape ",
                         toString(region.shape), " of ", known->second,
                         ", found ", region.offset, " to ", end);
  return region;
}

/// All tensors; they must cover `dataBytes` bytes exactly, each byte once.
static Expected<Entries> parseHeader(std::string_view text, int64_t dataBytes) {
  FABRIC_ASSIGN_OR_RETURN(json header, parseJson(text));
  if (!header.is_object())
    return Status::error("header, expected an object, found ",
                         describeJson(header));
  Entries entries;
  std::vector<std::pair<int64_t, int64_t>> ranges;
  for (const auto &[name, value] : header.items()) {
    if (name == metadataKey)
      continue;
    int64_t end = 0;
    Expected<TensorRegion> region = parseTensor(value, end);
    if (region.failed())
      return region.status().in("tensor '" + name + "'");
    ranges.emplace_back(region->offset, end);
    entries.emplace(name, std::move(*region));
  }
  std::sort(ranges.begin(), ranges.end());
  int64_t covered = 0;
  for (const auto &[begin, end] : ranges) {
    if (begin != covered)
      return Status::error("data_offsets, expected the next tensor at ",
                           covered, ", found it at ", begin);
    covered = end;
  }
  if (covered != dataBytes)
    return Status::error("data, expected ", covered,
                         " bytes as the header says, found ", dataBytes);
  return entries;
}

Expected<SafetensorsReader> SafetensorsReader::open(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(File file, File::open(path, File::Mode::Read));
  FABRIC_ASSIGN_OR_RETURN(int64_t size, file.size());
  std::array<std::byte, prefixBytes> prefix;
  if (size < prefixBytes)
    return Status::error(path, ": size, expected at least ", prefixBytes,
                         " bytes, found ", size, ": not a safetensors file");
  FABRIC_RETURN_IF_ERROR(file.readAt(0, prefix));
  uint64_t headerBytes = 0;
  for (size_t i = prefix.size(); i-- > 0;)
    headerBytes = headerBytes << 8 | std::to_integer<uint64_t>(prefix[i]);
  int64_t limit = std::min(size - prefixBytes, maxSafetensorsHeader);
  if (std::cmp_greater(headerBytes, limit))
    return Status::error(path, ": header size, expected at most ", limit,
                         " bytes, found ", headerBytes,
                         ": not a safetensors file, or cut short");
  std::string text(headerBytes, '\0');
  FABRIC_RETURN_IF_ERROR(
      file.readAt(prefixBytes, std::as_writable_bytes(std::span(text))));

  int64_t dataBegin = prefixBytes + static_cast<int64_t>(headerBytes);
  Expected<Entries> entries = parseHeader(text, size - dataBegin);
  if (entries.failed())
    return entries.status().in(path);
  SafetensorsReader reader(std::move(file));
  reader.entries = std::move(*entries);
  for (auto &[name, region] : reader.entries)
    region.offset += dataBegin;
  return reader;
}

//===----------------------------------------------------------------------===//
// Reading shards
//===----------------------------------------------------------------------===//

const TensorRegion *SafetensorsReader::find(std::string_view name) const {
  auto it = entries.find(name);
  return it == entries.end() ? nullptr : &it->second;
}

static Status checkDType(const std::string &context, DType found,
                         DType expected, Conversion conversion) {
  bool converts =
      conversion == Conversion::Float && isFloat(found) && isFloat(expected);
  if (found == expected || converts)
    return Status::success();
  return Status::error(context, ": dtype, expected ", plan::toString(expected),
                       ", found ", plan::toString(found));
}

static std::string contextOf(const std::string &path, std::string_view name) {
  return path + ": tensor '" + std::string(name) + "'";
}

Status SafetensorsReader::check(std::string_view name, DType dtype,
                                const Shape &shape,
                                Conversion conversion) const {
  std::string context = contextOf(path(), name);
  const TensorRegion *region = find(name);
  if (!region)
    return Status::error(context, ", expected ", plan::toString(dtype),
                         toString(shape), ", found none of this name");
  if (region->shape != shape)
    return Status::error(context, ": shape, expected ", toString(shape),
                         ", found ", toString(region->shape));
  return checkDType(context, region->dtype, dtype, conversion);
}

/// The tensor at `entries[name]` seen as `shape`.
static Expected<TensorRegion> viewOf(const Entries &entries,
                                     const std::string &path,
                                     std::string_view name,
                                     const Shape &shape) {
  auto it = entries.find(name);
  if (it == entries.end())
    return Status::error(contextOf(path, name), ", expected it in the file, "
                                                "found none of this name");
  TensorRegion region = it->second;
  if (checkedProduct(shape) != checkedProduct(region.shape))
    return Status::error(contextOf(path, name),
                         ": shape, expected as many elements as ",
                         toString(shape), ", found ", toString(region.shape));
  region.shape = shape;
  return region;
}

Status SafetensorsReader::readShard(std::string_view name, DType dtype,
                                    const Shape &shape, const Box &box,
                                    void *shard, Conversion conversion) const {
  FABRIC_ASSIGN_OR_RETURN(TensorRegion region,
                          viewOf(entries, path(), name, shape));
  FABRIC_RETURN_IF_ERROR(
      checkDType(contextOf(path(), name), region.dtype, dtype, conversion));
  if (region.dtype == dtype)
    return readBox(file, region, box, shard);
  std::vector<std::byte> raw(
      static_cast<size_t>(box.numElements() * plan::byteWidth(region.dtype)));
  FABRIC_RETURN_IF_ERROR(readBox(file, region, box, raw.data()));
  return convertElements(region.dtype, raw.data(), dtype, shard,
                         box.numElements());
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

namespace {
/// What the file is to be: its first bytes, its size, and where tensors go.
struct Layout {
  std::string header;
  int64_t fileBytes = 0;
  Entries entries;
};
} // namespace

static Expected<Layout> layOut(const std::vector<NamedTensor> &tensors) {
  // Wide dtypes first, so that every tensor is aligned; then by name.
  std::vector<const NamedTensor *> order;
  for (const NamedTensor &tensor : tensors)
    order.push_back(&tensor);
  std::sort(order.begin(), order.end(),
            [](const NamedTensor *a, const NamedTensor *b) {
              return std::pair(-plan::byteWidth(a->dtype), a->name) <
                     std::pair(-plan::byteWidth(b->dtype), b->name);
            });

  Layout layout;
  nlohmann::ordered_json header = nlohmann::ordered_json::object();
  // transformers refuses a file that does not say which framework it is for.
  header[metadataKey] = {{"format", "pt"}};
  int64_t offset = 0;
  for (const NamedTensor *tensor : order) {
    if (tensor->name == metadataKey)
      return Status::error("tensor '", tensor->name,
                           "', expected another name, found the format's own");
    std::optional<int64_t> bytes = checkedProduct(tensor->shape);
    if (bytes)
      bytes = checkedMul(*bytes, plan::byteWidth(tensor->dtype));
    std::optional<int64_t> end =
        bytes ? checkedAdd(offset, *bytes) : std::nullopt;
    if (!end)
      return Status::error("tensor '", tensor->name,
                           "': shape, expected less than 2^63 bytes, found ",
                           toString(tensor->shape));
    if (!layout.entries
             .emplace(tensor->name,
                      TensorRegion{tensor->dtype, tensor->shape, offset})
             .second)
      return Status::error("tensor '", tensor->name,
                           "', expected it once, found it twice");
    std::string_view dtype;
    for (const auto &[value, name] : dtypeNames)
      if (value == tensor->dtype)
        dtype = name;
    header.push_back({tensor->name,
                      {{"dtype", dtype},
                       {"shape", tensor->shape},
                       {"data_offsets", {offset, *end}}}});
    offset = *end;
  }
  std::string text;
  try {
    text = header.dump();
  } catch (const std::exception &) {
    return Status::error("tensors, expected names in UTF-8, found others");
  }
  text.resize(*checkedAlign(static_cast<int64_t>(text.size()), 8), ' ');
  for (int i = 0; i < prefixBytes; ++i)
    layout.header += static_cast<char>(text.size() >> (8 * i));
  layout.header += text;
  int64_t dataBegin = static_cast<int64_t>(layout.header.size());
  for (auto &[name, region] : layout.entries)
    region.offset += dataBegin;
  layout.fileBytes = dataBegin + offset;
  return layout;
}

Expected<SafetensorsWriter>
SafetensorsWriter::create(const std::string &path,
                          const std::vector<NamedTensor> &tensors) {
  Expected<Layout> layout = layOut(tensors);
  if (layout.failed())
    return layout.status().in(path);
  FABRIC_ASSIGN_OR_RETURN(
      SharedFile file,
      SharedFile::create(path, std::as_bytes(std::span(layout->header)),
                         layout->fileBytes));
  return SafetensorsWriter(std::move(file), std::move(layout->entries));
}

Expected<SafetensorsWriter>
SafetensorsWriter::openExisting(const std::string &path,
                                const std::vector<NamedTensor> &tensors) {
  Expected<Layout> layout = layOut(tensors);
  if (layout.failed())
    return layout.status().in(path);
  FABRIC_ASSIGN_OR_RETURN(
      SharedFile file,
      SharedFile::open(path, std::as_bytes(std::span(layout->header)),
                       layout->fileBytes));
  return SafetensorsWriter(std::move(file), std::move(layout->entries));
}

Status SafetensorsWriter::writeShard(std::string_view name, DType dtype,
                                     const Shape &shape, const Box &box,
                                     const void *shard) const {
  FABRIC_ASSIGN_OR_RETURN(TensorRegion region,
                          viewOf(entries, file.path(), name, shape));
  FABRIC_RETURN_IF_ERROR(checkDType(contextOf(file.path(), name), dtype,
                                    region.dtype, Conversion::None));
  return file.write(region, box, shard);
}

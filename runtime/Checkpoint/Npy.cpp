//===- Npy.cpp - NumPy arrays, read and written by shard ------------------===//
//
// The header is a Python dictionary, for example
//   {'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }
// of which this reads exactly what NumPy writes: three keys in any order,
// strings, booleans and a tuple of integers.
//
//===----------------------------------------------------------------------===//

#include "runtime/Checkpoint/Npy.h"

#include "runtime/Support/CheckedMath.h"

#include <array>
#include <cstring>
#include <set>
#include <string_view>
#include <vector>

using namespace fabric;
using namespace fabric::checkpoint;

static constexpr std::string_view magic = "\x93NUMPY";
/// NumPy's own limit is 10,000 characters.
static constexpr int64_t maxHeaderBytes = 1 << 16;

static constexpr std::array<std::pair<DType, std::string_view>, 7> descriptors =
    {{{DType::F32, "<f4"},
      {DType::F64, "<f8"},
      {DType::F16, "<f2"},
      {DType::I32, "<i4"},
      {DType::I64, "<i8"},
      {DType::I8, "|i1"},
      {DType::Bool, "|b1"}}};

//===----------------------------------------------------------------------===//
// The header's dictionary
//===----------------------------------------------------------------------===//

namespace {

struct Header {
  std::string descriptor;
  bool fortranOrder = false;
  Shape shape;
};

class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}

  Expected<Header> parse() {
    Header header;
    if (!take('{'))
      return damaged("'{'");
    std::set<std::string> keys;
    while (!take('}')) {
      std::string key;
      if (!takeString(key) || !take(':'))
        return damaged("a key and ':'");
      if (!keys.insert(key).second)
        return Status::error("header, expected distinct keys, found '", key,
                             "' twice");
      if (key == "descr") {
        if (!takeString(header.descriptor))
          return Status::error(
              "dtype, expected a plain one, found a structured one");
      } else if (key == "fortran_order") {
        header.fortranOrder = takeWord("True");
        if (!header.fortranOrder && !takeWord("False"))
          return damaged("True or False");
      } else if (key == "shape") {
        if (!takeShape(header.shape))
          return damaged("a tuple of sizes");
      } else {
        return Status::error("header, expected descr, fortran_order and shape, "
                             "found '",
                             key, "'");
      }
      if (!take(',')) {
        if (!take('}'))
          return damaged("',' or '}'");
        break;
      }
    }
    skipSpace();
    if (position != text.size())
      return damaged("its end");
    if (keys.size() != 3)
      return Status::error("header, expected descr, fortran_order and shape, "
                           "found ",
                           keys.size(), " of them");
    return header;
  }

private:
  void skipSpace() {
    while (position < text.size() &&
           (text[position] == ' ' || text[position] == '\n'))
      ++position;
  }
  bool take(char c) {
    skipSpace();
    if (position == text.size() || text[position] != c)
      return false;
    ++position;
    return true;
  }
  bool takeWord(std::string_view word) {
    skipSpace();
    if (text.substr(position, word.size()) != word)
      return false;
    position += word.size();
    return true;
  }
  bool takeString(std::string &result) {
    char quote = '\'';
    if (!take(quote)) {
      quote = '"';
      if (!take(quote))
        return false;
    }
    size_t end = text.find(quote, position);
    if (end == std::string_view::npos)
      return false;
    result = text.substr(position, end - position);
    position = end + 1;
    return true;
  }
  bool takeSize(int64_t &result) {
    skipSpace();
    size_t begin = position;
    result = 0;
    for (; position < text.size() && text[position] >= '0' &&
           text[position] <= '9';
         ++position) {
      std::optional<int64_t> next = checkedMul(result, 10);
      if (next)
        next = checkedAdd(*next, text[position] - '0');
      if (!next)
        return false;
      result = *next;
    }
    return position > begin;
  }
  bool takeShape(Shape &shape) {
    if (!take('('))
      return false;
    while (!take(')')) {
      int64_t size;
      if (!takeSize(size))
        return false;
      shape.push_back(size);
      if (!take(','))
        return take(')');
    }
    return true;
  }
  Status damaged(const char *expected) const {
    return Status::error("header, expected ", expected, " at character ",
                         position, ", found something else");
  }

  std::string_view text;
  size_t position = 0;
};

} // namespace

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static Expected<DType> parseDescriptor(const std::string &descriptor) {
  for (const auto &[dtype, name] : descriptors)
    if (name == descriptor)
      return dtype;
  // One byte has no order; NumPy writes '|', others may not.
  for (const auto &[dtype, name] : descriptors)
    if (name[0] == '|' && descriptor.size() == 3 &&
        name.substr(1) == descriptor.substr(1))
      return dtype;
  return Status::error("dtype, expected <f4, <f8, <f2, <i4, <i8, |i1 or |b1, "
                       "found '",
                       descriptor, "'");
}

static Expected<TensorRegion> readHeader(const File &file) {
  FABRIC_ASSIGN_OR_RETURN(int64_t size, file.size());
  std::array<std::byte, 12> start{};
  size_t available = static_cast<size_t>(std::min<int64_t>(size, start.size()));
  FABRIC_RETURN_IF_ERROR(file.readAt(0, std::span(start).first(available)));
  if (available < 10 || std::memcmp(start.data(), magic.data(), 6) != 0)
    return Status::error("magic, expected that of .npy, found other bytes");
  auto byteAt = [&](size_t i) { return std::to_integer<int64_t>(start[i]); };
  int64_t version = byteAt(6);
  if (version < 1 || version > 3)
    return Status::error("format version, expected 1, 2 or 3, found ", version);
  int64_t headerBegin = version == 1 ? 10 : 12;
  int64_t headerBytes = byteAt(8) | byteAt(9) << 8;
  if (version > 1)
    headerBytes |= byteAt(10) << 16 | byteAt(11) << 24;
  int64_t limit = std::min(size - headerBegin, maxHeaderBytes);
  if (headerBytes > limit)
    return Status::error("header size, expected at most ", limit,
                         " bytes, found ", headerBytes);
  std::string text(static_cast<size_t>(headerBytes), '\0');
  FABRIC_RETURN_IF_ERROR(
      file.readAt(headerBegin, std::as_writable_bytes(std::span(text))));

  FABRIC_ASSIGN_OR_RETURN(Header header, HeaderParser(text).parse());
  TensorRegion array;
  FABRIC_ASSIGN_OR_RETURN(array.dtype, parseDescriptor(header.descriptor));
  if (header.fortranOrder && header.shape.size() > 1)
    return Status::error("order, expected C, found Fortran: save "
                         "numpy.ascontiguousarray of it");
  if (header.shape.size() > maxFileDims)
    return Status::error("shape, expected at most ", maxFileDims,
                         " dims, found ", header.shape.size());
  array.shape = std::move(header.shape);
  array.offset = headerBegin + headerBytes;
  std::optional<int64_t> bytes = checkedProduct(array.shape);
  if (bytes)
    bytes = checkedMul(*bytes, plan::byteWidth(array.dtype));
  if (!bytes || *bytes != size - array.offset)
    return Status::error("data, expected ", toString(array.shape), " of ",
                         plan::toString(array.dtype), ", found ",
                         size - array.offset, " bytes");
  return array;
}

Expected<NpyReader> NpyReader::open(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(File file, File::open(path, File::Mode::Read));
  Expected<TensorRegion> array = readHeader(file);
  if (array.failed())
    return array.status().in(path);
  return NpyReader(std::move(file), std::move(*array));
}

Status NpyReader::readShard(const Box &box, void *shard) const {
  return readBox(file, array, box, shard);
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

/// The bytes before the data: version 1, padded so that the data is aligned.
static Expected<std::string> makeHeader(DType dtype, const Shape &shape) {
  std::string_view descriptor;
  for (const auto &[value, name] : descriptors)
    if (value == dtype)
      descriptor = name;
  if (descriptor.empty())
    return Status::error("dtype, expected one that NumPy knows, found ",
                         plan::toString(dtype), ": convert it to f32");
  std::string dictionary = "{'descr': '" + std::string(descriptor) +
                           "', 'fortran_order': False, 'shape': (";
  for (size_t dim = 0; dim < shape.size(); ++dim)
    dictionary += (dim > 0 ? ", " : "") + std::to_string(shape[dim]);
  dictionary += shape.size() == 1 ? ",), }" : "), }";
  // Magic, version and length are ten bytes; a line break ends the header.
  int64_t end = *checkedAlign(static_cast<int64_t>(dictionary.size()) + 11, 64);
  int64_t length = end - 10;
  dictionary.resize(static_cast<size_t>(length - 1), ' ');
  std::string header(magic);
  header += '\x01';
  header += '\x00';
  header += static_cast<char>(length & 0xff);
  header += static_cast<char>(length >> 8);
  return header + dictionary + '\n';
}

namespace {
struct Layout {
  std::string header;
  TensorRegion array;
  int64_t fileBytes = 0;
};
} // namespace

static Expected<Layout> layOut(const std::string &path, DType dtype,
                               const Shape &shape) {
  Expected<std::string> header = makeHeader(dtype, shape);
  if (header.failed())
    return header.status().in(path);
  Layout layout;
  layout.header = std::move(*header);
  layout.array = {dtype, shape, static_cast<int64_t>(layout.header.size())};
  std::optional<int64_t> bytes = checkedProduct(shape);
  if (bytes)
    bytes = checkedMul(*bytes, plan::byteWidth(dtype));
  if (bytes)
    bytes = checkedAdd(*bytes, layout.array.offset);
  if (!bytes)
    return Status::error(path, ": shape, expected less than 2^63 bytes, found ",
                         toString(shape));
  layout.fileBytes = *bytes;
  return layout;
}

Expected<NpyWriter> NpyWriter::create(const std::string &path, DType dtype,
                                      const Shape &shape) {
  FABRIC_ASSIGN_OR_RETURN(Layout layout, layOut(path, dtype, shape));
  FABRIC_ASSIGN_OR_RETURN(
      SharedFile file,
      SharedFile::create(path, std::as_bytes(std::span(layout.header)),
                         layout.fileBytes));
  return NpyWriter(std::move(file), std::move(layout.array));
}

Expected<NpyWriter> NpyWriter::openExisting(const std::string &path,
                                            DType dtype, const Shape &shape) {
  FABRIC_ASSIGN_OR_RETURN(Layout layout, layOut(path, dtype, shape));
  FABRIC_ASSIGN_OR_RETURN(
      SharedFile file,
      SharedFile::open(path, std::as_bytes(std::span(layout.header)),
                       layout.fileBytes));
  return NpyWriter(std::move(file), std::move(layout.array));
}

Status NpyWriter::writeShard(const Box &box, const void *shard) const {
  return file.write(array, box, shard);
}

//===- GemmChoices.cpp - Algorithms that a search has found ---------------===//
//
//   {"format": 1, "device": "...", "library": "...", "products": [
//     {"input": "f32", "output": "f32", "bias": null, "accumulate": false,
//      "tf32": false, "batch": 1, "m": 16, "n": 256, "k": 128,
//      "a": {"transposed": false, "leading": 128, "batch_stride": 0}, ...,
//      "alignment": 16, "algorithm": "00ff...", "scratch_bytes": 0,
//      "microseconds": 12.5}, ...]}
//
//===----------------------------------------------------------------------===//

#include "runtime/Kernels/GemmChoices.h"

#include "runtime/Support/File.h"
#include "runtime/Support/Json.h"

#include <charconv>
#include <sstream>

namespace fabric::kernels {
namespace {

using nlohmann::json;
using nlohmann::ordered_json;

constexpr int64_t formatVersion = 1;
constexpr int64_t mostFileBytes = 64 << 20;
constexpr size_t mostAlgorithmBytes = 4096;

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

/// Thrown on the first thing that is wrong, inside of this file.
struct Damage {
  Status status;
};

/// An object of the file, whose members are all asked for, once.
class Fields {
public:
  Fields(const json &value, std::string place)
      : value(value), place(std::move(place)) {
    if (!value.is_object())
      refuse(this->place, "an object", value);
  }

  const json &at(const char *key) {
    auto found = value.find(key);
    if (found == value.end())
      throw Damage{
          Status::error(place, ": expected key \"", key, "\", found none")};
    ++asked;
    return *found;
  }
  std::string text(const char *key) {
    const json &member = at(key);
    if (!member.is_string())
      refuse(inside(key), "a string", member);
    return member.get<std::string>();
  }
  bool boolean(const char *key) {
    const json &member = at(key);
    if (!member.is_boolean())
      refuse(inside(key), "true or false", member);
    return member.get<bool>();
  }
  int64_t integer(const char *key) {
    const json &member = at(key);
    if (!member.is_number_integer() || member < 0 || member > INT64_MAX)
      refuse(inside(key), "an integer from 0", member);
    return member.get<int64_t>();
  }
  double number(const char *key) {
    const json &member = at(key);
    if (!member.is_number())
      refuse(inside(key), "a number", member);
    return member.get<double>();
  }
  DType dtype(const char *key) {
    const json &member = at(key);
    if (member.is_string())
      if (auto dtype = plan::parseDType(member.get_ref<const std::string &>()))
        return *dtype;
    refuse(inside(key), "a dtype", member);
  }
  void done() const {
    if (asked != value.size())
      throw Damage{
          Status::error(place, ": expected known keys only, found others")};
  }
  std::string inside(const char *key) const { return place + "." + key; }

  [[noreturn]] static void refuse(const std::string &place,
                                  const char *expected, const json &found) {
    throw Damage{Status::error(place, ": expected ", expected, ", found ",
                               describeJson(found))};
  }

private:
  const json &value;
  std::string place;
  size_t asked = 0;
};

MatrixLayout readMatrix(Fields &product, const char *key) {
  Fields fields(product.at(key), product.inside(key));
  MatrixLayout matrix{fields.boolean("transposed"), fields.integer("leading"),
                      fields.integer("batch_stride")};
  fields.done();
  return matrix;
}

std::vector<std::byte> readHex(Fields &product, const char *key) {
  std::string text = product.text(key);
  std::vector<std::byte> bytes(text.size() / 2);
  bool valid = text.size() % 2 == 0 && !text.empty() &&
               bytes.size() <= mostAlgorithmBytes;
  for (size_t i = 0; valid && i < bytes.size(); ++i) {
    const char *begin = text.data() + 2 * i;
    uint8_t value = 0;
    auto [last, error] = std::from_chars(begin, begin + 2, value, 16);
    valid = error == std::errc() && last == begin + 2;
    bytes[i] = std::byte{value};
  }
  if (!valid)
    Fields::refuse(product.inside(key), "bytes in hexadecimal", json(text));
  return bytes;
}

GemmChoice readChoice(const json &value, const std::string &place) {
  Fields fields(value, place);
  GemmChoice choice;
  GemmDesc &desc = choice.desc;
  desc.input = fields.dtype("input");
  desc.output = fields.dtype("output");
  if (fields.at("bias").is_null())
    desc.bias = std::nullopt;
  else
    desc.bias = Fields(value, place).dtype("bias");
  desc.accumulate = fields.boolean("accumulate");
  desc.tf32 = fields.boolean("tf32");
  desc.batch = fields.integer("batch");
  desc.m = fields.integer("m");
  desc.n = fields.integer("n");
  desc.k = fields.integer("k");
  desc.a = readMatrix(fields, "a");
  desc.b = readMatrix(fields, "b");
  desc.c = readMatrix(fields, "c");
  desc.alignment = fields.integer("alignment");
  choice.algorithm = readHex(fields, "algorithm");
  choice.scratchBytes = fields.integer("scratch_bytes");
  choice.microseconds = fields.number("microseconds");
  fields.done();
  if (Status status = checkGemm(desc); status.failed())
    throw Damage{status.in(place)};
  return choice;
}

GemmChoices readChoices(const json &value) {
  Fields fields(value, "root");
  if (fields.integer("format") != formatVersion)
    Fields::refuse("root.format", "1", value["format"]);
  std::string device = fields.text("device");
  GemmChoices choices({std::move(device), fields.text("library")});
  const json &products = fields.at("products");
  if (!products.is_array())
    Fields::refuse("root.products", "a list", products);
  fields.done();
  for (size_t i = 0; i < products.size(); ++i) {
    std::string place = "root.products[" + std::to_string(i) + "]";
    GemmChoice choice = readChoice(products[i], place);
    if (choices.find(choice.desc).ok())
      throw Damage{Status::error(place, ": expected each product once, found ",
                                 describe(choice.desc), " again")};
    choices.add(std::move(choice));
  }
  return choices;
}

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

ordered_json writeMatrix(const MatrixLayout &matrix) {
  return {{"transposed", matrix.transposed},
          {"leading", matrix.leading},
          {"batch_stride", matrix.batchStride}};
}

std::string hexOf(const std::vector<std::byte> &bytes) {
  constexpr char digits[] = "0123456789abcdef";
  std::string text;
  for (std::byte byte : bytes) {
    auto value = std::to_integer<unsigned>(byte);
    text += digits[value / 16];
    text += digits[value % 16];
  }
  return text;
}

ordered_json writeChoice(const GemmChoice &choice) {
  const GemmDesc &desc = choice.desc;
  ordered_json object;
  object["input"] = plan::toString(desc.input);
  object["output"] = plan::toString(desc.output);
  object["bias"] = nullptr;
  if (desc.bias)
    object["bias"] = plan::toString(*desc.bias);
  object["accumulate"] = desc.accumulate;
  object["tf32"] = desc.tf32;
  object["batch"] = desc.batch;
  object["m"] = desc.m;
  object["n"] = desc.n;
  object["k"] = desc.k;
  object["a"] = writeMatrix(desc.a);
  object["b"] = writeMatrix(desc.b);
  object["c"] = writeMatrix(desc.c);
  object["alignment"] = desc.alignment;
  object["algorithm"] = hexOf(choice.algorithm);
  object["scratch_bytes"] = choice.scratchBytes;
  object["microseconds"] = choice.microseconds;
  return object;
}

} // namespace

std::string describe(const GemmDesc &desc) {
  std::ostringstream text;
  if (desc.batch != 1)
    text << desc.batch << " x ";
  text << desc.m << " x " << desc.n << " x " << desc.k << " of "
       << plan::toString(desc.input);
  return text.str();
}

Expected<GemmChoices> GemmChoices::read(const std::string &path) {
  FABRIC_ASSIGN_OR_RETURN(std::vector<std::byte> bytes,
                          readFile(path, mostFileBytes));
  auto parsed =
      parseJson({reinterpret_cast<const char *>(bytes.data()), bytes.size()});
  if (parsed.failed())
    return parsed.status().in(path);
  try {
    return readChoices(*parsed);
  } catch (const Damage &damage) {
    return damage.status.in(path);
  }
}

Status GemmChoices::write(const std::string &path) const {
  ordered_json products = ordered_json::array();
  for (const GemmChoice &choice : list)
    products.push_back(writeChoice(choice));
  ordered_json root = {{"format", formatVersion},
                       {"device", owner.device},
                       {"library", owner.library},
                       {"products", std::move(products)}};
  std::string text =
      root.dump(1, ' ', true, ordered_json::error_handler_t::replace) + "\n";
  return writeFileAtomically(path, text);
}

Status GemmChoices::check(const GemmMachine &machine) const {
  if (machine.device != owner.device)
    return Status::error("the algorithms are for ", owner.device,
                         ", and this is ", machine.device,
                         ": run --tune-gemms here");
  if (machine.library != owner.library)
    return Status::error("the algorithms are of ", owner.library,
                         ", and this machine has ", machine.library,
                         ": run --tune-gemms here");
  return Status::success();
}

Expected<const GemmChoice *> GemmChoices::find(const GemmDesc &desc) const {
  for (const GemmChoice &choice : list)
    if (choice.desc == desc)
      return &choice;
  return Status::error("the file has no algorithm for a product of ",
                       describe(desc), ": run --tune-gemms with this plan");
}

} // namespace fabric::kernels

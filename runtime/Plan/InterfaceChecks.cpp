//===- InterfaceChecks.cpp - What a program reads and leaves --------------===//

#include "runtime/Plan/PlanChecks.h"
#include "runtime/Plan/PlanVerifier.h"
#include "runtime/Plan/Sharding.h"
#include "runtime/Plan/Work.h"
#include "runtime/Support/CheckedMath.h"

#include <cmath>
#include <set>
#include <utility>

using namespace fabric;
using namespace fabric::plan;

static Status checkTensor(const Plan &plan, DType dtype, const Shape &trueShape,
                          const std::optional<Shape> &paddedShape,
                          const Sharding &sharding, BufferId id) {
  FABRIC_RETURN_IF_ERROR(checkShape(trueShape, dtype));
  const Shape &shape = paddedShape ? *paddedShape : trueShape;
  if (paddedShape) {
    FABRIC_RETURN_IF_ERROR(checkShape(shape, dtype));
    bool covers = shape.size() == trueShape.size();
    for (size_t dim = 0; covers && dim < shape.size(); ++dim)
      covers = shape[dim] >= trueShape[dim];
    if (!covers)
      return Status::error("padded shape, expected one that covers ",
                           fabric::toString(trueShape), ", found ",
                           fabric::toString(shape));
  }
  FABRIC_RETURN_IF_ERROR(checkSharding(plan.mesh, sharding, shape));
  FABRIC_RETURN_IF_ERROR(checkBufferId(plan, id));
  Shape local = localShape(plan.mesh, sharding, shape);
  const Buffer &target = bufferOf(plan, id);
  if (target.dtype != dtype || target.shape != local)
    return Status::error("buffer ", id, ", expected the shard ",
                         fabric::toString(local), " of ", toString(dtype),
                         ", found ", fabric::toString(target.shape), " of ",
                         toString(target.dtype));
  return Status::success();
}

static Status checkParameters(const Plan &plan) {
  NameSet names("parameter");
  for (const Parameter &parameter : plan.parameters) {
    FABRIC_RETURN_IF_ERROR(names.add(parameter.name));
    std::string context = named("parameter", parameter.name);
    FABRIC_RETURN_IF_ERROR(
        checkTensor(plan, parameter.dtype, parameter.storedShape,
                    parameter.paddedShape, parameter.sharding, parameter.buffer)
            .in(context));
    FABRIC_RETURN_IF_ERROR(
        checkShape(parameter.shape, parameter.dtype).in(context));
    if (*checkedProduct(parameter.shape) !=
        *checkedProduct(parameter.storedShape))
      return Status::error(context,
                           ": stored shape, expected as many elements as ",
                           fabric::toString(parameter.shape), ", found ",
                           fabric::toString(parameter.storedShape));
    if (parameter.init &&
        !(std::isfinite(parameter.init->a) && std::isfinite(parameter.init->b)))
      return Status::error(context,
                           ": initialiser, expected finite numbers, found ",
                           parameter.init->a, " and ", parameter.init->b);
  }
  return Status::success();
}

static Status checkStates(const Plan &plan) {
  std::set<std::string> parameters;
  for (const Parameter &parameter : plan.parameters)
    parameters.insert(parameter.name);
  std::set<std::pair<std::string, std::string>> names;
  for (const State &state : plan.states) {
    std::string context =
        named("state", state.name) + " of '" + state.parameter + "'";
    if (state.name.empty())
      return Status::error(context, ", expected a name, found an empty one");
    if (!parameters.count(state.parameter))
      return Status::error(context, ", expected a parameter of the plan, found "
                                    "an unknown one");
    if (!names.emplace(state.parameter, state.name).second)
      return Status::error(context, ", expected it once, found it twice");
    FABRIC_RETURN_IF_ERROR(checkTensor(plan, state.dtype, state.shape,
                                       state.paddedShape, state.sharding,
                                       state.buffer)
                               .in(context));
  }
  return Status::success();
}

static Status checkInputs(const Plan &plan) {
  NameSet names("input");
  for (const Input &input : plan.inputs) {
    FABRIC_RETURN_IF_ERROR(names.add(input.name));
    std::string context = named("input", input.name);
    FABRIC_RETURN_IF_ERROR(checkTensor(plan, input.dtype, input.shape,
                                       input.paddedShape, input.sharding,
                                       input.buffer)
                               .in(context));
    if (input.batchDim &&
        (*input.batchDim < 0 ||
         std::cmp_greater_equal(*input.batchDim, input.shape.size())))
      return Status::error(context, ": batch dim, expected a dim of ",
                           fabric::toString(input.shape), ", found ",
                           *input.batchDim);
  }
  return Status::success();
}

/// An output becomes a file of its name in a folder that the user chose, under
/// a longer name while it is written.
static Status checkFileName(const std::string &name) {
  if (name.size() > maxOutputName)
    return Status::error("name, expected at most ", maxOutputName,
                         " bytes, found ", name.size());
  for (unsigned char c : name)
    if (c == '/' || c < ' ' || c == 0x7f)
      return Status::error("name, expected no '/' and no control character, "
                           "found byte ",
                           int(c));
  return Status::success();
}

static Status checkOutputs(const Plan &plan) {
  NameSet names("output");
  const Output *loss = nullptr;
  for (const Output &output : plan.outputs) {
    FABRIC_RETURN_IF_ERROR(names.add(output.name));
    FABRIC_RETURN_IF_ERROR(checkFileName(output.name).in("output"));
    std::string context = named("output", output.name);
    FABRIC_RETURN_IF_ERROR(checkTensor(plan, output.dtype, output.shape,
                                       output.paddedShape, output.sharding,
                                       output.buffer)
                               .in(context));
    if (!output.isLoss)
      continue;
    if (loss)
      return Status::error(context, ", expected one loss, found another in '",
                           loss->name, "'");
    if (!output.shape.empty() || !isFloat(output.dtype))
      return Status::error(
          context, ": loss, expected a float without dims, found ",
          fabric::toString(output.shape), " of ", toString(output.dtype));
    loss = &output;
  }
  return Status::success();
}

static Status checkScalars(const Plan &plan) {
  NameSet names("scalar");
  for (const Scalar &scalar : plan.scalars) {
    FABRIC_RETURN_IF_ERROR(names.add(scalar.name));
    std::string context = named("scalar", scalar.name);
    FABRIC_RETURN_IF_ERROR(checkBufferId(plan, scalar.buffer).in(context));
    const Buffer &target = bufferOf(plan, scalar.buffer);
    if (target.dtype != scalar.dtype ||
        elementsOf(bufferOf(plan, scalar.buffer)) != 1)
      return Status::error(context, ": buffer ", scalar.buffer,
                           ", expected one ", toString(scalar.dtype),
                           ", found ", fabric::toString(target.shape), " of ",
                           toString(target.dtype));
    if (!std::isfinite(scalar.defaultValue))
      return Status::error(context, ": default, expected a finite number, ",
                           "found ", scalar.defaultValue);
  }
  return Status::success();
}

static Status checkConstants(const Plan &plan) {
  auto section = plan.sections.find("constants");
  int64_t available = section == plan.sections.end()
                          ? 0
                          : static_cast<int64_t>(section->second.size());
  for (size_t i = 0; i < plan.constants.size(); ++i) {
    const Constant &constant = plan.constants[i];
    std::string context = "constant " + std::to_string(i);
    FABRIC_RETURN_IF_ERROR(checkBufferId(plan, constant.buffer).in(context));
    int64_t bytes = elementsOf(bufferOf(plan, constant.buffer)) *
                    byteWidth(bufferOf(plan, constant.buffer).dtype);
    std::optional<int64_t> end = checkedAdd(constant.sectionOffset, bytes);
    if (constant.sectionOffset < 0 || !end || *end > available)
      return Status::error(context,
                           ", expected to lie inside of section "
                           "'constants' of ",
                           available, " bytes, found ", bytes,
                           " bytes at offset ", constant.sectionOffset);
  }
  return Status::success();
}

Status plan::checkInterface(const Plan &plan) {
  FABRIC_RETURN_IF_ERROR(checkParameters(plan));
  FABRIC_RETURN_IF_ERROR(checkStates(plan));
  FABRIC_RETURN_IF_ERROR(checkInputs(plan));
  FABRIC_RETURN_IF_ERROR(checkOutputs(plan));
  FABRIC_RETURN_IF_ERROR(checkScalars(plan));
  return checkConstants(plan);
}

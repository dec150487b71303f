//===- Axes.cpp - Axes cut into their smallest parts ----------------------===//

#include "dialects/Dist/IR/Axes.h"

using namespace mlir;
using namespace mlir::dist;

MeshAtoms::MeshAtoms(MeshAttr mesh) : mesh(mesh) {
  for (auto [axis, size] : llvm::enumerate(mesh.getSizes())) {
    if (!mesh.hasSizes())
      atoms.push_back({static_cast<unsigned>(axis), 1, 1});
    int64_t preSize = 1, rest = size;
    for (int64_t prime = 2; rest > 1; ++prime)
      for (; rest % prime == 0; rest /= prime, preSize *= prime)
        atoms.push_back({static_cast<unsigned>(axis), preSize, prime});
  }
}

int64_t MeshAtoms::getNumParts(ArrayRef<unsigned> list) const {
  int64_t parts = 1;
  for (unsigned atom : list)
    parts *= getSize(atom);
  return parts;
}

AtomList MeshAtoms::getAtoms(AxisRefAttr axis) const {
  AtomList list;
  std::optional<unsigned> index = mesh.lookup(axis.getName().getValue());
  if (!index)
    return list;
  int64_t end = axis.getPreSize() * axis.getSubSize();
  for (auto [id, atom] : llvm::enumerate(atoms))
    if (atom.axis == *index &&
        (!axis.isSubAxis() ||
         (atom.preSize >= axis.getPreSize() && atom.preSize < end)))
      list.push_back(id);
  return list;
}

AtomList MeshAtoms::getAtoms(AxesAttr axes) const {
  AtomList list;
  for (AxisRefAttr ref : axes.getRefs())
    llvm::append_range(list, getAtoms(ref));
  return list;
}

AxesAttr MeshAtoms::getAxes(ArrayRef<unsigned> list) const {
  SmallVector<AxisRefAttr> refs;
  MLIRContext *context = mesh.getContext();
  for (size_t begin = 0; begin < list.size();) {
    // Consecutive atoms of one axis are one sub-axis.
    const Atom &first = atoms[list[begin]];
    int64_t size = first.size;
    size_t end = begin + 1;
    while (end < list.size() && list[end] == list[end - 1] + 1 &&
           atoms[list[end]].axis == first.axis)
      size *= atoms[list[end++]].size;
    StringAttr name = mesh.getNames()[first.axis];
    bool whole = size == mesh.getSizes()[first.axis];
    refs.push_back(AxisRefAttr::get(context, name, whole ? 1 : first.preSize,
                                    whole ? 0 : size));
    begin = end;
  }
  return AxesAttr::get(context, refs);
}

//===- Axes.h - Axes cut into their smallest parts --------------*- C++ -*-===//
//
// Algorithms on shardings work on *atoms*: every axis of size n is cut into
// sub-axes of prime size, major first. A list of axes is then a list of atoms,
// two lists agree exactly if their atoms do, and any axis can be given away in
// part. Atoms are numbered over the whole mesh, in the order of its axes. Of a
// mesh without sizes every axis is one atom, of size 1.
//
//===----------------------------------------------------------------------===//

#ifndef FABRIC_DIALECTS_DIST_AXES_H
#define FABRIC_DIALECTS_DIST_AXES_H

#include "dialects/Dist/IR/Dist.h"

namespace mlir::dist {

/// Those of an axis of 256 need no allocation.
using AtomList = SmallVector<unsigned, 8>;

class MeshAtoms {
public:
  explicit MeshAtoms(MeshAttr mesh);

  MeshAttr getMesh() const { return mesh; }
  unsigned size() const { return atoms.size(); }

  /// The prime size of an atom.
  int64_t getSize(unsigned atom) const { return atoms[atom].size; }
  /// The index in the mesh of the axis that the atom is a part of.
  unsigned getAxis(unsigned atom) const { return atoms[atom].axis; }
  /// The product of the sizes of `list`.
  int64_t getNumParts(ArrayRef<unsigned> list) const;

  /// The atoms of a list of axes, major first. Every sub-axis must be made of
  /// whole atoms; ShardingAttr's verifier sees to that.
  AtomList getAtoms(AxesAttr axes) const;
  AtomList getAtoms(AxisRefAttr axis) const;

  /// The shortest list of axes and sub-axes for a list of atoms.
  AxesAttr getAxes(ArrayRef<unsigned> list) const;

private:
  struct Atom {
    unsigned axis;
    int64_t preSize;
    int64_t size;
  };
  MeshAttr mesh;
  SmallVector<Atom, 8> atoms;
};

} // namespace mlir::dist

#endif // FABRIC_DIALECTS_DIST_AXES_H

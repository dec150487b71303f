//===- Passes.td - The passes of the shard phase -----------*- tablegen -*-===//

#ifndef FABRIC_PASSES_SHARDING_PASSES_TD
#define FABRIC_PASSES_SHARDING_PASSES_TD

include "mlir/Pass/PassBase.td"

def SetMeshPass : Pass<"dist-set-mesh", "::mlir::ModuleOp"> {
  let summary = "Gives the module its mesh";
  let description = [{
    The module keeps the mesh that it has, or gets `["dp"=2, "tp"=2]`. The options
    override the sizes of the axes of these names; an option of 0 leaves them.
    What the model asks for, constraints and `dist.sharding` of arguments and
    results, follows to the new mesh if it is over the module's own or over one
    without sizes; over any other it is an error.

    **Precondition**: tensors are global; the module is not partitioned.
    **Postcondition**: the module has `dist.mesh`.

    ```mlir
    module { ... }
    // dist-set-mesh="dp=4 tp=1"
    module attributes {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>} { ... }
    ```
  }];
  let options = [
    Option<"dp", "dp", "int64_t", "0", "size of axis \"dp\"">,
    Option<"tp", "tp", "int64_t", "0", "size of axis \"tp\"">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def ApplyTpPlanPass : Pass<"dist-apply-tp-plan", "::mlir::ModuleOp"> {
  let summary = "Reads styles and shardings from a plan file";
  let description = [{
    The file is JSON: the dict of PyTorch's `parallelize_module`, from globs of
    module names to `colwise`, `rowwise`, `replicate` or `sequence`. A key names a
    module, and then all parameters that it owns directly, or a parameter itself.
    As in PyTorch a glob matches between dots: `*` never crosses one.

    Or it has the sections `parameters` (such a dict), `fsdp`, `inputs`, `results`
    and `values`. In the last three, and for parameters, a key may give a sharding:
    for each dim null, an axis, or a list of axes, as in JAX's PartitionSpec. A key
    of `fsdp` is one of parameters, and says `"gather"` or `"keep"`, or with the dim
    that "dp" cuts `{"keep": 0}`. A key of `values` is a name in the locations of
    ops, or the start of one up to a dot, as the importer gives all ops of a module
    its path; it means what leaves these ops. The file overrides the model.

    **Precondition**: before training, for a value's gradient is constrained too.
    The mesh's axes are the module's, or "dp" and "tp"; sizes need not be known.
    **Postcondition**: every parameter that a key matches has `dist.tp`,
    `dist.fsdp` or `dist.sharding`, every input and result `dist.sharding`, and
    every value is constrained. A key that matches nothing, or does not fit, is an
    error.

    ```mlir
    // {"parameters": {"layers.*.w1": "colwise"}, "values": {"layers.*": ["dp", null]}}
    func.func @f(%w: tensor<256x128xf32> {fabric.param = #fabric.param<"layers.0.w1.weight">}) {
      %0 = fabric.linear %x, %w : ... loc("layers.0.w1")
    // becomes
    func.func @f(%w: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>, fabric.param = ...}) {
      %0 = fabric.linear %x, %w : ...
      %1 = dist.constraint %0 sharding = <#dist.mesh<["dp", "tp"]>, [{"dp"}, {} ]> asked_by = "values key \"layers.*\"" : ...
    ```
  }];
  let options = [
    Option<"plan", "plan", "std::string", "\"\"",
           "the file; none leaves the module as it is">];
  let statistics = [
    Statistic<"numStyled", "styled", "parameters that got a style">,
    Statistic<"numFsdp", "fsdp",
              "parameters whose shards are gathered or kept as asked">,
    Statistic<"numShardings", "shardings",
              "arguments and results that got a sharding">,
    Statistic<"numConstraints", "constraints", "values that were constrained">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def ApplyShardingsPass : Pass<"dist-apply-shardings", "::mlir::ModuleOp"> {
  let summary = "Takes in the shardings that parameters and results ask for";
  let description = [{
    A result with `dist.sharding` is returned through a `dist.constraint`. A
    parameter's sharding says how it is stored; the style that splits it over "tp"
    in the same way is set, or must agree. Inputs keep theirs for
    `dist-assign-storage`.

    An error where "tp" splits a parameter in a way that no style does, where the
    two disagree, and where a result is an update, which is stored as its argument.

    **Precondition**: shardings are over the module's mesh (`dist-set-mesh`);
    derivatives are there, for the gradient of a result is not constrained.
    **Postcondition**: no result has `dist.sharding`.

    ```mlir
    func.func @f(%w: tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"tp", "dp"}, {} ]>, fabric.param = ...})
        -> (tensor<8x4xf32> {dist.sharding = #dist.sharding<#mesh, [{"dp"}, {} ]>}) {
      return %0 : tensor<8x4xf32>
    // becomes
    func.func @f(%w: tensor<8x4xf32> {dist.sharding = ..., dist.tp = #dist.tp<colwise>, fabric.param = ...})
        -> tensor<8x4xf32> {
      %1 = dist.constraint %0 sharding = <#mesh, [{"dp"}, {} ]> : tensor<8x4xf32>
      return %1 : tensor<8x4xf32>
    ```
  }];
  let statistics = [
    Statistic<"numParameters", "parameters", "parameters that ask for storage">,
    Statistic<"numResults", "results", "results that ask for a sharding">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def PadUnevenPass : Pass<"dist-pad-uneven", "::mlir::ModuleOp"> {
  let summary = "Pads dims that the mesh does not divide";
  let description = [{
    What a style splits over "tp", the batch dims of inputs and the dims that
    `dist.fsdp` names over "dp", and what a `dist.sharding` or `dist.constraint`
    splits, get the smallest size that the axes divide, and with them all dims
    that share a factor
    with them, in arguments, results and constants. `dist.logical_shape` keeps the
    true shape of arguments, which are zero behind it, and of results, which may be
    anything. Where padding would be counted by a reduction, or be stored, and is
    not known to be neutral, a `fabric.mask` makes it so.

    An error where an op needs the size as it is, or where a dim of an argument or
    result would be padded anywhere but at its end.

    **Precondition**: the module has a mesh; tensors are global, without shardings;
    derivatives and updates are there.
    **Postcondition**: axes divide what styles, batch dims and constraints split.

    ```mlir
    // {dist.mesh = #dist.mesh<["dp"=4, "tp"=1]>}
    func.func @f(%x: tensor<6x8xf32> {fabric.input = #fabric.input<"x", batch_dim = 0>},
                 %b: tensor<8xf32> {fabric.param = #fabric.param<"b">}) -> tensor<f32> {
      %0 = fabric.broadcast %b dims = [1] : tensor<8xf32> -> tensor<6x8xf32>
      %1 = fabric.add %x, %0 : tensor<6x8xf32>
      %2 = fabric.sum %1 dims = [0, 1] : tensor<6x8xf32> -> tensor<f32>
    // becomes
    func.func @f(%x: tensor<8x8xf32> {dist.logical_shape = array<i64: 6, 8>, ...}, %b: tensor<8xf32> {...}) -> tensor<f32> {
      %valid = fabric.constant dense<[1.0, 1.0, 1.0, 1.0, 1.0, 1.0, 0.0, 0.0]> : tensor<8xf32>
      %0 = fabric.broadcast %b dims = [1] : tensor<8xf32> -> tensor<8x8xf32>
      %1 = fabric.add %x, %0 : tensor<8x8xf32>
      %2 = fabric.mask %1, %valid dim = 0 : tensor<8x8xf32>, tensor<8xf32> -> tensor<8x8xf32>
      %3 = fabric.sum %2 dims = [0, 1] : tensor<8x8xf32> -> tensor<f32>
    ```
  }];
  let statistics = [
    Statistic<"numPadded", "padded", "tensors that grew">,
    Statistic<"numMasks", "masks", "masks inserted">];
  // Scalar bodies of ops are built to see what they make of zeros.
  let dependentDialects = ["::mlir::dist::DistDialect",
                           "::mlir::fabric::FabricDialect",
                           "::mlir::arith::ArithDialect",
                           "::mlir::math::MathDialect"];
}

def ChooseTpPass : Pass<"dist-choose-tp", "::mlir::ModuleOp"> {
  let summary = "Chooses tensor-parallel styles by cost";
  let description = [{
    Parameters without a style get one, for forward and backward together. In this
    order the choice minimises: FLOPs a rank of matrix products; bytes a rank of
    parameters of two or more dims; bytes that a rank sends, plus 1/32 of those
    that all other ops touch; collectives. Styles that are there stay, and all
    layouts of activations that a sharding rule allows are considered. A remark a
    parameter says what was chosen and why, and one a function what it comes to.

    Layouts of activations are left to propagation, which starts from the styles.
    Where it would not find the plan's, a `dist.constraint` says so: where terms are
    scattered to ops that no split parameter is connected to, and where a split
    tensor is gathered.

    A parameter that axis "tp" cannot split on dim 0 or 1 is replicated. A bias is
    split where what it is added to is split already, else it is whole.

    **Precondition**: the module has a mesh; tensors are global, without shardings.
    **Postcondition**: if the mesh's axis "tp" is larger than 1, every parameter of
    a function of one block has `dist.tp`.

    ```mlir
    // {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>}
    func.func @f(%x: ..., %w1: tensor<256x128xf32> {fabric.param = ...},
                 %w2: tensor<128x256xf32> {fabric.param = ...}) {
      %0 = fabric.linear %x, %w1 : ...
      %1 = fabric.silu %0 : ...
      %2 = fabric.linear %1, %w2 : ...
    // becomes
    func.func @f(%x: ..., %w1: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>, ...},
                 %w2: tensor<128x256xf32> {dist.tp = #dist.tp<rowwise>, ...}) {
    ```
  }];
  let statistics = [
    Statistic<"numChosen", "chosen", "parameters that got a style">,
    Statistic<"numConstraints", "constraints", "constraints left">,
    Statistic<"numTransitions", "transitions",
              "pairs of a partial plan and a strategy that were looked at">,
    Statistic<"numKept", "kept", "most partial plans kept at once">,
    Statistic<"numCut", "cut", "functions with too many of them to keep all">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def ChooseFsdpPass : Pass<"dist-choose-fsdp", "::mlir::ModuleOp"> {
  let summary = "Chooses by cost which parameters stay in shards in compute";
  let description = [{
    Every parameter that "dp" can split gets `dist.fsdp`: `gather`, or `keep` where
    it is cheaper to gather, scatter and reduce activations over "dp" than the
    parameter and its gradient; and the dim that is split. What is given stays.
    Decided together, for forward and backward, by the bytes that a rank sends, plus
    1/32 of those that ops touch. Layouts over the other axes are what
    propagation makes of the function with every open parameter gathered; constraints
    marked `chosen` are moved over "dp" as the decision asks.

    Both programs are then propagated on copies and compared by all the bytes that
    a rank sends. If the one with kept parameters does not send less, everything is
    gathered, and a remark says so.

    **Precondition**: as `dist-assign-storage`; tensor-parallel styles are there.
    **Postcondition**: if the mesh's axis "dp" is larger than 1, every parameter
    that it divides has `dist.fsdp`.

    ```mlir
    // {dist.mesh = #dist.mesh<["dp"=2, "tp"=1]>}
    func.func @f(%x: tensor<4x1024xf32> {fabric.input = ...}, %w: tensor<1024x1024xf32> {fabric.param = ...}) {
      %0 = fabric.linear %x, %w : ...
    // becomes
    func.func @f(%x: ..., %w: tensor<1024x1024xf32> {dist.fsdp = #dist.fsdp<keep, dim = 0>, fabric.param = ...}) {
    ```
  }];
  let statistics = [
    Statistic<"numKept", "kept", "parameters that are not gathered">,
    Statistic<"numGathered", "gathered", "parameters that are">,
    Statistic<"numFallbacks", "fallbacks",
              "functions where keeping parameters did not send less">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def AssignStoragePass : Pass<"dist-assign-storage", "::mlir::ModuleOp"> {
  let summary = "Says how arguments and updated results are stored";
  let description = [{
    What an argument asks for with `dist.sharding` is its storage. Else, fully
    sharded data parallelism: "dp" splits the first dim of a parameter that it
    divides, or the one that `dist.fsdp` names, minor to "tp" (a parameter without
    one stays whole over "dp", with a remark). Optimizer states are stored as their
    parameter. Inputs are split over "dp" on their batch dim; scalars are
    replicated.

    Where a parameter is used by anything but an update in place, a `dist.reshard`
    leads from the storage sharding to the compute sharding, which is the same
    without "dp", or, where `dist.fsdp` says `keep`, the storage sharding itself.
    It is there even if the two agree. The gather before a use, and the
    scatter of a gradient, are nothing but reshards between the two.

    An op that converts a parameter to something smaller, element by element, runs
    where that is stored, and its result is resharded in its stead; so does one that
    converts a smaller gradient for an update.

    **Precondition**: the module has a mesh; no type carries a sharding.
    **Postcondition**: every argument, and every result of an op that updates
    arguments in place or converts at rest, carries its storage sharding.

    ```mlir
    func.func @f(%w: tensor<256x128xf32> {dist.tp = #dist.tp<colwise>, fabric.param = ...}) {
      ... = fabric.linear %x, %w
    // becomes
    func.func @f(%w: tensor<256x128xf32, #dist.sharding<#mesh, [{"tp", "dp"}, {} ]>> {...}) {
      %0 = dist.reshard %w : ... -> tensor<256x128xf32, #dist.sharding<#mesh, [{"tp"}, {} ]>>
      ... = fabric.linear %x, %0
    ```
  }];
  let statistics = [
    Statistic<"numReplicated", "replicated",
              "parameters that \"dp\" does not split">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def PropagatePass : Pass<"dist-propagate", "::mlir::ModuleOp"> {
  let summary = "Gives every tensor a sharding";
  let description = [{
    Assigns axes to the factors of every op, in both directions, to a fixed point,
    in a side table; then commits once: types get their shardings, results whose
    reduction is split, and what flows linearly from them, are partial, and where a
    use needs another sharding than the value has, a `dist.reshard` is inserted
    (one for all uses that want the same, before the first of them). README.md says
    how conflicts are decided.

    **Precondition**: arguments carry shardings, as `dist-assign-storage` leaves
    them; nothing crosses a `dist.reshard`.
    **Postcondition**: what `dist-verify-sharded` verifies; no `dist.constraint` is
    left.

    ```mlir
    // %x: [{"dp"}, {} ], %w: [{"tp"}, {} ]
    %0 = fabric.linear %x, %w : (...) -> tensor<16x256xf32>
    // becomes
    %0 = fabric.linear %x, %w : (...) -> tensor<16x256xf32, #dist.sharding<#mesh, [{"dp"}, {"tp"} ]>>
    ```
  }];
  let statistics = [
    Statistic<"numReshards", "reshards", "reshards inserted">,
    Statistic<"numBytes", "bytes", "bytes that a rank sends for them">,
    Statistic<"numConflicts", "conflicts", "conflicts decided by cost">,
    Statistic<"numDecomposed", "decomposed",
              "ops decomposed because a factor they need whole is split">];
  let dependentDialects = ["::mlir::dist::DistDialect"];
}

def VerifyShardedPass : Pass<"dist-verify-sharded", "::mlir::ModuleOp"> {
  let summary = "Says what the shard phase leaves";
  let description = [{
    **Constraints**
    * C1: the module has a mesh and is not partitioned.
    * C2: every tensor carries a valid sharding over the module's mesh.
    * C3: every op but `dist.reshard` and the terminator has a sharding rule, and
      agrees with it: one list of axes for each factor, none for one that it needs
      whole.
    * C4: results are partial exactly over the axes that split a reduction, and
      over those of operands that form one linear group.
    * C5: results with a name are not partial; updates are of the type of the
      argument that they update, states are stored as their parameter.
  }];
}

#endif // FABRIC_PASSES_SHARDING_PASSES_TD

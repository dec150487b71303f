// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/unknown-style.json" 2>&1 | FileCheck %s --check-prefix=STYLE
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/number-style.json" 2>&1 | FileCheck %s --check-prefix=NUMBER
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/no-match.json" 2>&1 | FileCheck %s --check-prefix=MATCH
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/disagree.json" 2>&1 | FileCheck %s --check-prefix=DISAGREE
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/malformed.json" 2>&1 | FileCheck %s --check-prefix=MALFORMED
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/list.json" 2>&1 | FileCheck %s --check-prefix=LIST
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/bad-glob.json" 2>&1 | FileCheck %s --check-prefix=GLOB
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/colwise.json" -dist-assign-storage 2>&1 | FileCheck %s --check-prefix=DIVIDE
// RUN: not fabric-opt %s -dist-apply-tp-plan="plan=%S/Inputs/missing.json" 2>&1 | FileCheck %s --check-prefix=MISSING

// STYLE: error: {{.*}}:20:1: tensor-parallel plan {{.*}}unknown-style.json: key "w" has unknown style "diagonal"; the styles are "colwise", "rowwise", "replicate" and "sequence"
// NUMBER: error: {{.*}}:20:1: tensor-parallel plan {{.*}}number-style.json: key "w" has unknown style 1;
// MATCH: error: {{.*}}:20:1: tensor-parallel plan {{.*}}no-match.json: key "layers.*" matches no parameter
// DISAGREE: error: {{.*}}:22:{{[0-9]+}}: tensor-parallel plan {{.*}}disagree.json: keys "*.weight" and "w" disagree about parameter "w.weight": rowwise and colwise
// MALFORMED: error: {{.*}}:20:1: tensor-parallel plan {{.*}}malformed.json: is no JSON: [2:0, byte=17]: Expected
// LIST: error: {{.*}}:20:1: tensor-parallel plan {{.*}}list.json: must be a dict from globs of module names to styles
// GLOB: error: {{.*}}:20:1: tensor-parallel plan {{.*}}bad-glob.json: key "w.[" is no glob
// MISSING: error: {{.*}}:20:1: tensor-parallel plan {{.*}}missing.json: cannot be read: No such file or directory

module attributes {dist.mesh = #dist.mesh<["dp"=2, "tp"=2]>} {
// DIVIDE: error: {{.*}}apply-tp-plan-errors.mlir:[[@LINE+1]]:{{[0-9]+}}: parameter "w.weight": style colwise splits dim 0 of size 7, which axis "tp" of size 2 does not divide
func.func @f(%w: tensor<7x4xf32> {fabric.param = #fabric.param<"w.weight">}) {
  return
}
}

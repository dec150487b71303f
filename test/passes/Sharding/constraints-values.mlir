// RUN: fabric-check-values %s --before=train --pipeline="shard-2d{dp=1 tp=1}" --pipeline="shard-2d{dp=2 tp=2}" --pipeline="shard-2d{dp=3 tp=2}" --pipeline="shard-2d{dp=4 tp=2}" --pipeline="shard-2d{dp=2 tp=4}" --pipeline="shard-2d{dp=1 tp=8}" --pipeline="shard-2d{dp=4 tp=2 fsdp=auto}"

// Asking changes no value: inputs, results, parameters and activations where
// the compiler would never put them, on meshes of which some divide nothing.

#any = #dist.mesh<["dp", "tp"]>
module attributes {fabric.train = #fabric.train<adamw>} {
func.func @mlp(
    %x: tensor<12x10xf64> {fabric.input = #fabric.input<"x", batch_dim = 0>, dist.sharding = #dist.sharding<#any, [{"tp"}, {"dp"}]>},
    %w1: tensor<24x10xf64> {fabric.param = #fabric.param<"1.weight">, dist.sharding = #dist.sharding<#any, [{"tp"}, {"dp"}]>},
    %b1: tensor<24xf64> {fabric.param = #fabric.param<"1.bias">, dist.sharding = #dist.sharding<#any, [{"dp", "tp"}]>},
    %w2: tensor<10x24xf64> {fabric.param = #fabric.param<"2.weight">, dist.sharding = #dist.sharding<#any, [{}, {}]>})
    -> (tensor<f64> {fabric.result = "loss"}, tensor<12x10xf64> {fabric.result = "y", dist.sharding = #dist.sharding<#any, [{}, {"tp", "dp"}]>},
        tensor<12x24xf64> {fabric.result = "h", dist.sharding = #dist.sharding<#any, [{"dp"}, {"tp"}]>}) {
  %1 = fabric.linear %x, %w1 : (tensor<12x10xf64>, tensor<24x10xf64>) -> tensor<12x24xf64>
  %2 = fabric.broadcast %b1 dims = [1] : tensor<24xf64> -> tensor<12x24xf64>
  %3 = fabric.add %1, %2 : tensor<12x24xf64>
  %4 = dist.constraint %3 sharding = <#any, [{"tp"}, {"dp"}]> : tensor<12x24xf64>
  %5 = fabric.silu %4 : tensor<12x24xf64>
  %6 = dist.constraint %5 sharding = <#any, [{"dp", "tp"}, {}]> : tensor<12x24xf64>
  %7 = fabric.linear %6, %w2 : (tensor<12x24xf64>, tensor<10x24xf64>) -> tensor<12x10xf64>
  %8 = dist.constraint %7 sharding = <#any, [{}, {}]> : tensor<12x10xf64>
  %9 = fabric.mul %8, %8 : tensor<12x10xf64>
  %10 = fabric.sum %9 dims = [0, 1] : tensor<12x10xf64> -> tensor<f64>
  return %10, %7, %6 : tensor<f64>, tensor<12x10xf64>, tensor<12x24xf64>
}
}

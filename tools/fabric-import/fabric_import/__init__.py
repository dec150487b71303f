"""From a PyTorch module to Fabric's MLIR text, through torch.export."""

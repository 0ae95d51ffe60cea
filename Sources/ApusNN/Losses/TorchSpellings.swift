// swift-format-ignore-file: AlwaysUseLowerCamelCase

// PyTorch's names that differ from Swift's by their case, for the compiler to correct. Made from the page of names by its test.

import ApusTensor

@available(*, unavailable, renamed: "bceWithLogits(_:_:weight:positiveWeight:reduction:)")
public var binary_cross_entropy_with_logits: TorchName { TorchName() }
@available(*, unavailable, renamed: "crossEntropy(_:_:weight:ignoreIndex:labelSmoothing:reduction:)")
public var cross_entropy: TorchName { TorchName() }
@available(*, unavailable, renamed: "klDiv(_:_:logTarget:reduction:)") public var kl_div: TorchName { TorchName() }
@available(*, unavailable, renamed: "l1Loss(_:_:reduction:)") public var l1_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "mseLoss(_:_:reduction:)") public var mse_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "nllLoss(_:_:weight:ignoreIndex:reduction:)") public var nll_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "smoothL1Loss(_:_:beta:reduction:)") public var smooth_l1_loss: TorchName { TorchName() }

// swift-format-ignore-file: AlwaysUseLowerCamelCase

// PyTorch's names that differ from Swift's by their case, for the compiler to correct. Made from the page of names by its test.

import ApusTensor

@available(*, unavailable, renamed: "binaryCrossEntropyWithLogits(_:_:weight:positiveWeight:reduction:)")
public var binary_cross_entropy_with_logits: TorchName { TorchName() }
@available(*, unavailable, renamed: "binaryCrossEntropy(_:_:weight:reduction:)")
public var binary_cross_entropy: TorchName { TorchName() }
@available(*, unavailable, renamed: "cosineEmbeddingLoss(_:_:_:margin:reduction:)")
public var cosine_embedding_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "crossEntropy(_:_:weight:ignoreIndex:labelSmoothing:reduction:)")
public var cross_entropy: TorchName { TorchName() }
@available(*, unavailable, renamed: "ctcLoss(_:_:inputLengths:targetLengths:blank:reduction:zeroInfinity:)")
public var ctc_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "hingeEmbeddingLoss(_:_:margin:reduction:)")
public var hinge_embedding_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "huberLoss(_:_:delta:reduction:)") public var huber_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "klDiv(_:_:logTarget:reduction:)") public var kl_div: TorchName { TorchName() }
@available(*, unavailable, renamed: "l1Loss(_:_:reduction:)") public var l1_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "marginRankingLoss(_:_:_:margin:reduction:)")
public var margin_ranking_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "mseLoss(_:_:reduction:)") public var mse_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "multiMarginLoss(_:_:p:margin:weight:reduction:)")
public var multi_margin_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "multilabelMarginLoss(_:_:reduction:)")
public var multilabel_margin_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "nllLoss(_:_:weight:ignoreIndex:reduction:)") public var nll_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "poissonNllLoss(_:_:logInput:full:epsilon:reduction:)")
public var poisson_nll_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "smoothL1Loss(_:_:beta:reduction:)") public var smooth_l1_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "softMarginLoss(_:_:reduction:)") public var soft_margin_loss: TorchName { TorchName() }
@available(*, unavailable, renamed: "tripletMarginLoss(_:positive:negative:margin:p:swap:reduction:)")
public var triplet_margin_loss: TorchName { TorchName() }

// swift-format-ignore-file: AlwaysUseLowerCamelCase

// PyTorch's names that differ from Swift's by their case, for the compiler to correct. Made from the page of names by its test.

extension Tensor {
    @available(*, unavailable, renamed: "adaptiveAvgPool1d(_:)") public var adaptive_avg_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveAvgPool1d(_:)") public static var adaptive_avg_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveAvgPool2d(_:)") public var adaptive_avg_pool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveAvgPool3d(_:)") public var adaptive_avg_pool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveMaxPool1d(_:)") public var adaptive_max_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveMaxPool1d(_:)") public static var adaptive_max_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveMaxPool2d(_:)") public var adaptive_max_pool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "adaptiveMaxPool3d(_:)") public var adaptive_max_pool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "affineGrid(_:alignsCorners:)") public var affine_grid_generator: TorchName { TorchName() }
    @available(*, unavailable, renamed: "affineGrid(_:alignsCorners:)") public static var affine_grid_generator: TorchName { TorchName() }
    @available(*, unavailable, renamed: "affineGrid(_:alignsCorners:)") public var affine_grid: TorchName { TorchName() }
    @available(*, unavailable, renamed: "airyAi()") public var airy_ai: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asStridedScatter(_:_:strides:offset:)") public var as_strided_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asStridedScatter(_:_:strides:offset:)")
    public static var as_strided_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asStrided(_:strides:offset:)") public var as_strided: TorchName { TorchName() }
    @available(*, unavailable, renamed: "asStrided(_:strides:offset:)") public static var as_strided: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast1d()") public var atleast_1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast1d()") public static var atleast_1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast2d()") public var atleast_2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast2d()") public static var atleast_2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast3d()") public var atleast_3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "atleast3d()") public static var atleast_3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "avgPool1d(_:stride:padding:ceilMode:countIncludePad:)")
    public var avg_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "avgPool1d(_:stride:padding:ceilMode:countIncludePad:)")
    public static var avg_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "avgPool2d(_:stride:padding:ceilMode:countIncludePad:divisorOverride:)")
    public var avg_pool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "avgPool3d(_:stride:padding:ceilMode:countIncludePad:divisorOverride:)")
    public var avg_pool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "batchNorm(runningMean:runningVariance:weight:bias:epsilon:)")
    public var batch_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "batchNorm(runningMean:runningVariance:weight:bias:epsilon:)")
    public static var batch_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "besselJ0()") public var bessel_j0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "besselJ1()") public var bessel_j1: TorchName { TorchName() }
    @available(*, unavailable, renamed: "besselY0()") public var bessel_y0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "besselY1()") public var bessel_y1: TorchName { TorchName() }
    @available(*, unavailable, renamed: "binaryCrossEntropyWithLogits(_:weight:positiveWeight:reduction:)")
    public var binary_cross_entropy_with_logits: TorchName { TorchName() }
    @available(*, unavailable, renamed: "binaryCrossEntropyWithLogits(_:weight:positiveWeight:reduction:)")
    public static var binary_cross_entropy_with_logits: TorchName { TorchName() }
    @available(*, unavailable, renamed: "binaryCrossEntropy(_:weight:reduction:)")
    public var binary_cross_entropy: TorchName { TorchName() }
    @available(*, unavailable, renamed: "blockDiag(_:)") public static var block_diag: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cartesianProd(_:)") public static var cartesian_prod: TorchName { TorchName() }
    @available(*, unavailable, renamed: "channelShuffle(_:)") public var channel_shuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "channelShuffle(_:)") public static var channel_shuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "chebyshevPolynomialT(_:)") public var chebyshev_polynomial_t: TorchName { TorchName() }
    @available(*, unavailable, renamed: "chebyshevPolynomialU(_:)") public var chebyshev_polynomial_u: TorchName { TorchName() }
    @available(*, unavailable, renamed: "chebyshevPolynomialV(_:)") public var chebyshev_polynomial_v: TorchName { TorchName() }
    @available(*, unavailable, renamed: "chebyshevPolynomialW(_:)") public var chebyshev_polynomial_w: TorchName { TorchName() }
    @available(*, unavailable, renamed: "choleskyInverse(upper:)") public var cholesky_inverse: TorchName { TorchName() }
    @available(*, unavailable, renamed: "choleskyInverse(upper:)") public static var cholesky_inverse: TorchName { TorchName() }
    @available(*, unavailable, renamed: "choleskySolve(_:upper:)") public var cholesky_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "choleskySolve(_:upper:)") public static var cholesky_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "columnStack(_:)") public static var column_stack: TorchName { TorchName() }
    @available(*, unavailable, renamed: "padded(_:mode:value:)") public var constant_pad_nd: TorchName { TorchName() }
    @available(*, unavailable, renamed: "padded(_:mode:value:)") public static var constant_pad_nd: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTbc(_:bias:padding:)") public var conv_tbc: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTbc(_:bias:padding:)") public static var conv_tbc: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose1d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public var conv_transpose1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose1d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public static var conv_transpose1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose2d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public var conv_transpose2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose2d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public static var conv_transpose2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose3d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public var conv_transpose3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "convTranspose3d(_:bias:stride:padding:outputPadding:groups:dilation:)")
    public static var conv_transpose3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cosineEmbeddingLoss(_:_:margin:reduction:)")
    public var cosine_embedding_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cosineEmbeddingLoss(_:_:margin:reduction:)")
    public static var cosine_embedding_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cosineSimilarity(_:dim:epsilon:)") public var cosine_similarity: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cosineSimilarity(_:dim:epsilon:)") public static var cosine_similarity: TorchName { TorchName() }
    @available(*, unavailable, renamed: "countNonzero(dim:)") public var count_nonzero: TorchName { TorchName() }
    @available(*, unavailable, renamed: "countNonzero(dim:)") public static var count_nonzero: TorchName { TorchName() }
    @available(*, unavailable, renamed: "crossEntropy(_:weight:ignoreIndex:labelSmoothing:reduction:)")
    public var cross_entropy: TorchName { TorchName() }
    @available(*, unavailable, renamed: "ctcLoss(_:inputLengths:targetLengths:blank:reduction:zeroInfinity:)")
    public var ctc_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "ctcLoss(_:inputLengths:targetLengths:blank:reduction:zeroInfinity:)")
    public static var ctc_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cumulativeTrapezoid(_:dim:)") public var cumulative_trapezoid: TorchName { TorchName() }
    @available(*, unavailable, renamed: "cumulativeTrapezoid(_:dim:)") public static var cumulative_trapezoid: TorchName { TorchName() }
    @available(*, unavailable, renamed: "diagEmbed(offset:dim1:dim2:)") public var diag_embed: TorchName { TorchName() }
    @available(*, unavailable, renamed: "diagEmbed(offset:dim1:dim2:)") public static var diag_embed: TorchName { TorchName() }
    @available(*, unavailable, renamed: "diagonalScatter(_:offset:dim1:dim2:)") public var diagonal_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "diagonalScatter(_:offset:dim1:dim2:)")
    public static var diagonal_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "embeddingBag(_:offsets:mode:perSampleWeights:includeLastOffset:paddingIndex:)")
    public var embedding_bag: TorchName { TorchName() }
    @available(*, unavailable, renamed: "embeddingBag(_:offsets:mode:perSampleWeights:includeLastOffset:paddingIndex:)")
    public static var embedding_bag: TorchName { TorchName() }
    @available(*, unavailable, renamed: "emptyLike()") public var empty_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "emptyLike()") public static var empty_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "featureDropout(p:training:)") public var feature_dropout: TorchName { TorchName() }
    @available(*, unavailable, renamed: "featureDropout(p:training:)") public static var feature_dropout: TorchName { TorchName() }
    @available(*, unavailable, renamed: "floatPower(_:)") public var float_power: TorchName { TorchName() }
    @available(*, unavailable, renamed: "floatPower(_:)") public static var float_power: TorchName { TorchName() }
    @available(*, unavailable, renamed: "floorDivide(_:)") public var floor_divide: TorchName { TorchName() }
    @available(*, unavailable, renamed: "floorDivide(_:)") public static var floor_divide: TorchName { TorchName() }
    @available(*, unavailable, renamed: "fullLike(_:)") public var full_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "fullLike(_:)") public static var full_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)") public var grid_sample: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)") public var grid_sampler_2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)")
    public static var grid_sampler_2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)") public var grid_sampler_3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)")
    public static var grid_sampler_3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)") public var grid_sampler: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gridSample(_:mode:padding:alignsCorners:)")
    public static var grid_sampler: TorchName { TorchName() }
    @available(*, unavailable, renamed: "groupNorm(groups:weight:bias:epsilon:)") public var group_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "groupNorm(groups:weight:bias:epsilon:)") public static var group_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "groupedMm(_:ends:bias:dtype:)") public var grouped_mm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gruCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public var gru_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gruCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public static var gru_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "gumbelSoftmax(temperature:hard:dim:seed:)") public var gumbel_softmax: TorchName { TorchName() }
    @available(*, unavailable, renamed: "hermitePolynomialHe(_:)") public var hermite_polynomial_he: TorchName { TorchName() }
    @available(*, unavailable, renamed: "hermitePolynomialH(_:)") public var hermite_polynomial_h: TorchName { TorchName() }
    @available(*, unavailable, renamed: "hingeEmbeddingLoss(_:margin:reduction:)")
    public var hinge_embedding_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "hingeEmbeddingLoss(_:margin:reduction:)")
    public static var hinge_embedding_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "householderProduct(_:)") public var householder_product: TorchName { TorchName() }
    @available(*, unavailable, renamed: "huberLoss(_:delta:reduction:)") public var huber_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexAdd(dim:_:_:alpha:)") public var index_add: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexAdd(dim:_:_:alpha:)") public static var index_add: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexCopy(dim:_:_:)") public var index_copy: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexCopy(dim:_:_:)") public static var index_copy: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexFill(dim:_:_:)") public var index_fill: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexFill(dim:_:_:)") public static var index_fill: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexPut(_:_:accumulate:)") public var index_put: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexPut(_:_:accumulate:)") public static var index_put: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexReduce(dim:_:_:reduce:includeSelf:)") public var index_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexReduce(dim:_:_:reduce:includeSelf:)")
    public static var index_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexSelect(dim:_:)") public var index_select: TorchName { TorchName() }
    @available(*, unavailable, renamed: "indexSelect(dim:_:)") public static var index_select: TorchName { TorchName() }
    @available(*, unavailable, renamed: "instanceNorm(weight:bias:epsilon:)") public var instance_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "instanceNorm(weight:bias:epsilon:)") public static var instance_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "isContiguous") public var is_contiguous: TorchName { TorchName() }
    @available(*, unavailable, renamed: "klDiv(_:logTarget:reduction:)") public var kl_div: TorchName { TorchName() }
    @available(*, unavailable, renamed: "klDiv(_:logTarget:reduction:)") public static var kl_div: TorchName { TorchName() }
    @available(*, unavailable, renamed: "l1Loss(_:reduction:)") public var l1_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "laguerrePolynomialL(_:)") public var laguerre_polynomial_l: TorchName { TorchName() }
    @available(*, unavailable, renamed: "layerNorm(_:weight:bias:epsilon:)") public var layer_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "layerNorm(_:weight:bias:epsilon:)") public static var layer_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "ldlFactor(hermitian:)") public var ldl_factor: TorchName { TorchName() }
    @available(*, unavailable, renamed: "ldlSolve(pivots:_:hermitian:)") public var ldl_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "leakyRelu(negativeSlope:)") public var leaky_relu: TorchName { TorchName() }
    @available(*, unavailable, renamed: "legendrePolynomialP(_:)") public var legendre_polynomial_p: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logNdtr()") public var log_ndtr: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logSoftmax(dim:dtype:)") public var log_softmax: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logSoftmax(dim:dtype:)") public static var log_softmax: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalAnd(_:)") public var logical_and: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalAnd(_:)") public static var logical_and: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalNot()") public var logical_not: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalNot()") public static var logical_not: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalOr(_:)") public var logical_or: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalOr(_:)") public static var logical_or: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalXor(_:)") public var logical_xor: TorchName { TorchName() }
    @available(*, unavailable, renamed: "logicalXor(_:)") public static var logical_xor: TorchName { TorchName() }
    @available(*, unavailable, renamed: "lstmCell(hidden:cell:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public var lstm_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "lstmCell(hidden:cell:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public static var lstm_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "luFactor()") public var lu_factor: TorchName { TorchName() }
    @available(*, unavailable, renamed: "luSolve(pivots:_:left:adjoint:)") public var lu_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "luSolve(pivots:_:left:adjoint:)") public static var lu_solve: TorchName { TorchName() }
    @available(*, unavailable, renamed: "marginRankingLoss(_:_:margin:reduction:)")
    public var margin_ranking_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "marginRankingLoss(_:_:margin:reduction:)")
    public static var margin_ranking_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedFill(_:_:)") public var masked_fill: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedFill(_:_:)") public static var masked_fill: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedScatter(_:_:)") public var masked_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedScatter(_:_:)") public static var masked_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedSelect(_:)") public var masked_select: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maskedSelect(_:)") public static var masked_select: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixExp()") public var matrix_exp: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixExp()") public static var matrix_exp: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixNorm(_:dims:keepDim:)") public var matrix_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixPower(_:)") public var matrix_power: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixPower(_:)") public static var matrix_power: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixRank(atol:rtol:hermitian:)") public var matrix_rank: TorchName { TorchName() }
    @available(*, unavailable, renamed: "matrixRank(atol:rtol:hermitian:)") public static var matrix_rank: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool1dWithIndices(_:stride:padding:dilation:ceilMode:)")
    public var max_pool1d_with_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool1dWithIndices(_:stride:padding:dilation:ceilMode:)")
    public static var max_pool1d_with_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool1d(_:stride:padding:dilation:ceilMode:)") public var max_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool1d(_:stride:padding:dilation:ceilMode:)")
    public static var max_pool1d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool2dWithIndices(_:stride:padding:dilation:ceilMode:)")
    public var max_pool2d_with_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool2d(_:stride:padding:dilation:ceilMode:)") public var max_pool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool2d(_:stride:padding:dilation:ceilMode:)")
    public static var max_pool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool3dWithIndices(_:stride:padding:dilation:ceilMode:)")
    public var max_pool3d_with_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool3d(_:stride:padding:dilation:ceilMode:)") public var max_pool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxPool3d(_:stride:padding:dilation:ceilMode:)")
    public static var max_pool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxUnpool2d(_:to:)") public var max_unpool2d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "maxUnpool3d(_:to:stride:padding:)") public var max_unpool3d: TorchName { TorchName() }
    @available(*, unavailable, renamed: "modifiedBesselK0()") public var modified_bessel_k0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "modifiedBesselK1()") public var modified_bessel_k1: TorchName { TorchName() }
    @available(*, unavailable, renamed: "mseLoss(_:reduction:)") public var mse_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "multiDot(_:)") public static var multi_dot: TorchName { TorchName() }
    @available(*, unavailable, renamed: "multiMarginLoss(_:p:margin:weight:reduction:)")
    public var multi_margin_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "multilabelMarginLoss(_:reduction:)") public var multilabel_margin_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "nanToNum(nan:positiveInfinity:negativeInfinity:)")
    public var nan_to_num: TorchName { TorchName() }
    @available(*, unavailable, renamed: "nanToNum(nan:positiveInfinity:negativeInfinity:)")
    public static var nan_to_num: TorchName { TorchName() }
    @available(*, unavailable, renamed: "newEmpty(_:)") public var new_empty: TorchName { TorchName() }
    @available(*, unavailable, renamed: "newFull(_:_:)") public var new_full: TorchName { TorchName() }
    @available(*, unavailable, renamed: "newOnes(_:)") public var new_ones: TorchName { TorchName() }
    @available(*, unavailable, renamed: "newZeros(_:)") public var new_zeros: TorchName { TorchName() }
    @available(*, unavailable, renamed: "nllLoss(_:weight:ignoreIndex:reduction:)") public var nll_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "nonzeroStatic(size:fillValue:)") public var nonzero_static: TorchName { TorchName() }
    @available(*, unavailable, renamed: "nonzeroStatic(size:fillValue:)") public static var nonzero_static: TorchName { TorchName() }
    @available(*, unavailable, renamed: "oneHot(classes:)") public var one_hot: TorchName { TorchName() }
    @available(*, unavailable, renamed: "onesLike()") public var ones_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "onesLike()") public static var ones_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pairwiseDistance(_:p:epsilon:keepDim:)") public var pairwise_distance: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pairwiseDistance(_:p:epsilon:keepDim:)")
    public static var pairwise_distance: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pixelShuffle(_:)") public var pixel_shuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pixelShuffle(_:)") public static var pixel_shuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pixelUnshuffle(_:)") public var pixel_unshuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "pixelUnshuffle(_:)") public static var pixel_unshuffle: TorchName { TorchName() }
    @available(*, unavailable, renamed: "poissonNllLoss(_:logInput:full:epsilon:reduction:)")
    public var poisson_nll_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "poissonNllLoss(_:logInput:full:epsilon:reduction:)")
    public static var poisson_nll_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randLike(seed:)") public var rand_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randLike(seed:)") public static var rand_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randintLike(_:_:seed:)") public var randint_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randintLike(_:_:seed:)") public static var randint_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randnLike(seed:)") public var randn_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "randnLike(seed:)") public static var randn_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "repeatInterleave(_:dim:)") public var repeat_interleave: TorchName { TorchName() }
    @available(*, unavailable, renamed: "repeatInterleave(_:dim:)") public static var repeat_interleave: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rmsNorm(_:weight:epsilon:)") public var rms_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rmsNorm(_:weight:epsilon:)") public static var rms_norm: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnReluCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public var rnn_relu_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnReluCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public static var rnn_relu_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnRelu(hidden:parameters:hasBiases:numLayers:bidirectional:batchFirst:)")
    public var rnn_relu: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnRelu(hidden:parameters:hasBiases:numLayers:bidirectional:batchFirst:)")
    public static var rnn_relu: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnTanhCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public var rnn_tanh_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnTanhCell(hidden:inputWeight:hiddenWeight:inputBias:hiddenBias:)")
    public static var rnn_tanh_cell: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnTanh(hidden:parameters:hasBiases:numLayers:bidirectional:batchFirst:)")
    public var rnn_tanh: TorchName { TorchName() }
    @available(*, unavailable, renamed: "rnnTanh(hidden:parameters:hasBiases:numLayers:bidirectional:batchFirst:)")
    public static var rnn_tanh: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scaledDotProductAttention(key:value:mask:isCausal:scale:sharesHeads:)")
    public var scaled_dot_product_attention: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scaledModifiedBesselK0()") public var scaled_modified_bessel_k0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scaledModifiedBesselK1()") public var scaled_modified_bessel_k1: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scatterAdd(dim:_:_:)") public var scatter_add: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scatterAdd(dim:_:_:)") public static var scatter_add: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scatterReduce(dim:_:_:reduce:includeSelf:)") public var scatter_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "scatterReduce(dim:_:_:reduce:includeSelf:)")
    public static var scatter_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "segmentReduce(_:lengths:axis:initial:)") public var segment_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "segmentReduce(_:lengths:axis:initial:)")
    public static var segment_reduce: TorchName { TorchName() }
    @available(*, unavailable, renamed: "selectScatter(_:dim:index:)") public var select_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "selectScatter(_:dim:index:)") public static var select_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "shiftedChebyshevPolynomialT(_:)")
    public var shifted_chebyshev_polynomial_t: TorchName { TorchName() }
    @available(*, unavailable, renamed: "shiftedChebyshevPolynomialU(_:)")
    public var shifted_chebyshev_polynomial_u: TorchName { TorchName() }
    @available(*, unavailable, renamed: "shiftedChebyshevPolynomialV(_:)")
    public var shifted_chebyshev_polynomial_v: TorchName { TorchName() }
    @available(*, unavailable, renamed: "shiftedChebyshevPolynomialW(_:)")
    public var shifted_chebyshev_polynomial_w: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sliceScatter(_:dim:from:to:step:)") public var slice_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sliceScatter(_:dim:from:to:step:)") public static var slice_scatter: TorchName { TorchName() }
    @available(*, unavailable, renamed: "smoothL1Loss(_:beta:reduction:)") public var smooth_l1_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "softMarginLoss(_:reduction:)") public var soft_margin_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "solveTriangular(_:upper:unitriangular:)") public var solve_triangular: TorchName { TorchName() }
    @available(*, unavailable, renamed: "sphericalBesselJ0()") public var spherical_bessel_j0: TorchName { TorchName() }
    @available(*, unavailable, renamed: "stdMean(dim:correction:keepDim:)") public var std_mean: TorchName { TorchName() }
    @available(*, unavailable, renamed: "stdMean(dim:correction:keepDim:)") public static var std_mean: TorchName { TorchName() }
    @available(*, unavailable, renamed: "takeAlongDim(_:dim:)") public var take_along_dim: TorchName { TorchName() }
    @available(*, unavailable, renamed: "takeAlongDim(_:dim:)") public static var take_along_dim: TorchName { TorchName() }
    @available(*, unavailable, renamed: "tensorSplit(_:dim:)") public var tensor_split: TorchName { TorchName() }
    @available(*, unavailable, renamed: "tensorSplit(_:dim:)") public static var tensor_split: TorchName { TorchName() }
    @available(*, unavailable, renamed: "trilIndices(_:_:offset:dtype:)") public static var tril_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "tripletMarginLoss(positive:negative:margin:p:swap:reduction:)")
    public var triplet_margin_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "tripletMarginLoss(positive:negative:margin:p:swap:reduction:)")
    public static var triplet_margin_loss: TorchName { TorchName() }
    @available(*, unavailable, renamed: "triuIndices(_:_:offset:dtype:)") public static var triu_indices: TorchName { TorchName() }
    @available(*, unavailable, renamed: "uniqueConsecutive(dim:)") public var unique_consecutive: TorchName { TorchName() }
    @available(*, unavailable, renamed: "uniqueConsecutive(dim:)") public static var unique_consecutive: TorchName { TorchName() }
    @available(*, unavailable, renamed: "varMean(dim:correction:keepDim:)") public var var_mean: TorchName { TorchName() }
    @available(*, unavailable, renamed: "varMean(dim:correction:keepDim:)") public static var var_mean: TorchName { TorchName() }
    @available(*, unavailable, renamed: "viewAsComplex()") public var view_as_complex: TorchName { TorchName() }
    @available(*, unavailable, renamed: "viewAsComplex()") public static var view_as_complex: TorchName { TorchName() }
    @available(*, unavailable, renamed: "viewAsReal()") public var view_as_real: TorchName { TorchName() }
    @available(*, unavailable, renamed: "viewAsReal()") public static var view_as_real: TorchName { TorchName() }
    @available(*, unavailable, renamed: "zerosLike()") public var zeros_like: TorchName { TorchName() }
    @available(*, unavailable, renamed: "zerosLike()") public static var zeros_like: TorchName { TorchName() }
}

import ApusNN
import ApusTensor

/// A layer and how to call it with a case's inputs.
struct LayerSubject {
    let module: any Module
    let call: ([Tensor]) throws -> Tensor

    init(_ module: some Module<Tensor, Tensor>) {
        self.module = module
        call = { try module($0[0]) }
    }

    init(_ module: any Module, _ call: @escaping ([Tensor]) throws -> Tensor) {
        self.module = module
        self.call = call
    }

    /// Layers without options worth a line of their own: functions, windows and pads of one, two and three dimensions, losses.
    static let table: [String: @Sendable () throws -> LayerSubject] = activations.merging(spatial) { a, _ in a }.merging(others) { a, _ in a
    }
    .merging(losses) { a, _ in a }.merging(manyClasses) { a, _ in a }

    private static let activations: [String: @Sendable () throws -> LayerSubject] = [
        "relu6": { .init(ReLU6()) }, "mish": { .init(Mish()) }, "logsigmoid": { .init(LogSigmoid()) },
        "hardsigmoid": { .init(Hardsigmoid()) }, "hardswish": { .init(Hardswish()) }, "tanhshrink": { .init(Tanhshrink()) },
        "hardtanh": { .init(try Hardtanh(-0.5, 0.7)) }, "hardshrink": { .init(Hardshrink()) }, "softshrink": { .init(Softshrink(0.3)) },
        "softplus": { .init(Softplus(beta: 2, threshold: 1)) }, "softsign": { .init(Softsign()) }, "elu": { .init(ELU(alpha: 0.7)) },
        "celu": { .init(CELU(alpha: 0.7)) }, "selu": { .init(SELU()) }, "leakyrelu": { .init(LeakyReLU(0.2)) },
        "prelu": { .init(try PReLU(dtype: .float64)) }, "prelu channels": { .init(try PReLU(4, dtype: .float64)) },
        "rrelu": { .init(try RReLU()) }, "threshold": { .init(Threshold(0.1, 5)) }, "glu": { .init(GLU()) },
        "logsoftmax": { .init(LogSoftmax(dim: 1)) }, "softmin": { .init(Softmin(dim: 1)) }, "softmax2d": { .init(Softmax2d()) },
    ]

    private static let pads: [Int] = [1, 2, 0, 1, 2, 1]

    private static let spatial: [String: @Sendable () throws -> LayerSubject] = {
        let d = DType.float64
        return [
            "conv1d plain": { .init(try Conv1d(3, 4, kernelSize: 2, stride: 2, padding: 1, dtype: d)) },
            "conv2d plain": { .init(try Conv2d(3, 4, kernelSize: 2, stride: 2, padding: 1, dtype: d)) },
            "conv3d plain": { .init(try Conv3d(3, 4, kernelSize: 2, stride: 2, padding: 1, dtype: d)) },
            "convtranspose1d plain": {
                .init(try ConvTranspose1d(3, 4, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, dtype: d))
            },
            "convtranspose2d plain": {
                .init(try ConvTranspose2d(3, 4, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, dtype: d))
            },
            "convtranspose3d plain": {
                .init(try ConvTranspose3d(3, 4, kernelSize: 3, stride: 2, padding: 1, outputPadding: 1, dilation: 2, dtype: d))
            },
            "maxpool1d plain": { .init(try MaxPool1d(3, stride: 2, padding: 1)) },
            "maxpool2d plain": { .init(try MaxPool2d(3, stride: 2, padding: 1)) },
            "maxpool3d plain": { .init(try MaxPool3d(3, stride: 2, padding: 1)) },
            "avgpool1d plain": { .init(try AvgPool1d(3, stride: 2, padding: 1, countIncludePad: false)) },
            "avgpool2d plain": { .init(try AvgPool2d(3, stride: 2, padding: 1, countIncludePad: false)) },
            "avgpool3d plain": { .init(try AvgPool3d(3, stride: 2, padding: 1, countIncludePad: false)) },
            "lppool1d": { .init(try LPPool1d(2, 2, stride: 1)) }, "lppool2d": { .init(try LPPool2d(2, 2, stride: 1)) },
            "lppool3d": { .init(try LPPool3d(2, 2, stride: 1)) },
            "adaptiveavgpool1d plain": { .init(try AdaptiveAvgPool1d(3)) }, "adaptiveavgpool2d plain": { .init(try AdaptiveAvgPool2d(3)) },
            "adaptiveavgpool3d plain": { .init(try AdaptiveAvgPool3d(3)) }, "adaptivemaxpool1d": { .init(try AdaptiveMaxPool1d(3)) },
            "adaptivemaxpool2d": { .init(try AdaptiveMaxPool2d(3)) }, "adaptivemaxpool3d": { .init(try AdaptiveMaxPool3d(3)) },
            "maxunpool1d": { unpool(try MaxUnpool1d(2), try MaxPool1d(2)) },
            "maxunpool2d": { unpool(try MaxUnpool2d(2), try MaxPool2d(2)) },
            "maxunpool3d": { unpool(try MaxUnpool3d(2), try MaxPool3d(2)) },
            "constantpad1d": { .init(try ConstantPad1d(Array(pads[..<2]), 1.5)) },
            "constantpad2d": { .init(try ConstantPad2d(Array(pads[..<4]), 1.5)) },
            "constantpad3d": { .init(try ConstantPad3d(pads, 1.5)) },
            "zeropad1d": { .init(try ZeroPad1d(2)) }, "zeropad2d": { .init(try ZeroPad2d(2)) }, "zeropad3d": { .init(try ZeroPad3d(2)) },
            "reflectionpad1d": { .init(try ReflectionPad1d(Array(pads[..<2]))) },
            "reflectionpad2d": { .init(try ReflectionPad2d(Array(pads[..<4]))) },
            "reflectionpad3d": { .init(try ReflectionPad3d(pads)) },
            "replicationpad1d": { .init(try ReplicationPad1d(Array(pads[..<2]))) },
            "replicationpad2d": { .init(try ReplicationPad2d(Array(pads[..<4]))) },
            "replicationpad3d": { .init(try ReplicationPad3d(pads)) },
            "circularpad1d": { .init(try CircularPad1d(Array(pads[..<2]))) },
            "circularpad2d": { .init(try CircularPad2d(Array(pads[..<4]))) }, "circularpad3d": { .init(try CircularPad3d(pads)) },
            "instancenorm1d": { .init(try InstanceNorm1d(3, affine: true, dtype: d)) },
            "instancenorm2d": { .init(try InstanceNorm2d(3, affine: true, dtype: d)) },
            "instancenorm3d": { .init(try InstanceNorm3d(3, affine: true, dtype: d)) },
            "instancenorm1d tracked": { .init(try InstanceNorm1d(3, trackRunningStats: true, dtype: d)) },
            "instancenorm2d tracked": { .init(try InstanceNorm2d(3, trackRunningStats: true, dtype: d)) },
            "instancenorm3d tracked": { .init(try InstanceNorm3d(3, trackRunningStats: true, dtype: d)) },
            "instancenorm1d train": { .init(try InstanceNorm1d(3, momentum: 0.3, affine: true, trackRunningStats: true, dtype: d)) },
            "instancenorm2d train": { .init(try InstanceNorm2d(3, momentum: 0.3, affine: true, trackRunningStats: true, dtype: d)) },
            "instancenorm3d train": { .init(try InstanceNorm3d(3, momentum: 0.3, affine: true, trackRunningStats: true, dtype: d)) },
            "batchnorm3d train": { .init(try BatchNorm3d(3, dtype: d)) },
            "localresponsenorm": { .init(try LocalResponseNorm(3, alpha: 0.1, k: 2)) },
            "fold": { .init(try Fold([5, 6], [2, 3], padding: 1, stride: 2)) },
            "unfold": { .init(try Unfold([2, 3], dilation: 2, padding: 1)) },
            "upsample size": { .init(try Upsample(size: [5, 7], mode: "bilinear", alignCorners: true)) },
            "fractionalmaxpool2d": {
                .init(try FractionalMaxPool2d([2, 3], outputSize: [4, 3], randomSamples: Tensor.zeros([2, 3, 2], dtype: d)))
            },
            "fractionalmaxpool2d ratio": {
                .init(try FractionalMaxPool2d(2, outputRatio: 0.6, randomSamples: Tensor.zeros([1, 3, 2], dtype: d)))
            },
            "fractionalmaxpool3d": {
                .init(try FractionalMaxPool3d(2, outputSize: [3, 4, 2], randomSamples: Tensor.zeros([2, 3, 3], dtype: d)))
            },
            "upsample factor": { .init(try Upsample(scaleFactor: 1.7, mode: "bicubic")) },
            "upsample line": { .init(try Upsample(scaleFactor: 2, mode: "linear")) },
            "upsamplingnearest2d": { .init(try UpsamplingNearest2d(scaleFactor: 2)) },
            "upsamplingbilinear2d": { .init(try UpsamplingBilinear2d(size: [7, 6])) },
        ]
    }()

    private static let others: [String: @Sendable () throws -> LayerSubject] = {
        let d = DType.float64
        return [
            "unflatten": { .init(Unflatten(dim: 1, [2, 3])) }, "pixelshuffle": { .init(PixelShuffle(2)) },
            "pixelunshuffle": { .init(PixelUnshuffle(2)) }, "channelshuffle": { .init(ChannelShuffle(2)) },
            "dropout eval": { .init(try Dropout2d()) }, "alphadropout eval": { .init(try AlphaDropout()) },
            "cosinesimilarity": { two(CosineSimilarity(dim: -1)) }, "pairwisedistance": { two(PairwiseDistance(p: 3, keepDim: true)) },
            "bilinear": { two(try Bilinear(3, 4, 5, dtype: d)) }, "embeddingbag": { .init(try EmbeddingBag(7, 3, dtype: d)) },
            "embeddingbag offsets": { two(try EmbeddingBag(7, 3, mode: .sum, paddingIndex: 2, dtype: d)) },
            "embeddingbag max": { two(try EmbeddingBag(7, 3, mode: .max, includeLastOffset: true, dtype: d)) },
            "embeddingbag weights": { three(try EmbeddingBag(7, 3, mode: .sum, dtype: d)) },
            "decoder layer": { two(try TransformerDecoderLayer(8, 2, dimFeedforward: 16, dropout: 0, dtype: d)) },
            "decoder masks": {
                let layers: [TransformerDecoderLayer] = try (0..<2).map { _ in
                    try TransformerDecoderLayer(
                        8, 2, dimFeedforward: 16, dropout: 0, activation: .gelu, batchFirst: true, normFirst: true, dtype: d)
                }
                let module = TransformerDecoder(layers)
                let keys: [Bool] = (0..<15).map { [8, 9, 11].contains($0) }
                let padding = try Tensor(keys, shape: [3, 5])
                return .init(module) { x in try module.decode(x[0], x[1], memoryKeyPaddingMask: padding, targetIsCausal: true) }
            },
            "transformer": {
                two(
                    try Transformer(
                        8, 2, numEncoderLayers: 2, numDecoderLayers: 1, dimFeedforward: 16, dropout: 0, batchFirst: true, dtype: d))
            },
        ]
    }()

    private static let losses: [String: @Sendable () throws -> LayerSubject] = [
        "mseloss": { two(MSELoss()) }, "l1loss": { two(L1Loss(reduction: .sum)) }, "smoothl1loss": { two(SmoothL1Loss(beta: 0.7)) },
        "huberloss": { two(HuberLoss(delta: 0.7)) },
        "crossentropyloss": { two(CrossEntropyLoss(weight: try weights(), labelSmoothing: 0.1)) },
        "nllloss": { two(NLLLoss(weight: try weights())) }, "bceloss": { two(BCELoss()) },
        "bcewithlogitsloss": { two(BCEWithLogitsLoss(positiveWeight: try weights())) },
        "kldivloss": { two(KLDivLoss(logTarget: true, reduction: .batchMean)) }, "poissonnllloss": { two(PoissonNLLLoss()) },
        "gaussiannllloss": { three(GaussianNLLLoss(full: true)) }, "softmarginloss": { two(SoftMarginLoss()) },
        "multilabelmarginloss": { two(MultiLabelMarginLoss()) }, "multilabelsoftmarginloss": { two(MultiLabelSoftMarginLoss()) },
        "multimarginloss": { two(MultiMarginLoss(p: 2, margin: 0.7)) }, "hingeembeddingloss": { two(HingeEmbeddingLoss(margin: 0.8)) },
        "marginrankingloss": { three(MarginRankingLoss(margin: 0.1)) }, "cosineembeddingloss": { three(CosineEmbeddingLoss(margin: 0.1)) },
        "tripletmarginloss": { three(TripletMarginLoss(margin: 0.7, swap: true)) },
        "tripletmarginwithdistanceloss": { three(TripletMarginWithDistanceLoss(swap: true)) },
        "ctcloss": {
            let module = CTCLoss(blank: 1, zeroInfinity: true)
            return .init(module) { x in try module.forward(x[0].logSoftmax(dim: -1), x[1], x[2], x[3]) }
        },
    ]

    private static let manyClasses: [String: @Sendable () throws -> LayerSubject] = {
        let d = DType.float64
        @Sendable func adaptive(_ module: AdaptiveLogSoftmaxWithLoss) -> LayerSubject {
            LayerSubject(module) { x in
                let (output, loss) = try module(x[0], x[1])
                return try Tensor.cat([output.flattened(), loss.flattened()])
            }
        }
        return [
            "adaptivelogsoftmax": {
                adaptive(try AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs: [4, 9], divValue: 2, headBias: true, dtype: d))
            },
            "adaptivelogsoftmax one": { adaptive(try AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs: [5], dtype: d)) },
            "adaptivelogsoftmax all": {
                let module = try AdaptiveLogSoftmaxWithLoss(8, 12, cutoffs: [4, 9], divValue: 2, dtype: d)
                return LayerSubject(module) { try module.logProb($0[0]) }
            },
            "linearcrossentropyloss": { two(try LinearCrossEntropyLoss(5, 7, bias: true, labelSmoothing: 0.1, dtype: d)) },
            "linearcrossentropyloss dims": {
                two(try LinearCrossEntropyLoss(5, 7, outFeatures: [2, 3], weight: Tensor.ones([7], dtype: d), dtype: d))
            },
        ]
    }()

    private static func weights() throws -> Tensor { try Tensor.ones([4], dtype: .float64) }

    private static func two<M: Module>(_ module: M) -> LayerSubject
    where M.FirstOfTwo == Tensor, M.SecondOfTwo == Tensor, M.OutputOfTwo == Tensor {
        LayerSubject(module) { try module($0[0], $0[1]) }
    }

    private static func three<M: Module>(_ module: M) -> LayerSubject
    where M.FirstOfThree == Tensor, M.SecondOfThree == Tensor, M.ThirdOfThree == Tensor, M.OutputOfThree == Tensor {
        LayerSubject(module) { try module($0[0], $0[1], $0[2]) }
    }

    private static func unpool(_ module: MaxUnpoolBase, _ pool: MaxPoolBase) -> LayerSubject {
        LayerSubject(module) { x in
            let (values, indices) = try pool.withIndices(x[0])
            return try module(values, indices)
        }
    }
}

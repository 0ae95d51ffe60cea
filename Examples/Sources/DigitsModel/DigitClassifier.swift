import Apus

/// A small convolutional network: from images `[N, 1, 8, 8]` of 0 to 1 to scores `[N, 10]`.
public final class DigitClassifier: Module {
    let conv1: Conv2d
    let norm1: BatchNorm2d
    let conv2: Conv2d
    let norm2: BatchNorm2d
    let hidden: Linear
    let dropout: Dropout
    let output: Linear

    /// - Parameter dropout: the share of the features that training drops
    public init(dropout share: Double = 0.25) throws {
        conv1 = try Conv2d(1, 16, kernelSize: 3, padding: 1)
        norm1 = try BatchNorm2d(16)
        conv2 = try Conv2d(16, 32, kernelSize: 3, padding: 1)
        norm2 = try BatchNorm2d(32)
        hidden = try Linear(32 * 4 * 4, 64)
        dropout = try Dropout(share)
        output = try Linear(64, 10)
    }

    public func forward(_ images: Tensor) throws -> Tensor {
        let edges = try norm1(conv1(images)).relu()
        let strokes = try norm2(conv2(edges)).relu().maxPool2d([2])
        // Reading the batch from the shape, not from the example, is what leaves it dynamic.
        let features = try strokes.reshaped([images.shape[0], -1])
        return try output(dropout(hidden(features).relu()))
    }
}

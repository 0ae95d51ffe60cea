import ApusSymbolic
import ApusTensor
import Foundation

extension ONNXOperatorTable {
    static let signals: [ONNXOperator] = [
        ONNXOperator("DFT") { try transform($0) },
        ONNXOperator("STFT") { try shortTime($0) },
        ONNXOperator("MelWeightMatrix", results: .own) { try melWeights($0) },
    ]

    /// Cosines and sines of a transform: `[positions, frequencies]`, each of the angle `2 pi * position * frequency / length`.
    private static func waves(_ positions: SymInt, _ frequencies: SymInt, length: SymInt, _ dtype: DType) throws -> (
        cos: Tensor, sin: Tensor
    ) {
        // Whole turns are taken off in integers, which keeps the angles' digits.
        let product: Tensor = try Tensor.arange(positions).unsqueezed(1) * Tensor.arange(frequencies).unsqueezed(0) % length
        let angle: Tensor = try product.to(.float64) * (2 * Double.pi) / Tensor.scalar(length, dtype: .float64)
        return (try angle.cos().to(dtype), try angle.sin().to(dtype))
    }

    private static func transform(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        let axis: Int
        if call.version >= 20 {
            axis = try call.dim(call.has(2) ? try call.constant(2) : -2, rank: x.rank)
        } else {
            axis = try call.axis("axis", 1, rank: x.rank)
        }
        guard axis < x.rank - 1, let parts = x.shape[x.rank - 1].constant, parts == 1 || parts == 2 else {
            throw call.error(.invalidProgram, "takes real or complex numbers along dimension \(axis), not \(x.spec)")
        }
        let (isInverse, isOneSided) = (try call.flag("inverse"), try call.flag("onesided"))
        let own: SymInt = x.shape[axis]
        let standard: SymInt = isInverse && isOneSided ? (own - 1) * 2 : own
        let length: SymInt = call.has(1) ? try call.size(1) : standard
        // The transformed dimension last but for the parts.
        let moved: Tensor = try x.movedDim(from: axis, to: x.rank - 2)
        let taken: SymInt = isInverse && isOneSided ? length / 2 + 1 : length
        let signal: Tensor = try moved.padded([0, 0, 0, taken - own], value: 0)
        let real: Tensor = try signal.select(dim: -1, index: 0)
        let imaginary: Tensor? = parts == 2 ? try signal.select(dim: -1, index: 1) : nil
        let result: Tensor
        if isInverse && isOneSided {
            let (cos, sin) = try waves(taken, length, length: length, x.dtype)
            // Each frequency but the first, and the last of an even length, stands for its mirror image too.
            let number: Tensor = try Tensor.arange(taken)
            let isAlone: Tensor = try (number .== 0).logicalOr((number * 2) .== length)
            let weight: Tensor = try Tensor.where(isAlone, 1.0, number.zerosLike().to(x.dtype) + 2.0)
            let sum: Tensor = try (real * weight).matmul(cos) - ((imaginary ?? real.zerosLike()) * weight).matmul(sin)
            result = try (sum / Tensor.scalar(length, dtype: x.dtype)).unsqueezed(-1)
        } else {
            result = try transformed(real, imaginary, length, isInverse: isInverse, isOneSided: isOneSided)
        }
        return try result.movedDim(from: x.rank - 2, to: axis)
    }

    /// The transform along the last dimension, with the parts of complex numbers behind it.
    private static func transformed(_ real: Tensor, _ imaginary: Tensor?, _ length: SymInt, isInverse: Bool, isOneSided: Bool) throws
        -> Tensor
    {
        let frequencies: SymInt = isOneSided ? length / 2 + 1 : length
        let (cos, sin) = try waves(length, frequencies, length: length, real.dtype)
        let turned: Tensor = isInverse ? sin : try sin.neg()
        var (first, second) = (try real.matmul(cos), try real.matmul(turned))
        if let imaginary { (first, second) = (try first - imaginary.matmul(turned), try second + imaginary.matmul(cos)) }
        let result: Tensor = try Tensor.stack([first, second], dim: -1)
        return isInverse ? try result / Tensor.scalar(length, dtype: real.dtype) : result
    }

    private static func shortTime(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        guard x.rank == 3 || x.rank == 2 else { throw call.error(.invalidProgram, "takes [batch, length, parts], not \(x.spec)") }
        let step: SymInt = try call.size(1)
        let window: Tensor? = try call.optional(2)
        let length: SymInt = call.has(3) ? try call.size(3) : window?.shape[0] ?? x.shape[1]
        let isComplex: Bool = x.rank == 3 && x.shape[2].constant == 2
        func frames(_ signal: Tensor) throws -> Tensor {
            let opened: Tensor = try signal.unfolded(dim: 1, size: length, step: step)
            return try window.map { try opened * $0 } ?? opened
        }
        let real: Tensor = x.rank == 3 ? try x.select(dim: 2, index: 0) : x
        let imaginary: Tensor? = isComplex ? try frames(x.select(dim: 2, index: 1)) : nil
        return try transformed(frames(real), imaginary, length, isInverse: false, isOneSided: try call.flag("onesided", true))
    }

    private static func melWeights(_ call: ONNXCall) throws -> Tensor {
        func number(_ index: Int) throws -> Double {
            guard let number = try call.number(index) else { throw call.error(.invalidProgram, "lacks its input \(index)") }
            return number
        }
        guard let bins = Int(exactly: try number(0)), let length = Int(exactly: try number(1)) else {
            throw call.error(.invalidProgram, "takes whole numbers of bins")
        }
        let rate: Double = try number(2)
        let (lowest, highest) = (try number(3), try number(4))
        guard bins > 0, bins < 1 << 12, length > 0, length < 1 << 16, rate >= 1, lowest >= 0, highest >= lowest, highest < 1e6 else {
            throw call.error(.invalidProgram, "has \(bins) bins for \(length) samples")
        }
        let (low, high) = (2595 * log10(1 + lowest / 700), 2595 * log10(1 + highest / 700))
        let edges: [Int] = (0..<(bins + 2)).map { index in
            let mel: Double = Double(index) * (high - low) / Double(bins + 2) + low
            let hertz: Double = 700 * (pow(10, mel / 2595) - 1)
            return Int((Double(length + 1) * hertz / rate).rounded(.down))
        }
        let rows: Int = length / 2 + 1
        var weights: [Float] = Array(repeating: 0, count: rows * bins)
        func set(_ row: Int, _ bin: Int, _ value: Double) { if row >= 0, row < rows { weights[row * bins + bin] = Float(value) } }
        func clip(_ row: Int) -> Int { Swift.min(Swift.max(row, 0), rows) }
        for bin in 0..<bins {
            let (left, center, right) = (edges[bin], edges[bin + 1], edges[bin + 2])
            if left == center {
                set(center, bin, 1)
            } else {
                for row in clip(left)..<clip(Swift.max(center, left) + 1) { set(row, bin, Double(row - left) / Double(center - left)) }
            }
            if right > center { for row in clip(center)..<clip(right) { set(row, bin, Double(right - row) / Double(right - center)) } }
        }
        return try Tensor(weights, shape: [rows, bins]).to(try call.element(ofAttribute: "output_datatype")?.dtype ?? .float32)
    }
}

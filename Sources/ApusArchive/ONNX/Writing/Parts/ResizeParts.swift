import ApusGraph
import ApusSymbolic
import ApusTensor

extension ONNXParts {
    static let resizing: [(String, Rule)] = ["upsample_linear1d", "upsample_bilinear2d", "upsample_trilinear3d", "upsample_bicubic2d"].map {
        ($0, { call in try isResize(call) ? nil : call.operator.decomposition?(call) })
    }

    /// Whether `Resize` gives what an interpolation through lines or cubics does. It has no rounding of bytes, and where it is given
    /// factors it makes the sizes itself, in float32.
    static func isResize(_ call: Call) throws -> Bool {
        let (x, sizes) = (try call.tensor(0), try call.ints(1))
        guard x.dtype.isFloatingPoint else { return false }
        if try call.bool(2) { return true }
        let scales: [Double?] = try sizes.indices.map { try call.optionalDouble(3 + $0) }
        if scales.allSatisfy({ $0 == nil }) { return true }
        return zip(zip(x.shape.suffix(sizes.count), sizes), scales).allSatisfy { pair, scale in
            guard let input = pair.0.constant, let output = pair.1.constant, let scale, scale > 0 else { return false }
            return Int(exactly: (Float(input) * Float(scale)).rounded(.down)) == output
        }
    }
}

import ApusTensor

/// How two tensors differ, or nil where they agree: dtype and sizes exactly, elements within `atol + rtol * |expected|`, NaN equal to NaN and
/// infinities to themselves.
func difference(_ actual: Tensor, _ expected: Tensor, rtol: Double = 1e-5, atol: Double = 1e-6) throws -> String? {
    guard actual.dtype == expected.dtype else { return "dtype \(actual.dtype), expected \(expected.dtype)" }
    guard try actual.sizes == expected.sizes else { return "shape \(actual.shape), expected \(expected.shape)" }
    let (a, b) = (try elements(actual), try elements(expected))
    for (index, (x, y)) in zip(a, b).enumerated() {
        if x == y || (x.isNaN && y.isNaN) { continue }
        if x.isFinite, y.isFinite, (x - y).magnitude <= atol + rtol * y.magnitude { continue }
        return "element \(index) is \(x), expected \(y)"
    }
    return nil
}

private func elements(_ tensor: Tensor) throws -> [Double] {
    guard tensor.dtype.isComplex else { return try tensor.array(of: Double.self) }
    return try tensor.to(.complex128).bytesOfTwoDoubles()
}

extension Tensor {
    /// Real and imaginary parts in turn.
    fileprivate func bytesOfTwoDoubles() throws -> [Double] {
        let whole = try contiguous()
        let count = try whole.sizes.reduce(1, *) * 2
        return withExtendedLifetime(whole) {
            (0..<count).map { whole.baseAddress.load(fromByteOffset: $0 * 8, as: Double.self) }
        }
    }
}

import ApusSymbolic
import CApusKernels

extension Pointwise {
    /// Parameters x, y and z of a micro-operation (i and j are x and y as integers) from the numbers at these argument positions, which the
    /// dtype that it is computed in must be able to hold.
    static func numbers(_ x: Int, _ y: Int? = nil, _ z: Int? = nil) -> Parameters {
        { call, compute in
            for position in [x, y, z].compactMap({ $0 }) { try call.requireFits(call.scalar(position), compute.accumulation) }
            var parameters = apus_params()
            (parameters.x, parameters.i) = try call.number(x)
            if case .scalar(.complex(let value)) = call[x] { parameters.x_imaginary = value.imaginary }
            if let y { (parameters.y, parameters.j) = try call.number(y) }
            if let z { parameters.z = try call.number(z).0 }
            return parameters
        }
    }

    /// The parameters of a shift: the width of the dtype, beyond which nothing is left.
    static let shiftWidth: Parameters = { _, compute in
        var parameters = apus_params()
        parameters.j = Int64(8 * compute.byteWidth)
        return parameters
    }
}

extension Call {
    /// A known number as kernels take it: as a double, and truncated to an integer.
    fileprivate func number(_ index: Int) throws -> (Double, Int64) {
        let scalar = try self.scalar(index)
        guard let value = scalar.doubleValue else { throw unknown(scalar) }
        return (value, scalar.intValue.map { Int64($0) } ?? Int64(saturating: value))
    }

    /// A known number, or a stand-in where none is given.
    func number(_ index: Int, default double: Double, _ integer: Int64) throws -> (Double, Int64) {
        if case .none = self[index] { return (double, integer) }
        return try number(index)
    }

    /// An operand of an elementwise operator as gradient formulas need it: conjugated where it is complex, and a plain number as a
    /// zero-dimensional tensor of the dtype that the operator is computed in.
    func operand(_ index: Int) throws -> Tensor {
        guard case .scalar(let scalar) = self[index] else { return try tensor(index).conj() }
        let dtype: DType = try self.operator.pointwiseForm?(self).computeDType(self).accumulation ?? scalar.defaultDType
        // An operand that is too large becomes infinite, where a number to be converted would be refused.
        if !scalar.fits(dtype) { return try Tensor.scalar(scalar, dtype: dtype.isComplex ? .complex128 : .float64).to(dtype).conj() }
        return try Tensor.scalar(scalar, dtype: dtype).conj()
    }

    /// An operand as formulas of several steps take it.
    func wideOperand(_ index: Int) throws -> Tensor { try operand(index).wide() }
}

extension Int64 {
    /// The integer part, held to the representable range; 0 for NaN.
    init(saturating value: Double) {
        if value.isNaN {
            self = 0
        } else if value >= 0x1p63 {
            self = .max
        } else if value < -0x1p63 {
            self = .min
        } else {
            self = Int64(value)
        }
    }
}

import ApusSymbolic
import ComplexModule
import RealModule

/// A plain number as an operator's argument: PyTorch's `Scalar`. It keeps the kind it was written with, which type promotion needs.
public enum Scalar: Sendable {
    case bool(Bool)
    case int(SymInt)
    case float(SymFloat)
    case complex(Complex<Double>)
}

extension Scalar: ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral, ExpressibleByBooleanLiteral {
    public init(integerLiteral value: Int) { self = .int(SymInt(value)) }
    public init(floatLiteral value: Double) { self = .float(SymFloat(value)) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
}

extension Scalar {
    public init(_ value: Int) { self = .int(SymInt(value)) }
    public init(_ value: SymInt) { self = .int(value) }
    public init(_ value: Double) { self = .float(SymFloat(value)) }
    public init(_ value: Float) { self = .float(SymFloat(Double(value))) }
    public init(_ value: SymFloat) { self = .float(value) }
    public init(_ value: Bool) { self = .bool(value) }
    public init(_ value: Complex<Double>) { self = .complex(value) }

    /// The dtype a zero-dimensional tensor of this number has in PyTorch: bool, int64, float32 or complex64.
    public var defaultDType: DType {
        switch self {
        case .bool: .bool
        case .int: .int64
        case .float: .float32
        case .complex: .complex64
        }
    }

    /// The number as a `Double`, or nil while it is symbolic. A complex number gives its real part.
    public var doubleValue: Double? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value.constant.map(Double.init)
        case .float(let value): value.constant
        case .complex(let value): value.real
        }
    }

    /// The number as an `Int` when it is a bool or an integer that is known, else nil.
    public var intValue: Int? {
        switch self {
        case .bool(let value): value ? 1 : 0
        case .int(let value): value.constant
        case .float, .complex: nil
        }
    }

    /// True for a truth value, which a number may stand for but PyTorch does not always take in its place.
    var isBool: Bool {
        if case .bool = self { return true }
        return false
    }

    /// True for integers and floating-point numbers whose value is not known while tracing.
    public var isSymbolic: Bool {
        switch self {
        case .bool, .complex: false
        case .int(let value): value.isSymbolic
        case .float(let value): value.constant == nil
        }
    }

    /// Why the number is invalid, and the trace that it belongs to, if any; nil when it is fine.
    var fault: (error: SymbolicError, scope: SymbolScope?)? {
        switch self {
        case .bool, .complex: nil
        case .int(let value): value.fault.map { ($0, value.scope) }
        case .float(let value): value.fault.map { ($0, value.scope) }
        }
    }

    /// Whether it has no imaginary part.
    var isReal: Bool { if case .complex(let value) = self { value.imaginary == 0 } else { true } }

    /// The conjugate of a complex number, another number itself.
    var conjugate: Scalar { if case .complex(let value) = self { .complex(value.conjugate) } else { self } }

    /// The number as a floating-point one. A complex number that has an imaginary part stays what it is, for the operator to refuse.
    var floating: Scalar {
        switch self {
        case .bool(let value): .float(value ? 1 : 0)
        case .int(let value): .float(SymFloat(value))
        case .float: self
        case .complex(let value): value.imaginary == 0 ? .float(SymFloat(value.real)) : self
        }
    }

    /// True where every part of the number is the given one, known now.
    public func isKnown(_ value: Double) -> Bool {
        if case .complex(let z) = self { return z.real == value && z.imaginary == 0 }
        return doubleValue == value
    }
}

// MARK: - Conversion to dtypes

extension Scalar {
    /// Whether the number can be converted to a dtype as PyTorch converts numbers: integers within the dtype's range, where negative ones
    /// wrap around in an unsigned dtype as long as their magnitude is in range; floats within the range, cut off towards zero. A symbolic
    /// number fits until it is known.
    func fits(_ dtype: DType) -> Bool {
        if dtype == .bool || isSymbolic { return true }
        if case .complex(let value) = self {
            return dtype.isComplex && Scalar(value.real).fits(dtype.real) && Scalar(value.imaginary).fits(dtype.real)
        }
        if dtype.isDifferentiable {
            guard let value = doubleValue else { return false }
            return !value.isFinite || value.magnitude <= dtype.largestFinite
        }
        let range: ClosedRange<Int> = dtype.integerRange
        if let value = intValue { return range.contains(value) || (dtype == .uint8 && (-range.upperBound..<0).contains(value)) }
        guard let value = doubleValue, value >= Double(range.lowerBound), value <= Double(range.upperBound) else { return false }
        // The largest int64 has no double of its own: the next one is out of range.
        return value < 0x1p63
    }
}

extension DType {
    /// The numbers of an integer type; everything for others.
    package var integerRange: ClosedRange<Int> {
        switch self {
        case .uint8: 0...255
        case .int8: -128...127
        case .int16: -32768...32767
        case .int32: Int(Int32.min)...Int(Int32.max)
        default: Int.min...Int.max
        }
    }
}

extension DType {
    /// The largest number up to which the dtype holds every integer from 0 on.
    var largestCounted: Int {
        switch self {
        case .float16: 1 << 11
        case .bfloat16: 1 << 8
        case .float32: 1 << 24
        case .float64: 1 << 53
        default: integerRange.upperBound
        }
    }
}

extension Call {
    /// Requires a number that a dtype can hold.
    func requireFits(_ number: Scalar, _ dtype: DType) throws {
        if case .complex = number, !dtype.isComplex {
            throw error(.dtypeMismatch, "the number \(number) can't be converted to \(dtype)")
        }
        guard number.fits(dtype) else { throw error(.overflow, "the number \(number) can't be converted to \(dtype) without overflow") }
    }
}

extension Scalar: CustomStringConvertible {
    public var description: String {
        switch self {
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .complex(let value): "(\(value.real), \(value.imaginary)i)"
        }
    }
}

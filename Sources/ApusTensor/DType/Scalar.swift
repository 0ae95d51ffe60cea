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

    /// True where every part of the number is the given one, known now.
    public func isKnown(_ value: Double) -> Bool {
        if case .complex(let z) = self { return z.real == value && z.imaginary == 0 }
        return doubleValue == value
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

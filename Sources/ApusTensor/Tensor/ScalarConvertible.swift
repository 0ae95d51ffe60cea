import ApusSymbolic
import ComplexModule
import RealModule

/// A Swift number that may stand beside a tensor in an operation: `x + 1`, `x * n`.
///
/// Wherever an operation takes a number, all of these do: `x.clamp(min: n)`, `x.add(y, alpha: rate)`. A literal is an `Int` or a `Double`, as
/// everywhere in Swift.
public protocol ScalarConvertible: Sendable {
    var scalar: Scalar { get }
}

extension Int: ScalarConvertible { public var scalar: Scalar { .int(SymInt(self)) } }
extension SymInt: ScalarConvertible { public var scalar: Scalar { .int(self) } }
extension Double: ScalarConvertible { public var scalar: Scalar { .float(SymFloat(self)) } }
extension Float16: ScalarConvertible { public var scalar: Scalar { .float(SymFloat(Double(self))) } }
extension Float: ScalarConvertible { public var scalar: Scalar { .float(SymFloat(Double(self))) } }
extension SymFloat: ScalarConvertible { public var scalar: Scalar { .float(self) } }
extension Bool: ScalarConvertible { public var scalar: Scalar { .bool(self) } }
extension Complex: ScalarConvertible where RealType == Double { public var scalar: Scalar { .complex(self) } }
extension Scalar: ScalarConvertible { public var scalar: Scalar { self } }

extension ScalarConvertible {
    /// The number of an option that Swift code computes with, such as a learning rate. Throws for one that a trace has no value of, and for a
    /// complex one.
    package func plainNumber(_ name: String, in operation: String) throws -> Double {
        let number: Scalar = scalar
        if case .complex = number {
        } else if let value = number.doubleValue {
            return value
        }
        throw TensorError(.invalidArgument, in: operation, "\(name) must be a plain number, not \(number)")
    }
}

// So that `.infinity` may be written where any number is taken, as it may where a `Double` is.
extension ScalarConvertible where Self == Double {
    public static var infinity: Double { Double.infinity }
    public static var nan: Double { Double.nan }
}

// A case of `Scalar` where any number is taken: `clamp(max: .int(n))`.
extension ScalarConvertible where Self == Scalar {
    @_disfavoredOverload
    public static func bool(_ value: Bool) -> Scalar { Scalar.bool(value) }
    @_disfavoredOverload
    public static func int(_ value: SymInt) -> Scalar { Scalar.int(value) }
    @_disfavoredOverload
    public static func float(_ value: SymFloat) -> Scalar { Scalar.float(value) }
    @_disfavoredOverload
    public static func complex(_ value: Complex<Double>) -> Scalar { Scalar.complex(value) }
}

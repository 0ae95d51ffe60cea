import ApusSymbolic
import ComplexModule
import RealModule

/// A Swift number that may stand beside a tensor in an operation: `x + 1`, `x * n`.
public protocol ScalarConvertible {
    var scalar: Scalar { get }
}

extension Int: ScalarConvertible { public var scalar: Scalar { .int(SymInt(self)) } }
extension SymInt: ScalarConvertible { public var scalar: Scalar { .int(self) } }
extension Double: ScalarConvertible { public var scalar: Scalar { .float(SymFloat(self)) } }
extension Float: ScalarConvertible { public var scalar: Scalar { .float(SymFloat(Double(self))) } }
extension SymFloat: ScalarConvertible { public var scalar: Scalar { .float(self) } }
extension Bool: ScalarConvertible { public var scalar: Scalar { .bool(self) } }
extension Complex: ScalarConvertible where RealType == Double { public var scalar: Scalar { .complex(self) } }
extension Scalar: ScalarConvertible { public var scalar: Scalar { self } }

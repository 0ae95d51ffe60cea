/// A floating-point number that may be symbolic: a quotient of sizes, or an element read from a traced tensor.
///
/// The decision procedure does not reason about floating point: a comparison of symbolic floats is an opaque condition,
/// known only when it, or its opposite, has been assumed.
public struct SymFloat: Sendable {
    @usableFromInline
    enum Storage: Sendable {
        case plain(Double)
        case symbolic(FloatExpr)
        case invalid(InvalidValue)
    }

    @usableFromInline let storage: Storage

    @usableFromInline
    init(storage: Storage) { self.storage = storage }

    @inlinable
    public init(_ value: Double) { storage = .plain(value) }

    /// The value of an expression node.
    public init(_ expression: FloatExpr) {
        if case .constant(let value) = expression.kind { storage = .plain(value) } else { storage = .symbolic(expression) }
    }

    /// The nearest double to an integer.
    public init(_ value: SymInt) {
        switch value.storage {
        case .plain(let plain): storage = .plain(Double(plain))
        case .invalid(let fault): storage = .invalid(fault)
        case .symbolic(let expression):
            self = SymFloat.build([expression.tie]) { state throws(SymbolicError) in try state.float(.integer(expression)) }
        }
    }

    /// The value when it is a plain one; `nil` when it is symbolic or invalid.
    /// Only for Apus itself: a user's code that asks would go one way in eager code and another in a trace, which nobody would notice.
    @inlinable
    package var constant: Double? {
        // All cases by name: at `if case` Swift 6.3's optimizer aborts in callers that map this over an array.
        switch storage {
        case .plain(let value): return value
        case .symbolic, .invalid: return nil
        }
    }

    public var isSymbolic: Bool { expression != nil }

    /// The interned expression when the value is symbolic.
    public var expression: FloatExpr? {
        if case .symbolic(let expression) = storage { return expression }
        return nil
    }

    public var scope: SymbolScope? {
        switch storage {
        case .plain: nil
        case .symbolic(let expression): expression.scope
        case .invalid(let fault): fault.scope
        }
    }

    var tie: ScopeTie? { expression?.tie }

    /// Why the value is invalid; `nil` when it is fine.
    public var fault: SymbolicError? {
        if case .invalid(let fault) = storage { return fault.error }
        return nil
    }

    /// Throws the reason when the value is invalid.
    public func requireValid() throws(SymbolicError) {
        if case .invalid(let fault) = storage { throw fault.thrown() }
    }

    /// The plain value. Throws the reason of an invalid value, and `SymbolicError.Code.symbolic` for a symbolic one, which ends a trace.
    public func requireConstant() throws(SymbolicError) -> Double {
        switch storage {
        case .plain(let value): return value
        case .symbolic(let expression):
            let error = SymbolicError(.symbolic, "the number \(self) is symbolic where a plain value is needed")
            throw InvalidValue(error, scope: expression.scope).thrown()
        case .invalid(let fault): throw fault.thrown()
        }
    }

    /// Structural identity; asks nothing. Plain values compare by bits.
    public func isIdentical(to other: SymFloat) -> Bool {
        switch (storage, other.storage) {
        case (.plain(let a), .plain(let b)): a.bitPattern == b.bitPattern
        case (.symbolic(let a), .symbolic(let b)): a === b
        default: false
        }
    }

    /// The structure to read; `nil` for an invalid value.
    public var view: FloatExpr.View? {
        switch storage {
        case .plain(let value): .constant(value)
        case .symbolic(let expression): expression.view
        case .invalid: nil
        }
    }

    public var freeSymbols: [SymInt.Symbol] { expression?.freeSymbols ?? [] }
}

extension SymFloat: ExpressibleByFloatLiteral, ExpressibleByIntegerLiteral {
    public init(floatLiteral value: Double) { self.init(value) }
    public init(integerLiteral value: Int) { self.init(Double(value)) }
}

extension SymFloat: CustomStringConvertible {
    /// In the user's terms: a symbol by where it comes from, `x.shape[0]`, else by its name.
    public var description: String { description(naming: \.displayName) }

    public func description(naming name: (SymInt.Symbol) -> String) -> String {
        switch storage {
        case .plain(let value): String(value)
        case .symbolic(let expression): expression.description(naming: name)
        case .invalid(let fault): "<\(fault.error.message)>"
        }
    }
}

extension SymInt {
    /// A float rounded to an integer. Invalid when a plain one is not finite or does not fit.
    public init(_ value: SymFloat, rounding rule: FloatRounding) {
        switch value.storage {
        case .plain(let plain):
            if let rounded = Int(exactly: rule.apply(plain)) {
                self.init(rounded)
            } else {
                self = SymInt.overflowed("rounding \(plain) to an integer")
            }
        case .invalid(let fault):
            self.init(storage: .invalid(fault))
        case .symbolic(let expression):
            switch ScopeTie.common([expression.tie]) {
            case .failure(let error): self = SymInt(storage: .invalid(InvalidValue(error)))
            case .success(let scope):
                let rounded: SymInt = scope.build { state throws(SymbolicError) in try state.rounded(expression, rule) }
                self = scope.fitting(rounded, rounding: value)
            }
        }
    }
}

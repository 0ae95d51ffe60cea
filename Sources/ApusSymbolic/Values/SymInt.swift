/// An integer that may be a symbol: the size of a dimension, an element count, a position.
///
/// In eager code a `SymInt` holds a plain `Int` and costs next to nothing. While a function is traced it may hold an
/// expression over the trace's symbols instead, such as `s0 + 1`. Both kinds mix with `Int` on either side.
///
/// Arithmetic never traps. A plain overflow or a division by zero gives an *invalid* value: it stays invalid through
/// further arithmetic, and ``requireValid()`` throws the reason, as tensor operations do that are given one. A comparison
/// with it is false and leaves a fault behind: the next tensor operation throws.
///
/// While a function is traced, values are integers without bounds. Where an operation on numbers that a run reads may
/// leave 64 bits, or divide by zero, the program gets a check: it computes what eager code computes, or rejects the input.
///
/// `/` and `%` are **floor** division and its remainder, for plain and symbolic values alike: `SymInt(-7) / 2` is -4,
/// and `n % d` has the sign of `d`. For sizes, which are never negative, that is what `Int` computes.
///
/// `SymInt` is not `Hashable`: `==` asks the trace's oracle, and a key whose equality may fork a trace is no key. Use
/// ``isIdentical(to:)``, or key a table by ``expression``.
public struct SymInt: Sendable {
    @usableFromInline
    enum Storage: Sendable {
        case plain(Int)
        case symbolic(SymExpr)
        case invalid(InvalidValue)
    }

    @usableFromInline let storage: Storage

    @inlinable
    init(storage: Storage) { self.storage = storage }

    /// A plain value.
    @inlinable
    public init(_ value: Int) { storage = .plain(value) }

    /// The value of an expression node; a constant node gives a plain value.
    public init(_ expression: SymExpr) {
        storage = expression.terms.isEmpty ? .plain(expression.constant) : .symbolic(expression)
    }

    /// The value when it is a plain one; `nil` when it is symbolic or invalid.
    /// Only for Apus itself: a user's code that asks would go one way in eager code and another in a trace, which nobody would notice.
    @inlinable
    package var constant: Int? {
        // All cases by name: at `if case` Swift 6.3's optimizer aborts in callers that map this over an array.
        switch storage {
        case .plain(let value): return value
        case .symbolic, .invalid: return nil
        }
    }

    /// Whether the value is an expression over symbols.
    public var isSymbolic: Bool { expression != nil }

    /// Whether the value is neither plain nor symbolic: an overflow, a division by zero, a mix of two traces.
    public var isInvalid: Bool { fault != nil }

    /// The interned expression when the value is symbolic.
    public var expression: SymExpr? {
        if case .symbolic(let expression) = storage { return expression }
        return nil
    }

    /// The scope whose symbols the value is made of.
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

    /// The plain value.
    ///
    /// Throws the reason of an invalid value, and `SymbolicError.Code.symbolic` for a symbolic one, which ends a trace. Unlike `Int(n)` it
    /// never specialises.
    public func requireConstant() throws(SymbolicError) -> Int {
        switch storage {
        case .plain(let value): return value
        case .symbolic(let expression):
            let error = SymbolicError(.symbolic, "the size \(self) is symbolic where a plain value is needed")
            throw InvalidValue(error, scope: expression.scope).thrown()
        case .invalid(let fault): throw fault.thrown()
        }
    }

    /// Structural identity: the same plain value or the same interned expression. Asks nothing and records nothing.
    public func isIdentical(to other: SymInt) -> Bool {
        switch (storage, other.storage) {
        case (.plain(let a), .plain(let b)): a == b
        case (.symbolic(let a), .symbolic(let b)): a === b
        default: false
        }
    }

    /// The structure to read: sums, products, divisions, with `%` and `min` restored. `nil` for an invalid value.
    public var view: SymExpr.View? {
        switch storage {
        case .plain(let value): .constant(value)
        case .symbolic(let expression): expression.view
        case .invalid: nil
        }
    }

    /// How many parts the expression has where none are shared: what a walk over it costs.
    package var partCount: Int { expression?.weight ?? 1 }

    /// The symbols the value depends on, in the order of their creation.
    public var freeSymbols: [Symbol] { expression?.freeSymbols ?? [] }
}

extension SymInt: ExpressibleByIntegerLiteral {
    @inlinable
    public init(integerLiteral value: Int) { storage = .plain(value) }
}

extension SymInt: CustomStringConvertible {
    /// In the user's terms: a symbol by where it comes from, `x.shape[0]`, else by its name.
    public var description: String { description(naming: \.displayName) }

    /// The text of the value with symbols named by `name`, so that a message can say `x.shape[0] + 1`.
    public func description(naming name: (Symbol) -> String) -> String {
        switch storage {
        case .plain(let value): String(value)
        case .symbolic(let expression): expression.description(naming: name)
        case .invalid(let fault): "<\(fault.error.message)>"
        }
    }
}

extension Int {
    /// The concrete value of a size.
    ///
    /// A symbolic size is *specialised*: the trace's oracle picks a value and records the site, and the exported program
    /// holds for that value (or explores the others). An invalid size gives 0 and leaves its fault with its trace, or as a
    /// `PendingFault`.
    @inlinable
    public init(_ size: SymInt) {
        switch size.storage {
        case .plain(let value): self = value
        case .symbolic, .invalid: self = size.specialized()
        }
    }
}

extension SymInt {
    @usableFromInline
    func specialized() -> Int {
        switch storage {
        case .plain(let value):
            return value
        case .symbolic(let expression):
            let site = CallSite.capture()
            guard let scope = expression.scope else {
                PendingFault.leave(ScopeTie.ended, site: site)
                return 0
            }
            return scope.specialize(self, site: site)
        case .invalid(let fault):
            fault.report(at: CallSite.capture())
            return 0
        }
    }
}

/// A condition over sizes and values: plain, or an expression that is true for some inputs and false for others.
///
/// Conditions are built without asking anything. ``value`` (or `Bool(condition)`) puts the question to the trace's oracle.
public struct SymBool: Sendable {
    @usableFromInline
    enum Storage: Sendable {
        case plain(Bool)
        case symbolic(BoolExpr)
        case invalid(InvalidValue)
    }

    @usableFromInline let storage: Storage

    @usableFromInline
    init(storage: Storage) { self.storage = storage }

    @inlinable
    public init(_ value: Bool) { storage = .plain(value) }

    /// The condition of a node.
    public init(_ expression: BoolExpr) {
        switch expression.kind {
        case .constant(let value): storage = .plain(value)
        default: storage = .symbolic(expression)
        }
    }

    /// The value when it is known without any fact; `nil` when it is symbolic or invalid.
    /// Only for Apus itself: a user's code that asks would go one way in eager code and another in a trace, which nobody would notice.
    @inlinable
    package var constant: Bool? {
        // All cases by name: at `if case` Swift 6.3's optimizer aborts in callers that map this over an array.
        switch storage {
        case .plain(let value): return value
        case .symbolic, .invalid: return nil
        }
    }

    public var isSymbolic: Bool { expression != nil }

    /// The interned node when the condition is symbolic.
    public var expression: BoolExpr? {
        if case .symbolic(let expression) = storage { return expression }
        return nil
    }

    /// The scope whose symbols the condition is made of.
    public var scope: SymbolScope? {
        switch storage {
        case .plain: nil
        case .symbolic(let expression): expression.scope
        case .invalid(let fault): fault.scope
        }
    }

    var tie: ScopeTie? { expression?.tie }

    /// Why the condition is invalid; `nil` when it is fine.
    public var fault: SymbolicError? {
        if case .invalid(let fault) = storage { return fault.error }
        return nil
    }

    /// Throws the reason when the condition is invalid.
    public func requireValid() throws(SymbolicError) {
        if case .invalid(let fault) = storage { throw fault.thrown() }
    }

    /// The answer of the oracle: the point where a trace may fork. An invalid condition is false, and its fault is left with
    /// its trace, or as a ``PendingFault``.
    @inlinable
    public var value: Bool {
        switch storage {
        case .plain(let value): return value
        case .symbolic, .invalid: return asked()
        }
    }

    /// Structural identity; asks nothing.
    public func isIdentical(to other: SymBool) -> Bool {
        switch (storage, other.storage) {
        case (.plain(let a), .plain(let b)): a == b
        case (.symbolic(let a), .symbolic(let b)): a === b
        default: false
        }
    }

    /// The structure to read; `nil` for an invalid condition.
    public var view: BoolExpr.View? {
        switch storage {
        case .plain(let value): .constant(value)
        case .symbolic(let expression): expression.view
        case .invalid: nil
        }
    }

    /// The symbols the condition depends on, in the order of their creation.
    public var freeSymbols: [SymInt.Symbol] { expression?.freeSymbols ?? [] }

    @usableFromInline
    func asked() -> Bool {
        switch storage {
        case .plain(let value):
            return value
        case .symbolic(let expression):
            let site = CallSite.capture()
            guard let scope = expression.scope else {
                PendingFault.leave(ScopeTie.ended, site: site)
                return false
            }
            return scope.ask(self, site: site)
        case .invalid(let fault):
            fault.report(at: CallSite.capture())
            return false
        }
    }
}

extension SymBool: ExpressibleByBooleanLiteral {
    public init(booleanLiteral value: Bool) { self.init(value) }
}

extension SymBool: CustomStringConvertible {
    /// In the user's terms: a symbol by where it comes from, `x.shape[0]`, else by its name.
    public var description: String { description(naming: \.displayName) }

    /// The text of the condition with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String {
        switch storage {
        case .plain(let value): String(value)
        case .symbolic(let expression): expression.description(naming: name)
        case .invalid(let fault): "<\(fault.error.message)>"
        }
    }
}

extension Bool {
    /// The oracle's answer to a condition; see ``SymBool/value``.
    public init(_ condition: SymBool) { self = condition.value }
}

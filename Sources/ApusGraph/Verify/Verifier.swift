import ApusSymbolic
import ApusTensor
import Glibc

/// Checks that a graph is a program: in static single assignment, every argument of its schema's kind, every result of the type that the
/// operator's own rule gives under the declared facts and the conditions of the branches around it.
public struct Verifier: Sendable {
    /// What a condition means that a rule requires and that does not follow from what is known.
    public enum Undecided: Sendable {
        /// An error: programs that were traced here carry an assertion for each of them.
        case refuse
        /// Taken as true from there on: programs of others were checked by those who made them.
        case accept
    }

    public var dialect: Dialect
    public var undecided: Undecided
    /// Told of each graph that the task verifies, for who counts them.
    @TaskLocal package static var observer: (@Sendable (Graph) -> Void)?

    public init(dialect: Dialect = .aten, undecided: Undecided = .refuse) {
        self.dialect = dialect
        self.undecided = undecided
    }

    /// Throws `VerificationError` for the first offence.
    /// - Parameter scope: what is known of the symbols; that of the inputs' sizes by default.
    public func verify(_ graph: Graph, scope: SymbolScope? = nil) throws {
        Verifier.observer?(graph)
        let scope: SymbolScope? = scope ?? graph.scope
        try Verifier.takingTurn {
            scope?.push()
            defer { scope?.pop() }
            let rules = RuleInterpreter(scope: scope, acceptsUndecided: undecided == .accept)
            var check = GraphCheck(graph, dialect, rules, bound: [])
            try check.run()
        }
    }

    private static let turn = RecursiveLock()

    /// Facts of a path live on the scope's one trail: whoever assumes some, or asks what is known while others may, takes turns. Who has the
    /// turn may take it again.
    package static func takingTurn<Result>(_ body: () throws -> Result) rethrows -> Result { try turn.withLock(body) }
}

/// A lock that the thread which holds it may take again.
private final class RecursiveLock: @unchecked Sendable {
    private let mutex: UnsafeMutablePointer<pthread_mutex_t> = .allocate(capacity: 1)

    init() {
        var attributes = pthread_mutexattr_t()
        pthread_mutexattr_init(&attributes)
        pthread_mutexattr_settype(&attributes, Int32(PTHREAD_MUTEX_RECURSIVE))
        pthread_mutex_init(mutex, &attributes)
        pthread_mutexattr_destroy(&attributes)
    }

    deinit {
        pthread_mutex_destroy(mutex)
        mutex.deallocate()
    }

    func withLock<Result>(_ body: () throws -> Result) rethrows -> Result {
        pthread_mutex_lock(mutex)
        defer { pthread_mutex_unlock(mutex) }
        return try body()
    }
}

/// Throws `VerificationError` for the first offence of the graph; see ``Verifier``.
public func verify(_ graph: Graph, dialect: Dialect = .aten, scope: SymbolScope? = nil) throws {
    try Verifier(dialect: dialect).verify(graph, scope: scope)
}

extension Graph {
    /// Throws where an input, a node or an output names a value that the graph does not have. Enough to walk a graph without harm; all else is
    /// for the verifier.
    package func requireOwnValues() throws {
        func require(_ value: Value, _ place: @autoclosure () -> String) throws {
            guard contains(value) else {
                throw VerificationError(.definition, "a value with the number \(value.index) is not in the graph", node: place())
            }
        }
        for input in inputs { try require(input, "input") }
        for node in nodes {
            for value in node.operands + node.outputs { try require(value, node.operator.schema.name) }
            for body in node.bodies { try body.graph.requireOwnValues() }
        }
        for output in outputs { if let value = output.value { try require(value, "return") } }
    }

    /// The scope of the graph's symbols, found through the first size that has one.
    var scope: SymbolScope? {
        for entry in values {
            switch entry.type {
            case .tensor(let spec): for size in spec.shape { if let scope = size.scope { return scope } }
            case .int(let size): if let scope = size.scope { return scope }
            case .float(let number): if let scope = number.scope { return scope }
            case .bool(let condition): if let scope = condition.scope { return scope }
            case .none: continue
            }
        }
        return nil
    }
}

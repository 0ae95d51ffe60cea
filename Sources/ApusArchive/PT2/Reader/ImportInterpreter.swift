import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Builds a graph out of the operations that a program file lists.
///
/// Reading a program is carrying out its operations on tensors without data, as tracing does: result types come from the operators' own
/// rules, never from what the file claims. Conditions that a rule requires are proved from the declared ranges where possible.
/// What stays open on input sizes becomes a guard that every call must meet, what depends on values an assertion in the graph.
class ImportInterpreter: Interpreter, Recorder {
    let symbols: ImportSymbols
    var graph = Graph()
    /// Inside a branch nothing may be demanded of every call: open conditions become assertions of the branch.
    private let isBody: Bool
    /// Whether what is read never runs, so that all that it requires holds.
    var isVacuous = false
    /// For the branch that is being read: how its results' types are joined, with the file's names for symbols of their own.
    var branchTypes: TypeJoin?
    var site: NodeSite?
    var modulePath: [ModuleFrame] = []
    let provenance: String? = "imported"
    var scope: SymbolScope { symbols.scope }

    init(symbols: ImportSymbols, isBody: Bool) {
        self.symbols = symbols
        self.isBody = isBody
        super.init(outer: nil)
    }

    func capture(_ tensor: Tensor, in operation: Operator?) throws -> Value {
        throw ArchiveError(.invalidProgram, "a tensor of another graph is used without being passed in")
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        try record(operation, arguments, site: site)
    }

    /// By the rule; those of a branch from its bodies.
    func resultTypes(_ call: Call, site: CallSite?) throws -> [ValueType] {
        guard var branchTypes, call.operator === Operator.cond else { return try ruleTypes(call, site: site) }
        self.branchTypes = nil
        // The rule makes sizes of its own where the bodies differ: the file's names are for those that are kept.
        let names: [String] = symbols.upcoming
        symbols.upcoming = []
        _ = try call.operator.rule(call)
        symbols.upcoming = names
        let branch = try CondArguments(call)
        let (first, second) = (branch.whenTrue.graph, branch.whenFalse.graph)
        return try zip(first.outputs, second.outputs).map { try branchTypes.type(first.type(of: $0), second.type(of: $1)) }
    }

    /// Under the file's names.
    func fresh(_ kind: Symbol.Kind, origin: String, range: SymRange, isSize: Bool, site: CallSite?) -> ValueType {
        symbols.makeUnbacked(symbols.nextName(), kind: kind, range: range).type
    }

    override func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        try freshInt(origin: origin, range: SymRange(range), isSize: true, site: nil)
    }

    // MARK: Conditions

    override func decide(_ condition: SymBool) -> Bool? {
        if let known = condition.constant ?? symbols.scope.known(condition) { return known }
        return decideUnderDeclaredRanges(condition)
    }

    /// Tries again with the least sizes that PyTorch assumed. Where they decide, the program depends on them from here on, and says so at a call.
    private func decideUnderDeclaredRanges(_ condition: SymBool) -> Bool? {
        let assumptions: [SymBool] = condition.freeSymbols.compactMap { symbol in
            guard symbol.isBacked else { return nil }
            let low = symbols.declaredRange(symbol.name).lowerBound
            guard low == 2, symbol.declaredRange.lowerBound < low else { return nil }
            return symbols.scope.size(symbol) >= low
        }
        guard !isBody, !assumptions.isEmpty else { return nil }
        let scope = symbols.scope
        let known = scope.scoped {
            for assumption in assumptions { scope.assume(assumption) }
            return scope.known(condition)
        }
        guard let known else { return nil }
        for assumption in assumptions {
            symbols.add(InputGuard(condition: assumption, message: "the program was made for sizes of 2 and more: \(assumption) must hold"))
        }
        return known
    }

    override func require(_ condition: SymBool, _ failure: () -> TensorError) throws {
        if isVacuous { return }
        try condition.requireValid()
        switch condition.constant ?? symbols.scope.known(condition) {
        case true?: return
        case false?: throw failure()
        case nil: try check(condition, failure().description)
        }
    }

    /// Makes sure of a condition at every run: by proof, as a guard of the call, or as an assertion in the graph.
    func check(_ condition: SymBool, _ message: String) throws {
        if isVacuous { return }
        if let known = condition.constant ?? symbols.scope.known(condition) {
            guard known else { throw TensorError(.checkFailed, "a condition can never hold: \(message)") }
            return
        }
        if !isBody, condition.freeSymbols.allSatisfy(\.isBacked) {
            symbols.add(InputGuard(condition: condition, message: message))
            return
        }
        assert(condition, message, at: site)
    }
}

import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Builds a graph out of the operations that a program file lists.
///
/// Reading a program is carrying out its operations on tensors without data, as tracing does: result types come from the operators' own
/// rules, never from what the file claims. Conditions that a rule requires are proved from the declared ranges where possible.
/// What stays open on input sizes becomes a guard that every call must meet, what depends on values an assertion in the graph.
final class ImportInterpreter: Interpreter {
    let symbols: ImportSymbols
    var graph = Graph()
    /// Inside a branch nothing may be demanded of every call: open conditions become assertions of the branch.
    private let isBody: Bool
    /// Whether what is read never runs, so that all that it requires holds.
    var isVacuous = false
    /// For the branch that is being read: what its bodies alone know.
    var branchTypes: BranchTypes?
    var site: NodeSite?
    var modulePath: [ModuleFrame] = []

    init(symbols: ImportSymbols, isBody: Bool) {
        self.symbols = symbols
        self.isBody = isBody
        super.init(outer: nil)
    }

    /// A tensor that stands for a value of the graph.
    func tensor(_ value: Value, _ spec: TensorSpec) -> Tensor { Tensor(spec: spec, owner: self, id: value.index) }

    /// The graph's value for a tensor of this trace.
    func value(of tensor: Tensor) throws -> Value {
        guard let trace = tensor.trace, trace.owner === self else {
            throw ArchiveError(.invalidProgram, "a tensor of another graph is used without being passed in")
        }
        return Value(index: trace.id)
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        let references: [GraphArgument] = try arguments.map { try $0.map { try value(of: $0) } }
        let types: [ValueType] = try Interpreter.with(self) { try resultTypes(Call(operation, arguments)) }
        let outputs = graph.append(operation, references, types: types, site: site, modulePath: modulePath, provenance: "imported")
        return zip(outputs, types).map { value, type in
            switch type {
            case .tensor(let spec): .tensor(tensor(value, spec))
            case .int(let number): .int(number)
            case .float(let number): .scalar(.float(number))
            case .bool(let condition): .symBool(condition)
            case .none: .none
            }
        }
    }

    /// By the rule; numbers that only a run can know are fresh symbols, under the file's names.
    private func resultTypes(_ call: Call) throws -> [ValueType] {
        if let branchTypes, call.operator === Operator.cond {
            self.branchTypes = nil
            // The rule makes sizes of its own where the bodies differ: the file's names are for those that are kept.
            let names: [String] = symbols.upcoming
            symbols.upcoming = []
            _ = try call.operator.rule(call)
            symbols.upcoming = names
            let branch = try CondArguments(call)
            return try branchTypes.types(branch.whenTrue.graph, branch.whenFalse.graph)
        }
        guard call.operator.effects.contains(.dataDependent), let kind = call.operator.schema.results.first, !kind.holdsTensors else {
            return try call.operator.rule(call).map { .tensor($0) }
        }
        _ = try call.operator.rule(call)
        let dtype = try call.tensor(0).dtype
        let name = symbols.upcoming.isEmpty ? nil : symbols.upcoming.removeFirst()
        if dtype.isFloatingPoint || dtype.isComplex {
            let value = symbols.makeUnbacked(name, kind: .unbackedFloat, range: .unbounded)
            return [.float(value.float)]
        }
        if dtype == .bool { return [.bool(symbols.makeUnbacked(name, kind: .unbackedBool, range: SymRange(0...1)).bool)] }
        guard let size = symbols.makeUnbacked(name, kind: .unbackedInt, range: dtype.integerRange).int else {
            throw call.error(.unsupported, "gave no integer")
        }
        return [.int(size)]
    }

    override func unbackedSize(for origin: String, in range: ClosedRange<Int>) throws -> SymInt {
        let name = symbols.upcoming.isEmpty ? nil : symbols.upcoming.removeFirst()
        guard let size = symbols.makeUnbacked(name, kind: .unbackedInt, range: SymRange(range)).int else {
            throw TensorError(.unsupported, "no size for \(origin)")
        }
        return size
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
        graph.append(
            .assertScalar, [.symBool(condition), .string(message)], types: [], site: site, modulePath: modulePath, provenance: "imported")
        symbols.scope.assume(condition)
    }
}

import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Traces one entry point: runs the function once for each path, and merges the paths into a program.
struct Exporter {
    let declared: DeclaredInputs
    /// The model's parameters and buffers, nil for a plain function.
    let model: ModuleState?
    let options: ExportOptions
    /// Where failures go, so that tracing goes on after them; nil to stop at the first.
    var collector: FailureCollector?
    private var log: ExportLog? { options.log }
    /// The function on rebuilt arguments; gives the result as a tree.
    let function: ([LeafValue]) throws -> FlatTree
    /// What the function computes besides its result, for a joint program.
    var joint: JointTrace?

    /// More than what merging takes in a debug build.
    private static let stackPerQuestion: Int = 32 << 10

    private var entries: [ModuleState.Entry] { model?.entries ?? [] }

    /// Room for what recurses by how deep branches and expressions nest, too.
    func export() throws -> ExportedProgram { try withStackRoom(deepStack) { try exported() } }

    private func exported() throws -> ExportedProgram {
        if let log { for dimension in declared.dimensions { log.write(.symbol(dimension.symbol, declared.scope, site: nil)) } }
        let traces = try explore()
        try collector?.stopIfFailed(declared)
        let returned = traces.first { !$0.hasThrown }
        guard let returned, case .returned(_, _, let outSpec) = returned.outcome else {
            if case .threw(let message, let site)? = traces.first?.outcome { throw ProgramError(.untraceable, message, site: site) }
            throw ProgramError(.untraceable, "no path of the function returns")
        }
        let mutated = mutatedBuffers(traces)
        // Merging recurses by the questions of a path, and by the branches that they become.
        let questions: Int = traces.map(\.decisions.count).max() ?? 0
        let program: ExportedProgram = try withStackRoom((questions + Graph.maximumNesting) * Exporter.stackPerQuestion) {
            let merger = PathMerger(paths: traces, mutatedBuffers: mutated, scope: declared.scope)
            let parts: ProgramParts = try self.parts(try merger.merge(stateCount: entries.count), mutated, outSpec, traces)
            return try ExportedProgram(try joint?.parts(from: parts) ?? parts)
        }
        if options.selfCheck {
            let checked: ([LeafValue]) throws -> FlatTree = { [function, joint] leaves in
                let tree: FlatTree = try function(leaves)
                return joint?.withoutUnusedGradients(tree) ?? tree
            }
            try SelfCheck(declared: declared, model: model, function: checked, program: program).run(traces)
        }
        return program
    }

    // MARK: Runs

    private func explore() throws -> [PathTrace] {
        let limit: Int
        switch options.branches {
        case .explore(let paths): limit = max(paths, 1)
        // What the example leaves open is a violation, so that there is one path.
        case .guardExample: limit = 1
        }
        let symbols = RunMemory()
        var traces: [PathTrace] = []
        var prefix: [PathDecision] = []
        while true {
            let (trace, decisions) = try run(prefix, symbols)
            if let caught = trace?.caught {
                // From the start: where the call stands, its own question is asked from now on.
                symbols.caught.insert(caught)
                (traces, prefix) = ([], [])
                continue
            }
            if let trace {
                // All paths must return the same structure.
                try requireSameStructure(trace, traces)
                traces.append(trace)
            }
            guard let next = nextPrefix(decisions) else { break }
            guard traces.count(where: { !$0.isLeaf }) < limit else {
                try requireDeclared(traces)
                throw overBudget(traces, limit)
            }
            prefix = next
        }
        try requireDeclared(traces)
        return traces.withoutFailedRequirements()
    }

    /// Throws, or collects, what the caller must declare.
    private func requireDeclared(_ traces: [PathTrace]) throws {
        let violations: [ConstraintViolation] = traces.violations
        if violations.isEmpty { return }
        let error = ConstraintViolationError(violations: violations).advised(by: declared)
        guard let collector else { throw error }
        collector.record(error)
    }

    /// The prefix of the run that takes the last open question the other way.
    private func nextPrefix(_ decisions: [PathDecision]) -> [PathDecision]? {
        guard let last = decisions.lastIndex(where: { $0.isOpen }) else { return nil }
        var prefix = Array(decisions[...last])
        prefix[last].choice.toggle()
        prefix[last].isOpen = false
        return prefix
    }

    /// One run, and what it answered; no trace where no input goes that way.
    private func run(_ prefix: [PathDecision], _ symbols: RunMemory) throws -> (trace: PathTrace?, decisions: [PathDecision]) {
        let scope = declared.scope
        let path = PathRecorder(scope: scope, policy: options.branches, prefix: prefix, symbols: symbols)
        path.log = log
        let tracer = Tracer(scope: scope, path: path, model: model)
        scope.push()
        let previous = scope.oracle
        scope.oracle = path
        scope.clearFaults()
        defer {
            scope.oracle = previous
            scope.pop()
        }
        guard let outcome = try outcome(of: tracer, path) else { return (nil, path.decisions) }
        let answers: Int = path.decisions.count { $0.requirement == nil }
        log?.write(.path(decisions: answers, nodes: tracer.graph.nodes.count, hasThrown: outcome.hasThrown))
        let trace = PathTrace(
            graph: tracer.graph, captured: tracer.captured, decisions: path.decisions, readRanges: path.finalRanges(), outcome: outcome)
        return (trace, path.decisions)
    }

    /// Runs the function once. A path that throws rejects its inputs; what makes the run itself worthless is thrown, or collected. Nil for a
    /// path that no input takes.
    private func outcome(of tracer: Tracer, _ path: PathRecorder) throws -> PathTrace.Outcome? {
        var outcome: PathTrace.Outcome?
        var thrown: (any Error)?
        do { outcome = try traced(tracer) } catch {
            thrown = error
            // A question about an invalid number that the run left behind is none of the next one's.
            _ = PendingFault.take()
        }
        if path.isImpossible() { return nil }
        if let failure = failure(tracer, path, thrown) {
            guard let collector else { throw failure }
            collector.record(failure)
            return .threw(message: failure.unplaced, site: failure.callSite)
        }
        if let outcome { return outcome }
        guard let thrown else { throw ProgramError(.untraceable, "the function neither returned nor threw") }
        if path.decisions.last?.failsRequirement(thrown.unplaced) != true,
            !path.decisions.contains(where: { $0.attempt != nil && !$0.choice })
        {
            collector?.recordRejection(thrown, on: path)
        }
        return .threw(message: thrown.unplaced, site: thrown.callSite)
    }

    /// Why a run can't become a path of the program, if it can't.
    private func failure(_ tracer: Tracer, _ path: PathRecorder, _ thrown: (any Error)?) -> (any Error)? {
        if let failure = path.failure { return failure }
        if path.errorOfTracing == nil, let question = path.unaskedQuestion { return question }
        if let fault = path.fault { return fault }
        if !path.violations.isEmpty || path.errorOfTracing != nil, !path.demanded.isEmpty {
            return ConstraintViolationError(violations: path.demanded).advised(by: declared)
        }
        // What only tracing can't do is no reason to reject inputs, nor to go another way than eager code.
        if let error = path.errorOfTracing { return error }
        guard let thrown else { return tracer.keptValue() }
        // A function with one path only has nothing left to run, unless it is one that takes sizes for granted.
        let isOnlyPath: Bool = path.decisions.allSatisfy { $0.requirement != nil && $0.choice && $0.violation == nil }
        return thrown.isOfTrace || isOnlyPath ? thrown : nil
    }

    /// The function's tensors live no longer than this call, unless it keeps them.
    private func traced(_ tracer: Tracer) throws -> PathTrace.Outcome {
        let placeholders: [Tensor] = entries.map { entry in
            tracer.makeInput(
                (entry.isParameter ? "p_" : "b_") + identifier(entry.name), entry.tensor.spec,
                userName: (entry.isParameter ? "the parameter " : "the buffer ") + entry.name)
        }
        let leaves: [LeafValue] = zip(declared.tree.leaves, zip(declared.specs, declared.names)).map { leaf, declaration in
            guard let spec = declaration.0 else { return leaf }
            return .tensor(tracer.makeInput(identifier(declaration.1), spec, userName: "the argument \(declaration.1)"))
        }
        return try Interpreter.with(tracer) {
            let outcome: PathTrace.Outcome = try call(leaves, placeholders, tracer)
            // A question about an invalid number that no operation came after.
            try TensorError.throwPendingFault()
            return outcome
        }
    }

    /// Runs the function with the model's tensors replaced, and collects what it returns and what it left in the buffers.
    private func call(_ leaves: [LeafValue], _ placeholders: [Tensor], _ tracer: Tracer) throws -> PathTrace.Outcome {
        var mutations: [String: Value] = [:]
        let result: FlatTree
        if let model {
            // Tied names share the first name's placeholder; the others stay as inputs that nobody reads.
            var bySlot = [Tensor?](repeating: nil, count: model.slots.count)
            for (index, slot) in model.slotOfEntry.enumerated() where bySlot[slot] == nil { bySlot[slot] = placeholders[index] }
            let replacements = bySlot.compactMap { $0 }
            let replaced = try model.withReplaced(replacements) { try function(leaves) }
            result = replaced.result
            for (index, (entry, final)) in zip(entries, replaced.final).enumerated() {
                let before = replacements[model.slotOfEntry[index]]
                guard let final, final.identity != before.identity else { continue }
                guard !entry.isParameter else {
                    throw ProgramError(.untraceable, "the function changes the parameter '\(entry.name)'; only buffers may change")
                }
                guard final.spec.isIdentical(to: before.spec) else {
                    throw ProgramError(
                        .untraceable,
                        "the buffer '\(entry.name)' changes from \(before.spec) to \(final.spec); a buffer keeps its dtype and shape")
                }
                mutations[entry.name] = try tracer.value(of: final)
            }
        } else {
            result = try function(leaves)
        }
        let outputs: [GraphOutput] = try result.leaves.map { try output($0, tracer) }
        return .returned(mutations: mutations, leaves: outputs, spec: result.spec)
    }

    private func output(_ leaf: LeafValue, _ tracer: Tracer) throws -> GraphOutput {
        switch leaf {
        case .tensor(let tensor): return .value(try tracer.value(of: tensor))
        case .int(let value):
            try value.requireValid()
            return value.constant.map { .literal(.int($0)) } ?? .int(value)
        case .float(let value): return value.constant.map { .literal(.float($0)) } ?? .float(value)
        case .bool(let value): return .literal(.bool(value))
        case .string(let value): return .literal(.string(value))
        case .none: return .literal(.none)
        }
    }

    // MARK: Parts of the program

    private func mutatedBuffers(_ traces: [PathTrace]) -> [(name: String, input: Value)] {
        var changed = Set<String>()
        for trace in traces {
            if case .returned(let mutations, _, _) = trace.outcome { changed.formUnion(mutations.keys) }
        }
        return entries.enumerated().compactMap { index, entry in
            changed.contains(entry.name) ? (entry.name, Value(index: index)) : nil
        }
    }

    private func parts(
        _ merged: PathMerger.Merged, _ mutated: [(name: String, input: Value)], _ outSpec: TreeSpec, _ traces: [PathTrace]
    ) throws -> ProgramParts {
        var inputRoles: [InputRole] = entries.map { $0.isParameter ? .parameter($0.name) : .buffer($0.name, persistent: $0.isPersistent) }
        inputRoles += merged.constants.indices.map { .constant("lifted_tensor_\($0)") }
        inputRoles += Array(repeating: .userInput, count: declared.specs.count { $0 != nil })
        let outputRoles: [OutputRole] = mutated.map { .bufferMutation($0.name) } + Array(repeating: .userOutput, count: outSpec.leafCount)
        var ranges: [Symbol: SymRange] = [:]
        for symbol in merged.graph.sizeSymbols where symbol.kind != .unbackedFloat {
            ranges[symbol] = readRange(symbol, traces, merged.sources)
        }
        return ProgramParts(
            graph: merged.graph, inputRoles: inputRoles, outputRoles: outputRoles, state: entries.map(\.tensor) + merged.constants,
            callSpec: CallSpec(inSpec: declared.tree.spec, outSpec: outSpec),
            leafRoles: zip(declared.tree.leaves, declared.specs).map { leaf, spec in spec == nil ? .constant(leaf) : .input },
            leafNames: declared.names, scope: declared.scope, symbolToRange: ranges, guards: declared.guards,
            paths: traces.map { ExploredPath($0) })
    }

    /// A symbol's declared range, narrowed by what every path that returns knows of it.
    private func readRange(_ symbol: Symbol, _ traces: [PathTrace], _ sources: [Symbol: [Symbol]]) -> SymRange {
        if symbol.isBacked { return declared.scope.range(of: symbol) }
        let symbols: [Symbol] = sources[symbol] ?? [symbol]
        let narrowed: [SymRange] = traces.filter { !$0.hasThrown }.flatMap { trace in symbols.compactMap { trace.readRanges[$0] } }
        guard let first = narrowed.first else { return symbol.declaredRange }
        return narrowed.dropFirst().reduce(first) { $0.union($1) }
    }

    private func requireSameStructure(_ trace: PathTrace, _ others: [PathTrace]) throws {
        guard case .returned(_, _, let spec) = trace.outcome else { return }
        for other in others {
            if case .returned(_, _, let known) = other.outcome, known != spec {
                throw ProgramError(
                    .untraceable, "paths of the function return different structures: \(known) and \(spec)",
                    site: trace.decisions.last?.site)
            }
        }
    }

    private func overBudget(_ traces: [PathTrace], _ limit: Int) -> ProgramError {
        let sites = HotSites(traces.flatMap(\.decisions), scope: declared.scope)
        return ProgramError(
            .overBudget,
            "the function has more than \(limit) paths. The questions asked most:\n\(sites)\nOr raise the limit: ExportOptions(branches: .explore(limit: \(limit * 4))).",
            site: sites.entries.first?.site)
    }

    /// A name that Python accepts as well.
    private func identifier(_ name: String) -> String {
        String(name.map { $0.isLetter || $0.isNumber || $0 == "_" ? $0 : "_" })
    }
}

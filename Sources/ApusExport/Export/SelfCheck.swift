import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor

/// Runs the function and its program side by side, on at least one input of each path where one can be made: the last check of an export.
///
/// Sizes are those of a witness of the path's conditions. Elements are the example's, repeated as often as it takes; an input that the
/// function reads as an integer or truth value gets the witness's. Which way a float sends the function can't be chosen. Programs that draw
/// random numbers are not compared, and those that act on the world outside are not run.
struct SelfCheck {
    let declared: DeclaredInputs
    let model: ModuleState?
    let function: ([LeafValue]) throws -> FlatTree
    let program: ExportedProgram

    private var scope: SymbolScope { declared.scope }
    /// Witnesses with more elements than this are left out, unless the example is as large; and those with numbers beyond it, each of which
    /// may be the length of a loop or of a tensor.
    private static let limit = 1 << 20

    /// Throws `ProgramError` with code `selfCheck` for the first difference.
    func run(_ traces: [PathTrace]) throws {
        if program.graph.operators.contains(where: { !$0.effects.isDisjoint(with: [.random, .external]) }) { return }
        var seen = Set<String>()
        for trace in traces {
            guard let witness = witness(of: trace), let leaves = try leaves(trace, witness, &seen) else { continue }
            try compare(leaves, trace, mayTake: isTaken(trace, witness) ? [trace] : traces)
        }
    }

    // MARK: Inputs

    /// A point at which everything holds that the run assumed: the example, where it took this path.
    private func witness(of trace: PathTrace) -> Assignment? {
        let conditions: [SymBool] = ExploredPath(trace).conditions + trace.graph.nodes.compactMap(\.assertedCondition)
        let hints: Assignment = scope.hints
        if conditions.allSatisfy({ scope.evaluate($0, at: hints) == true }) { return hints }
        return scope.scoped {
            for condition in conditions { scope.assume(condition) }
            return scope.witness().map { withSmallNumbers($0, scope.declaredFacts + conditions) }
        }
    }

    /// The witness with smaller numbers in place of those that the run reads, as far as the conditions allow.
    private func withSmallNumbers(_ witness: Assignment, _ conditions: [SymBool]) -> Assignment {
        var result: Assignment = witness
        let numbers = witness.integers.filter { !$0.key.isBacked }.sorted { $0.key.index < $1.key.index }
        for (symbol, value) in numbers where value.magnitude > 16 {
            let candidates: [Int] = Array(0...16) + (1..<Int.bitWidth).reversed().map { value >> $0 }
            for candidate in candidates where symbol.declaredRange.contains(candidate) {
                var next: Assignment = result
                next[symbol] = candidate
                guard conditions.allSatisfy({ scope.evaluate($0, at: next) == true }) else { continue }
                result = next
                break
            }
        }
        return result
    }

    /// Inputs of the witness's sizes and numbers; nil where they are too large, or were tried already.
    private func leaves(_ trace: PathTrace, _ witness: Assignment, _ seen: inout Set<String>) throws -> [LeafValue]? {
        let numbers: [Int: Int] = directReads(trace, witness).mapValues(\.value)
        guard numbers.values.allSatisfy({ $0.magnitude <= SelfCheck.limit }) else { return nil }
        var position: Int = model?.entries.count ?? 0
        var key = ""
        var result: [LeafValue] = []
        for (leaf, spec) in zip(declared.tree.leaves, declared.specs) {
            guard case .tensor(let example) = leaf, let spec else {
                result.append(leaf)
                continue
            }
            var sizes: [Int] = []
            for size in spec.shape {
                guard let value = scope.evaluate(size, at: witness), value >= 0 else { return nil }
                sizes.append(value)
            }
            let number: Int? = numbers[position]
            position += 1
            key += "\(sizes) \(number.map { "\($0)" } ?? "") "
            guard let count = Layout.elementCount(sizes), count <= max(SelfCheck.limit, example.layout.count) else { return nil }
            result.append(.tensor(try SelfCheck.tensor(like: example, sizes, count, number)))
        }
        return seen.insert(key).inserted ? result : nil
    }

    /// Whether inputs with the witness's sizes and numbers take the path: where it asks for a number that the function computes first, or for
    /// one element of many, they may take another.
    private func isTaken(_ trace: PathTrace, _ witness: Assignment) -> Bool {
        let read = Set(directReads(trace, witness).values.map(\.symbol))
        return trace.decisions.allSatisfy { $0.condition.freeSymbols.allSatisfy { $0.isBacked || read.contains($0) } }
    }

    /// Inputs of one element that the run reads as they are: graph input -> the witness's value.
    private func directReads(_ trace: PathTrace, _ witness: Assignment) -> [Int: (symbol: Symbol, value: Int)] {
        var found: [Int: (symbol: Symbol, value: Int)] = [:]
        for node in trace.graph.nodes where node.effects.contains(.dataDependent) && node.outputs.count == 1 {
            guard let operand = node.operands.first, let input = trace.graph.inputs.firstIndex(of: operand) else { continue }
            if let symbol = trace.graph.type(node.outputs[0]).symbol, let value = witness[symbol], found[input] == nil {
                found[input] = (symbol, value)
            }
        }
        return found
    }

    /// A tensor of other sizes with the example's elements over and over, or one number.
    private static func tensor(like example: Tensor, _ sizes: [Int], _ count: Int, _ number: Int?) throws -> Tensor {
        if let number { return try Tensor.full(sizes.map { SymInt($0) }, number, dtype: .int64).to(example.dtype) }
        if try example.sizes == sizes { return example }
        let available: Int = example.layout.count
        guard available > 0 else { return try Tensor.zeros(sizes.map { SymInt($0) }, dtype: example.dtype) }
        let flat: Tensor = try example.flattened()
        // Rows of the whole example in turn, without a list of them.
        let repeats: Int = count / available + 1
        let long: Tensor = count > available ? try flat.unsqueezed(0).expanded([SymInt(repeats), -1]).flattened() : flat
        return try long.sliced(dim: 0, from: 0, to: SymInt(count)).reshaped(sizes)
    }

    // MARK: Comparing

    /// - Parameter paths: those that the inputs may take.
    private func compare(_ leaves: [LeafValue], _ trace: PathTrace, mayTake paths: [PathTrace]) throws {
        let path = ExploredPath(trace)
        let tensors: [Tensor] = leaves.compactMap(\.tensor)
        let expected = Result { try eager(leaves) }
        // What a run that threw has left behind is none of the caller's.
        _ = PendingFault.take()
        let actual = Result { try program.evaluate(tensors) }
        // Either may have ended for that, which says nothing of the program.
        try Deadline.check()
        switch (expected, actual) {
        case (.success(let wanted), .success(let given)):
            for (index, pair) in zip(wanted, given).enumerated() {
                if let difference = try SelfCheck.difference(pair.0, pair.1) {
                    throw failure("\(program.graphSignature.outputRoles[index]): \(difference)", tensors, path)
                }
            }
            if wanted.count != given.count { throw failure("\(wanted.count) results and \(given.count)", tensors, path) }
        // The function went on without a number that it computes on this path.
        case (.success, .failure(let error as TensorError))
        where scope.isNumberCheck(error.message) && paths.contains { $0.graph.asserts(error.message) }: return
        case (.success, .failure(let error as TensorError)): throw caught(error, tensors, path)
        case (.success, .failure(let error)): throw failure("the function returns, the program throws '\(error.unplaced)'", tensors, path)
        case (.failure(let error), .success): throw failure("the function throws '\(error.unplaced)', the program returns", tensors, path)
        case (.failure, .failure): return
        }
    }

    /// What the function gives, in the order of the program's outputs. The model's buffers are as before afterwards.
    private func eager(_ leaves: [LeafValue]) throws -> [LeafValue] {
        let bystander = Bystander()
        func run() throws -> FlatTree {
            try Interpreter.with(bystander) {
                let result: FlatTree = try function(leaves)
                try TensorError.throwPendingFault()
                for case .int(let number) in result.leaves { try number.requireValid() }
                return result
            }
        }
        guard let model else { return try run().leaves }
        let replaced = try model.withReplaced(model.slots.map(\.tensor)) { try run() }
        var buffers: [LeafValue] = []
        for role in program.graphSignature.outputRoles {
            guard case .bufferMutation(let name) = role, let index = model.entries.firstIndex(where: { $0.name == name }),
                let tensor = replaced.final[index]
            else { continue }
            buffers.append(.tensor(tensor))
        }
        return buffers + replaced.result.leaves
    }

    /// Eager execution that leaves the caller's random generator where it is.
    private final class Bystander: Interpreter {
        private let generator = RandomGenerator(copying: .default)
        override var randomGenerator: RandomGenerator? { generator }

        init() { super.init(outer: nil) }
    }

    /// The function goes on behind an error of an operation that nothing was asked about.
    private func caught(_ error: TensorError, _ tensors: [Tensor], _ path: ExploredPath) -> ProgramError {
        let inputs: String = tensors.map { "\($0.spec)" }.joined(separator: ", ")
        return ProgramError(
            .selfCheck,
            "the function goes on where the program ends in an error, on inputs \(inputs), path '\(path)': '\(error.unplaced)'. An error that the function "
                + "catches in a body of cond, whileLoop or scan, or behind the first \(PathRecorder.requirementLimit) calls of a path that may fail, "
                + "is one of the program's: ask about the values first, and make the call where it does not fail.",
            site: error.site ?? path.sites.last)
    }

    private func failure(_ difference: String, _ tensors: [Tensor], _ path: ExploredPath) -> ProgramError {
        let inputs: String = tensors.map { "\($0.spec)" }.joined(separator: ", ")
        return ProgramError(
            .selfCheck,
            "the program differs from the function on inputs \(inputs), path '\(path)': \(difference). A function that depends on more than its arguments, or on what earlier calls left behind, can't be exported; otherwise please report this.",
            site: path.sites.last)
    }

    /// What differs between two results; nil where they agree as far as their dtype lets them.
    private static func difference(_ a: LeafValue, _ b: LeafValue) throws -> String? {
        guard case .tensor(let p) = a, case .tensor(let q) = b else { return "\(a)" == "\(b)" ? nil : "\(a) and \(b)" }
        guard p.dtype == q.dtype, try p.sizes == q.sizes else { return "\(p.spec) and \(q.spec)" }
        let tolerance: Double
        switch p.dtype {
        case .float16, .bfloat16: tolerance = 2e-2
        case .float32, .complex64: tolerance = 1e-3
        case .float64, .complex128: tolerance = 1e-6
        default: tolerance = 0
        }
        let (left, right) = (try p.realElements(), try q.realElements())
        var scale = 0.0
        for value in left where value.isFinite { scale = max(scale, value.magnitude) }
        for (x, y) in zip(left, right) where !(x == y || x.isNaN && y.isNaN) {
            // Sums in another order may differ by what is small beside the largest element.
            if !((x - y).magnitude <= tolerance * max(scale, 1e-30)) { return "\(x) and \(y)" }
        }
        return nil
    }
}

extension Graph {
    /// Whether a check here, or in a body, has this text.
    fileprivate func asserts(_ message: String) -> Bool {
        nodes.contains { node in
            if case .string(message)? = node.arguments.last, node.operator == .assertScalar { return true }
            return node.bodies.contains { $0.graph.asserts(message) }
        }
    }
}

import ApusGraph
import ApusProgram
import ApusTensor

/// What matched nodes of two programs give on the same inputs.
struct ComparedRuns {
    let relativeTolerance: Double
    let absoluteTolerance: Double
    private(set) var nodes: [ProgramDifference.Comparison] = []
    private(set) var results: [ProgramDifference.Comparison] = []
    /// Why not all was compared.
    private(set) var note: String?

    init(relativeTolerance: Double, absoluteTolerance: Double) {
        (self.relativeTolerance, self.absoluteTolerance) = (relativeTolerance, absoluteTolerance)
    }

    mutating func compare(_ a: ComparedProgram, _ b: ComparedProgram, _ matching: NodeMatching, _ inputs: [Tensor]) {
        do {
            for program in [a.program, b.program] { try program.requireAdmitted(inputs) }
            let wanted = Set(matching.pairs.map(\.a))
            var given: [Int: [OperatorArgument]] = [:]
            // Both draw the same random numbers.
            let drawn = RandomGenerator.default.state
            let first: [OperatorArgument] = try run(a, inputs) { position, _, results in
                if wanted.contains(position) { given[position] = results }
            }
            let partners = Dictionary(matching.pairs.map { ($0.b, $0.a) }, uniquingKeysWith: { first, _ in first })
            var found: [ProgramDifference.Comparison] = []
            RandomGenerator.default.state = drawn
            let second: [OperatorArgument] = try run(b, inputs) { position, node, results in
                guard let partner = partners[position], let others = given.removeValue(forKey: partner) else { return }
                for (index, (x, y)) in zip(others, results).enumerated() {
                    let own: Node = a.graph.nodes[partner]
                    let names: (String, String) = (name(own, index, a.graph), name(node, index, b.graph))
                    let comparison = try compare(x, y, names, own.operator.name, own.site.map { "\($0)" })
                    if !comparison.passed { found.append(comparison) }
                }
            }
            nodes = found
            for (index, (x, y)) in zip(first, second).enumerated() {
                let names: (String, String) = (output(index, a.graph), output(index, b.graph))
                results.append(try compare(x, y, names, "result", nil))
            }
        } catch {
            note = "\(error)"
        }
    }

    private func name(_ node: Node, _ index: Int, _ graph: Graph) -> String {
        node.outputs.indices.contains(index) ? "%\(graph.name(node.outputs[index]))" : node.operator.name
    }

    private func output(_ index: Int, _ graph: Graph) -> String {
        graph.outputs[index].value.map { "%\(graph.name($0))" } ?? "result \(index)"
    }

    private func run(
        _ program: ComparedProgram, _ inputs: [Tensor], _ observe: (Int, Node, [OperatorArgument]) throws -> Void
    ) throws -> [OperatorArgument] {
        var position = 0
        return try withoutActuallyEscaping(observe) { observe in
            try GraphExecutor(program.graph).run(program.weights.map(\.tensor) + inputs) { node, results in
                try observe(position, node, results)
                position += 1
            }
        }
    }

    private func compare(
        _ x: OperatorArgument, _ y: OperatorArgument, _ names: (String, String), _ operation: String, _ site: String?
    ) throws -> ProgramDifference.Comparison {
        func made(_ largest: Double, _ mean: Double, _ passed: Bool, _ note: String?) -> ProgramDifference.Comparison {
            ProgramDifference.Comparison(
                name: names.0, secondName: names.1, operator: operation, site: site, largestDifference: largest, meanDifference: mean,
                passed: passed, note: note)
        }
        guard case .tensor(let p) = x, case .tensor(let q) = y else {
            let (p, q) = ("\(try RuntimeValue(x))", "\(try RuntimeValue(y))")
            let error: Double = p == q ? 0 : .infinity
            return made(error, error, p == q, p == q ? nil : "\(p) and \(q)")
        }
        let comparison = try ResultComparison(
            names.0, q, p, relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance)
        return made(comparison.largestError, comparison.meanError, comparison.passed, comparison.note)
    }
}

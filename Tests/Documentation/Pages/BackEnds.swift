import Apus
import Testing

private struct Unsupported: Error {
    let name: String
    init(_ name: String) { self.name = name }
}

// snippet
func emit(_ graph: Graph) throws -> String {
    var lines: [String] = []
    for node in graph.nodes {
        let operands = node.operands.map { "\(graph.name($0))[i]" }
        let expression: String
        switch node.operator.name {
        case "aten::add.Tensor": expression = "\(operands[0]) + \(operands[1])"
        case "aten::mul.Tensor": expression = "\(operands[0]) * \(operands[1])"
        case "aten::tanh": expression = "tanhf(\(operands[0]))"
        default: throw Unsupported(node.operator.name)
        }
        lines.append("    float \(graph.name(node.outputs[0])) = \(expression);")
    }
    return lines.joined(separator: "\n")
}
// snippet.end

private func parted(_ program: ExportedProgram) throws -> ExportedProgram {
    // snippet
    let known: Set<String> = ["aten::add.Tensor", "aten::mul.Tensor", "aten::tanh"]
    let parted = try program.transform(
        Decomposition(), Partition("mine", minimum: 2) { node, graph in known.contains(node.operator.name) })
    // snippet.end
    return parted
}

/// A back end of somebody's own: elementwise float32 programs as code for a stack machine. Not fast, but complete.
private struct StackMachine: Sendable {
    struct Unsupported: Error, CustomStringConvertible {
        let description: String
    }

    private enum Instruction {
        case load(Int)
        case add
        case multiply
        case tanh
        /// The value on top becomes the next one that `load` can give.
        case store
        case result(Int)
    }

    static let operators: Set<String> = ["aten::add.Tensor", "aten::mul.Tensor", "aten::tanh"]

    /// Whether the machine can compute a node: it knows the operator, and no operand is broadcast.
    static func supports(_ node: Graph.Node, _ graph: Graph) -> Bool {
        guard operators.contains(node.operator.name), let result = node.outputs.first, let spec = graph.spec(result) else { return false }
        if node.operator.name == "aten::add.Tensor" {
            // `alpha` scales the second operand.
            guard case .scalar(.int(let alpha))? = node.arguments.last, alpha.constant == 1 else { return false }
        }
        return spec.dtype == .float32
            && node.operands.allSatisfy { graph.spec($0).map { $0.dtype == .float32 && $0.shape.isIdentical(to: spec.shape) } ?? false }
    }

    private var code: [Instruction] = []
    private let resultCount: Int

    /// Walks the graph once.
    init(_ graph: Graph) throws {
        var places: [Graph.Value: Int] = [:]
        for input in graph.inputs { places[input] = places.count }
        resultCount = graph.outputs.count
        for node in graph.nodes {
            for operand in node.operands {
                guard let place = places[operand] else { throw Unsupported(description: "%\(graph.name(operand)) comes from nowhere") }
                code.append(.load(place))
            }
            switch node.operator.name {
            case "aten::add.Tensor": code.append(.add)
            case "aten::mul.Tensor": code.append(.multiply)
            case "aten::tanh": code.append(.tanh)
            default: throw Unsupported(description: "the machine does not know \(node.operator.name)")
            }
            places[node.outputs[0]] = places.count
            code.append(.store)
        }
        for output in graph.outputs {
            guard let value = output.value, let place = places[value] else { throw Unsupported(description: "a result is no value") }
            code.append(.result(place))
        }
    }

    func run(_ operands: [Tensor]) throws -> [Tensor] {
        var memory: [[Float]] = try operands.map { try $0.array(of: Float.self) }
        var stack: [[Float]] = []
        var results: [Tensor] = []
        let sizes = try operands[0].sizes
        for instruction in code {
            switch instruction {
            case .load(let place): stack.append(memory[place])
            case .add: stack.append(zip(stack.removeLast(), stack.removeLast()).map { $0 + $1 })
            case .multiply: stack.append(zip(stack.removeLast(), stack.removeLast()).map { $0 * $1 })
            case .tanh: stack.append(try Tensor(stack.removeLast(), shape: sizes).tanh().array(of: Float.self))
            case .store: memory.append(stack.removeLast())
            case .result(let place): results.append(try Tensor(memory[place], shape: sizes))
            }
        }
        return results
    }
}

// Puts operators that run on the machine in the place of parts.
// snippet
struct Lowering: NodeRewriter {
    let name = "lowering"

    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator == .call else { return nil }
        let part = try PartArguments(node)
        let compiled = try StackMachine(part.body.graph)
        let types = node.outputs.map { copy.source.type($0) }
        let specs = types.compactMap(\.spec)
        let operation = Operator(
            try Operator.Schema("mine::\(part.name)(Tensor[] operands) -> Tensor[]"), rule: { _ in specs },
            kernel: .host { call in try compiled.run(call.tensors(0)).map { .tensor($0) } })
        return copy.append(operation, [arguments[2]], types: types)
    }
}

// snippet.hide
private func lowered(_ parted: ExportedProgram, _ x: Tensor) throws -> (ExportedProgram, Tensor) {
    // snippet.show
    let lowered = try parted.transform(Lowering())
    let y: Tensor = try lowered(x)
    // snippet.end
    return (lowered, y)
}

@Suite struct BackEndPageTests {
    private func program() throws -> ExportedProgram {
        let model = try Linear(4, 4)
        let x = try Tensor.randn([3, 4], seed: 1)
        return try export(
            { (x: Tensor) in
                let gate = try (x * x + x).tanh()
                return try (model(gate) * gate).tanh() + gate.sum(dim: 1, keepDim: true)
            }, of: model, args: x, constraints: [dynamicDim(x, 0).in(1...16)])
    }

    @Test func programsArePartedByCapability() throws {
        let program = try program()
        let parted = try program.transform(Partition("mine", minimum: 2) { StackMachine.supports($0, $1) })
        let parts = parted.graph.nodes.filter { $0.operator == .call }
        #expect(parts.count == 2)
        for part in parts { #expect(part.bodies[0].graph.nodes.allSatisfy { StackMachine.operators.contains($0.operator.name) }) }
        // What the back end does not know stays outside, where it was.
        #expect(parted.graph.nodes.contains { $0.operator.name.contains("sum") })
        for rows in [1, 3, 16] {
            let x = try Tensor.randn([SymInt(rows), 4], seed: UInt64(rows))
            let (expected, found): (Tensor, Tensor) = (try program(x), try parted(x))
            #expect(try expected.array(of: Float.self) == found.array(of: Float.self))
        }
        let joined = try parted.transform(Inlining())
        #expect(joined.graph.nodes.count == program.graph.nodes.count)
    }

    @Test func aBackEndRunsItsParts() throws {
        let program = try program()
        let lowered = try program.transform(Partition("mine", minimum: 2) { StackMachine.supports($0, $1) }, Lowering())
        #expect(lowered.graph.nodes.filter { $0.operator.name.hasPrefix("mine::") }.count == 2)
        for rows in [1, 3, 16] {
            let x = try Tensor.randn([SymInt(rows), 4], seed: UInt64(rows))
            let programCase = try program.makeCase("\(rows) rows", inputs: [x])
            #expect(try lowered.check(programCase).allSatisfy { $0.passed && $0.largestError < 1e-5 })
        }
    }

    @Test func casesTravelWithAProgram() throws {
        let program = try program()
        let images = try Tensor.randn([3, 4], seed: 2)
        try inFolder { folder in
            // snippet
            let small = try program.makeCase("a small batch", inputs: [images])
            try program.save(to: "\(folder)/model.pt2", cases: [small])
            // snippet.end
            let cases = try ProgramCase.load(from: "\(folder)/model.pt2")
            #expect(cases.count == 1)
            #expect(try program.check(cases[0]).allSatisfy(\.passed))
        }
    }

    @Test func programsAreWrittenAsC() throws {
        let x = try Tensor.randn([5], seed: 1)
        let program = try export({ (x: Tensor, y: Tensor) in try (x * y).tanh() + x }, args: x, x)
        #expect(
            try emit(program.graph) == """
                    float mul = x[i] * y[i];
                    float tanh = tanhf(mul[i]);
                    float add = tanh[i] + x[i];
                """)
        // A part may do without what the machine does not broadcast.
        let same = try export({ (x: Tensor) in try (x * x).tanh() + x.sum() }, args: x)
        let parts = try parted(same)
        #expect(parts.graph.nodes.contains { $0.operator == .call })
        let whole = try export({ (x: Tensor) in try (x * x).tanh().sum() }, args: x)
        let (found, y) = try lowered(parted(whole), x)
        #expect(found.graph.nodes.contains { $0.operator.name.hasPrefix("mine::") })
        let expected: Tensor = try whole(x)
        #expect(try y.allclose(expected))
    }

    @Test func aWholeProgramIsWalked() throws {
        let x = try Tensor.randn([5], seed: 1)
        let program = try export({ (x: Tensor, y: Tensor) in try (x * y).tanh() + x }, args: x, x)
        let machine = try StackMachine(program.graph)
        let (a, b) = (try Tensor.randn([5], seed: 2), try Tensor.randn([5], seed: 3))
        let expected: Tensor = try program(a, b)
        let found = try machine.run([a, b])[0]
        #expect(try zip(found.array(of: Float.self), expected.array(of: Float.self)).allSatisfy { abs($0 - $1) < 1e-6 })
        let unknown = try export({ (x: Tensor) in try x.sin() }, args: x)
        let error = #expect(throws: StackMachine.Unsupported.self) { try StackMachine(unknown.graph) }
        #expect(error?.description == "the machine does not know aten::sin")
    }
}

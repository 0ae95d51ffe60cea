import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@Suite struct ProgramPassTests {
    private let spec = TensorSpec(.float32, Shape.scalar)

    private func run(_ graph: Graph, _ inputs: [Tensor]) throws -> [[Float]] {
        try GraphExecutor(graph).run(inputs).map { try $0.tensor?.array(of: Float.self) ?? [] }
    }

    private func record(_ sizes: [[Int]], _ function: ([Tensor]) throws -> [Tensor]) throws -> Graph {
        try Graph.recording(sizes.map { TensorSpec(.float32, try Shape($0)) }, function)
    }

    // MARK: Patterns

    @Test func patternsAreReplaced() throws {
        let graph = try record([[2, 3], [2, 3]]) { x in
            let sum = try (x[0] * x[1]) + x[0]
            return [try (sum * x[1]) + x[1], try sum.cos()]
        }
        let pattern = try record([[2], [2], [2]]) { [try $0[0] * $0[1] + $0[2]] }
        let replacement = try record([[2], [2], [2]]) { [try $0[2] + $0[1] * $0[0]] }
        let pass = try PatternReplacement("fuse", pattern: pattern, replacement: replacement)
        #expect(pass.matches(in: graph).map(\.nodes) == [[0, 1], [2, 3]])
        let result = try PassManager([pass]).run(graph)
        #expect(result.nodes.map(\.operator.name) == graph.nodes.map(\.operator.name))
        #expect(result.nodes.filter { $0.provenance == "fuse" }.count == 4)
        #expect(try run(graph, [ramp([2, 3]), ramp([2, 3]).cos()]) == run(result, [ramp([2, 3]), ramp([2, 3]).cos()]))
    }

    @Test func patternsLeaveAloneWhatOthersRead() throws {
        let graph = try record([[2], [2]]) { x in
            let product = try x[0] * x[1]
            return [try product + x[0], product]
        }
        let pattern = try record([[2], [2], [2]]) { [try $0[0] * $0[1] + $0[2]] }
        let pass = try PatternReplacement("fuse", pattern: pattern, replacement: pattern)
        #expect(pass.matches(in: graph).isEmpty)
        // A pattern that returns the product may take it.
        let both = try record([[2], [2], [2]]) { x in
            let product = try x[0] * x[1]
            return [try product + x[2], product]
        }
        let returning = try PatternReplacement("both", pattern: both, replacement: both)
        #expect(returning.matches(in: graph).count == 1)
        #expect(try run(PassManager([returning]).run(graph), [ramp([2]), ramp([2])]) == run(graph, [ramp([2]), ramp([2])]))
    }

    @Test func patternOptions() throws {
        let graph = try record([[2]]) { [try ($0[0] * 2).cos(), try ($0[0] * 3).cos()] }
        let pattern = try record([[2]]) { [try ($0[0] * 2).cos()] }
        let replacement = try record([[2]]) { [try $0[0].sin()] }
        func count(_ options: PatternReplacement.Options) throws -> Int {
            try PatternReplacement("p", pattern: pattern, replacement: replacement, options: options).matches(in: graph).count
        }
        var options = PatternReplacement.Options()
        #expect(try count(options) == 1)
        options.ignoresLiterals = true
        #expect(try count(options) == 2)
        options.accepts = { match in match.nodes[0] > 0 }
        #expect(try count(options) == 1)
    }

    @Test func patternsThatCannotBe() throws {
        let one = try record([[2]]) { [try $0[0].cos()] }
        let two = try record([[2], [2]]) { [try $0[0] + $0[1]] }
        #expect(throws: TensorError.self) { try PatternReplacement("p", pattern: one, replacement: two) }
        let loose = try record([[2]]) { [try $0[0].cos(), try $0[0].sin()] }
        #expect(throws: TensorError.self) { try PatternReplacement("p", pattern: loose, replacement: loose) }
        #expect(throws: TensorError.self) { try PatternReplacement("p", pattern: Graph(), replacement: Graph()) }
    }

    // MARK: Constants

    @Test func constantsAreFolded() throws {
        let graph = try record([[2], [2], [2]]) { x in
            let scale = try x[0].cos() * x[1]
            return [try scale + x[2], try scale.neg(), x[1]]
        }
        let (a, b, c) = (try ramp([2]), try ramp([2]).sin(), try ramp([2]).neg())
        let result = try ConstantFolding().fold(graph, insertingAt: 2) { value in value.index == 0 ? a : value.index == 1 ? b : nil }
        try verify(result.graph)
        #expect(result.graph.nodes.map(\.operator.name) == ["aten::add.Tensor"])
        #expect(result.graph.inputs.map { result.graph.name($0) } == ["x0", "x1", "folded_mul", "folded_neg", "x2"])
        #expect(try run(result.graph, [a, b] + result.constants + [c]) == run(graph, [a, b, c]))
        let small = try ConstantFolding(byteLimit: 0).fold(graph, insertingAt: 2) { $0.index == 0 ? a : nil }
        #expect(small.constants.count == 1)
    }

    // MARK: Parts

    @Test func supportedNodesBecomeParts() throws {
        let graph = try record([[2], [2]]) { x in
            let a = try x[0] + x[1]
            let b = try a.cos()
            let c = try a * b
            return [try c + a, try b + b]
        }
        let partition = Partitioning("adder") { node, _ in ["aten::add.Tensor", "aten::mul.Tensor"].contains(node.operator.name) }
        let result = try PassManager([partition]).run(graph)
        // The first sum can't join the rest: the cosine between them would wait for its own result.
        #expect(result.nodes.map(\.operator.name) == ["apus::call", "aten::cos", "apus::call", "apus::call"])
        #expect(try run(result, [ramp([2]), ramp([2])]) == run(graph, [ramp([2]), ramp([2])]))
        let back = try PassManager([Inlining()]).run(result)
        #expect(back.nodes.count == graph.nodes.count)
        #expect(try run(back, [ramp([2]), ramp([2])]) == run(graph, [ramp([2]), ramp([2])]))
        let whole = try PassManager([Partitioning("all") { _, _ in true }]).run(graph)
        #expect(whole.nodes.map(\.operator.name) == ["apus::call"])
        #expect(try run(whole, [ramp([2]), ramp([2])]) == run(graph, [ramp([2]), ramp([2])]))
        let none = try PassManager([Partitioning("big", minimum: 9) { _, _ in true }]).run(graph)
        #expect(none.nodes.count == graph.nodes.count)
    }

    @Test func partsKnowTheSymbolsAround() throws {
        let one = OneSize()
        let type = try float32([one.size])
        var graph = Graph()
        let x = graph.addInput("x", type)
        let sum = try graph.add("aten::add.Scalar", .tensor(x), .scalar(.int(one.size)), .int(1), type: type)
        graph.outputs = [.value(sum)]
        let result = try PassManager([Partitioning("p") { _, _ in true }]).run(graph)
        #expect(try run(result, [ramp([3])]) == run(graph, [ramp([3])]))
    }

    @Test func randomPartitionsStayRight() throws {
        var state: UInt64 = 5
        func next(_ bound: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(bound))
        }
        for _ in 0..<40 {
            let graph = try record([[3], [3]]) { x in
                var values = x
                for _ in 0..<20 {
                    let (a, b) = (values[next(values.count)], values[next(values.count)])
                    values.append(try [{ try a + b }, { try a * b }, { try a.cos() }, { try b.neg() }][next(4)]())
                }
                return [values[values.count - 1], values[next(values.count)]]
            }
            let chosen = Set((0..<2).map { _ in ["aten::add.Tensor", "aten::mul.Tensor", "aten::cos", "aten::neg"][next(4)] })
            let result = try PassManager([Partitioning("p") { node, _ in chosen.contains(node.operator.name) }]).run(graph)
            #expect(try run(result, [ramp([3]), ramp([3]).cos()]) == run(graph, [ramp([3]), ramp([3]).cos()]))
            #expect(result.nodes.allSatisfy { !chosen.contains($0.operator.name) })
        }
    }

    // MARK: Assertions

    @Test func provedAssertionsVanish() throws {
        let one = OneSize(SymRange(3...6))
        let n = one.size
        var graph = Graph()
        let x = graph.addInput("x", try float32([n]))
        let (declared, open): (SymBool, SymBool) = (n >= 2, n % 2 == 0)
        for condition in [declared, open, open] {
            graph.append(.assertScalar, [.symBool(condition), .string("m")], types: [])
        }
        graph.outputs = [.value(x)]
        let result = try PassManager([ProvedAssertions()]).run(graph)
        #expect(result.nodes.count == 1)
        #expect(result.nodes[0].arguments[0].text == "s0 % 2 == 0")
    }
}

extension ArgumentOf {
    fileprivate var text: String {
        if case .symBool(let condition) = self { return condition.description(naming: \.name) }
        return ""
    }
}

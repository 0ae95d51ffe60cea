import Apus
import Testing

// The passes of the page, on a program with a branch, so that bodies are rewritten too.

private func cleaned(_ program: ExportedProgram) throws -> ExportedProgram {
    // snippet
    let lean = try program.transform(DeadCodeElimination(), CommonSubexpressionElimination())
    // snippet.end
    return lean
}

// snippet
struct FastGelu: NodeRewriter {
    let name = "fast gelu"

    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator.name == "aten::gelu" else { return nil }
        return try copy.apply(node.operator, [arguments[0], .string("tanh")])
    }
}
// snippet.end

// snippet
struct SplitSilu: NodeRewriter {
    // snippet.hide
    struct Unfinished: Error {}
    // snippet.show
    let name = "split silu"

    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator.name == "aten::silu", let sigmoid = OperatorTable.find("aten::sigmoid"),
            let mul = OperatorTable.find("aten::mul.Tensor")
        else { return nil }
        let gate = try copy.apply(sigmoid, arguments)
        return try copy.apply(mul, [arguments[0], .tensor(gate[0])])
    }

    // What the pass promises is checked on its result.
    func ensures(_ graph: Graph) throws {
        if graph.operators.contains(where: { $0.name == "aten::silu" }) { throw Unfinished() }
    }
}
// snippet.end

// snippet
struct RemoveAlias: NodeRewriter {
    let name = "remove alias"

    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        guard node.operator.name == "aten::alias", case .tensor(let value) = arguments[0] else { return nil }
        return [value]
    }
}
// snippet.end

/// Gives everything the type of something else.
private struct Broken: NodeRewriter {
    let name = "broken"

    func rewrite(_ node: Graph.Node, _ arguments: [GraphArgument], into copy: inout GraphCopy) throws -> [Graph.Value]? {
        copy.append(node.operator, arguments, types: node.outputs.map { _ in .tensor(TensorSpec(.int64, .scalar)) })
    }
}

@Suite struct PassPageTests {
    private func program() throws -> ExportedProgram {
        let x = try Tensor.randn([4, 3], seed: 1)
        return try export(
            { (x: Tensor) in x.shape[0] > 3 ? try x.silu().gelu() : try x.gelu().silu() * 2 }, args: x,
            constraints: [dynamicDim(x, 0).in(2...6)])
    }

    private func names(_ program: ExportedProgram) -> Set<String> { Set(program.graph.operators.map(\.name)) }

    private func difference(_ a: ExportedProgram, _ b: ExportedProgram) throws -> Double {
        try (2...6).map { rows in
            let x = try Tensor.randn([SymInt(rows), 3], seed: UInt64(rows))
            let (p, q): (Tensor, Tensor) = (try a(x), try b(x))
            return Double(try (p - q).abs().amax().item(Float.self))
        }.max() ?? .infinity
    }

    @Test func aNodeBecomesAnother() throws {
        let program = try program()
        let fast = try program.transform(FastGelu())
        let arguments = fast.graph.nodes.flatMap(\.bodies).flatMap(\.graph.nodes).filter { $0.operator.name == "aten::gelu" }.map {
            $0.arguments[1]
        }
        #expect(arguments.count == 2)
        for argument in arguments { if case .string("tanh") = argument {} else { Issue.record("\(argument)") } }
        let error = try difference(program, fast)
        #expect(error > 0 && error < 1e-3)
    }

    @Test func aNodeBecomesSeveral() throws {
        let program = try program()
        let split = try program.transform(SplitSilu())
        #expect(names(split).isSuperset(of: ["aten::sigmoid", "aten::mul.Tensor"]) && !names(split).contains("aten::silu"))
        #expect(try difference(program, split) < 1e-6)
        // The original stays, and so do the places of its nodes.
        #expect(names(program).contains("aten::silu"))
        let made = split.graph.nodes.flatMap(\.bodies).flatMap(\.graph.nodes).filter { $0.provenance == "split silu" }
        #expect(made.count == 4)
        #expect(made.allSatisfy { $0.site?.description.contains("Passes.swift") == true })
    }

    @Test func aNodeVanishes() throws {
        let x = try Tensor.randn([3], seed: 1)
        let model = try Linear(3, 3)
        let joint = try exportJoint({ (x: Tensor) in try (model(x) + model(x)).sum() }, of: model, args: x, withRespectTo: [x])
        let lean = try cleaned(joint.transform(RemoveAlias()))
        #expect(lean.graph.nodes.count <= joint.graph.nodes.count)
        let (a, b) = (try joint.valueAndGradients(x), try lean.valueAndGradients(x))
        #expect(try a.gradients["weight"]?.array(of: Float.self) == b.gradients["weight"]?.array(of: Float.self))
    }

    @Test func patternsAreReplaced() throws {
        let original = try program()
        let program = try original.transform(SplitSilu())
        // snippet
        let spec = TensorSpec(.float32, try Shape([2]))
        let pattern = try Graph.recording([spec]) { [try $0[0] * $0[0].sigmoid()] }
        let replacement = try Graph.recording([spec]) { [try $0[0].silu()] }
        let fused = try program.transform(PatternReplacement("silu", pattern: pattern, replacement: replacement))
        // snippet.end
        #expect(names(fused) == names(original))
        #expect(try difference(original, fused) < 1e-6)
    }

    @Test func patternsWithAnyNumber() throws {
        let x = try Tensor.randn([3], seed: 1)
        let program = try export({ (x: Tensor) in try (x * 3).exp() + (x * 0.5).exp() }, args: x)
        let spec = TensorSpec(.float32, try Shape([2]))
        struct Unfinished: Error {}
        // snippet
        var options = PatternReplacement.Options()
        options.ignoresLiterals = true
        let pattern = try Graph.recording([spec]) { [try ($0[0] * 2).exp()] }
        // exp(c x) is exp(x) to the power of c, whatever c is.
        let pass = try PatternReplacement("powers", pattern: pattern, options: options) { match in
            guard case .scalar(let factor)? = match.node(0)?.arguments[1], let power = factor.doubleValue else { throw Unfinished() }
            return try Graph.recording([spec]) { [try $0[0].exp().pow(power)] }
        }
        // snippet.end
        #expect(pass.matches(in: program.graph).count == 2)
        let powers = try program.transform(pass)
        #expect(names(powers).contains("aten::pow.Tensor_Scalar") && !names(powers).contains("aten::mul.Scalar"))
        let (p, q): (Tensor, Tensor) = (try program(x), try powers(x))
        #expect(try zip(p.array(of: Float.self), q.array(of: Float.self)).allSatisfy { abs($0 - $1) < 1e-4 * max(1, abs($0)) })
    }

    @Test func passesAreVerified() throws {
        let program = try program()
        let error = #expect(throws: PassError.self) { try program.transform(DeadCodeElimination(), Broken()) }
        #expect(error?.pass == "broken" && error?.stage == .verify)
        #expect(error?.description.hasPrefix("pass 'broken' made an invalid program: ") == true)
    }

    @Test func stagesEndInDialects() throws {
        let x = try Tensor.randn([4, 3], seed: 1)
        let program = try export({ (x: Tensor) in try Tensor.hstack([x, x]).cos() + Tensor.hstack([x, x]) }, args: x)
        // snippet
        let pipeline = PassPipeline([
            .init("clean", [DeadCodeElimination(), CommonSubexpressionElimination()]),
            .init("core", [Decomposition()], dialect: .coreATen),
        ])
        let core = try program.transform(pipeline)
        // snippet.end
        #expect(names(program).contains("aten::hstack") && !names(core).contains("aten::hstack"))
        let (p, q): (Tensor, Tensor) = (try program(x), try core(x))
        #expect(try p.array(of: Float.self) == q.array(of: Float.self))
        // Without the decomposition the stage is not in its dialect, and the error names the node.
        let error = #expect(throws: PassError.self) {
            try program.transform(PassPipeline([.init("core", [DeadCodeElimination()], dialect: .coreATen)]))
        }
        #expect(error?.pass == "core" && error?.stage == .dialect)
        let text = error?.description ?? ""
        #expect(text.hasPrefix("stage 'core' did not reach its dialect: invalid program: node 'hstack' (aten::hstack): "))
    }

    @Test func sizesAreSimplified() throws {
        let x = try Tensor.randn([4, 3], seed: 1)
        // 9 is never less than n: the solver knows from the range. n / 2 * 2 is n once n is known to be even.
        func f(_ x: Tensor, _ count: Tensor) throws -> Tensor {
            let n = try constrainAsSize(count.item(), min: 2, max: 8)
            try check(n % 2 == 0, "even sizes only")
            return try Tensor.ones([max(n, 9), n / 2 * 2]).sum() + x.sum()
        }
        func count(_ n: Int) throws -> Tensor { try Tensor([n], shape: []) }
        let program = try export(f, args: x, try count(4))
        #expect(program.graph.description.contains("max("))
        let simple = try program.transform(SizeSimplification())
        #expect(simple.graph.description.contains("[9, u0]") && !simple.graph.description.contains("max("), "\(simple.graph)")
        for n in [2, 4, 8] {
            let (p, q): (Tensor, Tensor) = (try program(x, count(n)), try simple(x, count(n)))
            #expect(try p.array(of: Float.self) == q.array(of: Float.self))
        }
        for n in [3, 10] { #expect(throws: (any Error).self) { let _: Tensor = try simple(x, count(n)) } }
    }

    @Test func provedChecksAndDecidedBranchesVanish() throws {
        let x = try Tensor.randn([4, 3], seed: 1)
        let program = try program().addRuntimeAssertions()
        #expect(program.graph.nodes.contains { $0.operator == .assertScalar } && program.graph.nodes.contains { $0.operator == .cond })
        // What is declared of the inputs need not be checked again.
        let plain = try program.transform(ProvedAssertions(scope: program.scope))
        #expect(!plain.graph.nodes.contains { $0.operator == .assertScalar })
        // Under an assertion that decides the branch there is none left.
        struct Narrowing: GraphPass {
            let name = "narrowing"
            let condition: SymBool
            func run(_ graph: Graph) throws -> Graph {
                var graph: Graph = graph
                graph.nodes.insert(Graph.Node(.assertScalar, [.symBool(condition), .string("large batches only")], outputs: []), at: 0)
                return graph
            }
        }
        let rows = try #require(program.symbolToRange.keys.first)
        let large: SymBool = program.scope.size(rows) > 3
        let narrowed = try plain.transform(Narrowing(condition: large), SizeSimplification(scope: program.scope))
        #expect(!narrowed.graph.nodes.contains { $0.operator == .cond })
        let (p, q): (Tensor, Tensor) = (try program(x), try narrowed(x))
        #expect(try p.array(of: Float.self) == q.array(of: Float.self))
        #expect(throws: (any Error).self) { let _: Tensor = try narrowed(try Tensor.zeros([3, 3])) }
    }
}

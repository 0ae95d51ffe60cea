import Apus
import Testing

/// The exported program and its parts. What its signature says of roles is in `SignatureTests`.
@Suite struct ProgramArtifactTests {
    @Test func theGraphModuleHoldsTheBodies() throws {
        let x = try Tensor.ones([4, 2])
        func f(_ x: Tensor) throws -> Tensor {
            let y = try Seeds.branching(x: x)
            return try whileLoop(y, while: { try $0.sum() .> 10 }, do: { try $0 * 0.5 })
        }
        let program = try export(f, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        let subgraphs = program.graphModule.subgraphs
        #expect(subgraphs.map(\.path) == ["cond.0", "cond.1", "while_loop.0", "while_loop.1"])
        #expect(subgraphs[0].graph.operators.map(\.name) == ["aten::cos"] && subgraphs[1].graph.operators.map(\.name) == ["aten::sin"])
        #expect(subgraphs[3].graph.operators.map(\.name) == ["aten::mul.Tensor"])
        // `graph` is the module's own, and can't be set: `program.graph = ...` does not compile.
        #expect(program.graph.description == program.graphModule.graph.description)
        #expect(program.graph.nodes.flatMap(\.bodies).count == 4)
        #expect(
            try Compiler.errors("import Apus\nfunc f(_ p: ExportedProgram) { p.graph = p.graph }")
                .contains("cannot assign to property: 'graph' is a get-only property"))
    }

    @Test func structuresAreKept() throws {
        let x = try vector(3)
        typealias Arguments = (list: [Tensor], named: [String: Tensor])
        let program = try export(
            { (list: [Tensor], named: [String: Tensor]) in (list[0], ["b": [named["k"]!, list[1]]]) }, args: [x, x], ["k": x])
        #expect(program.callSpec.inSpec == .tuple([.list([.leaf, .leaf]), .dictionary(["k"], [.leaf])]))
        #expect(program.callSpec.outSpec == .tuple([.leaf, .dictionary(["b"], [.list([.leaf, .leaf])])]))
        #expect(program.leafNames == ["x[0]", "x[1]", "y.k"])
        // Taken apart and put together again, the values are where they were.
        let (a, b, c) = (try x + 1, try x + 2, try x + 3)
        let (first, rest): (Tensor, [String: [Tensor]]) = try program([a, b], ["k": c])
        #expect(try first.floats == a.floats && rest["b"]?[0].floats == c.floats && rest["b"]?[1].floats == b.floats)
        let tree = try NestedValue((a, ["n": [b, c]], 4, nil as Tensor?))
        let (one, many, four, none): (Tensor, [String: [Tensor]], Int, Tensor?) = try tree.unpacked()
        #expect(one.identity == a.identity && many["n"]?.map(\.identity) == [b.identity, c.identity] && four == 4 && none == nil)
    }

    @Test func structuresThatDiffer() throws {
        let x = try vector(3)
        let program = try export({ (list: [Tensor], named: [String: Tensor]) in list[0] }, args: [x, x], ["k": x])
        #expect(
            text { let _: Tensor = try program([x], ["k": x]) }
                == "the arguments have the structure ([*], {k: *}) where the program takes ([*, *], {k: *}): argument 0 is the list [*] rather than the list [*, *]"
        )
        #expect(
            text { let _: Tensor = try program([x, x], ["j": x]) }
                == "the arguments have the structure ([*, *], {j: *}) where the program takes ([*, *], {k: *}): argument 1 is the dictionary {j: *} rather than the dictionary {k: *}"
        )
        #expect(text { let _: [Tensor] = try program([x, x], ["k": x]) } == "the program gives * where an array is asked for")
        #expect(text { _ = try program.run([x]) } == "1 tensors where the program takes 3")
    }

    @Test func everyProgramHasItsOwnState() throws {
        final class Nested: Module {
            let counter: Counter
            init() throws { counter = try Counter() }
            func forward(_ x: Tensor) throws -> Tensor { try counter(x) }
        }
        let model = try Nested()
        let x = try vector(3)
        let (one, other) = (try export(model, args: x), try export(model, args: x))
        #expect(one.stateDict.keys.sorted() == ["counter.count", "counter.scale"])
        for (name, tensor) in model.stateDict() { #expect(try one.stateDict[name]?.floats == tensor.floats) }
        let earlier = one.stateDict
        for _ in 0..<3 { let _: Tensor = try one(x) }
        #expect(try one.stateDict["counter.count"]?.floats == [3])
        #expect(try other.stateDict["counter.count"]?.floats == [0] && model.counter.count.floats == [0])
        // A dictionary is a value: what was read stays as it was.
        #expect(try earlier["counter.count"]?.floats == [0])
        let copy = try one.transform()
        let _: Tensor = try copy(x)
        #expect(try copy.stateDict["counter.count"]?.floats == [4] && one.stateDict["counter.count"]?.floats == [3])
    }

    @Test func rangesOfSymbols() throws {
        let (x, y) = (try Tensor.ones([4, 2]), try Tensor.ones([4, 2]))
        func ranges(_ program: ExportedProgram) -> [String] { program.symbolToRange.map { "\($0.key): \($0.value)" }.sorted() }
        let bounded = try export(Seeds.branching, args: x, constraints: [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6])
        #expect(ranges(bounded) == ["s0: 3...6"])
        #expect(bounded.symbolToRange.values.first.map { $0.contains(3) && $0.contains(6) && !$0.contains(2) && !$0.contains(7) } == true)
        #expect(bounded.graph.spec(bounded.graph.inputs[0])?.description(naming: \.name) == "float32[s0, 2]")
        #expect(ranges(try export(Seeds.readBranch, args: x, try number(4))) == ["u0: 3...5"])
        let free = try export({ (x: Tensor) in try x + 1 }, args: x, constraints: [dynamicDim(x, 0)])
        #expect(free.symbolToRange.values.map(\.upperBound) == [SymRange.max] && free.symbolToRange.values.map(\.hasUpperBound) == [false])
        let equal = try export(
            { (x: Tensor, y: Tensor) in try x + y }, args: x, y, constraints: [dynamicDim(x, 0) == dynamicDim(y, 0), dynamicDim(y, 0) <= 9])
        #expect(ranges(equal) == ["s0: 1...9"])
    }

    /// Makes something else of a program's first result.
    private struct Then: GraphPass {
        let name: String
        let operation: String
        let number: Int

        func run(_ graph: Graph) throws -> Graph {
            var graph: Graph = graph
            guard let operation = OperatorTable.find(operation), let value = graph.outputs[0].value else { return graph }
            let last: [GraphArgument] = operation.name == "aten::add.Scalar" ? [.scalar(.int(1))] : []
            let made = graph.append(
                operation, [.tensor(value), .scalar(.int(SymInt(number)))] + last, types: [graph.type(value)], names: [name],
                provenance: name)
            graph.outputs[0] = .value(made[0])
            return graph
        }
    }

    @Test func passesRunInOrder() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x.sin() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        let before = program.description
        let (double, increment) = (
            Then(name: "double", operation: "aten::mul.Scalar", number: 2),
            Then(name: "increment", operation: "aten::add.Scalar", number: 1)
        )
        let zero = try Tensor.zeros([4])
        let first: Tensor = try program.transform(double, increment)(zero)
        let second: Tensor = try program.transform(increment, double)(zero)
        #expect(try first.floats == [1, 1, 1, 1] && second.floats == [2, 2, 2, 2])
        // The original is untouched, and no pass gives an equal program.
        #expect(program.description == before)
        #expect(try program.transform().description == before)
        // The signature follows names.
        #expect(try program.transform(double, increment).graphSignature.userOutputs == ["increment"])
        struct Renaming: GraphPass {
            let name = "renaming"
            func run(_ graph: Graph) throws -> Graph {
                var graph: Graph = graph
                for input in graph.inputs { graph.rename(input, to: "renamed") }
                return graph
            }
        }
        #expect(try program.transform(Renaming()).graphSignature.userInputs == ["renamed"])
        // Verified after each: the first that breaks the program is named, not the last.
        struct Breaking: GraphPass {
            let name = "breaking"
            func run(_ graph: Graph) throws -> Graph {
                var graph: Graph = graph
                graph.nodes.removeAll()
                return graph
            }
        }
        let error = #expect(throws: PassError.self) { try program.transform(double, Breaking(), increment) }
        #expect(error?.pass == "breaking" && error?.stage == .verify)
    }

    @Test func assertionsAreNodes() throws {
        let x = try vector(4)
        let program = try export({ (x: Tensor) in try x.cos() }, args: x, constraints: [dynamicDim(x, 0).in(3...6)])
        let before = program.description
        let asserted = try program.addRuntimeAssertions()
        #expect(program.description == before)
        #expect(asserted.graph.nodes.map(\.operator.name) == ["aten::_assert_scalar", "aten::_assert_scalar", "aten::cos"])
        #expect(try asserted.addRuntimeAssertions().description == asserted.description)
        for size in 3...6 { let _: Tensor = try asserted(try vector(size)) }
        #expect(text { let _: Tensor = try asserted(try vector(7)) } == "x.shape[0] must be in 3...6, got 7")
        // The nodes themselves reject, where nothing looks at the inputs first.
        let (plain, checking) = (GraphExecutor(program.graph), GraphExecutor(asserted.graph))
        for size in [2, 7] {
            #expect(try plain.run([try vector(size)])[0].tensor?.sizes == [size])
            #expect(text { _ = try checking.run([try vector(size)]) } == "x.shape[0] must be in 3...6")
        }
        #expect(try checking.run([try vector(6)])[0].tensor?.floats == vector(6).cos().floats)
    }
}

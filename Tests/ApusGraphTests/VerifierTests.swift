import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@Suite struct VerifierTests {
    private func offence(_ graph: Graph, dialect: Dialect = .aten) -> VerificationError? {
        do {
            try verify(graph, dialect: dialect)
            return nil
        } catch { return error as? VerificationError }
    }

    @Test func acceptsWhatIsRight() throws {
        try verify(branchGraph(OneSize()))
        try verify(Graph())
    }

    @Test func readBeforeMade() throws {
        var graph = try branchGraph(OneSize())
        graph.nodes.swapAt(0, 1)
        let error = try #require(offence(graph))
        #expect(error.code == .definition)
        #expect(error.message == "'%cond' is read before it is made")
    }

    @Test func madeTwice() throws {
        var graph = try Graph.elementwise("aten::cos", try float32([2]))
        graph.nodes.append(graph.nodes[0])
        #expect(offence(graph)?.message == "'%cos' is made twice")
    }

    @Test func valuesOutsideTheGraph() throws {
        var graph = try Graph.elementwise("aten::cos", try float32([2]))
        graph.outputs = [.value(Value(index: 99))]
        #expect(offence(graph)?.code == .definition)
        graph = try Graph.elementwise("aten::cos", try float32([2]))
        graph.nodes[0].arguments = [.tensor(Value(index: -1))]
        #expect(offence(graph)?.code == .definition)
    }

    @Test func argumentsOfTheWrongKind() throws {
        var graph = try Graph.elementwise("aten::cos", try float32([2]))
        graph.nodes[0].arguments = [.string("x")]
        var error = try #require(offence(graph))
        #expect((error.code, error.found) == (.argument, "a string"))
        graph.nodes[0].arguments = []
        error = try #require(offence(graph))
        #expect(error.message == "0 arguments where the schema has 1")
    }

    @Test func wrongTypes() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([one.size, 3]))
        let cos = try graph.add("aten::cos", .tensor(x), type: try float32([one.size, 3]), site: "Model.swift:4")
        let sin = try graph.add("aten::sin", .tensor(cos), type: try float32([one.size, 3]), site: "Model.swift:5")
        graph.outputs = [.value(sin)]
        try verify(graph)
        graph.setType(sin, try float32([one.size, 4]))
        let error = try #require(offence(graph))
        #expect(
            error.description == """
                invalid program: node 'sin' (aten::sin): dimension 1 of a result is wrong
                    expected: float32[s0, 3]
                    found:    float32[s0, 4]
                    from:     Model.swift:5
                      %cos: float32[s0, 3] = aten::cos(%x)    # Model.swift:4
                  --> %sin: float32[s0, 4] = aten::sin(%cos)    # Model.swift:5
                """)
        graph.setType(sin, .tensor(TensorSpec(.float64, try Shape([one.size, 3]))))
        #expect(offence(graph)?.message == "a result's type is wrong")
        graph.setType(sin, .int(3))
        #expect(offence(graph)?.message == "a result's type is wrong")
    }

    @Test func equalSizesWrittenDifferently() throws {
        let one = OneSize()
        let two = one.scope
        var graph = Graph()
        let n = one.size
        let x = graph.addInput("x", try float32([n, 4]))
        let flat = try graph.add("aten::reshape", .tensor(x), .ints([-1]), type: try float32([(n + n) * 2]))
        graph.outputs = [.value(flat)]
        try verify(graph, scope: two)
    }

    @Test func requirementsNeedProofs() throws {
        let one = OneSize()
        let n = one.size
        func halved(_ isChecked: Bool) throws -> Graph {
            var graph = Graph()
            let x = graph.addInput("x", try float32([n]))
            let isEven: SymBool = n % 2 == 0
            if isChecked { graph.append(.assertScalar, [.symBool(isEven), .string("even")], types: []) }
            let pairs = try graph.add("aten::reshape", .tensor(x), .ints([n / 2, 2]), type: try float32([n / 2, 2]))
            graph.outputs = [.value(pairs)]
            return graph
        }
        #expect(offence(try halved(false))?.code == .unproved)
        try verify(halved(true))
        try Verifier(undecided: .accept).verify(halved(false))
        // What one check assumed is forgotten by the next.
        #expect(offence(try halved(false))?.code == .unproved)
    }

    @Test func branchesKnowTheirCondition() throws {
        let one = OneSize()
        let n = one.size
        func body(_ isEven: Bool) throws -> GraphBody {
            var graph = Graph()
            let x = graph.addInput("x", try float32([n]))
            if isEven {
                let pairs = try graph.add("aten::reshape", .tensor(x), .ints([n / 2, 2]), type: try float32([n / 2, 2]))
                let sum = try graph.add(
                    "aten::sum.dim_IntList", .tensor(pairs), .ints([1]), .bool(false), .none, type: try float32([n / 2]))
                graph.outputs = [.value(sum)]
            } else {
                graph.outputs = [.value(x)]
            }
            return GraphBody(graph)
        }
        let isEven: SymBool = n % 2 == 0
        func program(_ predicate: SymBool, _ joined: SymInt) throws -> Graph {
            var graph = Graph()
            let x = graph.addInput("x", try float32([n]))
            let results = graph.append(
                .cond, [.symBool(predicate), .graph(try body(true)), .graph(try body(false)), .tensors([x])],
                types: [try float32([joined])])
            graph.outputs = results.map { .value($0) }
            return graph
        }
        try verify(program(isEven, .select(isEven, n / 2, n)))
        #expect(offence(try program(isEven, n))?.code == .type)
        #expect(offence(try program(n > 3, .select(n > 3, n / 2, n)))?.code == .unproved)
        for size in [1, 2, 5, 8] {
            let result = try GraphExecutor(program(isEven, .select(isEven, n / 2, n))).run([ramp([size])])[0]
            #expect(try result.tensor?.sizes == [size % 2 == 0 ? size / 2 : size])
        }
    }

    @Test func bodiesMustFit() throws {
        let one = OneSize()
        let type = try float32([one.size])
        var graph = Graph()
        let x = graph.addInput("x", type)
        let condition: SymBool = one.size > 3
        func arguments(_ other: GraphBody, _ operands: [Value]) throws -> [GraphArgument] {
            [.symBool(condition), .graph(GraphBody(try .elementwise("aten::cos", type))), .graph(other), .tensors(operands)]
        }
        graph.outputs = graph.append(
            .cond, try arguments(GraphBody(try .elementwise("aten::sin", try float32([7]))), [x]), types: [type]
        ).map { .value($0) }
        #expect(offence(graph)?.message == "the input '%x' of a branch does not fit its operand '%x'")
        graph.nodes[0].arguments = try arguments(GraphBody(try .elementwise("aten::sin", type)), [])
        #expect(offence(graph)?.message == "a branch takes 1 inputs where 0 operands are given")
        var twice = try Graph.elementwise("aten::sin", type)
        twice.outputs += twice.outputs
        graph.nodes[0].arguments = try arguments(GraphBody(twice), [x])
        #expect(offence(graph)?.message == "the branches give 1 and 2 results")
    }

    @Test func symbolsNeedAValue() throws {
        let one = OneSize()
        var graph = Graph()
        let x = graph.addInput("x", try float32([3]))
        graph.outputs = [.value(x), .int(one.size)]
        #expect(offence(graph)?.message == "nothing before gives the symbol 's0' a value")
    }

    @Test func dialects() throws {
        let graph = try branchGraph(OneSize())
        try verify(graph, dialect: .coreATen)
        let none = Dialect("no trigonometry") { !["aten::cos", "aten::sin"].contains($0.name) }
        let error = try #require(offence(graph, dialect: none))
        #expect((error.code, error.node) == (.dialect, "cos"))
        #expect(error.message == "the operator does not belong to the dialect 'no trigonometry'")
    }
}

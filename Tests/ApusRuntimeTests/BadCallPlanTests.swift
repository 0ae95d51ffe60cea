import ApusGraph
import ApusRuntime
import ApusSymbolic
import ApusTensor
import BadCalls
import Testing

/// The bad calls of every operator record as programs of one operation, planned and run: a file may hold any of them.
@Suite struct BadCallPlanTests {
    @Test func noProgramTraps() throws {
        let bad = try BadCalls()
        var (programs, refused) = (0, 0)
        for operation in OperatorTable.all {
            try bad.each(of: operation) { arguments in
                programs += 1
                do { try run(operation, arguments) } catch is TensorError { refused += 1 } catch {
                    Issue.record("\(operation) threw \(type(of: error)): \(error)")
                }
            }
        }
        #expect(programs > 100_000)
        #expect(refused > programs / 4)
    }

    private func run(_ operation: Operator, _ arguments: [OperatorArgument]) throws {
        var graph = Graph()
        var inputs: [Tensor] = []
        let references: [GraphArgument] = arguments.map { argument in
            argument.map { tensor in
                inputs.append(tensor)
                return graph.addInput("x", .tensor(tensor.spec))
            }
        }
        var copy = GraphCopy(of: graph, provenance: "test")
        let results: [Value] = try copy.apply(operation, references)
        graph = copy.graph
        graph.outputs = results.map { .value($0) }
        _ = try Plan(graph).run(inputs)
    }
}

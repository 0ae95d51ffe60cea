import ApusGraph
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusRuntime

/// The passes between a graph and its steps, by their names.
@Suite struct LoweringTests {
    private func program() throws -> Graph {
        var program = try Program(float32([4, 6]), float32([6, 2]))
        let (x, w) = (program.inputs[0], program.inputs[1])
        let unread = try program.add("aten::sin", .tensor(x))
        _ = unread
        let first = try program.add("aten::cos", .tensor(x))
        let again = try program.add("aten::cos", .tensor(x))
        let sum = try program.add("aten::add.Tensor", .tensor(first), .tensor(again), .int(1))
        let product = try program.add("aten::mm", .tensor(sum), .tensor(w))
        let turned = try program.add("aten::transpose.int", .tensor(product), .int(0), .int(1))
        let total = try program.add("aten::sum.dim_IntList", .tensor(turned), .ints([1]), .bool(false), .none)
        return program.graph(total)
    }

    private func text(_ pipeline: LoweringPipeline) throws -> [String] {
        let inputs = [try Tensor.zeros([4, 6]), try Tensor.zeros([6, 2])]
        return try Plan(program(), roles: [.varying, .frozen], pipeline: pipeline).loweredText(for: inputs).split(separator: "\n")
            .map(String.init)
    }

    @Test func theLoweredFormIsText() throws {
        let lines = try text(.standard)
        #expect(
            lines == [
                "passes: dead-code, simplify-views, common-subexpressions, decompose-to-plain-numbers, reduced-embeddings, linear, "
                    + "reduced-weights, fold-batch-norms, attention, row-norms, activations, join-projections, freeze-weights, pack-weights, "
                    + "fuse-rows, attach-epilogues, concatenate-in-place, update-in-place, place-memory",
                "frozen: %x1",
                "graph(%x0: float32[4, 6], %x1: float32[6, 2], %folded_t: float32[2, 6]):",
                "    %cos: float32[4, 6] = aten::cos(%x0)",
                "    %add: float32[4, 6] = aten::add.Tensor(%cos, %cos)",
                "    %linear: float32[4, 2] = aten::linear(%add, %folded_t)",
                "    %transpose: float32[2, 4] = aten::transpose.int(%linear, 0, 1)",
                "    %sum: float32[2] = aten::sum.dim_IntList(%transpose, [1])",
                "    return %sum",
                "steps for %x0: float32[4, 6]:",
                "    0: aten::cos + aten::add.Tensor(%x0) -> @0: float32[4, 6]",
                "    1: packed aten::linear(@0) -> @128: float32[4, 2]",
                "    2: aten::sum.dim_IntList(@128[[2, 4] by [1, 2] from 0]) -> result 0: float32[2]",
                "memory: 192 bytes",
            ], "\(lines.joined(separator: "\n"))")
    }

    @Test func eachPassIsLeftOutByItsName() throws {
        let standard = LoweringPipeline.standard
        func has(_ part: String, _ lines: [String]) -> Bool { lines.contains { $0.contains(part) } }
        #expect(has("aten::sin", try text(standard.skipping(["dead-code"]))))
        #expect(has("%cos_1", try text(standard.skipping(["common-subexpressions"]))))
        #expect(has("    1: aten::add.Tensor(@0, @0)", try text(standard.skipping(["fuse-rows"]))))
        #expect(has("memory: 192 bytes", try text(standard.skipping(["fuse-rows"]))))
        #expect(has("memory: 320 bytes", try text(standard.skipping(["fuse-rows", "place-memory"]))))
        #expect(try standard.skipping(standard.names).names.isEmpty)
        #expect(try standard.ending(after: "common-subexpressions").names == ["dead-code", "simplify-views", "common-subexpressions"])
    }

    @Test func unknownNamesAreErrors() throws {
        let error = #expect(throws: TensorError.self) { try LoweringPipeline.standard.skipping(["fuse-row"]) }
        #expect(
            error?.message
                == "there is no lowering pass 'fuse-row' to be left out; there are: \(LoweringPipeline.standard.names.joined(separator: ", "))"
        )
    }

    /// A pass of one's own takes its place among the others.
    @Test func graphPassesAreReplaced() throws {
        struct Halt: GraphPass {
            let name = "keep one node"
            func run(_ graph: Graph) throws -> Graph { graph }
        }
        var pipeline = LoweringPipeline.standard
        pipeline.graphPasses = [Halt()]
        #expect(
            pipeline.names == [
                "keep-one-node", "freeze-weights", "pack-weights", "fuse-rows", "attach-epilogues", "concatenate-in-place",
                "update-in-place",
                "place-memory",
            ])
        #expect(try pipeline.skipping(["keep-one-node"]).graphPasses.isEmpty)
        #expect(try text(pipeline).contains { $0.contains("aten::sin") })
    }

    @Test func programsInPiecesSaySo() throws {
        let n = Sizes(1).sizes[0]
        var program = try Program(float32([n]))
        let type = ValueType.tensor(TensorSpec(.int64, try Shape([n, 1])))
        let found = program.copy.append(try op("aten::nonzero"), [.tensor(program.inputs[0])], types: [type])
        let plan = try Plan(program.graph(found))
        let text = try plan.loweredText(for: [Tensor.zeros([3])])
        #expect(
            text.hasSuffix("in pieces: 'aten::nonzero' gives what depends on values\n    0: aten::nonzero(%x0) -> %nonzero\n"), "\(text)")
    }
}

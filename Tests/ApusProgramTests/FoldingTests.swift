import ApusExport
import ApusGraph
import ApusNN
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@testable import ApusProgram

@Suite struct FoldingTests {
    @Test func constantsAreFolded() throws {
        let table = try Tensor.randn([4, 3], seed: 1)
        let x = try Tensor.randn([2, 3], seed: 2)
        let program = try export(
            { (x: Tensor) in try x.matmul((table * 2).cos().transposed(0, 1)) }, args: x, constraints: [dynamicDim(x, 0)])
        let folded = try program.foldingConstants()
        #expect(folded.graph.nodes.count == 1)
        #expect(folded.graphSignature.constants == ["folded_tensor_0"])
        let (p, q): (Tensor, Tensor) = (try program(x), try folded(x))
        // A folded matrix is stored in the order it is read, and BLAS sums in another order for that.
        try expectClose(p, q, tolerance: 1e-6)
        // The original keeps what it has.
        #expect(program.graph.nodes.count == 4 && program.graphSignature.constants == ["lifted_tensor_0"])
    }

    @Test func freezingTakesParametersForConstants() throws {
        let model = try Linear(3, 4)
        let x = try Tensor.randn([2, 3], seed: 2)
        let program = try export({ (x: Tensor) in try x.matmul(model.weight.exp().transposed(0, 1)) }, of: model, args: x)
        // A parameter may still change: nothing is folded.
        #expect(try program.foldingConstants().graph.nodes.count == program.graph.nodes.count)
        let frozen = try program.foldingConstants(freezing: true)
        #expect(frozen.graph.nodes.count == 1 && frozen.graphSignature.parameters.isEmpty)
        let (p, q): (Tensor, Tensor) = (try program(x), try frozen(x))
        try expectClose(p, q, tolerance: 1e-6)
        let joint = try exportJoint({ (x: Tensor) in try model(x).sum() }, of: model, args: x)
        #expect(throws: ProgramError.self) { try joint.foldingConstants(freezing: true) }
    }

    @Test func buffersThatChangeStay() throws {
        final class Counter: Module {
            @Buffer var count: Tensor
            @Buffer var scale: Tensor
            init() throws {
                count = try Tensor.zeros([1])
                scale = try Tensor.full([1], 3)
            }
            func forward(_ x: Tensor) throws -> Tensor {
                count = try count + scale.square()
                return try x * count
            }
        }
        let x = try Tensor.ones([1])
        let program = try export(try Counter(), args: x)
        let frozen = try program.foldingConstants(freezing: true)
        #expect(frozen.graphSignature.buffers == ["count"])
        #expect(try frozen.run([x])[0].array(of: Float.self) == [9])
        #expect(try frozen.run([x])[0].array(of: Float.self) == [18])
        #expect(try program.run([x])[0].array(of: Float.self) == [9])
    }

    @Test func whatClaimsMoreThanMemoryIsLeft() throws {
        let many: SymInt = SymInt((1 << 59) - 1)
        let w = try Tensor([2] as [Double], shape: [1]).expanded([many])
        let x = try Tensor([1] as [Double], shape: [1])
        let program = try export({ (x: Tensor) in try x + w.addcmul(w, w).sum() }, args: x, options: ExportOptions(selfCheck: false))
        #expect(try program.foldingConstants().graph.nodes.count == program.graph.nodes.count)
    }
}

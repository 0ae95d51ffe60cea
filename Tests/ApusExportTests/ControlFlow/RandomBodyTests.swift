import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@testable import ApusExport

/// Gradients of bodies that draw random numbers: of the very draws that the way forward made, in eager code and in a program alike.
@Suite("Random numbers in bodies", .serialized)
struct RandomBodyTests {
    /// The program's loss and gradient against eager's, from one seed.
    private func compare(
        _ x: Tensor, _ w: Tensor, sizes: ClosedRange<Int>? = nil, sourceLocation: SourceLocation = #_sourceLocation,
        _ loss: @escaping (Tensor, Tensor) throws -> Tensor
    ) throws -> ExportedProgram {
        let constraints: [any ConstraintConvertible] = sizes.map { [dynamicDim(x, 0).in($0)] } ?? []
        let joint = try exportJoint(loss, args: x, w, withRespectTo: [w], constraints: constraints)
        try verify(joint.graph, scope: joint.scope)
        for seed in 1...5 as ClosedRange<UInt64> {
            var (eager, tensors) = try drawn(x, w, loss, joint, seed)
            // Other tests draw from the same generator: what is compared is drawn anew until they leave it alone.
            for _ in 0..<20 where try tensors[0].array(of: Float.self) != eager.value.array(of: Float.self) {
                (eager, tensors) = try drawn(x, w, loss, joint, seed)
            }
            try expectClose(tensors[0], eager.value, "loss, seed \(seed)", sourceLocation: sourceLocation)
            try expectClose(tensors[1], eager.gradients[0], "gradient, seed \(seed)", sourceLocation: sourceLocation)
        }
        return joint
    }

    private func drawn(
        _ x: Tensor, _ w: Tensor, _ loss: @escaping (Tensor, Tensor) throws -> Tensor, _ joint: ExportedProgram, _ seed: UInt64
    ) throws -> (eager: (value: Tensor, gradients: [Tensor]), tensors: [Tensor]) {
        RandomGenerator.default.seed(seed)
        let eager = try valueAndGradient(at: [w]) { try loss(x, $0[0]) }
        RandomGenerator.default.seed(seed)
        let made: [LeafValue] = try joint.evaluate([x, w])
        return (eager, made.compactMap(\.tensor))
    }

    @Test("The gradient of a map with dropout is that of the loss's own mask") func dropoutInAMap() throws {
        let (x, w) = (try numbers([6, 4]), try Tensor([1.5] as [Float], shape: [1]))
        func loss(_ x: Tensor, _ w: Tensor) throws -> Tensor { try map(x) { row in try (row * w).dropout(p: 0.5) }.sum() }
        let joint = try compare(x, w, loss)
        // The loss is linear in w: the gradient times w is the loss, whatever was drawn.
        for _ in 0..<20 {
            let made: [Tensor] = try joint.evaluate([x, w]).compactMap(\.tensor)
            try expectClose(try (made[1] * w).sum(), made[0])
        }
        #expect(joint.graph.count(.scan) == 2)
    }

    @Test("Each number of a scan that carries something") func scanThatCarries() throws {
        let (x, w) = (try numbers([5, 3]), try numbers([3], seed: 4))
        _ = try compare(x, w, sizes: 1...8) { x, w in
            let (last, all) = try scan(Tensor.zeros([3]), over: x) { h, row in
                let noise = try row.randnLike()
                let next = try (h * w + row * noise).dropout(p: 0.25)
                return (next, try next * noise)
            }
            return try last.sum() + all.square().sum()
        }
    }

    @Test("Both sides of a branch draw, each its own") func branch() throws {
        let w = try numbers([3], seed: 4)
        func loss(_ x: Tensor, _ w: Tensor) throws -> Tensor {
            try cond(x.shape[0] > 3) {
                try (x[3...] * w).dropout(p: 0.5).sum()
            } else: {
                try (x * w * x.randnLike()).square().sum()
            }
        }
        for size in [2, 3, 4, 6] {
            let x = try numbers([size, 3], seed: UInt64(size))
            _ = try compare(x, w, sizes: 1...8, loss)
        }
    }

    @Test("A branch that a tensor chooses") func branchByTensor() throws {
        let w = try numbers([3], seed: 4)
        for sign in [1, -1] as [Float] {
            _ = try compare(try Tensor.full([4, 3], sign), w, sizes: 1...8) { x, w in
                try cond(try x.sum() .> 0) {
                    try (x * w).dropout(p: 0.5).sum()
                } else: {
                    try (x * w).square().sum()
                }
            }
        }
    }

    @Test("Control flow within control flow") func nested() throws {
        let (x, w) = (try numbers([4, 3, 2]), try numbers([2], seed: 4))
        _ = try compare(x, w, sizes: 1...6) { x, w in
            try map(x) { rows in
                try cond(try rows.sum() .> 0) {
                    try map(rows) { row in try (row * w).dropout(p: 0.5) }
                } else: {
                    try (rows * w).dropout(p: 0.25) * 3
                }
            }.square().sum()
        }
    }

    @Test("Gradients of gradients see the same numbers") func second() throws {
        let (x, w) = (try numbers([4, 3]), try numbers([3], seed: 4))
        _ = try compare(x, w) { x, w in
            try gradient(at: w) { w in
                try map(x) { row in try (row * w * w * w).dropout(p: 0.5) }.sum()
            }.square().sum()
        }
    }

    @Test("Dropout that is off draws nothing, and needs no mask") func off() throws {
        let (x, w) = (try numbers([4, 3]), try numbers([3], seed: 4))
        let joint = try compare(x, w) { x, w in try map(x) { row in try (row * w).dropout(p: 0.5, training: false) }.square().sum() }
        #expect(joint.graph.operators.allSatisfy { !$0.effects.contains(.random) })
    }

    @Test("What can't be kept is said, and not drawn anew") func countThatARunKnows() throws {
        let (x, w) = (try numbers([4, 3]), try numbers([3], seed: 4))
        let error = #expect(throws: TensorError.self) {
            try exportJoint(
                { (x: Tensor, w: Tensor) in
                    try map(x) { row in
                        let large = try (row * w).maskedSelect(row .> 0)
                        return try large.dropout(p: 0.5).sum()
                    }.sum()
                }, args: x, w, withRespectTo: [w])
        }
        #expect(error?.code == .tracing)
        #expect(
            error?.message.hasPrefix(
                "has no gradient here: its body draws random numbers that the gradient would have to see again, but only a run of the body knows how many: float32["
            ) == true, "\(String(describing: error))")
    }
}

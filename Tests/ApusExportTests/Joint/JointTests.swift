import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Two layers, the second tied to the first, and a parameter that nothing reads.
private final class Tied: Module {
    @Parameter var encoder: Tensor
    @Parameter var decoder: Tensor
    @Parameter var idle: Tensor
    @Parameter var frozen: Tensor

    init() throws {
        encoder = try Tensor.randn([3, 4], seed: 1)
        decoder = try Tensor.zeros([1])
        idle = try Tensor.ones([2])
        frozen = try Tensor.full([4], 0.5)
        decoder = encoder
        _frozen.requiresGradient = false
    }

    func forward(_ x: Tensor) throws -> Tensor {
        try (x.matmul(encoder) * frozen).tanh().matmul(decoder.transposed(0, 1))
    }
}

private final class Normalized: Module {
    let norm: BatchNorm1d
    let linear: Linear

    init() throws {
        norm = try BatchNorm1d(3)
        linear = try Linear(3, 2)
    }

    func forward(_ x: Tensor) throws -> Tensor { try linear(norm(x)) }
}

private func close(_ a: Tensor?, _ b: Tensor?, _ tolerance: Double = 1e-6) throws -> Bool {
    guard let a, let b else { return a == nil && b == nil }
    guard a.dtype == b.dtype, try a.sizes == b.sizes else { return false }
    return try zip(a.array(of: Double.self), b.array(of: Double.self)).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
}

@Suite struct JointTests {
    @Test func parametersGetEagersGradients() throws {
        let model = try Linear(3, 2)
        let x = try Tensor.randn([5, 3], seed: 2)
        let y = try Tensor.randn([5, 2], seed: 3)
        let joint = try exportJoint(
            { (x: Tensor, y: Tensor) in try mseLoss(model(x), y) }, of: model, args: x, y,
            constraints: [dynamicDim(x, 0).in(1...64), dynamicDim(x, 0) == dynamicDim(y, 0)])
        let backward = try #require(joint.graphSignature.backwardSignature)
        #expect(Set(backward.gradientsToParameters.values) == ["weight", "bias"])
        #expect(backward.gradientsToUserInputs.isEmpty)
        #expect(joint.graphSignature.userOutputs == [backward.lossOutput])
        #expect(joint.graph.value(named: backward.lossOutput) != nil)
        for rows in [1, 2, 5, 64] {
            let (a, b) = (try Tensor.randn([SymInt(rows), 3], seed: 4), try Tensor.randn([SymInt(rows), 2], seed: 5))
            let eager = try valueAndGradient(of: model) { try mseLoss($0(a), b) }
            let step = try joint.valueAndGradients(a, b)
            #expect(try close(step.loss, eager.value))
            for name in ["weight", "bias"] { #expect(try close(step.gradients[name], eager.gradients[name]), "\(name), \(rows) rows") }
            let loss: Tensor = try joint(a, b)
            #expect(try close(loss, eager.value))
        }
        // What was there before tracing is there after it.
        #expect(model.parameters().allSatisfy { !$0.isTraced })
    }

    @Test func tiedParametersHaveOneGradient() throws {
        let model = try Tied()
        let x = try Tensor.randn([5, 3], seed: 2)
        let joint = try exportJoint({ (x: Tensor) in try (model(x) - x).square().mean() }, of: model, args: x)
        let backward = try #require(joint.graphSignature.backwardSignature)
        // One for the tied pair; none for what nothing reads, and for what does not want one.
        #expect(Array(backward.gradientsToParameters.values) == ["encoder"])
        let eager = try valueAndGradient(of: model) { try ($0(x) - x).square().mean() }
        let step = try joint.valueAndGradients(x)
        #expect(try close(step.gradients["encoder"], eager.gradients["encoder"]))
        #expect(try close(step.gradients["decoder"], eager.gradients["encoder"]))
        #expect(step.gradients["idle"] == nil && step.gradients["frozen"] == nil)
        #expect(step.gradients.entries.first?.names == ["encoder", "decoder"])
    }

    @Test func userInputsGetGradientsUnderTheirNames() throws {
        let weight = try Tensor.randn([3], seed: 1)
        let x = try Tensor.randn([4, 3], seed: 2)
        let n = try Tensor([1, 0, 2, 1] as [Int], shape: [4])
        let y = try Tensor.randn([4, 3], seed: 3)
        let joint = try exportJoint(
            { (n: Tensor, x: Tensor, y: Tensor) in try (x * y * weight).sin().sum() * n.sum() }, args: n, x, y, withRespectTo: [y, x],
            options: ExportOptions(names: ["n", "left", "right"]))
        let backward = try #require(joint.graphSignature.backwardSignature)
        #expect(Set(backward.gradientsToUserInputs.values) == ["left", "right"])
        #expect(Set(backward.gradientsToUserInputs.values).isSubset(of: joint.graphSignature.userInputs))
        #expect(backward.gradientsToParameters.isEmpty)
        let step = try joint.valueAndGradients(n, x, y)
        let eager = try valueAndGradient(at: [x, y]) { try ($0[0] * $0[1] * weight).sin().sum() * n.sum() }
        #expect(try close(step.inputGradients["left"], eager.gradients[0]))
        #expect(try close(step.inputGradients["right"], eager.gradients[1]))
    }

    @Test func namesFollowRenamedInputs() throws {
        let x = try Tensor.randn([4], seed: 2)
        let joint = try exportJoint({ (x: Tensor) in try x.sin().sum() }, args: x, withRespectTo: [x])
        struct Renaming: GraphPass {
            let name = "renaming"
            func run(_ graph: Graph) throws -> Graph {
                var graph: Graph = graph
                for input in graph.inputs { graph.rename(input, to: "renamed") }
                return graph
            }
        }
        let renamed = try joint.transform(Renaming())
        #expect(renamed.graphSignature.backwardSignature?.gradientsToUserInputs.values.first == "renamed")
        #expect(renamed.graphSignature.userInputs == ["renamed"])
        #expect(joint.graphSignature.userInputs == ["x"])
        #expect(try close(renamed.valueAndGradients(x).inputGradients["renamed"], x.cos()))
    }

    @Test func equalGradientsKeepNamesOfTheirOwn() throws {
        final class Two: Module {
            @Parameter var a: Tensor
            @Parameter var b: Tensor
            init() throws { (a, b) = (try Tensor.ones([2]), try Tensor.zeros([2])) }
        }
        let model = try Two()
        let x = try Tensor.ones([2])
        let joint = try exportJoint({ (x: Tensor) in try ((model.a + model.b) * x).sum() }, of: model, args: x)
        #expect(joint.graphSignature.backwardSignature.map { Set($0.gradientsToParameters.values) } == ["a", "b"])
        let merged = try joint.transform(CommonSubexpressionElimination())
        #expect(merged.graphSignature.backwardSignature.map { Set($0.gradientsToParameters.values) } == ["a", "b"])
    }

    @Test func theLossIsChosenAndChecked() throws {
        let model = try Linear(3, 2)
        let x = try Tensor.randn([5, 3], seed: 2)
        let several = try exportJoint(
            { (x: Tensor) -> (Tensor, [String: Tensor]) in
                let y = try model(x)
                return (y, ["size": try y.square().mean(), "total": try y.sum()])
            }, of: model, args: x, loss: 1)
        #expect(several.graphSignature.backwardSignature?.lossOutput == several.graphSignature.userOutputs[1])
        let step = try several.valueAndGradients(x)
        let eager = try valueAndGradient(of: model) { try $0(x).square().mean() }
        #expect(try close(step.loss, eager.value) && close(step.gradients["weight"], eager.gradients["weight"]))
        #expect(step.leaves.count == 3)
        let (scores, sums): (Tensor, [String: Tensor]) = try several(x)
        #expect(try close(scores, model(x)) && close(sums["size"], eager.value))

        func message(_ body: () throws -> ExportedProgram) -> String? {
            let error = #expect(throws: ProgramError.self) { _ = try body() }
            return error?.message
        }
        #expect(
            message { try exportJoint({ (x: Tensor) in (try model(x).sum(), x) }, of: model, args: x) }
                == "the function returns 2 values ((*, *)); say which is the loss: exportJoint(..., loss: 0)")
        #expect(
            message { try exportJoint({ (x: Tensor) in try model(x) }, of: model, args: x) }
                == "the loss has shape [5, 2]; gradients need one element: use sum() or mean() over it")
        #expect(
            message { try exportJoint({ (x: Tensor) in try model(x).sum(dim: 1) }, of: model, args: x, constraints: [dynamicDim(x, 0)]) }
                == "the loss has shape [x.shape[0]]; gradients need one element: use sum() or mean() over it")
        #expect(
            message { try exportJoint({ (x: Tensor) in try model(x).argmax() }, of: model, args: x) }
                == "the loss is of int64; gradients need a real floating-point loss")
        #expect(
            message { try exportJoint({ (x: Tensor) in try model(x).sum() }, of: model, args: x, loss: 3) }
                == "loss: 3 is none of the 1 values that the function returns")
        #expect(
            message { try exportJoint({ (x: Tensor) in try x.sum() }, of: model, args: x) }
                == "the loss depends on none of the parameters and inputs that gradients are asked of")
        #expect(
            message { try exportJoint({ (x: Tensor) in try x.sum() }, args: x, withRespectTo: []) }
                == "there is nothing to take gradients of: the model has no parameter that requires one, and withRespectTo is empty")
        #expect(
            message { try exportJoint({ (x: Tensor) in try x.sum() }, args: x, withRespectTo: [try Tensor.ones([2])]) }
                == "withRespectTo[0], a tensor of float32[2], is not among the arguments; pass the same tensor to both")
    }

    @Test func inferenceProgramsHaveNoGradients() throws {
        let model = try Linear(3, 2)
        let x = try Tensor.randn([5, 3], seed: 2)
        let program = try export(model, args: x)
        #expect(program.graphSignature.backwardSignature == nil && !program.isJoint)
        let error = #expect(throws: ProgramError.self) { try program.valueAndGradients(x) }
        #expect(error?.code == .notJoint)
    }

    @Test func buffersChangeInTraining() throws {
        let model = try Normalized()
        let twin = try Normalized()
        try twin.load(model.stateDict())
        let x = try Tensor.randn([6, 3], seed: 2)
        let joint = try exportJoint(
            { (x: Tensor) in try model(x).square().mean() }, of: model, args: x, constraints: [dynamicDim(x, 0).in(2...32)])
        #expect(
            Set(joint.graphSignature.buffersToMutate.values) == ["norm.running_mean", "norm.running_var", "norm.num_batches_tracked"])
        for rows in [2, 6, 31] {
            let batch = try Tensor.randn([SymInt(rows), 3], seed: UInt64(rows))
            let step = try joint.valueAndGradients(batch)
            let eager = try valueAndGradient(of: twin) { try $0(batch).square().mean() }
            #expect(try close(step.loss, eager.value))
            for (name, gradient) in eager.gradients.named { #expect(try close(step.gradients[name], gradient, 1e-5), "\(name)") }
            for (name, tensor) in twin.stateDict() { #expect(try close(joint.stateDict[name], tensor), "\(name), \(rows) rows") }
        }
        // The module that was traced keeps its own statistics.
        #expect(try model.norm.numBatchesTracked?.array(of: Int.self) == [0])
    }

    @Test func everyBranchHasItsGradients() throws {
        let model = try Tied()
        func loss(_ model: Tied, _ x: Tensor) throws -> Tensor {
            let y = try model(x)
            if x.shape[0] > 3 { return try (y.cos() * model.idle.sum()).mean() }
            return x.shape[0] % 2 == 0 ? try y.sin().sum() : try (x * 2).sum()
        }
        let x = try Tensor.randn([4, 3], seed: 2)
        let joint = try exportJoint({ (x: Tensor) in try loss(model, x) }, of: model, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        #expect(joint.graph.nodes.contains { !$0.bodies.isEmpty })
        for rows in 1...8 {
            let batch = try Tensor.randn([SymInt(rows), 3], seed: UInt64(rows))
            let eager = try valueAndGradient(of: model) { try loss($0, batch) }
            let step = try joint.valueAndGradients(batch)
            #expect(try close(step.loss, eager.value))
            for name in ["encoder", "decoder", "idle"] {
                // A path on which a parameter has no part gives zeros.
                let expected = try eager.gradients[name] ?? (try #require(joint.stateDict[name])).zerosLike()
                #expect(try close(step.gradients[name], expected), "\(name), \(rows) rows")
            }
        }
    }

    @Test func gradientsOfGradients() throws {
        let model = try Linear(3, 1)
        let x = try Tensor.randn([4, 3], seed: 2)
        // A gradient penalty: the loss is made of gradients.
        func loss(_ model: Linear, _ x: Tensor) throws -> Tensor {
            let inner = try gradient(at: x) { try model($0).tanh().sum() }
            return try inner.square().sum()
        }
        let joint = try exportJoint({ (x: Tensor) in try loss(model, x) }, of: model, args: x)
        let eager = try valueAndGradient(of: model) { try loss($0, x) }
        let step = try joint.valueAndGradients(x)
        #expect(try close(step.loss, eager.value) && close(step.gradients["weight"], eager.gradients["weight"]))
    }

    @Test func theGraphReads() throws {
        let x = try Tensor.randn([4], seed: 2)
        let joint = try exportJoint({ (x: Tensor) in try x.sin().sum() }, args: x, withRespectTo: [x])
        let text = joint.description
        #expect(text.contains("loss: sum"))
        #expect(text.contains("input gradients: x (%"))
        try Verifier().verify(joint.graph, scope: joint.scope)
    }
}

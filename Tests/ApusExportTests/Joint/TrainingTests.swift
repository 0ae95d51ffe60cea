import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

private final class Classifier: Module {
    let hidden: Linear
    let norm: BatchNorm1d
    let output: Linear

    init() throws {
        Tensor.seed(3)
        hidden = try Linear(2, 16)
        norm = try BatchNorm1d(16)
        output = try Linear(16, 2)
    }

    func forward(_ x: Tensor) throws -> Tensor { try output(norm(hidden(x)).relu()) }
}

/// Points inside and outside of a circle, in batches of different sizes.
private func batches() throws -> [(x: Tensor, y: Tensor)] {
    try (0..<30).map { step in
        let x = try Tensor.randn([SymInt(16 + step % 3), 2], seed: UInt64(step))
        return (x, try (x.square().sum(dim: 1) .> 1.3).to(.int64))
    }
}

private func joint(_ model: Classifier) throws -> ExportedProgram {
    let (x, y) = try batches()[0]
    return try exportJoint(
        { (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, of: model, args: x, y,
        constraints: [dynamicDim(x, 0).in(2...256), dynamicDim(x, 0) == dynamicDim(y, 0)])
}

private func same(_ a: Tensor?, _ b: Tensor?, _ tolerance: Double) throws -> Bool {
    guard let a, let b, try a.sizes == b.sizes else { return false }
    return try zip(a.array(of: Double.self), b.array(of: Double.self)).allSatisfy { abs($0 - $1) <= tolerance * max(1, abs($1)) }
}

@Suite struct TrainingTests {
    /// The loss of each step, and the state after all of them.
    private func eager(_ makeOptimizer: (Classifier) throws -> Optimizer) throws -> (losses: [Double], state: [String: Tensor]) {
        let model = try Classifier()
        let optimizer = try makeOptimizer(model)
        let losses: [Double] = try batches().map { batch in
            let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(batch.x), batch.y) }
            try optimizer.step(gradients)
            return Double(try loss.item(Float.self))
        }
        return (losses, model.stateDict())
    }

    private func check<Kind: Optimizer>(
        _ ofModel: (Classifier) throws -> Optimizer, _ ofProgram: (ProgramParameters) throws -> Kind
    ) throws {
        let expected = try eager(ofModel)
        let trainer = try ProgramTrainer(try joint(try Classifier()), optimizer: ofProgram)
        let losses: [Double] = try batches().map { Double(try trainer.step($0.x, $0.y).loss.item(Float.self)) }
        for (step, pair) in zip(losses, expected.losses).enumerated() {
            let difference: Double = abs(pair.0 - pair.1)
            #expect(difference <= 1e-4, "step \(step): \(pair.0), eager \(pair.1)")
        }
        let (first, last): (Double, Double) = (losses.prefix(5).reduce(0.0, +), losses.suffix(5).reduce(0.0, +))
        #expect(last < 0.9 * first)
        for (name, tensor) in expected.state { #expect(try same(trainer.program.stateDict[name], tensor, 2e-3), "\(name)") }
    }

    @Test func sgdFollowsEager() throws {
        try check({ try SGD($0, learningRate: 0.1, momentum: 0.9) }, { try SGD($0, learningRate: 0.1, momentum: 0.9) })
    }

    @Test func adamWFollowsEager() throws {
        try check({ try AdamW($0, learningRate: 1e-2) }, { try AdamW($0, learningRate: 1e-2) })
    }

    @Test func trainingChangesParametersInPlaceWhereNobodyHoldsThem() throws {
        let program = try joint(try Classifier())
        let trainer = try ProgramTrainer(program) { try SGD($0, learningRate: 0.1) }
        let batch = try batches()[0]
        try trainer.step(batch.x, batch.y)
        let before = try #require(program.stateDict["hidden.weight"]?.baseAddress)
        try trainer.step(batch.x, batch.y)
        #expect(program.stateDict["hidden.weight"]?.baseAddress == before)
        // A tensor that somebody holds stays what it is.
        let held = try #require(program.stateDict["hidden.weight"])
        let values = try held.array(of: Float.self)
        try trainer.step(batch.x, batch.y)
        #expect(try held.array(of: Float.self) == values)
        #expect(try program.stateDict["hidden.weight"]?.array(of: Float.self) != values)
    }

    @Test func trainAndEvalShareWeights() throws {
        let model = try Classifier()
        let data = try batches()
        let (x, y) = data[0]
        let programs = try export(
            [
                "train": .joint(
                    { (x: Tensor, y: Tensor) in try crossEntropy(model(x), y) }, args: x, y,
                    constraints: [dynamicDim(x, 0).in(2...256), dynamicDim(x, 0) == dynamicDim(y, 0)], isTraining: true),
                "eval": EntryPoint({ (x: Tensor) in try model(x) }, args: x, constraints: [dynamicDim(x, 0)], isTraining: false),
            ], of: model)
        // Tracing leaves the modes as they were.
        #expect(model.isTraining && model.norm.isTraining)
        let (train, eval) = (try programs.program(named: "train"), try programs.program(named: "eval"))
        #expect(train.isJoint && !eval.isJoint)
        #expect(eval.graphSignature.buffersToMutate.isEmpty && train.graphSignature.buffersToMutate.count == 3)
        let trainer = try ProgramTrainer(train) { try SGD($0, learningRate: 0.1) }
        let optimizer = try SGD(model, learningRate: 0.1)
        let one = try Tensor.randn([1, 2], seed: 99)
        for batch in data.prefix(5) {
            try trainer.step(batch.x, batch.y)
            let (_, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(batch.x), batch.y) }
            try optimizer.step(gradients)
            // What one entry point learns, the other knows: weights and running statistics.
            try model.eval()
            let scores: Tensor = try eval(one)
            #expect(try same(scores, model(one), 1e-4))
            try model.train()
        }
    }

    @Test func loadingSetsTiedNamesTogether() throws {
        final class Pair: Module {
            @Parameter var first: Tensor
            @Parameter var second: Tensor
            @Buffer var count: Tensor
            init() throws {
                first = try Tensor.ones([2])
                second = try Tensor.ones([1])
                count = try Tensor.zeros([1])
                second = first
            }
            func forward(_ x: Tensor) throws -> Tensor { try x * first + second + count }
        }
        let x = try Tensor.ones([2])
        let program = try export(try Pair(), args: x)
        let two = try Tensor.full([2], 2.0)
        let conflict = #expect(throws: StateDictMismatch.self) {
            try program.load(["first": two, "second": try Tensor.ones([2]), "count": try Tensor.zeros([1])])
        }
        #expect(conflict?.conflicting.map(\.tiedName) == ["second"])
        #expect(throws: StateDictMismatch.self) { try program.load(["first": two]) }
        #expect(throws: StateDictMismatch.self) { try program.load(["first": try Tensor.ones([3])], strict: false) }
        try program.load(["first": two], strict: false)
        let y: Tensor = try program(x)
        #expect(try y.array(of: Float.self) == [4, 4])
        #expect(try program.stateDict["second"]?.array(of: Float.self) == [2, 2])
    }

    /// Names come from files: a submodule is made for each dot, as deep as there are dots.
    @Test func namesWithMoreDotsThanATrainerTakes() throws {
        let tensor = try Tensor.ones([2])
        func name(_ dots: Int) -> String { String(repeating: "a.", count: dots) + "weight" }
        let fits = try ProgramParameters([(name: name(500), tensor: tensor)])
        #expect(try ModuleState(of: fits).entries.map(\.name) == [name(500)])
        let error = #expect(throws: ProgramError.self) { _ = try ProgramParameters([(name: name(100_000), tensor: tensor)]) }
        #expect(
            error?.message
                == "a parameter's name has 100000 dots, more than the 500 that a trainer takes: '\(String(repeating: "a.", count: 20))...'")
    }
}

import ApusSymbolic

/// Runs a part of a loss without keeping what it computes on the way for the gradients: they compute it again (Chen et al., 2016).
///
///     let (loss, gradients) = try valueAndGradient(of: model) { model in
///         var x = input
///         for block in model.blocks { x = try checkpoint { [x] in try block(x) } }
///         return try mseLoss(x, target)
///     }
///
/// Results and gradients are those of the function called plainly, numbers drawn at random included; the memory of what lies between is in use
/// for one such part at a time, and the part is computed twice. The function has to do the same both times: a variable that changes afterwards is
/// captured as it is now, `[x] in`, and what the function changes besides, such as running statistics, changes twice (see the form for modules,
/// which sees to them). Other threads must not draw numbers from the same generator meanwhile.
///
/// Without a gradient being recorded, while a function is traced, and inside of a derivative's derivative the function is simply called.
public func checkpoint(_ function: @escaping () throws -> Tensor) throws -> Tensor {
    let results: [Tensor] = try checkpoint { [try function()] }
    return results[0]
}

/// The same with any number of results.
public func checkpoint(_ function: @escaping () throws -> [Tensor]) throws -> [Tensor] {
    guard let recorder = Interpreter.current as? GradientRecorder, recorder.outer == nil else { return try function() }
    return try recorder.checkpointed(function)
}

/// Notes the tensors that operations use.
final class UseNoter: Interpreter {
    private let isNoted: (Tensor) -> Bool
    private var seen: Set<ObjectIdentifier> = []
    private(set) var used: [Tensor] = []

    init(_ isNoted: @escaping (Tensor) -> Bool) {
        self.isNoted = isNoted
        super.init(outer: nil)
    }

    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        for argument in arguments {
            argument.forEachReference { tensor in
                if isNoted(tensor), seen.insert(tensor.identity).inserted { used.append(tensor) }
            }
        }
        return try super.apply(operation, arguments)
    }
}

extension GradientRecorder {
    /// Runs the function eagerly, and records it as one operation on the watched tensors that it uses.
    fileprivate func checkpointed(_ function: @escaping () throws -> [Tensor]) throws -> [Tensor] {
        let generator: RandomGenerator = .default
        let place: RandomGenerator.State = generator.state
        let noter = UseNoter { [unowned self] in isWatched($0) }
        let results: [Tensor] = try Interpreter.with(noter, function)
        // Each once, where the function gives one twice.
        var seen: Set<ObjectIdentifier> = []
        let fresh: [Int] = results.indices.filter {
            results[$0].dtype.isDifferentiable && !isWatched(results[$0]) && seen.insert(results[$0].identity).inserted
        }
        guard !noter.used.isEmpty, !fresh.isEmpty else { return results }
        let again = Recomputation(function: function, used: noter.used, results: fresh, generator: generator, place: place)
        let operation = Operator(
            try Schema("apus::checkpoint(Tensor[] used) -> Tensor[]"), rule: { _ in [] }, kernel: .composite,
            gradient: { g in [.optionalTensors(try again.gradients(g))] })
        record(Call(operation, [.tensors(noter.used)]), fresh.map { results[$0] })
        return results
    }
}

/// What a checkpoint keeps. Used on the thread of its gradient alone.
private struct Recomputation: @unchecked Sendable {
    let function: () throws -> [Tensor]
    let used: [Tensor]
    /// The positions of the results that gradients come to.
    let results: [Int]
    let generator: RandomGenerator
    let place: RandomGenerator.State

    func gradients(_ g: GradientCall) throws -> [Tensor?] {
        let recorder = GradientRecorder()
        for tensor in used { try recorder.watch(tensor) }
        let now: RandomGenerator.State = generator.state
        generator.state = place
        defer { generator.state = now }
        recorder.uses = []
        let outputs: [Tensor] = try Interpreter.with(recorder, function)
        guard used.allSatisfy({ recorder.uses?.contains($0.identity) ?? false }) else {
            throw TensorError(
                .invalidArgument, in: "checkpoint",
                "the function used other tensors when it was called again: capture variables that change as they are, checkpoint { [x] in ... }"
            )
        }
        var (reached, seeds): ([Tensor], [Tensor]) = ([], [])
        for (index, position) in results.enumerated() {
            guard let seed = g.gradients[index] else { continue }
            guard position < outputs.count, outputs[position].spec.description == seed.spec.description else {
                throw TensorError(
                    .invalidArgument, in: "checkpoint",
                    "the function gave \(g.outputs[index].spec) as result \(position), and something else when it was called again")
            }
            reached.append(outputs[position])
            seeds.append(seed)
        }
        return try recorder.gradients(of: reached, seeds: seeds, with: used)
    }
}

import ApusSymbolic

/// What a gradient rule gets: the call, its results, and the gradients with respect to the results.
public struct GradientCall {
    public let call: Operator.Call
    public let outputs: [Tensor]
    /// One for each result; nil where nothing downstream used it. A rule asks for each that it knows what to do with, whichever arguments'
    /// gradients are wanted: where it leaves out one that is there, the recorder throws, since a gradient would be lost.
    public let gradients: ResultGradients
    /// Which arguments' gradients are wanted.
    public let wanted: [Bool]

    /// The gradient of the only, or first, result, zeros where nothing used it.
    public var gradient: Tensor { get throws { try gradient(0) } }

    /// The gradient of a result, zeros where nothing used it.
    public func gradient(_ index: Int) throws -> Tensor {
        if let gradient = gradients[index] { return gradient }
        return try outputs[index].zerosLike()
    }

    public func isWanted(_ index: Int) -> Bool { index < wanted.count && wanted[index] }
}

/// The gradients of a call's results, which note the ones that were asked for.
public struct ResultGradients: RandomAccessCollection {
    private final class Asked {
        var positions: Set<Int> = []
    }

    private let values: [Tensor?]
    private let asked = Asked()

    init(_ values: [Tensor?]) { self.values = values }

    public var startIndex: Int { 0 }
    public var endIndex: Int { values.count }

    public subscript(index: Int) -> Tensor? {
        if values[index] != nil { asked.positions.insert(index) }
        return values[index]
    }

    /// The first one that is there, with elements, and was never asked for.
    var ignored: Int? {
        values.indices.first { index in values[index].map { $0.count.constant != 0 } ?? false && !asked.positions.contains(index) }
    }
}

/// Records operations whose arguments depend on watched tensors, so that gradients can flow back through them.
///
/// Gradient rules are public tensor operations: run under a tracer they are traced, under another recorder they are recorded.
package final class GradientRecorder: Interpreter {
    private struct Entry {
        let call: Call
        let outputs: [Tensor]
    }

    private var entries: [Entry] = []
    /// The tensors that depend on watched ones, kept alive so that identities stay theirs.
    private var watched: [ObjectIdentifier: Tensor] = [:]
    /// The tensors that recorded operations used, where somebody wants to know.
    var uses: Set<ObjectIdentifier>?

    /// Marks a tensor as one whose gradient may be asked for. Throws for dtypes without gradients.
    package func watch(_ tensor: Tensor) throws {
        guard tensor.dtype.isDifferentiable else {
            throw TensorError(
                .notDifferentiable, in: "gradient", "a tensor of \(tensor.dtype) has no gradient; convert it to a floating-point dtype")
        }
        watched[tensor.identity] = tensor
    }

    override package func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        guard isWatching(arguments) else { return try super.apply(operation, arguments) }
        if uses != nil { for argument in arguments { argument.forEachReference { uses?.insert($0.identity) } } }
        if operation.gradient == nil, let decomposition = operation.decomposition {
            let call = Call(operation, arguments)
            // Eager code asks the rule first, and a decomposition relies on that. A composite operator's rule is its decomposition.
            if case .composite = operation.kernel {} else { _ = try Interpreter.with(outer) { try operation.rule(call) } }
            return try Interpreter.with(self) { try decomposition(call) }
        }
        let saving: SavingCall? = try operation.saving?(Call(operation, arguments))
        let call: Call = saving?.call ?? Call(operation, arguments)
        let results = try super.apply(operation, call.arguments)
        record(call, results.compactMap { if case .tensor(let tensor) = $0 { tensor } else { nil } })
        return saving.map { Array(results.prefix($0.resultCount)) } ?? results
    }

    /// Notes a call that was carried out, for its gradients.
    func record(_ call: Call, _ outputs: [Tensor]) {
        let fresh = outputs.filter { $0.dtype.isDifferentiable && watched[$0.identity] == nil }
        guard !fresh.isEmpty else { return }
        entries.append(Entry(call: call, outputs: outputs))
        for output in fresh { watched[output.identity] = output }
    }

    func isWatched(_ tensor: Tensor) -> Bool { watched[tensor.identity] != nil }

    private func isWatching(_ arguments: [OperatorArgument]) -> Bool {
        var found = false
        for argument in arguments where !found {
            argument.forEachReference { if watched[$0.identity] != nil { found = true } }
        }
        return found
    }

    /// The gradients of a scalar with respect to watched tensors; nil where it does not depend on one.
    ///
    /// - Parameters:
    ///   - seed: the gradient with respect to `result`; one by default, which needs `result` to have one element
    ///   - ready: told of each source's position and gradient once nothing can add to it any more, while gradients of others are yet to come
    package func gradients(
        of result: Tensor, seed: Tensor? = nil, with sources: [Tensor], ready: ((Int, Tensor?) throws -> Void)? = nil
    ) throws -> [Tensor?] {
        let seed: Tensor = try Interpreter.with(outer) { try seed ?? result.onesLike() }
        return try gradients(of: [result], seeds: [seed], with: sources, under: outer, ready: ready)
    }

    /// The gradients of several results at once: the sum over them of what each seed, a gradient with respect to its result, comes to.
    package func gradients(of results: [Tensor], seeds: [Tensor], with sources: [Tensor]) throws -> [Tensor?] {
        try gradients(of: results, seeds: seeds, with: sources, under: outer)
    }

    /// The same under an interpreter that is not the one that the results were computed under, where gradients are taken later.
    func gradients(
        of results: [Tensor], seeds: [Tensor], with sources: [Tensor], under interpreter: Interpreter?,
        ready: ((Int, Tensor?) throws -> Void)? = nil
    ) throws -> [Tensor?] {
        let firstUses: [Int: [Int]] = ready == nil ? [:] : firstUses(of: sources)
        return try Interpreter.with(interpreter) {
            var accumulated: [ObjectIdentifier: GradientSum] = [:]
            for (result, seed) in zip(results, seeds) { try accumulated[result.identity, default: GradientSum()].add(seed) }
            func tell(_ position: Int) throws {
                for source in firstUses[position] ?? [] { try ready?(source, accumulated[sources[source].identity]?.value()) }
            }
            try tell(entries.count)
            for (position, entry) in zip(entries.indices, entries).reversed() {
                let gradients = try entry.outputs.map { try accumulated[$0.identity]?.value() }
                if !gradients.allSatisfy({ $0 == nil }) { try propagate(entry, gradients, into: &accumulated) }
                try tell(position)
            }
            return try sources.map { try accumulated[$0.identity]?.value() }
        }
    }

    /// The sources by the first recorded operation that uses each, whose gradient is the last one to come to it; those that none uses behind the
    /// last one.
    private func firstUses(of sources: [Tensor]) -> [Int: [Int]] {
        var first: [ObjectIdentifier: Int] = [:]
        for (position, entry) in entries.enumerated().reversed() {
            for argument in entry.call.arguments { argument.forEachReference { first[$0.identity] = position } }
        }
        return Dictionary(grouping: sources.indices) { first[sources[$0].identity] ?? entries.count }
    }

    private func propagate(_ entry: Entry, _ gradients: [Tensor?], into accumulated: inout [ObjectIdentifier: GradientSum]) throws {
        let operation = entry.call.operator
        guard let rule = operation.gradient else {
            throw TensorError(.notDifferentiable, in: operation.schema.name, "has no gradient")
        }
        let wanted = entry.call.arguments.map { isWatching([$0]) }
        let call = GradientCall(call: entry.call, outputs: entry.outputs, gradients: ResultGradients(gradients), wanted: wanted)
        let results = try rule(call)
        if let ignored = call.gradients.ignored {
            throw TensorError(
                .notDifferentiable, in: operation.schema.name,
                "has no gradient through its result \(ignored), of \(entry.outputs[ignored].spec), counted from 0; use its detached() value"
            )
        }
        for (argument, gradient) in zip(entry.call.arguments, results) {
            switch (argument, gradient) {
            case (.tensor(let tensor), .tensor(let value)): try accumulate(value, for: tensor, into: &accumulated)
            case (.tensors(let tensors), .tensors(let values)):
                for (tensor, value) in zip(tensors, values) { try accumulate(value, for: tensor, into: &accumulated) }
            case (.tensors(let tensors), .optionalTensors(let values)):
                for case (let tensor, let value?) in zip(tensors, values) { try accumulate(value, for: tensor, into: &accumulated) }
            case (.optionalTensors(let tensors), .optionalTensors(let values)):
                for case (let tensor?, let value?) in zip(tensors, values) { try accumulate(value, for: tensor, into: &accumulated) }
            default: break
            }
        }
    }

    private func accumulate(_ gradient: Tensor, for tensor: Tensor, into accumulated: inout [ObjectIdentifier: GradientSum]) throws {
        guard watched[tensor.identity] != nil else { return }
        try accumulated[tensor.identity, default: GradientSum()].add(gradient)
    }
}

/// The gradients that come to a tensor from its uses, added up in the order in which they come. In half precision, where a sum that is
/// rounded after each of them stops at 256 or 2048 uses (as PyTorch's does), three and more are added up in float32 and rounded once.
private struct GradientSum {
    private var total: Tensor?
    /// The second gradient in half precision, not yet added: the sum of two is rounded once in any case.
    private var second: Tensor?
    private var dtype: DType?

    mutating func add(_ gradient: Tensor) throws {
        guard let total else {
            (self.total, dtype) = (gradient, gradient.dtype)
            return
        }
        let wide: DType = total.dtype.accumulation
        if let second {
            (self.total, self.second) = (try total.to(wide).add(second).add(gradient), nil)
        } else if wide == total.dtype {
            self.total = try total.add(gradient)
        } else {
            second = gradient
        }
    }

    func value() throws -> Tensor? {
        guard let total, let dtype else { return nil }
        if let second { return try total.add(second) }
        return total.dtype == dtype ? total : try total.to(dtype)
    }
}

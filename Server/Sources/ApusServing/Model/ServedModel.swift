import ApusRun
import Synchronization

/// A version of a model that is ready: its program, its queue, its sequences and its numbers.
public final class ServedModel: Sendable {
    public enum Format: String, Sendable { case pt2, onnx }

    public let name: String
    public let version: String
    public let format: Format
    public let signature: ModelSignature
    public let configuration: ModelConfiguration
    /// How requests run together, or why they don't.
    public let batching: Result<BatchPlan, BatchRefusal>
    public let limits: QueueLimits
    /// What a call of the smallest sizes takes at its height, in bytes; nil where it is not known.
    public let peakMemory: Int?
    public let statistics = ModelStatistics()

    private let program: ExportedProgram
    private let queue: RequestQueue
    private let sequences: SequenceTable?

    /// Why requests of a program run one by one.
    public struct BatchRefusal: Error, Sendable { public let reason: String }

    init(
        name: String, version: String, format: Format, program: ExportedProgram, configuration: ModelConfiguration,
        defaults: ServingDefaults,
        threads: CallThreads
    ) throws {
        (self.name, self.version, self.format) = (name, version, format)
        (self.program, self.configuration) = (program, configuration)
        signature = try ModelSignature(program)
        let isStateful: Bool = !program.graphSignature.buffersToMutate.isEmpty
        let smallest: (inputs: [Tensor], memory: MemoryUse)? = ServedModel.prepare(program)
        peakMemory = smallest?.memory.peak
        do {
            var plan: BatchPlan = try BatchPlan.make(program, configuration)
            if let smallest, configuration.maxBatchSize == nil {
                plan = try plan.limited(by: smallest, of: program)
                // Nor does the first batch wait.
                _ = try? program.memoryUse(for: plan.largestBatch(like: smallest.inputs))
            }
            batching = .success(plan)
        } catch let error as NotProven {
            batching = .failure(BatchRefusal(reason: error.reason))
        } catch {
            batching = .failure(BatchRefusal(reason: "\(error)"))
        }
        limits = QueueLimits(
            concurrency: configuration.concurrency ?? defaults.concurrency, waiting: configuration.queue ?? defaults.queue,
            batchWait: configuration.maxBatchWait.map { .seconds($0 / 1000) } ?? defaults.batchWait)
        queue = RequestQueue(limits, plan: try? batching.get(), threads: threads, statistics: statistics)
        sequences =
            isStateful
            ? SequenceTable(
                program, limit: configuration.maxSequences ?? defaults.maxSequences,
                idle: configuration.sequenceIdle.map { .seconds($0) } ?? defaults.sequenceIdle) : nil
    }

    /// Makes the program ready to run, with the smallest sizes that it takes, so that the first request doesn't wait for that.
    private static func prepare(_ program: ExportedProgram) -> (inputs: [Tensor], memory: MemoryUse)? {
        let inputs: [Tensor]? = try? program.inputSpecs().map { spec in
            try Tensor.zeros(
                spec.shape.map { size in
                    let values: [(SymInt.Symbol, SymInt)] = size.freeSymbols.map { symbol in
                        let range: SymRange = program.symbolToRange[symbol] ?? symbol.declaredRange
                        return (symbol, SymInt(max(range.lowerBound, 1)))
                    }
                    return size.substituting(Dictionary(values, uniquingKeysWith: { first, _ in first }))
                } as [any SymIntConvertible], dtype: spec.dtype)
        }
        return inputs.flatMap { inputs in (try? program.memoryUse(for: inputs)).map { (inputs, $0) } }
    }

    /// How many requests wait, how many runs there are, and how many sequences are under way.
    public var load: (waiting: Int, running: Int, sequences: Int) {
        let (waiting, running) = queue.load
        return (waiting, running, sequences?.count ?? 0)
    }

    func forgetIdleSequences() { sequences?.forgetIdle() }

    // MARK: Requests

    /// Answers a request: waits for its turn, runs it, alone or with others, and gives what was asked for.
    /// - Throws: `ServingError`, which the statistics count.
    public func infer(_ request: InferenceRequest) async throws -> InferenceResult {
        do {
            return try await RequestTrace.infer(self, request) {
                let outcome: RequestQueue.Outcome = try await run(request)
                let result = InferenceResult(outputs: try outputs(request, outcome.results), rows: outcome.rows)
                statistics.succeeded(
                    rows: rows(request), input: request.decoding, queued: outcome.queued, computed: outcome.computed,
                    total: ContinuousClock.now - request.arrival)
                return (outcome, result)
            }
        } catch {
            var known = ServingError(error)
            // Who ends a call at its deadline is as often its own clock as ours.
            if known.code == .cancelled, let deadline = request.deadline, deadline <= .now { known = RequestQueue.late }
            statistics.failed(known.code, ContinuousClock.now - request.arrival)
            throw known
        }
    }

    private func run(_ request: InferenceRequest) async throws -> RequestQueue.Outcome {
        _ = try wanted(request)
        let inputs: [Tensor] = try tensors(request)
        try program.requireAdmitted(inputs)
        let program: ExportedProgram = program
        guard let sequences else {
            var queued = RequestQueue.Request(
                inputs: inputs, deadline: request.deadline, run: { try program.run(leaves: program.leaves($0)) })
            if case .success(let plan) = batching {
                queued.rows = try plan.rows(inputs)
                // Without rows there is nothing to put together, and with too many no room for others.
                if queued.rows > 0, queued.rows <= plan.largest { queued.key = try plan.key(inputs) }
            }
            return try await queue.submit(queued)
        }
        guard let sequence = request.sequence else {
            throw ServingError(.invalidRequest, "the model '\(name)' keeps state between requests, which takes a sequence_id")
        }
        let session: ExportedProgram.Session = try sequences.open(sequence)
        let beginning = Beginning()
        defer { sequences.close(sequence, session, hasRun: beginning.hasRun.load(ordering: .relaxed)) }
        return try await queue.submit(
            RequestQueue.Request(
                inputs: inputs, sequence: sequence.id, deadline: request.deadline,
                run: { inputs in
                    beginning.hasRun.store(true, ordering: .relaxed)
                    return try session.run(leaves: program.leaves(inputs))
                }))
    }

    /// Whether a request came as far as its session.
    private final class Beginning: Sendable {
        let hasRun = Atomic(false)
    }

    private func rows(_ request: InferenceRequest) -> Int {
        guard case .success(let plan) = batching, let inputs = try? tensors(request) else { return 1 }
        return (try? plan.rows(inputs)) ?? 1
    }

    /// The tensors in the program's order.
    private func tensors(_ request: InferenceRequest) throws -> [Tensor] {
        var given: [String: Tensor] = [:]
        for (name, tensor) in request.inputs {
            guard given.updateValue(tensor, forKey: name) == nil else {
                throw ServingError(.invalidRequest, "the input '\(name)' is given twice")
            }
        }
        let names: [String] = signature.inputs.map(\.name)
        if let other = given.keys.sorted().first(where: { !names.contains($0) }) {
            throw ServingError(.invalidRequest, "the model '\(name)' has no input '\(other)'; it takes \(names.joined(separator: ", "))")
        }
        return try signature.inputs.map { entry in
            guard let tensor = given[entry.name] else { throw ServingError(.invalidRequest, "the input '\(entry.name)' is missing") }
            guard tensor.dtype == entry.datatype.dtype else {
                let got: String = Datatype(tensor.dtype)?.rawValue ?? "\(tensor.dtype)"
                throw ServingError(.invalidRequest, "the input '\(entry.name)' is \(entry.datatype.rawValue), got \(got)")
            }
            return tensor
        }
    }

    /// Which of the model's results are wanted.
    private func wanted(_ request: InferenceRequest) throws -> [Int] {
        guard let names = request.outputs else { return Array(signature.outputs.indices) }
        var found: [Int] = []
        for name in names {
            guard let index = signature.outputs.firstIndex(where: { $0.name == name }) else {
                let known: String = signature.outputs.map(\.name).joined(separator: ", ")
                throw ServingError(.invalidRequest, "the model '\(self.name)' has no output '\(name)'; it gives \(known)")
            }
            guard !found.contains(index) else { throw ServingError(.invalidRequest, "the output '\(name)' is asked for twice") }
            found.append(index)
        }
        return found
    }

    private func outputs(_ request: InferenceRequest, _ results: [LeafValue]) throws -> [(entry: ModelSignature.Entry, tensor: Tensor)] {
        var tensors: [Int: Tensor] = [:]
        for (leaf, index) in zip(results, signature.outputLeaves) {
            if let index { tensors[index] = try leaf.resultTensor() }
        }
        return try wanted(request).map { index in
            guard let tensor = tensors[index] else {
                throw ServingError(.failed, "the result '\(signature.outputs[index].name)' is not there")
            }
            return (signature.outputs[index], tensor)
        }
    }
}

extension ExportedProgram {
    /// Tensors among the plain values that the program was made with.
    fileprivate func leaves(_ tensors: [Tensor]) -> [LeafValue] {
        var next = tensors.makeIterator()
        return leafRoles.map { role in
            switch role {
            case .input: next.next().map { .tensor($0) } ?? .none
            case .constant(let value): value
            }
        }
    }
}

extension ServingError {
    /// What an error of the library means to whoever sent the request: a program that refuses inputs, or finds fault with their values, speaks of the
    /// request.
    public init(_ error: any Error) {
        switch error {
        case let known as ServingError: self = known
        case is CancellationError: self.init(.cancelled, "the request was cancelled")
        case is DeadlineExceededError: self = RequestQueue.late
        case let error as ProgramError: self.init(.invalidRequest, error.message)
        case let error as TensorError where error.code == .outOfMemory: self.init(.unavailable, error.message)
        case let error as TensorError: self.init(.invalidRequest, error.message)
        default: self.init(.failed, "\(error)")
        }
    }
}

import ApusRun

/// How requests of a program are put together into one, and its results taken apart again.
public struct BatchPlan: Sendable {
    /// Each input's dimension of the batch.
    let inputDims: [Int]
    /// Each result's, by the leaves of the program's result; nil for one that is the same for all.
    let resultDims: [Int?]
    /// How many rows run together at most.
    public private(set) var largest: Int
    /// The conditions on sizes that the batch's size has a part in.
    private let guards: [SymBool]
    private let symbol: SymInt.Symbol
    /// Where the other symbols are read from.
    private let places: [(symbol: SymInt.Symbol, input: Int, dim: Int)]

    /// A plan for a program whose rows are proven, or said, to be independent.
    /// - Throws: `NotProven` with the first reason against it.
    static func make(_ program: ExportedProgram, _ configuration: ModelConfiguration) throws -> BatchPlan {
        guard configuration.batching != .never else { throw NotProven("the configuration says never") }
        guard program.graphSignature.buffersToMutate.isEmpty else { throw NotProven("the program changes its buffers") }
        let specs: [TensorSpec] = try program.inputSpecs()
        guard let first = specs.first else { throw NotProven("the program takes no tensors") }
        let sizes: [SymInt] = first.shape.filter { $0.expression?.symbol != nil }
        guard !sizes.isEmpty else { throw NotProven("the first input has no dimension whose size calls may choose") }
        var reason: NotProven?
        for size in sizes {
            guard let symbol = size.expression?.symbol else { continue }
            do {
                let results: [Int?]
                if configuration.batching == .rowsIndependent {
                    results = try statedResults(program, symbol)
                } else {
                    let proof = try RowProof(program, batch: size, symbol)
                    results = try zip(proof.graph.outputs, program.graphSignature.outputRoles).compactMap { output, role in
                        role == .userOutput || role == .loss ? .some(try proof.rows(of: output).dim) : nil
                    }
                }
                return try BatchPlan(program, specs, symbol, results, configuration.maxBatchSize ?? 64)
            } catch let error as NotProven {
                // Of several symbols the first is the likely one, and what speaks against it worth telling.
                reason = reason ?? error
            }
        }
        throw reason ?? NotProven("no dimension is the batch")
    }

    private init(_ program: ExportedProgram, _ specs: [TensorSpec], _ symbol: SymInt.Symbol, _ results: [Int?], _ largest: Int) throws {
        inputDims = try specs.map { spec in
            guard let dim = spec.shape.firstIndex(where: { $0.expression?.symbol == symbol }) else {
                throw NotProven("an input has no dimension of the batch's size")
            }
            return dim
        }
        guard results.contains(where: { $0 != nil }) else { throw NotProven("no result has a dimension of the batch's size") }
        resultDims = results
        let range: SymRange = program.symbolToRange[symbol] ?? symbol.declaredRange
        self.largest = min(largest, range.upperBound)
        guard self.largest > 1 else { throw NotProven("the program takes batches of one row only") }
        self.symbol = symbol
        guards = program.guards.map(\.condition).filter { $0.freeSymbols.contains(symbol) }
        var places: [(SymInt.Symbol, Int, Int)] = []
        for (input, spec) in specs.enumerated() {
            for (dim, size) in spec.shape.enumerated() {
                if let other = size.expression?.symbol, other != symbol { places.append((other, input, dim)) }
            }
        }
        self.places = places
    }

    /// Where the results hold the batch, taken from their shapes alone: the model's owner vouches for the rest.
    private static func statedResults(_ program: ExportedProgram, _ symbol: SymInt.Symbol) throws -> [Int?] {
        try zip(program.graph.outputs, program.graphSignature.outputRoles).compactMap { output, role -> Int?? in
            guard role == .userOutput || role == .loss else { return nil }
            guard case .tensor(let spec) = program.graph.type(of: output) else { return .some(nil) }
            let dims: [Int] = spec.shape.indices.filter { spec.shape[$0].freeSymbols.contains(symbol) }
            guard dims.count == 1 else { throw NotProven("a result of \(spec) can't be taken apart into rows") }
            return dims[0]
        }
    }

    /// What a batch computes on the way may take as much memory as the weights do, or so many bytes. Up to there its rows share what reading the weights costs;
    /// beyond, they move more through memory than they save, in blocks so large that the system clears them anew.
    private static let leastRoom = 32 << 20

    /// The plan for fewer rows, where each needs much memory.
    /// - Parameter smallest: what a call of the smallest sizes takes
    /// - Throws: `NotProven` where a single row has no room for others.
    func limited(by smallest: (inputs: [Tensor], memory: MemoryUse), of program: ExportedProgram) throws -> BatchPlan {
        let tensors: [Tensor] = Array(program.stateDict.values) + Array(program.constants.values)
        let weights: Int = try tensors.reduce(0) { sum, tensor in sum + (try tensor.sizes.reduce(tensor.dtype.byteWidth, *)) }
        let memory: MemoryUse = smallest.memory
        let row: Int = (memory.inputs + memory.intermediates + memory.results) / max(try rows(smallest.inputs), 1)
        var plan: BatchPlan = self
        plan.largest = min(largest, max(weights, BatchPlan.leastRoom) / max(row, 1))
        guard plan.largest > 1 else { throw NotProven("each row takes \(row) bytes on the way, which leaves no room for others") }
        return plan
    }

    // MARK: Requests

    /// What requests that may run together have in common: all sizes but the batch's.
    struct Key: Hashable, Sendable {
        let sizes: [[Int]]
    }

    func key(_ inputs: [Tensor]) throws -> Key {
        Key(
            sizes: try zip(inputs, inputDims).map { tensor, dim in
                var sizes: [Int] = try tensor.sizes
                if sizes.indices.contains(dim) { sizes[dim] = -1 }
                return sizes
            })
    }

    func rows(_ inputs: [Tensor]) throws -> Int {
        guard let first = inputs.first, let dim = inputDims.first else { return 1 }
        return try first.sizes[dim]
    }

    /// Whether the program takes so many rows of these inputs' other sizes.
    func admits(_ rows: Int, like inputs: [Tensor]) throws -> Bool {
        guard rows <= largest else { return false }
        guard !guards.isEmpty else { return true }
        var values: [SymInt.Symbol: SymInt] = [symbol: SymInt(rows)]
        for (symbol, input, dim) in places { values[symbol] = SymInt(try inputs[input].sizes[dim]) }
        // Undecided is no.
        return guards.allSatisfy { guarding in
            if case .constant(true)? = guarding.substituting(values).view { return true }
            return false
        }
    }

    /// As many rows as run together, of zeros.
    func largestBatch(like inputs: [Tensor]) throws -> [Tensor] {
        try zip(inputs, inputDims).map { tensor, dim in
            var sizes: [Int] = try tensor.sizes
            sizes[dim] = largest
            return try Tensor.zeros(sizes, dtype: tensor.dtype)
        }
    }

    func join(_ requests: [[Tensor]]) throws -> [Tensor] {
        try inputDims.enumerated().map { index, dim in try Tensor.cat(requests.map { $0[index] }, dim: dim) }
    }

    /// The results of each request, in the order of the requests.
    func part(_ results: [LeafValue], rows: [Int]) throws -> [[LeafValue]] {
        let total: Int = rows.reduce(0, +)
        var parts: [[LeafValue]] = Array(repeating: [], count: rows.count)
        for (result, dim) in zip(results, resultDims) {
            guard let dim, case .tensor(let tensor) = result else {
                for index in parts.indices { parts[index].append(result) }
                continue
            }
            let size: Int = try tensor.sizes[dim]
            guard total > 0, size % total == 0 else {
                throw ServingError(.failed, "a result of \(size) rows is none of a batch of \(total)")
            }
            var start = 0
            for (index, count) in rows.enumerated() {
                let length: Int = count * (size / total)
                // A copy, so that the small result of one request doesn't keep all others alive.
                parts[index].append(.tensor(try tensor.narrowed(dim: dim, from: start, length: length).clone()))
                start += length
            }
        }
        return parts
    }
}

extension ExportedProgram {
    /// Dtype and shape of each tensor that a caller passes.
    func inputSpecs() throws -> [TensorSpec] {
        try zip(graph.inputs, graphSignature.inputRoles).filter { $0.1 == .userInput }.map { value, _ in
            guard let spec = graph.spec(value) else { throw NotProven("the input \(graph.name(value)) is no tensor") }
            return spec
        }
    }
}

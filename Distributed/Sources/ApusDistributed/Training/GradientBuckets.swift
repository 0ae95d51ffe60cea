import Apus

/// The gradients of one backward pass, reduced bucket by bucket while the pass goes on.
///
/// Parameters are dealt into buckets in the reverse of their order, about the order in which their gradients come; buckets are reduced in that
/// order in all processes. Behind its gradients each bucket has a number for each of them that tells whether the process has it: a gradient
/// that only some have is that of the others with zeros, and one that none has stays none.
final class GradientBuckets {
    /// Which parameters travel together.
    struct Layout {
        /// Positions among the entries.
        let buckets: [[Int]]
        let names: [[String]]
        let specs: [TensorSpec]

        /// - Parameters:
        ///   - bytes: about how large a bucket may get; a larger parameter has one of its own
        ///   - firstBytes: the same for the first one, which is small, so that communication begins early
        init(_ parameters: [(names: [String], spec: TensorSpec)], bytes: Int, firstBytes: Int) {
            var buckets: [[Int]] = []
            // Of each dtype the bucket that is being filled.
            var open: [DType: (bucket: Int, bytes: Int)] = [:]
            for (position, parameter) in parameters.enumerated().reversed() {
                let size: Int = parameter.spec.shape.knownCount * parameter.spec.dtype.byteWidth
                let limit: Int = open[parameter.spec.dtype]?.bucket == 0 ? firstBytes : bytes
                if let current = open[parameter.spec.dtype], current.bytes + size <= limit {
                    buckets[current.bucket].append(position)
                    open[parameter.spec.dtype] = (current.bucket, current.bytes + size)
                } else {
                    open[parameter.spec.dtype] = (buckets.count, size)
                    buckets.append([position])
                }
            }
            self.buckets = buckets
            (names, specs) = (parameters.map(\.names), parameters.map(\.spec))
        }
    }

    private let layout: Layout
    private let group: ProcessGroup
    private let position: [String: Int]
    private let bucketOfPosition: [Int: Int]
    private var gradients: [Tensor?]
    /// How many gradients of a bucket are yet to come.
    private var missing: [Int]
    private var works: [Work<Tensor>] = []

    init(_ layout: Layout, _ group: ProcessGroup) {
        (self.layout, self.group) = (layout, group)
        position = Dictionary(layout.names.enumerated().map { ($1[0], $0) }, uniquingKeysWith: { first, _ in first })
        var bucketOfPosition: [Int: Int] = [:]
        for (bucket, members) in layout.buckets.enumerated() { for member in members { bucketOfPosition[member] = bucket } }
        self.bucketOfPosition = bucketOfPosition
        gradients = Array(repeating: nil, count: layout.names.count)
        missing = layout.buckets.map(\.count)
    }

    /// Takes a gradient, and starts what is complete.
    func add(_ entry: ModuleGradients.Entry) throws {
        guard let place = position[entry.names[0]], let bucket = bucketOfPosition[place] else {
            throw DistributedError(
                .invalidArgument, rank: group.rank, in: "DataParallel",
                "the parameter '\(entry.names[0])' takes gradients now and did not before: make a new DataParallel")
        }
        gradients[place] = entry.gradient
        missing[bucket] -= 1
        while works.count < missing.count, missing[works.count] == 0 { try start(layout.buckets[works.count]) }
    }

    private func start(_ members: [Int]) throws {
        let dtype: DType = layout.specs[members[0]].dtype
        let flat: Tensor = try Operator.Interpreter.with(nil) {
            let rows: [Tensor] = try members.map { member in
                try gradients[member]?.reshaped([-1]) ?? .zeros([layout.specs[member].shape.elementCount], dtype: dtype)
            }
            let flags: [Float] = members.map { gradients[$0] == nil ? 0 : 1 }
            return try Tensor.cat(rows + [Tensor(flags, shape: [flags.count]).to(dtype)])
        }
        for member in members { gradients[member] = nil }
        works.append(group.startAllReduce(inPlace: flat, .avg))
    }

    /// Waits for all gradients: the means over the processes, in the layout's order.
    func finish() throws -> ModuleGradients {
        guard works.count == layout.buckets.count else {
            let waiting: Int = missing.reduce(0, +)
            throw DistributedError(
                .invalidArgument, rank: group.rank, in: "DataParallel",
                "\(waiting) parameters take no gradients now and did before: make a new DataParallel")
        }
        var result: [Tensor?] = Array(repeating: nil, count: layout.names.count)
        for (members, work) in zip(layout.buckets, works) {
            let flat: Tensor = try work.wait()
            let shares: [Double] = try flat.narrowed(dim: 0, from: flat.elementCount - members.count, length: members.count)
                .real().to(.float64).array(of: Double.self)
            var start = 0
            for (member, share) in zip(members, shares) {
                let shape: Shape = layout.specs[member].shape
                let count: Int = shape.knownCount
                if share > 0 { result[member] = try flat.narrowed(dim: 0, from: start, length: count).reshaped(shape.sizes) }
                start += count
            }
        }
        return ModuleGradients(entries: zip(layout.names, result).map { ModuleGradients.Entry(names: $0, gradient: $1) })
    }
}

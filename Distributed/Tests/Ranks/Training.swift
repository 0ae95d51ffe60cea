import Apus
import ApusDistributed

/// A network with layers that some or all processes leave unused, and one that stands in two places.
private final class Network: Module {
    let first: Linear
    let second: Linear
    /// Used by the first process only.
    let extra: Linear
    /// Used by none.
    let idle: Linear
    let norm: BatchNorm1d

    init() throws {
        first = try Linear(4, 5)
        norm = try BatchNorm1d(5)
        second = try Linear(5, 3)
        extra = try Linear(3, 3)
        idle = try Linear(2, 2)
    }

    var usesExtra = false

    func forward(_ x: Tensor) throws -> Tensor {
        let scores: Tensor = try second(norm(first(x)).relu())
        return usesExtra ? try scores + extra(scores) : scores
    }
}

private func loss(_ model: Network, _ x: Tensor) throws -> Tensor { try (model(x) * model(x)).mean() }

private func batch(_ world: ProcessGroup, _ number: Int, rows: Int = 6) throws -> Tensor {
    try .randn([rows, 4], seed: UInt64(1000 * number + world.rank))
}

/// Averaged gradients: with small and large buckets, with unused parameters, accumulated.
func parallel(_ world: ProcessGroup, _ folder: String) throws {
    // Each process begins otherwise; the first one's parameters count.
    Tensor.seed(UInt64(world.rank))
    let model = try Network()
    var tensors: [String: Tensor] = [:]
    let parallel = try DataParallel(model, in: world)
    for (name, tensor) in model.namedState() { tensors["state.\(name)"] = tensor }
    model.usesExtra = world.rank == 0
    let (x, y): (Tensor, Tensor) = (try batch(world, 1), try batch(world, 2))
    (tensors["x"], tensors["y"]) = (x, y)
    func note(_ label: String, _ gradients: ModuleGradients) throws {
        for entry in gradients.entries {
            let all: Tensor = try world.allReduce(try Tensor([entry.gradient == nil ? 0 : 1], shape: [1]))
            let count: Int = try all.array(of: Int.self)[0]
            try expect(count == 0 || count == world.size, "'\(entry.names)' has a gradient in \(count) processes")
            if let gradient = entry.gradient { tensors["\(label).\(entry.names[0])"] = try gradient.contiguous() }
        }
    }
    let state: [String: Tensor] = model.stateDict()
    try note("plain", parallel.valueAndGradient { try loss($0, x) }.gradients)
    try model.load(state)
    for bytes in [1, 64, 200] {
        let small = try DataParallel(
            model, in: world, options: DataParallel<Network>.Options(bucketBytes: bytes, firstBucketBytes: bytes / 2))
        let (value, gradients) = try small.valueAndGradient { try loss($0, x) }
        try expect(value.rank == 0, "the loss is no number")
        try note("plain", gradients)
        try model.load(state)
    }
    let first: ModuleGradients = try parallel.noSync { try parallel.valueAndGradient { try loss($0, x) }.gradients }
    try model.load(state)
    try note("accumulated", parallel.valueAndGradient(adding: first) { try loss($0, y) }.gradients)
    // The same from gradients that are there already.
    try model.load(state)
    let local: ModuleGradients = try valueAndGradient(of: model) { try loss($0, x) }.gradients
    let synchronized: ModuleGradients = try parallel.synchronized(local)
    for entry in synchronized.entries {
        guard let gradient = entry.gradient else { continue }
        try expect(try gradient.allclose(tensors["plain.\(entry.names[0])"] ?? .zeros([0])), "'\(entry.names)' differs")
    }
    // The first process's running statistics are everybody's.
    try world.write(tensors, "parallel", to: folder)
    let other = try Linear(world.rank == 0 ? 3 : 4, 2)
    if world.size > 1 { try expectError(.mismatch) { _ = try DataParallel(other, in: world) } }
}

/// The sharded optimizer takes the plain one's steps, remembers a part, and gives the whole.
func zero(_ world: ProcessGroup, _ folder: String) throws {
    Tensor.seed(7)
    let (model, plain) = (try Network(), try Network())
    try plain.load(model.stateDict())
    let sharded = try ZeroRedundancyOptimizer(model, in: world) { try AdamW($0, learningRate: 0.01) }
    let whole = try AdamW(plain, learningRate: 0.01)
    func step(_ number: Int) throws {
        let gradients: ModuleGradients = try gradient(of: plain) { try loss($0, .randn([6, 4], seed: UInt64(number))) }
        try expect(gradients.norm() > 0.01, "there is nothing to clip")
        let clipped: ModuleGradients = try gradients.clipped(maxNorm: 0.01)
        try whole.step(clipped)
        try sharded.step(clipped)
        for (name, tensor) in plain.namedParameters() {
            let same: Bool = try model.stateDict()[name].map { try $0.equal(tensor) } ?? false
            try expect(same, "step \(number): '\(name)' is not the plain optimizer's")
        }
    }
    for number in 0..<3 { try step(number) }
    let own: [String: Tensor] = try sharded.optimizer.stateDict()
    let expected: [String: Tensor] = try whole.stateDict()
    let count: Tensor = try world.allReduce(try Tensor([own.count], shape: [1]))
    try expect(try count.array(of: Int.self) == [expected.count], "the parts do not make up the whole")
    try expect(world.size == 1 || own.count < expected.count, "a process holds everything")
    let gathered: [String: Tensor] = try sharded.stateDict()
    try expect(Set(gathered.keys) == Set(expected.keys), "the state has \(gathered.keys.sorted())")
    for (name, tensor) in expected { try expect(try gathered[name]?.equal(tensor) ?? false, "'\(name)' is not the plain optimizer's") }
    try expect(try sharded.stateDict(to: 0).count == (world.rank == 0 ? expected.count : own.count), "the wrong process has the state")
    // What the plain one has saved goes on in parts.
    let again = try ZeroRedundancyOptimizer(model, in: world) { try AdamW($0, learningRate: 0.01) }
    try again.load(expected)
    try expect(try again.optimizer.stateDict().keys.sorted() == own.keys.sorted(), "a process took over more than its part")
    try expect(try again.stateDict().keys.sorted() == expected.keys.sorted(), "something got lost in loading")
    do {
        try again.load(["nothing.step": try Tensor([1], shape: [])])
        throw Unexpected("a state of another model was taken")
    } catch let error as StateDictMismatch { try expect(error.unexpected == ["nothing.step"], "\(error)") }
    try expectError(.invalidArgument) { _ = try ZeroRedundancyOptimizer(model, in: world) { try LBFGS($0) } }
}

/// Batch normalisation over all processes is that of one process with all samples.
func norms(_ world: ProcessGroup, _ folder: String) throws {
    Tensor.seed(3)
    let (model, plain) = (try Network(), try Network())
    try model.to(.float64)
    try plain.to(.float64)
    try plain.load(model.stateDict())
    let whole: Tensor = try .randn([6 * world.size, 4], dtype: .float64, seed: 5)
    let part: Tensor = try whole.narrowed(dim: 0, from: 6 * world.rank, length: 6)
    let parallel = try DataParallel(model, in: world, options: DataParallel<Network>.Options(broadcastsBuffers: false))
    let (value, gradients) = try parallel.valueAndGradient { model in try world.synchronizingBatchNorm { try loss(model, part) } }
    let (expectedValue, expected) = try valueAndGradient(of: plain) { try loss($0, whole) }
    try expect(try world.allReduce(value, .avg).allclose(expectedValue, rtol: 1e-12, atol: 1e-12), "the loss differs")
    for (a, b) in zip(gradients.entries, expected.entries) {
        try expect(a.names == b.names && (a.gradient == nil) == (b.gradient == nil), "\(a.names) and \(b.names)")
        guard let a = a.gradient, let b = b.gradient else { continue }
        try expect(try a.allclose(b, rtol: 1e-10, atol: 1e-12), "a gradient differs: \(a) and \(b)")
    }
    for (name, tensor) in plain.namedBuffers() {
        let own: Tensor? = model.stateDict()[name]
        let same: Bool =
            try own.map { $0.dtype == .int64 ? try $0.equal(tensor) : try $0.allclose(tensor, rtol: 1e-12, atol: 1e-12) } ?? false
        try expect(same, "the buffer '\(name)' differs")
    }
}

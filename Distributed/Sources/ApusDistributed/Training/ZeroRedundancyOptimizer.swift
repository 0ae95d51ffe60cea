import Apus
import Foundation

/// An optimizer of which each process holds the memory of a part of the parameters only, and changes these (ZeRO stage 1, Rajbhandari et al.,
/// 2020), after PyTorch's `ZeroRedundancyOptimizer`.
///
///     let optimizer = try ZeroRedundancyOptimizer(model, in: world) { try AdamW($0, learningRate: 1e-3) }
///     try optimizer.step(gradients.clipped(maxNorm: 1))
///
/// The steps are those of the plain optimizer, to the last bit. Every process has all gradients, so that clipping by their norm is right before the
/// step. After it each process sends its parameters to the others: one all-gather for each dtype.
public final class ZeroRedundancyOptimizer<Base: Optimizer> {
    /// This process's part; its learning rate and groups are set as always, in all processes alike.
    public let optimizer: Base
    public let group: ProcessGroup
    /// The process that changes a parameter, by each of its names.
    public let owners: [String: Int]
    private let model: any Module
    /// By owner.
    private let parts: [FlatState]

    /// Called by all processes of the group. A parameter goes, the largest first, to the process that has the fewest elements so far.
    ///
    /// - Throws: what `make` throws; `DistributedError`: `.mismatch` where models differ, `.invalidArgument` for an optimizer that changes all
    ///   parameters together, as `LBFGS` does.
    public init<Model: Module>(_ model: Model, in group: ProcessGroup, _ make: (Model) throws -> Base) throws {
        (self.model, self.group) = (model, group)
        optimizer = try make(model)
        if optimizer is LBFGS {
            throw DistributedError(
                .invalidArgument, rank: group.rank, in: "ZeroRedundancyOptimizer",
                "LBFGS changes all parameters together: they can't be dealt out")
        }
        let parameters: [(name: String, tensor: Tensor)] = model.namedParameters()
        try group.requireSame(parameters, for: "ZeroRedundancyOptimizer")
        var names: [ObjectIdentifier: [String]] = [:]
        for (name, tensor) in parameters { names[tensor.identity, default: []].append(name) }
        var distinct: [(names: [String], count: Int)] = []
        for (_, tensor) in parameters {
            if let names = names.removeValue(forKey: tensor.identity) { distinct.append((names, tensor.elementCount)) }
        }
        var owners: [String: Int] = [:]
        var loads: [Int] = Array(repeating: 0, count: group.size)
        let largestFirst = distinct.enumerated().sorted { ($1.element.count, $0.offset) < ($0.element.count, $1.offset) }
        for (_, parameter) in largestFirst {
            let owner: Int = loads.indices.min { (loads[$0], $0) < (loads[$1], $1) } ?? 0
            loads[owner] += parameter.count
            for name in parameter.names { owners[name] = owner }
        }
        self.owners = owners
        parts = (0..<group.size).map { rank in FlatState(parameters.filter { owners[$0.name] == rank }) }
    }

    /// Changes every parameter that has a gradient, in all processes.
    ///
    /// - Parameter gradients: the same in all processes, as `DataParallel` gives them
    /// - Throws: as `Optimizer.step`, and `DistributedError`.
    public func step(_ gradients: ModuleGradients) throws {
        try optimizer.step(gradients.filter { owners[$0.names[0]] == group.rank })
        if group.size > 1 { try exchange() }
    }

    /// Sends this process's parameters to all others. Each dtype's parts travel at the length of the longest.
    private func exchange() throws {
        let own: [String: Tensor] = model.stateDict()
        let dtypes: [DType] = DType.allCases.filter { dtype in parts.contains { $0.flats.contains { $0.dtype == dtype } } }
        let works: [(flats: [FlatState.Flat], length: Int, work: Work<Tensor>)] = try dtypes.map { dtype in
            let flats: [FlatState.Flat] = parts.map { part in part.flats.first { $0.dtype == dtype } ?? FlatState.Flat(dtype: dtype) }
            let length: Int = flats.map(\.count).max() ?? 0
            return (flats, length, try group.startAllGather(flats[group.rank].packed(own, length: length)))
        }
        var changed: [String: Tensor] = [:]
        for (flats, length, work) in works {
            let all: Tensor = try work.wait()
            for (rank, flat) in flats.enumerated() where rank != group.rank {
                changed.merge(try flat.unpacked(all, from: rank * length)) { $1 }
            }
        }
        try model.load(changed, strict: false)
    }

    // MARK: - Saving and loading

    /// What all processes' optimizers remember together: the plain optimizer's state dictionary. Called by all processes.
    ///
    /// - Parameter destination: the rank that gets it, the others get what is theirs; all of them where it is nil
    public func stateDict(to destination: Int? = nil) throws -> [String: Tensor] {
        let own: [String: Tensor] = try optimizer.stateDict()
        var result: [String: Tensor] = own
        for rank in 0..<group.size {
            let theirs: [String: Tensor] = try group.broadcastNamed(own, from: rank)
            if destination == nil || destination == group.rank { result.merge(theirs) { $1 } }
        }
        return result
    }

    /// Takes over what an optimizer of the same kind remembered, whichever processes it was in. Called by all processes with the whole state.
    ///
    /// - Throws: `StateDictMismatch` as `Optimizer.load`.
    public func load(_ stateDict: [String: Tensor]) throws {
        // What belongs to no parameter is for the optimizer to refuse.
        try optimizer.load(stateDict.filter { name, _ in owner(ofMemory: name) ?? group.rank == group.rank })
    }

    /// The owner of the parameter whose quantity this is: `first.weight.exp_avg`.
    private func owner(ofMemory name: String) -> Int? {
        name.lastIndex(of: ".").flatMap { owners[String(name[..<$0])] }
    }
}

extension ProcessGroup {
    /// Gives all processes tensors that only the source knows the names and shapes of.
    func broadcastNamed(_ tensors: [String: Tensor], from source: Int) throws -> [String: Tensor] {
        var own: [NamedSpec] = []
        if rank == source {
            own = try tensors.sorted { $0.key < $1.key }.map {
                try NamedSpec(name: $0.key, dtype: $0.value.dtype.rawValue, sizes: $0.value.sizes)
            }
        }
        let text: [UInt8] = Array(try JSONEncoder().encode(own))
        let length: Tensor = try broadcast(try Tensor([text.count], shape: [1]), from: source)
        let count: Int = try length.array(of: Int.self)[0]
        let sent: Tensor = rank == source ? try Tensor(text, shape: [count]) : try .zeros([count], dtype: .uint8)
        let header: [UInt8] = try broadcast(sent, from: source).array(of: UInt8.self)
        let specs: [NamedSpec] = try JSONDecoder().decode([NamedSpec].self, from: Data(header))
        let named: [(name: String, tensor: Tensor)] = try specs.map { spec in
            guard let dtype = DType(rawValue: spec.dtype) else {
                throw DistributedError(.failed, rank: rank, in: "broadcast", "there is no dtype \(spec.dtype)")
            }
            return (spec.name, try tensors[spec.name].flatMap { rank == source ? $0 : nil } ?? .zeros(spec.sizes, dtype: dtype))
        }
        return try broadcast(named, from: source)
    }
}

/// A tensor's name and type, as it is told to other processes.
private struct NamedSpec: Codable {
    let name: String
    let dtype: UInt8
    let sizes: [Int]
}

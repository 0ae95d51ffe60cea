import Apus
import ApusDistributed
import Foundation

/// A function with every operation, whose second and third depend on each other through the order only.
private func everything(_ world: ProcessGroup, _ x: Tensor) throws -> [Tensor] {
    let sum: Tensor = try world.allReduce(x * 2)
    let mean: Tensor = try world.allReduce(x.relu(), .avg)
    // Equal calls are made as often as they stand there.
    let again: Tensor = try world.allReduce(x.relu(), .avg)
    _ = try world.allReduce(x, .max)
    let gathered: Tensor = try world.allGather(sum + mean)
    let scattered: Tensor = try world.reduceScatter(gathered.sin())
    let dealt: Tensor = try world.allToAll(scattered)
    return [try dealt + again, gathered, try world.broadcast(dealt.cos(), from: world.size - 1)]
}

/// Operations in programs: traced, saved, loaded and run, with the results of eager code and of the judge.
func operators(_ world: ProcessGroup, _ folder: String) throws {
    let n: Int = world.size
    let x: Tensor = try .randn([2 * n, 3], seed: UInt64(world.rank))
    // Making a program takes no other process: only the first one does it.
    let path: String = "\(folder)/collectives.pt2"
    if world.rank == 0 {
        let program = try export({ (x: Tensor) in try everything(world, x) }, args: x, constraints: [dynamicDim(x, 1).in(1...8)])
        let called: [String] = program.graph.nodes.map(\.operator.name).filter { $0.hasPrefix("_c10d") && !$0.hasSuffix("wait_tensor") }
        let expected: [String] = [
            "all_reduce", "all_reduce", "all_reduce", "all_reduce", "all_gather_into_tensor", "reduce_scatter_tensor", "all_to_all_single",
            "broadcast",
        ]
        try expect(called == expected.map { "_c10d_functional::\($0)" }, "the program calls \(called)")
        try program.save(to: path)
        // A constant's sum is another one in every job.
        let constant: Tensor = try .ones([2])
        let folded = try export({ (x: Tensor) in try x + world.allReduce(constant) }, args: try Tensor.ones([2])).foldingConstants()
        try expect(folded.graph.nodes.contains { $0.operator == CollectiveOperators.allReduce }, "an operation was computed ahead")
        try folded.save(to: "\(folder)/constant.pt2")
    }
    try world.barrier()
    let loaded = try ExportedProgram.load(from: path, operators: .withCollectives)
    var tensors: [String: Tensor] = [:]
    for columns in [3, 5] {
        let x: Tensor = try .randn([2 * n, columns], seed: UInt64(10 * columns + world.rank))
        let (results, eager): ([Tensor], [Tensor]) = (try loaded(x), try everything(world, x))
        for (index, (result, expected)) in zip(results, eager).enumerated() {
            try expect(try result.equal(expected), "result \(index) of the program is not eager's")
            tensors["\(columns).\(index)"] = result
        }
        tensors["\(columns).input"] = x
    }
    let constant = try ExportedProgram.load(from: "\(folder)/constant.pt2", operators: .withCollectives)
    let sum: Tensor = try constant(Tensor.zeros([2]))
    try expect(try sum.array(of: Float.self) == [Float(n), Float(n)], "the constant's sum is \(sum)")
    try world.write(tensors, "operators", to: folder)
    // A program for more processes than there are.
    let other = try ExportedProgram.load(from: path, operators: .withCollectives)
    if let alone = try world.subgroup(of: [0], name: "alone") {
        let program = try export({ (x: Tensor) in try world.allGather(x) }, args: x)
        let call = Operator.Call(CollectiveOperators.allGatherIntoTensor, [.tensor(x), .int(n), .string(alone.name)])
        if n > 1 { try expectError(.invalidArgument) { _ = try applySingle(call.operator, call.arguments) } }
        try expect(program.graph.nodes.count >= 2 && other.graph.nodes.count > 8, "a program is not whole")
    }
    try world.barrier()
    // What PyTorch writes, in-place operations among it.
    let theirs: String = "\(folder)/torch-\(n).pt2"
    if FileManager.default.fileExists(atPath: theirs) {
        let program = try ExportedProgram.load(from: theirs, operators: .withCollectives)
        let x: Tensor = try .full([4], Float(world.rank + 1))
        let result: Tensor = try program(x)
        let total = Float(n * (n + 1) / 2)
        try expect(
            try result.array(of: Float.self) == Array(repeating: total * Float(n) + 1, count: 4), "PyTorch's program gives \(result)")
    }
}

/// Gradients through every operation, eagerly and in a joint program.
func gradients(_ world: ProcessGroup, _ folder: String) throws {
    let n: Int = world.size
    let x: Tensor = try .randn([2 * n, 3], dtype: .float64, seed: UInt64(world.rank))
    let w: Tensor = try .randn([2 * n, 3], dtype: .float64, seed: UInt64(100 + world.rank))
    let losses: [(String, (Tensor) throws -> Tensor)] = [
        ("all_reduce", { try (world.allReduce($0 * $0) * w).sum() }),
        ("avg", { try (world.allReduce($0 * $0, .avg) * w).sum() }),
        ("all_gather", { try (world.allGather($0.sin()) * world.allGather(w)).sum() * Double(world.rank + 1) }),
        ("reduce_scatter", { try (world.reduceScatter($0.sin()) * w.sliced(dim: 0, to: 2)).sum() }),
        ("all_to_all", { try (world.allToAll($0.sin()) * w).sum() }),
    ]
    var tensors: [String: Tensor] = ["x": x, "w": w]
    for (name, loss) in losses {
        let slope: Tensor = try gradient(at: x, loss)
        tensors[name] = slope
        let joint = try exportJoint(loss, args: x, withRespectTo: [x])
        let results = try joint.valueAndGradients(x)
        for traced in results.inputGradients.values {
            try expect(try traced.allclose(slope), "the joint program's gradient of \(name) is not eager's")
        }
        try expect(results.inputGradients.count == 1, "the joint program has no gradient of \(name)")
    }
    do {
        _ = try gradient(at: x) { try world.allReduce($0, .max).sum() }
        throw Unexpected("a maximum has a gradient")
    } catch let error as TensorError { try expect(error.code == .notDifferentiable, "\(error)") }
    try world.write(tensors, "gradients", to: folder)
}

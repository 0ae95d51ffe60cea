import Apus
import ApusDistributed
import Foundation

/// Every operation on every dtype and on layouts of all kinds: the judge carries them out as well.
func collectives(_ world: ProcessGroup, _ folder: String) throws {
    var tensors: [String: Tensor] = [:]
    func note(_ name: String, _ input: Tensor, _ output: Tensor) throws {
        (tensors["\(name).input"], tensors["\(name).output"]) = (try input.contiguous().stored, try output.contiguous().stored)
    }
    for dtype in DType.allCases {
        let n: Int = world.size
        for (label, x) in try samples(dtype, rows: 2 * n, rank: world.rank) {
            for operation in ReduceOperation.allCases where isDefined(operation, dtype) {
                try note("all_reduce.\(operation.rawValue).\(dtype).\(label)", x, world.allReduce(x, operation))
                if x.rank > 0 {
                    try note("reduce_scatter.\(operation.rawValue).\(dtype).\(label)", x, world.reduceScatter(x, operation))
                }
            }
            try note("broadcast.\(n - 1).\(dtype).\(label)", x, world.broadcast(x, from: n - 1))
            guard x.rank > 0 else { continue }
            try note("all_gather.0.\(dtype).\(label)", x, world.allGather(x))
            try note("all_to_all.0.\(dtype).\(label)", x, world.allToAll(x))
        }
    }
    // Rank r sends r + s rows to rank s.
    let (rank, ranks): (Int, [Int]) = (world.rank, Array(0..<world.size))
    let rows: Int = ranks.reduce(0) { $0 + rank + $1 }
    let x: Tensor = try .randn([rows, 3], seed: UInt64(rank))
    let sizes: [Int] = ranks.map { rank + $0 }
    try note("all_to_all.uneven.float32.rows", x, world.allToAll(x, outputSplits: sizes, inputSplits: sizes))
    try world.write(tensors, "collectives", to: folder)
}

func isDefined(_ operation: ReduceOperation, _ dtype: DType) -> Bool {
    switch operation {
    case .avg: dtype.isDifferentiable
    case .min, .max: !dtype.isComplex
    case .sum, .prod: true
    }
}

/// Small numbers, so that products are not lost in integers, in tensors of several layouts.
private func samples(_ dtype: DType, rows: Int, rank: Int) throws -> [(String, Tensor)] {
    func values(_ sizes: [Int], _ seed: UInt64) throws -> Tensor {
        if dtype.isDifferentiable {
            let real: Tensor = try .randn(sizes, seed: seed &* 31 &+ UInt64(rank)).to(dtype)
            return dtype.isComplex ? try real + real.neg() * Tensor.randn(sizes, seed: seed).to(dtype) : real
        }
        return try Tensor.randint(0, 3, sizes, seed: seed &* 31 &+ UInt64(rank)).to(dtype)
    }
    return [
        ("plain", try values([rows, 3], 1)),
        ("transposed", try values([3, rows], 2).transposed(0, 1)),
        ("strided", try values([2 * rows, 2], 3).sliced(dim: 0, from: 1, step: 2)),
        ("expanded", try values([1, 4], 4).expanded([rows, 4])),
        ("empty", try values([rows, 0], 5)),
        ("none", try values([0, 2], 6)),
        ("scalar", try values([], 7)),
        // Large enough for a ring, in parts that are not equal.
        ("large", try values([rows, 20011], 8)),
    ]
}

/// What processes call that does not go together is an error in all of them, and the group is as good as before.
func mistakes(_ world: ProcessGroup, _ folder: String) throws {
    let isFirst: Bool = world.rank == 0
    let x: Tensor = try .ones([4 * world.size, 2])
    func sound(_ place: String) throws {
        let sum: Float = try world.allReduce(.ones([1])).array(of: Float.self)[0]
        try expect(sum == Float(world.size), "after \(place) the group gives \(sum)")
    }
    let shapes = try expectError(.mismatch) { _ = try world.allReduce(isFirst ? .ones([2, 3]) : .ones([3, 2])) }
    try expect(
        "\(shapes)".hasPrefix("rank \(world.rank): all_reduce: ") && shapes.message.contains("rank 0 all_reduce sum float32[2, 3]")
            && shapes.message.contains("rank 1 all_reduce sum float32[3, 2]"), "the message is \(shapes)")
    try sound("shapes that differ")
    try expectError(.mismatch) { _ = try world.allReduce(.ones([2], dtype: isFirst ? .float32 : .float64)) }
    try expectError(.mismatch) { _ = try world.allReduce(.ones([2]), isFirst ? .sum : .max) }
    try expectError(.mismatch) { _ = try isFirst ? world.allReduce(x) : world.broadcast(x) }
    try expectError(.mismatch) { _ = try world.broadcast(x, from: isFirst ? 0 : 1) }
    try expectError(.mismatch) { if isFirst { try world.barrier() } else { _ = try world.allGather(x) } }
    try expectError(.mismatch) { _ = try world.allReduce(isFirst ? .ones([2], dtype: .int32) : .ones([2]), .avg) }
    try expectError(.mismatch) { _ = try world.startAllReduce(isFirst ? .ones([2]) : .ones([3])).wait() }
    try sound("calls that differ")
    let even: [Int] = Array(repeating: 4, count: world.size)
    // The first process sends one row less to the last than that expects.
    var fewer: [Int] = even
    fewer[0] += 1
    fewer[world.size - 1] -= 1
    try expectError(.mismatch) { _ = try world.allToAll(x, outputSplits: even, inputSplits: isFirst ? fewer : even) }
    try expectError(.mismatch) {
        _ = try world.allToAll(.ones([isFirst ? 1 : 2, 1]), outputSplits: [isFirst ? 1 : 2], inputSplits: [isFirst ? 1 : 2])
    }
    try sound("parts that do not fit")
    try expectError(.unsupported) { _ = try world.allReduce(.ones([2], dtype: .int32), .avg) }
    try expectError(.unsupported) { _ = try world.allReduce(.ones([2], dtype: .complex64), .min) }
    try expectError(.invalidArgument) { _ = try world.broadcast(x, from: world.size) }
    try expectError(.invalidArgument) { _ = try world.broadcast(x, from: -1) }
    try expectError(.unknownGroup) { _ = try ProcessGroup.named("nobody's") }
    try expectError(.invalidArgument) { _ = try world.subgroup(of: [0, 0]) }
    try expectError(.invalidArgument) { _ = try world.subgroup(of: [world.size]) }
    try expectError(.mismatch) { _ = try world.subgroup(of: isFirst ? [0] : [1]) }
    try sound("arguments that no operation takes")
    do {
        _ = try world.reduceScatter(.ones([world.size + 1]))
        throw Unexpected("rows that can't be dealt out were taken")
    } catch let error as TensorError { try expect(error.code == .shapeMismatch, "\(error)") }
    // NaN wins everywhere, whoever has it.
    let nan: Tensor = try Tensor([isFirst ? Float.nan : 1], shape: [1])
    for operation in [ReduceOperation.min, .max] {
        try expect(try world.allReduce(nan, operation).array(of: Float.self)[0].isNaN, "NaN got lost in \(operation)")
        try expect(try world.allReduce(nan.to(.bfloat16), operation).to(.float32).array(of: Float.self)[0].isNaN, "NaN got lost")
    }
}

/// Groups of some processes work beside each other.
func groups(_ world: ProcessGroup, _ folder: String) throws {
    let (even, odd) = ((0..<world.size).filter { $0 % 2 == 0 }, (0..<world.size).filter { $0 % 2 == 1 })
    let (evens, odds) = (try world.subgroup(of: even.reversed(), name: "evens"), try odd.isEmpty ? nil : world.subgroup(of: odd))
    try expect((evens != nil) == (world.rank % 2 == 0) && (odds != nil) == (world.rank % 2 == 1), "the wrong processes are in a group")
    let ranks: Tensor = try Tensor([world.rank], shape: [1])
    if let evens {
        try expect(evens.worldRanks == even.reversed(), "the group has the ranks \(evens.worldRanks)")
        try expect(evens.worldRanks[evens.rank] == world.rank, "rank \(world.rank) is \(evens.rank) among the even ones")
        try expect(try evens.allGather(ranks).array(of: Int.self) == even.reversed(), "the even ones gather the wrong ranks")
        try expect(try ProcessGroup.named("evens") === evens, "the group is not found by its name")
    }
    if let odds { try expect(try odds.allReduce(ranks).array(of: Int.self) == [odd.reduce(0, +)], "the odd ones have the wrong sum") }
    // A part of a part.
    if let evens, let first = try evens.subgroup(of: [evens.size - 1]) {
        try expect(world.rank == 0 && first.size == 1 && first.worldRanks == [0], "\(first.worldRanks)")
    }
    try world.barrier()
    try expect(try ProcessGroup.initialize() === world && ProcessGroup.world === world, "there are two worlds")
    do {
        _ = try world.subgroup(of: [0], name: "evens")
        throw Unexpected("a name was taken twice")
    } catch let error as DistributedError { try expect(error.code == .mismatch, "\(error)") }
    if let evens { try expect(try ProcessGroup.named("evens") === evens, "a refused name took a group's place") }
}

/// Operations that are started go on beside others, in the order of the program, and do not see later changes.
func started(_ world: ProcessGroup, _ folder: String) throws {
    let n: Int = world.size
    var x: Tensor = try .full([1 << 16], Float(world.rank + 1))
    let first = try world.startAllReduce(x)
    x = try x + 1
    let second = try world.startAllReduce(x, .max)
    let third = try world.startBroadcast(x.sliced(dim: 0, to: 2), from: n - 1)
    let gathered = try world.startAllGather(Tensor([world.rank], shape: [1]))
    let scattered = try world.startReduceScatter(.ones([n, 2]))
    let now: Float = try world.allReduce(.ones([1])).array(of: Float.self)[0]
    try expect(first.isCompleted && now == Float(n), "a call overtook those before it")
    try expect(try first.wait().array(of: Float.self).allSatisfy { $0 == Float(n * (n + 1) / 2) }, "the sum is wrong")
    try expect(try second.wait().array(of: Float.self).allSatisfy { $0 == Float(n + 1) }, "the maximum is wrong")
    try expect(try third.wait().array(of: Float.self) == [Float(n + 1), Float(n + 1)], "the broadcast is wrong")
    try expect(try gathered.wait().array(of: Int.self) == Array(0..<n), "what was gathered is wrong")
    try expect(try scattered.wait().array(of: Float.self) == [Float(n), Float(n)], "what was scattered is wrong")
    try expect(try first.wait().array(of: Float.self).count == 1 << 16, "waiting again gave something else")
}

/// The last process does not come: the others are told in time.
func absent(_ world: ProcessGroup, _ folder: String) throws {
    if world.rank == world.size - 1 {
        _ = readLine()
        Thread.sleep(forTimeInterval: 60)
        return
    }
    let error = try expectError(.timeout) { _ = try world.allReduce(.ones([3])) }
    let again = try expectError(.timeout) { try world.barrier() }
    try expect(error == again, "after a time-out the group goes on: \(again)")
    throw error
}

/// One process fails where the others wait for it.
func throwing(_ world: ProcessGroup, _ folder: String) throws {
    if world.rank == 1 { throw TensorError(.checkFailed, in: "throwing", "the data is not there") }
    _ = try world.allReduce(.ones([3]))
}

/// One process ends without a word.
func leaving(_ world: ProcessGroup, _ folder: String) throws {
    if world.rank == 1 { exit(0) }
    _ = try world.allReduce(.ones([3]))
}

import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusRuntime
import ApusSymbolic
import ApusTensor
import CApusKernels
import Testing

/// A cache that each call writes one row of, as a step of decoding does, and a weight.
private final class Decoder: Module {
    @Parameter var weight: Tensor
    @Buffer(persistent: false) var cache: Tensor

    init(length: Int) throws {
        weight = try Tensor.ones([64])
        cache = try Tensor.zeros([1, 8, length, 64])
    }

    /// - Parameters:
    ///   - row: float32[1, 8, 1, 64]
    ///   - position: int64[1]
    func step(_ row: Tensor, _ position: Tensor) throws -> Tensor {
        cache = try cache.indexCopy(dim: 2, position, row * weight)
        return try cache.indexSelect(dim: 2, position).sum()
    }

    /// Reads a position of the cache, which may be outside of it, after a row has been written.
    func lookup(_ row: Tensor, _ position: Tensor, _ read: Tensor) throws -> Tensor {
        cache = try cache.indexCopy(dim: 2, position, row * weight)
        return try cache.indexSelect(dim: 2, read).sum()
    }
}

private func row(_ value: Float) throws -> Tensor { try Tensor.full([1, 8, 1, 64], value) }
private func at(_ position: Int) throws -> Tensor { try Tensor([position], shape: [1]) }

@Suite(.serialized) struct SessionTests {
    private func program(length: Int = 16) throws -> ExportedProgram {
        let model = try Decoder(length: length)
        return try export(model.step, of: model, args: row(1), at(0))
    }

    private func filled(_ session: Session) throws -> Float {
        try #require(session.stateDict["cache"]).sum().item(Float.self)
    }

    @Test func sessionsNeverSeeEachOther() throws {
        let program = try program()
        let (first, second) = (try program.makeSession(), try program.makeSession())
        for position in 0..<3 { let _: Tensor = try first(row(Float(position + 1)), at(position)) }
        let _: Tensor = try second(row(10), at(0))
        #expect(try filled(first) == 6 * 512)
        #expect(try filled(second) == 10 * 512)
        #expect(try #require(program.stateDict["cache"]).sum().item(Float.self) == 0)
        let _: Tensor = try program(row(100), at(0))
        #expect(try filled(second) == 10 * 512)
        first.reset()
        #expect(try filled(first) == 0)
        // It gives what the program gives.
        let (a, b): (Tensor, Tensor) = (try first(row(3), at(2)), try program(row(3), at(2)))
        #expect(try a.item(Float.self) == b.item(Float.self))
        // What nothing says the type of is a tensor, as of a program.
        let inferred = try second(row(3), at(2))
        #expect(inferred.dtype == .float32)
    }

    /// In the steady state a call takes memory for its result and nothing for the cache, which a call of the program copies.
    @Test func aRowIsWrittenWithoutACopyOfTheCache() throws {
        let program = try program(length: 2048)
        let session = try program.makeSession()
        let (row, position) = (try row(1), try at(5))
        func bytes(_ call: () throws -> Void) rethrows -> Int64 {
            for _ in 0..<3 { try call() }
            let before = apus_allocator_get_thread_counts()
            for _ in 0..<10 { try call() }
            return (apus_allocator_get_thread_counts().bytes - before.bytes) / 10
        }
        let (inPlace, copying) = (
            try bytes { _ = try session.run([row, position]) }, try bytes { _ = try program.run([row, position]) }
        )
        #expect(inPlace < 4096, "\(inPlace) bytes a call")
        #expect(copying >= 8 * 2048 * 64 * 4, "\(copying) bytes a call")
        #expect(try filled(session) == 512)
    }

    /// What was read out of a session, or given to it, is a value.
    @Test func buffersThatAreReadOutKeepTheirValues() throws {
        let session = try program().makeSession()
        let _: Tensor = try session(row(1), at(0))
        let saved = session.stateDict
        let _: Tensor = try session(row(2), at(1))
        #expect(try #require(saved["cache"]).sum().item(Float.self) == 512)
        #expect(try filled(session) == 3 * 512)
        let other = try program().makeSession()
        try other.load(["weight": Tensor.full([64], 2.0)])
        let _: Tensor = try other(row(1), at(0))
        #expect(try filled(other) == 2 * 512)
        #expect(try #require(session.stateDict["weight"]).sum().item(Float.self) == 64)
        #expect(throws: StateDictMismatch.self) { try other.load(["weights": Tensor.full([64], 2.0)]) }
    }

    @Test func weightsAreThereOnce() throws {
        let program = try program()
        let session = try program.makeSession()
        #expect(program.stateDict["weight"]?.identity == session.stateDict["weight"]?.identity)
    }

    // MARK: Failures

    @Test func aPositionOutsideOfTheCacheChangesNothing() throws {
        let session = try program().makeSession()
        let _: Tensor = try session(row(1), at(0))
        let error = #expect(throws: TensorError.self) { let _: Tensor = try session(row(2), at(16)) }
        #expect(error?.code == .indexOutOfRange)
        let text: String = error?.message ?? ""
        #expect(text.hasPrefix("the index 16 is out of range for ") && text.contains(" of shape [1, 8, 16, 64], the buffer 'cache': "))
        #expect(text.hasSuffix("start over (a session's reset()), or export the program with a larger buffer"))
        #expect(throws: ProgramError.self) { let _: Tensor = try session(row(2)) }
        #expect(try filled(session) == 512)
        let _: Tensor = try session(row(2), at(1))
        #expect(try filled(session) == 3 * 512)
    }

    @Test func aCallThatFailsAfterItWroteEndsTheSession() throws {
        let model = try Decoder(length: 16)
        let session = try export(model.lookup, of: model, args: row(1), at(0), at(0)).makeSession()
        let _: Tensor = try session(row(1), at(0), at(0))
        #expect(throws: TensorError.self) { let _: Tensor = try session(row(2), at(1), at(99)) }
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try session(row(2), at(1), at(0)) }
        #expect(error?.code == .brokenSession)
        #expect(error?.message == "an earlier call failed while it wrote to the session's buffers; reset() the session first")
        session.reset()
        let _: Tensor = try session(row(2), at(1), at(1))
        #expect(try filled(session) == 2 * 512)
    }

    /// The program itself keeps its buffers whenever a call fails.
    @Test func aProgramKeepsItsBuffersWhenACallFails() throws {
        let model = try Decoder(length: 16)
        let program = try export(model.lookup, of: model, args: row(1), at(0), at(0))
        #expect(throws: TensorError.self) { let _: Tensor = try program(row(2), at(1), at(99)) }
        #expect(try #require(program.stateDict["cache"]).sum().item(Float.self) == 0)
    }

    // MARK: Several tasks, entry points, interpreters

    @Test func callsFromManyTasksGoOneAfterAnother() async throws {
        let session = try program().makeSession()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<4 {
                group.addTask {
                    for round in 0..<25 { let _: Tensor = try session(row(Float(round + 1)), at(task)) }
                }
            }
            try await group.waitForAll()
        }
        #expect(try filled(session) == 4 * 25 * 512)
    }

    @Test func entryPointsShareTheBuffersOfASession() throws {
        let model = try Decoder(length: 16)
        let programs = try export(
            [
                "step": EntryPoint({ (x: Tensor, p: Tensor) in try model.step(x, p) }, args: row(1), at(0)),
                "lookup": EntryPoint({ (x: Tensor, p: Tensor, r: Tensor) in try model.lookup(x, p, r) }, args: row(1), at(0), at(0)),
            ], of: model)
        let sessions = try programs.makeSessions()
        let (step, lookup) = (try #require(sessions["step"]), try #require(sessions["lookup"]))
        let _: Tensor = try step(row(1), at(0))
        let seen: Tensor = try lookup(row(5), at(1), at(0))
        #expect(try seen.item(Float.self) == 512)
        #expect(try filled(step) == 6 * 512)
        #expect(try filled(#require(programs.makeSessions()["step"])) == 0)
    }

    @Test func sessionsRunWhileGradientsAreRecordedAndAreNoPartOfAProgram() throws {
        let session = try program().makeSession()
        let position = try at(3)
        let slope = try gradient(at: row(1)) { x in
            let y: Tensor = try session(x, position)
            return y
        }
        #expect(try slope.sum().item(Float.self) == 512)
        #expect(try filled(session) == 512)
        let _: Tensor = try session(row(2), at(4))
        #expect(try filled(session) == 3 * 512)
        #expect(throws: (any Error).self) {
            try export({ (x: Tensor) -> Tensor in try session(x, position) }, args: row(1))
        }
    }

    // MARK: Passes

    @Test func passesAreLeftOutOfAProgramAndItsSessions() throws {
        let program = try program()
        func writes(_ program: ExportedProgram) throws -> [Substring] {
            try program.loweredText(for: [row(1), at(0)], inSession: true).split(separator: "\n").filter { $0.contains("index_copy(%") }
                .suffix(1)
        }
        let (inPlace, copied) = (try writes(program), try writes(program.skipping(["update-in-place"])))
        #expect(inPlace.count == 1 && inPlace.allSatisfy { $0.contains("-> %") }, "\(inPlace)")
        #expect(copied.count == 1 && copied.allSatisfy { $0.contains("-> result") }, "\(copied)")
        for names in [["update-in-place"], LoweringPipeline.standard.names] {
            let session = try program.skipping(names).makeSession()
            let _: Tensor = try session(row(1), at(0))
            let y: Tensor = try session(row(2), at(1))
            #expect(try y.item(Float.self) == 2 * 512)
            #expect(try filled(session) == 3 * 512)
        }
        // The state is the program's.
        let _: Tensor = try program.skipping(["fuse-rows"])(row(1), at(0))
        #expect(try #require(program.stateDict["cache"]).sum().item(Float.self) == 512)
        #expect(throws: TensorError.self) { try program.skipping(["fuse"]) }
    }
}

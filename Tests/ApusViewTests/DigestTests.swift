import ApusArchive
import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusView

@Suite("Digests of programs") struct DigestTests {
    @Test("SHA-256 is the standard's") func sha() {
        func hash(_ text: [UInt8], pieces: Int = 1) -> String {
            var hash = SHA256()
            let size: Int = max(1, (text.count + pieces - 1) / pieces)
            for start in stride(from: 0, to: text.count, by: size) { hash.update(text[start..<min(start + size, text.count)]) }
            return hexadecimal(hash.finish())
        }
        // The examples of NIST.
        #expect(hash([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
        #expect(hash(Array("abc".utf8)) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
        let two = Array("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq".utf8)
        #expect(hash(two) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
        let thousand = [UInt8](repeating: UInt8(ascii: "a"), count: 1000)
        #expect(hash(thousand) == "41edece42d63e8d9bf515a9ba6932e1c20cbc9f5a5d134645adb5db1b9737ea3")
        for pieces in [2, 3, 7, 16, 999] { #expect(hash(thousand, pieces: pieces) == hash(thousand)) }
        for count in 55...66 { #expect(hash(Array(thousand.prefix(count)), pieces: 2) == hash(Array(thousand.prefix(count)))) }
    }

    /// The program of parts that were changed.
    private func changed(_ program: ExportedProgram, _ change: (inout ProgramParts) throws -> Void) throws -> String {
        var parts: ProgramParts = program.parts
        try change(&parts)
        return try ExportedProgram(parts).digest()
    }

    @Test("Names, places in the source and modules play no part") func names() throws {
        for program in [try Programs.layers(), try Programs.branches()] {
            let digest: String = try program.digest()
            #expect(digest.count == 64)
            #expect(
                try changed(program) { parts in
                    for index in parts.graph.values.indices { parts.graph.rename(Graph.Value(index: index), to: "other\(index)") }
                    for index in parts.graph.nodes.indices {
                        parts.graph.nodes[index].site = nil
                        parts.graph.nodes[index].modulePath = []
                    }
                    parts.inputRoles = parts.inputRoles.enumerated().map { $1 == .userInput ? $1 : .parameter("w\($0)") }
                    parts.leafNames = parts.leafNames.map { _ in "y" }
                } == digest)
        }
    }

    private static func twoWays(_ x: Tensor) throws -> Tensor {
        let (a, b) = (try x.sin(), try x.cos())
        return try (a * 2) - (b * 3)
    }

    @Test("The order of nodes that don't depend on each other plays no part") func order() throws {
        let program = try export(DigestTests.twoWays, args: Tensor.ones([3]))
        let digest: String = try program.digest()
        let nodes: [Graph.Node] = program.graph.nodes
        #expect(nodes.count == 5)
        // sin, cos, * 2, * 3 in every order in which each comes after what it reads.
        for order in [[1, 0, 2, 3, 4], [0, 2, 1, 3, 4], [1, 3, 0, 2, 4], [1, 0, 3, 2, 4]] {
            #expect(try changed(program) { $0.graph.nodes = order.map { nodes[$0] } } == digest, "\(order)")
        }
        // The other way round it is another function.
        let swapped = try export({ (x: Tensor) in try (x.cos() * 3) - (x.sin() * 2) }, args: Tensor.ones([3]))
        #expect(try swapped.digest() != digest)
    }

    @Test("A constant, a weight's bit, a range and an operator each make another") func differences() throws {
        let program = try export(DigestTests.twoWays, args: Tensor.ones([3]))
        let digest: String = try program.digest()
        func other(_ function: @escaping (Tensor) throws -> Tensor) throws -> String {
            try export(function, args: Tensor.ones([3])).digest()
        }
        #expect(try other(DigestTests.twoWays) == digest)
        #expect(try other { try ($0.sin() * 2) - ($0.cos() * 3.0000002) } != digest)
        #expect(try other { try ($0.sin() * 2) + ($0.cos() * 3) } != digest)
        #expect(try export(DigestTests.twoWays, args: Tensor.ones([4])).digest() != digest)

        let layers = try Programs.layers()
        let own: String = try layers.digest()
        let (name, weight) = try #require(layers.stateDict.sorted { $0.key < $1.key }.first)
        var bytes: [UInt8] = try weight.bytes()
        bytes[4] ^= 1
        var state: [String: Tensor] = layers.stateDict
        state[name] = try Tensor(bytes: bytes, dtype: weight.dtype, shape: weight.sizes)
        try layers.load(state)
        #expect(try layers.digest() != own)
        bytes[4] ^= 1
        state[name] = try Tensor(bytes: bytes, dtype: weight.dtype, shape: weight.sizes)
        try layers.load(state)
        #expect(try layers.digest() == own)
        #expect(
            try changed(layers) { $0.symbolToRange = $0.symbolToRange.mapValues { _ in SymRange(lowerBound: 1, upperBound: 65) } } != own)
    }

    @Test("A body counts with all that is in it") func bodies() throws {
        func program(_ factor: Float, isSwapped: Bool = false) throws -> String {
            try export(
                { (x: Tensor) in
                    try isSwapped
                        ? cond(x.sum() .> 0) {
                            try x.cos()
                        } else: {
                            try x * factor
                        }
                        : cond(x.sum() .> 0) {
                            try x * factor
                        } else: {
                            try x.cos()
                        }
                }, args: Tensor.ones([3])
            ).digest()
        }
        #expect(try program(2) == program(2))
        #expect(try program(2) != program(3))
        #expect(try program(2) != program(2, isSwapped: true))
    }

    @Test("Draws keep their order, and buffers that change are two though they start alike") func state() throws {
        func draws(_ isSwapped: Bool) throws -> String {
            try export(
                { (x: Tensor) in
                    let (a, b) = (try Tensor.rand([3]), try Tensor.rand([3]))
                    return try isSwapped ? b - a * x : a - b * x
                }, args: Tensor.ones([3])
            ).digest()
        }
        #expect(try draws(false) == draws(false))
        #expect(try draws(false) != draws(true))
    }

    @Test("A program that was saved and loaded is the same") func roundTrip() throws {
        let folder: String = NSTemporaryDirectory() + "apus-digest-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(atPath: folder) }
        for (index, program) in [try Programs.layers(), try Programs.branches(), try Programs.long(100)].enumerated() {
            try program.save(to: folder + "/\(index).pt2")
            let loaded = try ExportedProgram.load(from: folder + "/\(index).pt2")
            #expect(try loaded.digest() == program.digest(), "\(index)\n\(program.graph)\n\(loaded.graph)")
            try loaded.save(to: folder + "/again.pt2")
            #expect(try ExportedProgram.load(from: folder + "/again.pt2").digest() == loaded.digest())
        }
    }
}

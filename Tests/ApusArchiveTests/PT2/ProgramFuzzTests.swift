import ApusProgram
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Damages program files in many ways. Opening one must give a program or an `ArchiveError`, and running what opened must give results or a
/// typed error: never a trap, never a read outside of the file.
///
/// APUS_FUZZ_ROUNDS makes it run longer than the fixed number of rounds of every day.
@Suite("Damaged programs")
struct ProgramFuzzTests {
    private let rounds = ProcessInfo.processInfo.environment["APUS_FUZZ_ROUNDS"].flatMap { Int($0) } ?? 1

    private func open(_ path: String, _ inputs: [LeafValue]) throws -> Bool {
        let program: ExportedProgram
        do { program = try ExportedProgram.load(from: path) } catch let error as ArchiveError {
            #expect(error.file == path)
            #expect(!error.reason.isEmpty)
            return false
        }
        do { _ = try program.run(leaves: inputs) } catch is TensorError {} catch is ProgramError {}
        return true
    }

    private func inputs(_ program: TorchArchives.Program) throws -> [LeafValue] {
        let tensors = try [String: Tensor].load(safetensors: try TorchArchives.folder.file(program.name + ".safetensors"))
        return try #require(program.calls.first).inputs.enumerated().map { index, value in
            value == nil ? .tensor(tensors["0.in.\(index)"] ?? Tensor(spec: TensorSpec(.float32, .scalar))) : .none
        }
    }

    private func programs(_ names: [String]) throws -> [(program: TorchArchives.Program, bytes: [UInt8], inputs: [LeafValue])] {
        try TorchArchives.programs.filter { names.contains($0.name) }.map {
            ($0, try TorchArchives.folder.read($0.name + ".pt2"), try inputs($0))
        }
    }

    @Test("Cut every so many bytes")
    func cuts() throws {
        let folder = try TemporaryFolder()
        for (program, bytes, inputs) in try programs(["counter", "size_branch"]) {
            for length in stride(from: 0, to: bytes.count, by: 37) {
                let path = try folder.write(Array(bytes[..<length]), to: "cut.pt2")
                #expect(try open(path, inputs) == false, "\(program.name) cut at \(length)")
            }
        }
    }

    @Test("Bits flipped anywhere")
    func flips() throws {
        let folder = try TemporaryFolder()
        var random = SplitMix(seed: 1)
        var opened = 0
        for (_, bytes, inputs) in try programs(["counter", "size_branch", "nested", "branch"]) {
            for _ in 0..<150 * rounds {
                var damaged = bytes
                for _ in 0..<Int.random(in: 1...3, using: &random) {
                    damaged[Int.random(in: 0..<damaged.count, using: &random)] ^= 1 << UInt8.random(in: 0..<8, using: &random)
                }
                if try open(try folder.write(damaged, to: "flip.pt2"), inputs) { opened += 1 }
            }
        }
        #expect(opened > 0)
    }

    @Test("Members exchanged, emptied, doubled and left out")
    func members() throws {
        let folder = try TemporaryFolder()
        var random = SplitMix(seed: 2)
        for (program, _, inputs) in try programs(["counter", "size_branch"]) {
            let reader = try ZipReader(path: try TorchArchives.folder.file(program.name + ".pt2"))
            let members = try reader.directory.entries.map { entry in
                (name: entry.name, bytes: try reader.read(entry).withUnsafeBytes { Array($0) })
            }
            for _ in 0..<100 * rounds {
                var changed = members
                let (a, b) = (Int.random(in: 0..<changed.count, using: &random), Int.random(in: 0..<changed.count, using: &random))
                switch Int.random(in: 0..<4, using: &random) {
                case 0: (changed[a].bytes, changed[b].bytes) = (changed[b].bytes, changed[a].bytes)
                case 1: changed[a].bytes = []
                case 2: changed[a].bytes += changed[a].bytes
                default: changed.remove(at: a)
                }
                let path = folder.file("members.pt2")
                try ZipWriter.write(changed.map { ZipMember($0.name, ByteSource($0.bytes)) }, to: path)
                _ = try open(path, inputs)
            }
        }
    }

    @Test("Documents changed in one place: values of other kinds, numbers out of range, names exchanged, parts left out or doubled")
    func documents() throws {
        let folder = try TemporaryFolder()
        var random = SplitMix(seed: 3)
        var opened = 0
        for (program, _, inputs) in try programs(["counter", "size_branch", "sizes", "in_place", "strided_weights", "item"]) {
            let reader = try ZipReader(path: try TorchArchives.folder.file(program.name + ".pt2"))
            let members = try reader.directory.entries.map { entry in
                (name: entry.name, bytes: try reader.read(entry).withUnsafeBytes { Array($0) })
            }
            let documents = members.indices.filter { members[$0].name.hasSuffix(".json") }
            for _ in 0..<120 * rounds {
                let position = documents[Int.random(in: 0..<documents.count, using: &random)]
                let text = String(decoding: members[position].bytes, as: UTF8.self)
                var changed = members
                let damaged = JSONDamage.change(try JSONParser.parse(text), &random)
                changed[position].bytes = JSONWriter.utf8(damaged)
                let path = folder.file("document.pt2")
                try ZipWriter.write(changed.map { ZipMember($0.name, ByteSource($0.bytes)) }, to: path)
                if try open(path, inputs) { opened += 1 }
            }
        }
        #expect(opened > 0)
    }
}

/// Changes one place of a document.
private enum JSONDamage {
    static func change(_ json: JSON, _ random: inout SplitMix) -> JSON {
        switch json {
        case .array(var elements) where !elements.isEmpty && Int.random(in: 0..<8, using: &random) > 0:
            let index = Int.random(in: 0..<elements.count, using: &random)
            switch Int.random(in: 0..<14, using: &random) {
            case 0: elements.remove(at: index)
            case 1: elements.append(elements[index])
            case 2: elements.swapAt(index, Int.random(in: 0..<elements.count, using: &random))
            default: elements[index] = change(elements[index], &random)
            }
            return .array(elements)
        case .object(let object) where !object.members.isEmpty && Int.random(in: 0..<12, using: &random) > 0:
            var members = object.members
            let index = Int.random(in: 0..<members.count, using: &random)
            let other = Int.random(in: 0..<members.count, using: &random)
            switch Int.random(in: 0..<20, using: &random) {
            case 0: members.remove(at: index)
            case 1: members[index] = .init(key: members[index].key, value: members[other].value)
            case 2: members[index] = .init(key: "unknown_\(index)", value: members[index].value)
            default: members[index] = .init(key: members[index].key, value: change(members[index].value, &random))
            }
            return .object(JSONObject(members))
        default: return leaf(json, &random)
        }
    }

    private static func leaf(_ json: JSON, _ random: inout SplitMix) -> JSON {
        let numbers: [Int] = [0, 1, -1, 2, 7, -9, 12, 13, 99, 1 << 31, 1 << 40, Int.max, Int.min, Int.max / 2]
        let texts = [
            "", "x", "torch.ops.aten.add.Tensor", "torch.ops.aten.sin.default", "torch.ops.aten.add_.Tensor", "_operator.mul",
            "Symbol('s77')",
            "Mul(Symbol('s77'), Integer(9223372036854775807))", "FloorDiv(Symbol('s77'), Integer(0))", "../../etc/passwd", "b_sum",
            "[1, {}]",
        ]
        switch Int.random(in: 0..<8, using: &random) {
        case 0: return .null
        case 1: return .bool(Bool.random(using: &random))
        case 2: return .string(texts[Int.random(in: 0..<texts.count, using: &random)])
        case 3: return .array([])
        case 4: return .object([:])
        case 5: return .double(1.5)
        default:
            if case .string = json { return .string(texts[Int.random(in: 0..<texts.count, using: &random)]) }
            return .int(numbers[Int.random(in: 0..<numbers.count, using: &random)])
        }
    }
}

import Testing

@testable import ApusArchive

@Suite("safetensors as records")
struct SafetensorsRecordTests {
    private func file(_ header: String, data: [UInt8] = [], length: UInt64? = nil) -> [UInt8] {
        RawZip.little(length ?? UInt64(header.utf8.count)) + Array(header.utf8) + data
    }

    private func load(_ bytes: [UInt8]) throws -> SafetensorsFile {
        let folder = try TemporaryFolder()
        return try SafetensorsFile(path: try folder.write(bytes, to: "a.safetensors"))
    }

    @Test func reads() throws {
        let loaded = try load(
            file(
                #"{"__metadata__": {"k": "v"}, "b": {"dtype": "U8", "shape": [2], "data_offsets": [4, 6]}, "a": {"dtype": "F32", "shape": [], "data_offsets": [0, 4]}, "e": {"dtype": "I64", "shape": [0, 3], "data_offsets": [6, 6]}}   "#,
                data: [0, 0, 128, 63, 7, 8]))
        #expect(loaded.metadata == ["k": "v"])
        #expect(loaded.tensors.map(\.name) == ["a", "b", "e"])
        #expect(loaded.tensors.map(\.record.shape) == [[], [2], [0, 3]])
        #expect(loaded.tensors[1].record.bytes.withUnsafeBytes { Array($0) } == [7, 8])
    }

    @Test(
        "Errors",
        arguments: [
            (
                #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 8]}}"#, ArchiveError.Code.outOfBounds,
                "a: its data_offsets [4, 8] do not follow the previous tensor's end, 0"
            ),
            (
                #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}, "b": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#,
                .outOfBounds, "b: its data_offsets [0, 4] do not follow the previous tensor's end, 4"
            ),
            (
                #"{"a": {"dtype": "F32", "shape": [2], "data_offsets": [0, 4]}}"#, .outOfBounds,
                "a: an array of float32 [2] takes 8 bytes, 4 are there"
            ),
            (
                #"{"a": {"dtype": "F32", "shape": [9223372036854775807, 4], "data_offsets": [0, 4]}}"#, .outOfBounds,
                "a: the sizes [9223372036854775807, 4] overflow"
            ),
            (#"{"a": {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]}}"#, .outOfBounds, "a: the sizes [-1] have a negative one"),
            (
                #"{"a": {"dtype": "F32", "shape": [4], "data_offsets": [0, 16]}}"#, .outOfBounds,
                "a: bytes 0 to 16 reach outside the 8 bytes that are there"
            ),
            (
                #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [4, 0]}}"#, .outOfBounds,
                "a: its data_offsets [4, 0] do not follow the previous tensor's end, 0"
            ),
            (
                #"{"a": {"dtype": "F8_E4M3", "shape": [1], "data_offsets": [0, 1]}}"#, .unsupportedDType,
                "a: dtype 'F8_E4M3' has no counterpart among Apus's types"
            ),
            (#"{"a": {"dtype": "F32", "shape": [1]}}"#, .invalidHeader, "header: a: the key 'data_offsets' is missing"),
            (
                #"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0]}}"#, .invalidHeader,
                "header: a: 'data_offsets' must hold two numbers, found 1"
            ),
            (#"{"a": 1, "a": 2}"#, .duplicateName, "header: byte 0: the key 'a' occurs twice in one object"),
            (#"{"a": {"dtype": "F32", "shape": [1], "data_offsets": [0, 4]}}"#, .malformed, "the tensors take 4 bytes, 8 are there"),
            (#"{"__metadata__": {"k": 1}}"#, .invalidHeader, "header: __metadata__.k: expected a string, found an integer"),
            ("[]", .wrongFormat, "is not a safetensors file: its header is not a JSON object"),
            ("{", .invalidJSON, "header: byte 1: a key in quotes should be here"),
        ])
    func errors(header: String, code: ArchiveError.Code, message: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(file(header, data: [UInt8](repeating: 0, count: 8)), to: "a")
        #expect(archiveError(code) { _ = try SafetensorsFile(path: path) }?.description == "\(path): \(message)")
    }

    @Test func wrongFiles() {
        #expect(archiveError(.wrongFormat) { _ = try load([1, 2]) }?.reason == "is too short to be a safetensors file")
        #expect(archiveError(.truncated) { _ = try load(file("{}", length: 3)) }?.reason == "the file ends inside its header of 3 bytes")
        #expect(archiveError(.limit) { _ = try load(file("{}", length: 1 << 40)) }?.code == .limit)
        #expect(archiveError(.wrongFormat) { _ = try load(file("{}", length: UInt64.max)) }?.code == .wrongFormat)
    }

    @Test("Cut at every byte, every bit flipped: an error or a tensor inside the file")
    func damage() throws {
        let whole = file(#"{"a":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}"#, data: [UInt8](repeating: 3, count: 8))
        _ = try load(whole)
        for length in 0..<whole.count { archiveError { _ = try load(Array(whole[..<length])) } }
        for position in whole.indices {
            for bit in 0..<8 {
                var bytes = whole
                bytes[position] ^= 1 << bit
                do {
                    for tensor in try load(bytes).tensors { _ = tensor.record.bytes.withUnsafeBytes { $0.reduce(0, &+) } }
                } catch is ArchiveError {}
            }
        }
    }
}

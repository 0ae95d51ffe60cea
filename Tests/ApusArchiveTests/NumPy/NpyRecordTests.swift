import Testing

@testable import ApusArchive

@Suite("npy and npz as records")
struct NpyRecordTests {
    private func header(_ text: String, version: UInt8 = 1, data: [UInt8] = []) -> [UInt8] {
        let length: [UInt8] = version == 1 ? RawZip.little(UInt16(text.utf8.count)) : RawZip.little(UInt32(text.utf8.count))
        return NpyHeader.magic + [version, 0] + length + Array(text.utf8) + data
    }

    private func load(_ bytes: [UInt8]) throws -> ArrayRecord {
        let folder = try TemporaryFolder()
        return try NpyFile.load(try folder.write(bytes, to: "a.npy"))
    }

    @Test("Versions 1, 2 and 3, odd spacing, Python 2's long integers, either quote")
    func variants() throws {
        for version: UInt8 in [1, 2, 3] {
            let record = try load(
                header("{'descr': '<i2', 'fortran_order': False, 'shape': (2,), }", version: version, data: [1, 0, 2, 0]))
            #expect(record.dtype == .int16 && record.shape == [2] && !record.isColumnMajor)
        }
        let record = try load(header("{ \"shape\" :( 1L , 2 ) , 'fortran_order':True,'descr':'|u1'}  \n", data: [1, 2]))
        #expect(record.dtype == .uint8 && record.shape == [1, 2] && record.isColumnMajor)
        #expect(try load(header("{'descr': '|b1', 'fortran_order': False, 'shape': ()}", data: [1])).shape == [])
    }

    @Test("Big-endian elements are turned, parts of complex ones each")
    func endianness() throws {
        let record = try load(header("{'descr': '>c8', 'fortran_order': False, 'shape': (1,)}", data: [1, 2, 3, 4, 5, 6, 7, 8]))
        #expect(record.bytes.withUnsafeBytes { Array($0) } == [4, 3, 2, 1, 8, 7, 6, 5])
    }

    @Test(
        "Errors",
        arguments: [
            (
                "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", ArchiveError.Code.pickled,
                "an array of Python objects (dtype '|O') is a pickle, which is never loaded"
            ),
            (
                "{'descr': '<u4', 'fortran_order': False, 'shape': (1,)}", .unsupportedDType,
                "dtype '<u4' has no counterpart among Apus's types"
            ),
            (
                "{'descr': '|V2', 'fortran_order': False, 'shape': (1,)}", .unsupportedDType,
                "dtype '|V2' is raw bytes; NumPy has no bfloat16, use safetensors for it"
            ),
            (
                "{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (1,)}", .unsupportedDType,
                "a structured dtype; only plain numeric ones are read"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (9223372036854775807, 9223372036854775807)}", .outOfBounds,
                "the sizes [9223372036854775807, 9223372036854775807] overflow"
            ),
            (
                "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999,)}", .outOfBounds,
                "npy header, byte 51: a size that does not fit into 63 bits"
            ),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (-1,)}", .invalidHeader, "npy header, byte 51: a size should be here"),
            ("{'descr': '<f4', 'fortran_order': False, 'shape': (1,)}", .truncated, "an array of float32 [1] takes 4 bytes, 0 are there"),
            (
                "{'descr': '<f4', 'fortran_order': False}", .invalidHeader,
                "npy header, byte 40: one of 'descr', 'fortran_order', 'shape' is missing"
            ),
            (
                "{'descr': '<f4', 'fortran_order': 1, 'shape': ()}", .invalidHeader,
                "npy header, byte 34: 'fortran_order' is neither True nor False"
            ),
            ("{'descr': '<f4', 'x': 1}", .invalidHeader, "npy header, byte 22: an unknown key 'x'"),
            ("__import__('os').system('true')", .invalidHeader, "npy header, byte 0: '{' should be here"),
        ])
    func errors(text: String, code: ArchiveError.Code, message: String) {
        let error = archiveError(code) { _ = try load(header(text)) }
        #expect(error?.description.components(separatedBy: "a.npy: ").last == message)
    }

    @Test func wrongFiles() {
        #expect(archiveError(.wrongFormat) { _ = try load([]) }?.reason == "is not an npy file")
        #expect(
            archiveError(.unsupportedVersion) { _ = try load(NpyHeader.magic + [4, 0, 0, 0]) }?.reason
                == "npy version 4; 1, 2 and 3 are read")
        #expect(
            archiveError(.truncated) { _ = try load(NpyHeader.magic + [1, 0, 100, 0]) }?.reason == "the file ends inside the npy header")
        #expect(archiveError(.limit) { _ = try load(NpyHeader.magic + [2, 0, 255, 255, 255, 255]) }?.code == .limit)
        let trailing = header("{'descr': '|u1', 'fortran_order': False, 'shape': (1,)}", data: [1, 2, 3])
        #expect(
            archiveError(.malformed) { _ = try load(trailing) }?.reason
                == "2 bytes follow the array; files with several arrays are not read")
    }

    @Test("Cut at every byte: an error")
    func cut() throws {
        let whole = header("{'descr': '<f4', 'fortran_order': False, 'shape': (2, 2), }", data: [UInt8](repeating: 1, count: 16))
        _ = try load(whole)
        for length in 0..<whole.count { archiveError { _ = try load(Array(whole[..<length])) } }
    }
}

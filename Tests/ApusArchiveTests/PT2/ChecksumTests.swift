import ApusExport
import ApusProgram
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Bytes of a file that are not what was written: every one is seen, since the archive has a checksum of every member.
@Suite("Checksums")
struct ChecksumTests {

    /// A program with one weight of so many elements, in a file, and where the weight lies in it.
    private func file(_ count: Int, in folder: TemporaryFolder) throws -> (path: String, weight: ZipEntry, x: Tensor) {
        let weight = try Tensor.randn([count], seed: 1)
        let x = try Tensor.ones([count])
        let program = try export({ (x: Tensor) in try (x * weight).sum() }, args: x)
        let path = folder.file("p.pt2")
        try program.save(to: path)
        let reader = try ZipReader(path: path)
        let entry = try #require(reader.directory.entries.first { $0.size == 4 * count })
        return (path, entry, x)
    }

    private func flip(_ path: String, at offset: Int) throws {
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.seek(toOffset: UInt64(offset))
        let byte = try #require(try handle.read(upToCount: 1)?.first)
        try handle.seek(toOffset: UInt64(offset))
        try handle.write(contentsOf: Data([byte ^ 0x10]))
        try handle.close()
    }

    @Test("Small weights are checked on loading")
    func small() throws {
        let folder = try TemporaryFolder()
        let (path, entry, x) = try file(1000, in: folder)
        _ = try ExportedProgram.load(from: path)
        try flip(path, at: entry.dataOffset + 2001)
        for options in [ProgramOptions(), ProgramOptions(checksums: .onLoad), ProgramOptions(mapsFile: false)] {
            let error = archiveError(.checksum) { _ = try ExportedProgram.load(from: path, options: options) }
            #expect(error?.member == entry.name)
        }
        // Whoever asks for it gets the bytes as they are.
        let program = try ExportedProgram.load(from: path, options: ProgramOptions(checksums: .never))
        let _: Tensor = try program(x)
    }

    @Test("Large weights are checked when they are first used, whatever that is, and by loading where it is asked to")
    func large() throws {
        let folder = try TemporaryFolder()
        let (path, entry, x) = try file(1_000_000, in: folder)
        let whole = try ExportedProgram.load(from: path)
        let expected: Tensor = try whole(x)
        try flip(path, at: entry.dataOffset + 3_999_999)
        archiveError(.checksum) { _ = try ExportedProgram.load(from: path, options: ProgramOptions(checksums: .onLoad)) }
        for _ in 0..<2 {
            let program = try ExportedProgram.load(from: path)
            let again = try program.transform()
            for damaged in [program, again] {
                // Every time, not the first time alone.
                for _ in 0..<2 {
                    let error = archiveError(.checksum) { let _: Tensor = try damaged(x) }
                    #expect(error?.file == path && error?.member == entry.name)
                }
            }
        }
        let program = try ExportedProgram.load(from: path)
        #expect(throws: (any Error).self) { try program.save(to: folder.file("copy.pt2")) }
        #expect(!FileManager.default.fileExists(atPath: folder.file("copy.pt2")))
        let constant = try #require(program.constants.first?.value)
        #expect(throws: TensorError.self) { _ = try constant.sum() }
        try flip(path, at: entry.dataOffset + 3_999_999)
        let mended: Tensor = try ExportedProgram.load(from: path, options: ProgramOptions(mapsFile: false))(x)
        #expect(try mended.array(of: Float.self) == expected.array(of: Float.self))
    }

    @Test("A file that is shortened after it was read into memory does no harm")
    func shortened() throws {
        let folder = try TemporaryFolder()
        let (path, _, x) = try file(1_000_000, in: folder)
        let program = try ExportedProgram.load(from: path, options: ProgramOptions(mapsFile: false))
        #expect(truncate(path, 0) == 0)
        let _: Tensor = try program(x)
    }

    @Test("Any one byte of a program file that is changed is an error, or changes nothing")
    func everyByte() throws {
        let folder = try TemporaryFolder()
        let (path, _, x) = try file(16, in: folder)
        let expected: Tensor = try ExportedProgram.load(from: path)(x)
        let bytes = try folder.read("p.pt2")
        var (refused, same) = (0, 0)
        for position in bytes.indices {
            var damaged = bytes
            damaged[position] ^= 1 << UInt8(position % 8)
            let copy = try folder.write(damaged, to: "d.pt2")
            do {
                let result: Tensor = try ExportedProgram.load(from: copy)(x)
                #expect(try result.array(of: Float.self) == expected.array(of: Float.self), "byte \(position)")
                same += 1
            } catch is ArchiveError { refused += 1 }
        }
        #expect(refused > same, "\(refused) refused, \(same) the same")
    }

    @Test("Arrays of npz files are checked")
    func numPy() throws {
        let folder = try TemporaryFolder()
        let path = folder.file("a.npz")
        try ["x": try Tensor.ones([100])].save(npz: path)
        let entry = try #require(try ZipReader(path: path).entry("x.npy"))
        try flip(path, at: entry.dataOffset + entry.size - 3)
        #expect(archiveError(.checksum) { _ = try [String: Tensor].load(npz: path) }?.member == "x.npy")
    }
}

/// A zip file as names and bytes, for what takes files apart and puts them together again.
package enum ZipContents {
    package struct Member: Sendable {
        package var name: String
        package var bytes: [UInt8]

        package init(_ name: String, _ bytes: [UInt8]) { (self.name, self.bytes) = (name, bytes) }
    }

    /// - Throws: `ArchiveError`, also for a member without its checksum.
    package static func read(_ path: String) throws -> [Member] {
        let reader = try ZipReader(path: path)
        return try reader.directory.entries.map { entry in
            Member(entry.name, try reader.read(entry).withUnsafeBytes { Array($0) })
        }
    }

    /// Reads every member to its end and compares the checksums, whether or not anything uses it.
    /// - Throws: `ArchiveError` naming the first member whose data is damaged.
    package static func verify(_ path: String) throws {
        // An ONNX model has no checksums.
        if try ONNXFile.open(path: path, options: ProgramOptions()) == nil { try ZipReader(path: path).verify() }
    }

    /// Writes members stored, with their checksums.
    package static func write(_ members: [Member], to path: String) throws {
        try ZipWriter.write(members.map { ZipMember($0.name, ByteSource($0.bytes)) }, to: path)
    }
}

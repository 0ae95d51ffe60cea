/// What went wrong while a file was opened, understood, or written.
///
/// The error is data first: a `code` to switch over, the file, the member of the archive, the place inside that member (a
/// JSON path, or a byte offset), and the reason in words. `description` puts them into one line:
///
///     model.pt2: models/model.json: graph_module.graph.nodes[12].inputs[0].arg: expected exactly one key, found 2 (as_int, as_tensor)
public struct ArchiveError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure, stable enough to switch over.
    public enum Code: String, Sendable, CaseIterable {
        /// The operating system refused to open, map or read the file.
        case cannotRead
        /// The operating system refused to write the file; nothing was left behind.
        case cannotWrite
        /// The file is not of the format that was asked for.
        case wrongFormat
        /// The file ends before its own tables say it should.
        case truncated
        /// The container's tables contradict each other or point outside the file.
        case malformed
        /// A member's name is absolute, climbs out of the archive, or cannot be a file name.
        case unsafePath
        /// Two members, keys or tensors have the same name.
        case duplicateName
        /// Two members claim the same bytes of the file.
        case overlapping
        /// A member is encrypted.
        case encrypted
        /// A member is compressed by a method other than stored or deflate, or its compressed data is damaged.
        case compression
        /// A member's bytes do not have the checksum that the archive records.
        case checksum
        /// A member or entry that the format demands is absent.
        case missing
        /// The format's version is not one that this reader knows.
        case unsupportedVersion
        /// Text is not valid JSON.
        case invalidJSON
        /// JSON that does not follow the schema of a program.
        case invalidSchema
        /// A symbolic expression's text cannot be understood.
        case invalidExpression
        /// A tree specification's text cannot be understood.
        case invalidTreeSpec
        /// A header (npy, safetensors) that does not follow its format.
        case invalidHeader
        /// A data type that the format or this library does not have.
        case unsupportedDType
        /// Reading the entry would mean running a Python pickle, which is never done.
        case pickled
        /// Sizes, strides or offsets that reach outside the bytes that are there, or overflow.
        case outOfBounds
        /// The program calls operators that this library does not have; all of them are listed.
        case unknownOperators
        /// The program is inconsistent: a name used before its definition, a signature that does not match the graph.
        case invalidProgram
        /// Valid, but beyond what this library reads or writes.
        case unsupported
        /// The value cannot be written in this format.
        case notRepresentable
        /// A limit that protects against hostile input (nesting depth, number of entries) was reached.
        case limit
    }

    public var code: Code
    /// The path that was given by the caller.
    public var file: String?
    /// The member of the archive, without its root folder.
    public var member: String?
    /// A JSON path or a byte offset inside the member or file.
    public var location: String?
    /// The reason in words, without the places above.
    public var reason: String

    public init(_ code: Code, file: String? = nil, member: String? = nil, at location: String? = nil, _ reason: String) {
        self.code = code
        self.file = file
        self.member = member
        self.location = location?.isEmpty == true ? nil : location
        self.reason = reason
    }

    public var description: String {
        var parts: [String] = []
        for part in [file, member, location] {
            if let part, !part.isEmpty { parts.append(part) }
        }
        parts.append(reason)
        return parts.joined(separator: ": ")
    }
}

extension ArchiveError {
    /// The same error with the file named, unless an inner layer has named one already.
    func inFile(_ file: String) -> ArchiveError {
        var copy = self
        if copy.file == nil { copy.file = file }
        return copy
    }

    /// The same error with the member named, unless an inner layer has named one already.
    func inMember(_ member: String) -> ArchiveError {
        var copy = self
        if copy.member == nil { copy.member = member }
        return copy
    }
}

/// Runs `body` and names the file in any `ArchiveError` that leaves it.
func naming<Result>(file: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ArchiveError { throw error.inFile(file) }
}

/// Runs `body` and names the member in any `ArchiveError` that leaves it.
func naming<Result>(member: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch let error as ArchiveError { throw error.inMember(member) }
}

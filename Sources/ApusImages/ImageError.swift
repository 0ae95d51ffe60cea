/// What went wrong while an image was read or written. One line: the file, where there is one, and the reason.
public struct ImageError: Error, Sendable, Equatable, CustomStringConvertible {
    /// The kind of failure, stable enough to switch over.
    public enum Code: String, Sendable, CaseIterable {
        /// Neither PNG nor JPEG, by the first bytes.
        case wrongFormat
        /// The file ends inside the image.
        case truncated
        /// The file does not follow its format, or a checksum is wrong.
        case malformed
        /// The image has more pixels than ``ImageLimits`` allows.
        case limit
        /// A kind of image that is not read or written, CMYK for instance.
        case unsupported
        /// A tensor that is no image, or a number that makes no sense.
        case invalidArgument
    }

    public var code: Code
    public var file: String?
    public var reason: String

    public init(_ code: Code, file: String? = nil, _ reason: String) {
        (self.code, self.file, self.reason) = (code, file, reason)
    }

    public var description: String { file.map { "\($0): \(reason)" } ?? reason }
}

/// Runs `body` and names the file in an `ImageError` that leaves it.
func naming<Result>(file: String, _ body: () throws -> Result) throws -> Result {
    do { return try body() } catch var error as ImageError {
        error.file = file
        throw error
    }
}

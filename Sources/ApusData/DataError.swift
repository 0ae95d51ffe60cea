/// What went wrong while samples were read, put together, or asked for.
///
/// The error is data first: a `code` to switch over and the place, as far as there is one: the sample's index, or a file's line and column.
/// `description` puts them into one line:
///
///     prices.csv: line 7, column 'price': '12,5' is not a float32
///     sample 41: cat-41.png: the file ends inside the image
public struct DataError: Error, Sendable, CustomStringConvertible {
    /// The kind of failure, stable enough to switch over.
    public enum Code: String, Sendable, CaseIterable {
        /// A size, a number of workers or another argument that makes no sense.
        case invalidArgument
        /// Data sets or columns that should be equally long are not.
        case countMismatch
        /// A data set threw for a sample; ``DataError/underlying`` is what it threw.
        case sample
        /// The samples of a batch could not be put together; ``DataError/underlying`` says why.
        case collation
        /// A text that does not follow its format.
        case malformed
        /// A column or an entry that was asked for is not there.
        case missing
        /// A field that is not a value of its column's dtype.
        case invalidValue
    }

    public var code: Code
    /// The reason in words, without the places below and what ``underlying`` says.
    public var reason: String
    /// The sample's index in the data set.
    public var index: Int?
    /// The path that was given by the caller.
    public var file: String?
    /// The line of the file at which the row begins, from 1.
    public var line: Int?
    /// The column's name.
    public var column: String?
    /// What was thrown where the code is `.sample` or `.collation`.
    public var underlying: (any Error)?

    public init(
        _ code: Code, index: Int? = nil, file: String? = nil, line: Int? = nil, column: String? = nil, _ reason: String,
        underlying: (any Error)? = nil
    ) {
        (self.code, self.reason, self.index) = (code, reason, index)
        (self.file, self.line, self.column, self.underlying) = (file, line, column, underlying)
    }

    public var description: String {
        var parts: [String] = []
        if let index { parts.append("sample \(index)") }
        if let file { parts.append(file) }
        let place: [String?] = [line.map { "line \($0)" }, column.map { "column '\($0)'" }]
        let known: [String] = place.compactMap { $0 }
        if !known.isEmpty { parts.append(known.joined(separator: ", ")) }
        if !reason.isEmpty { parts.append(reason) }
        // Told only when somebody asks: an error of a tensor then looks up the line that it comes from.
        if let underlying { parts.append("\(underlying)") }
        return parts.joined(separator: ": ")
    }
}

import ApusArchive
import ApusTensor

/// Columns of a file of comma-separated values: numbers as tensors, the rest as texts.
///
///     let table = try CSVTable(path: "iris.csv", columns: ["length": .float32, "width": .float32], texts: ["species"])
///     let loader = try DataLoader(ColumnDataset(table.columns), batchSize: 32)
///
/// Fields may be quoted and then hold separators, line ends and doubled quotes, as RFC 4180 says; lines end with a line feed, with or without a carriage return,
/// and empty ones are passed over. The file is read once, from front to back; only the columns that were asked for are kept.
public struct CSVTable: Sendable {
    /// How a file is written.
    public struct Format: Sendable {
        /// One ASCII character.
        public var separator: Character
        /// Whether the first row has the columns' names; without it they are called "0", "1" and so on.
        public var hasHeader: Bool
        /// Whether empty fields of floating-point columns are NaN. Elsewhere, and otherwise, they are errors.
        public var nanForMissing: Bool

        public init(separator: Character = ",", hasHeader: Bool = true, nanForMissing: Bool = false) {
            (self.separator, self.hasHeader, self.nanForMissing) = (separator, hasHeader, nanForMissing)
        }
    }

    /// The names of all columns, in the file's order.
    public let header: [String]
    /// The columns that were asked for with a dtype, `[count]` each.
    public let columns: [String: Tensor]
    /// The columns that were asked for as texts.
    public let texts: [String: [String]]
    /// The number of rows, without the header.
    public let count: Int

    /// Reads a file.
    ///
    /// - Parameters:
    ///   - columns: the dtype of each column that becomes a tensor. Numbers are written as Swift writes them, truth values 0, 1, true or false.
    ///   - texts: columns that are kept as they are.
    /// - Throws: `ArchiveError` where the file can't be read. `DataError` with line and column: `.invalidValue` for a field that is no value of
    ///   the dtype, an integer out of its range among them (a number too large for a float is infinite), `.malformed` for rows of different lengths and quotes that don't end, `.missing` for a column
    ///   that is not there.
    public init(path: String, columns: [String: DType], texts: [String] = [], format: Format = Format()) throws {
        let file = try MappedFile(path: path)
        do {
            self = try withExtendedLifetime(file) { try CSVTable(file.bytes, columns, texts, format) }
        } catch var error as DataError {
            error.file = path
            throw error
        }
    }

    /// Reads a text.
    /// - Throws: as for a file.
    public init(text: String, columns: [String: DType], texts: [String] = [], format: Format = Format()) throws {
        let bytes: [UInt8] = Array(text.utf8)
        self = try bytes.withUnsafeBytes { try CSVTable($0, columns, texts, format) }
    }

    private init(_ bytes: UnsafeRawBufferPointer, _ columns: [String: DType], _ texts: [String], _ format: Format) throws {
        guard let separator = format.separator.asciiValue, !"\"\r\n".utf8.contains(separator) else {
            throw DataError(.invalidArgument, "'\(format.separator)' can't separate fields")
        }
        var parser = CSVParser(bytes, separator: separator)
        guard let first = try parser.next() else { throw DataError(.malformed, "there are no rows") }
        let header: [String] = format.hasHeader ? first.fields : first.fields.indices.map { "\($0)" }
        var places: [String: Int] = [:]
        for (place, name) in header.enumerated() where places.updateValue(place, forKey: name) != nil {
            throw DataError(.malformed, line: first.line, column: name, "two columns have this name")
        }
        func place(_ name: String) throws -> Int {
            if let place = places[name] { return place }
            throw DataError(.missing, column: name, "is not there; there are \(header.joined(separator: ", "))")
        }
        var numbers: [(name: String, place: Int, dtype: DType, column: any CSVColumn)] = try columns.sorted { $0.key < $1.key }.map {
            ($0.key, try place($0.key), $0.value, try csvColumn($0.value, name: $0.key, nanForMissing: format.nanForMissing))
        }
        let kept: [(name: String, place: Int)] = try texts.map { ($0, try place($0)) }
        var lists: [[String]] = Array(repeating: [], count: kept.count)

        var row: CSVParser.Row? = format.hasHeader ? try parser.next() : first
        var count = 0
        while let current = row {
            guard current.fields.count == header.count else {
                let found = "\(current.fields.count) fields, but the first row has \(header.count)"
                throw DataError(.malformed, line: current.line, found)
            }
            for index in numbers.indices {
                let field: String = current.fields[numbers[index].place]
                let isValue: Bool = field.isEmpty ? numbers[index].column.appendMissing() : numbers[index].column.append(field)
                guard isValue else {
                    let (name, dtype) = (numbers[index].name, numbers[index].dtype)
                    let reason = field.isEmpty ? "is empty" : "'\(field.prefix(40))' is not a value of \(dtype)"
                    throw DataError(.invalidValue, line: current.line, column: name, reason)
                }
            }
            for (index, text) in kept.enumerated() { lists[index].append(current.fields[text.place]) }
            count += 1
            row = try parser.next()
        }
        self.header = header
        self.count = count
        self.columns = try Dictionary(uniqueKeysWithValues: numbers.map { ($0.name, try $0.column.tensor()) })
        self.texts = Dictionary(zip(kept.map(\.name), lists)) { first, _ in first }
    }
}

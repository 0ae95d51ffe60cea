import ApusArchive
import ApusTensor

/// Takes texts apart into the pieces of words that BERT and its kin were trained on, and gives their numbers.
///
///     let tokenizer = try WordPieceTokenizer(vocabularyFile: "vocab.txt")
///     try tokenizer.tokens("Unbelievable!")            // ["unbelievable", "!"]
///     let batch = try tokenizer.encode(["One sentence.", "Another."], maxLength: 128)
///
/// A word is the longest piece that the vocabulary begins it with, then the longest that goes on from there (written `##...`), and so on; where nothing
/// fits, the whole word is unknown. The same numbers as Hugging Face's `BertTokenizerFast`.
public struct WordPieceTokenizer: Sendable {
    /// What a tokenizer was trained with.
    public struct Options: Sendable {
        /// Writes small letters.
        public var lowercases: Bool
        /// Strips accents; as `lowercases` where it is nil.
        public var stripsAccents: Bool?
        /// Words of more characters are unknown.
        public var maxWordLength: Int

        public init(lowercases: Bool = true, stripsAccents: Bool? = nil, maxWordLength: Int = 100) {
            (self.lowercases, self.stripsAccents, self.maxWordLength) = (lowercases, stripsAccents, maxWordLength)
        }
    }

    /// Texts as numbers, one in each row.
    public struct Batch: Sendable {
        /// int64 `[texts, longest]`, with the number of `[PAD]` behind the end of each.
        public let ids: Tensor
        /// int64 `[texts, longest]`: 1 for a token, 0 for padding.
        public let attentionMask: Tensor
    }

    public let vocabulary: [String]
    // By bytes: texts that look alike are different pieces.
    private let ids: [[UInt8]: Int]
    private let normalizer: BertNormalizer
    private let maxWordLength: Int
    private let unknown: Int
    private let first: Int
    private let last: Int
    private let padding: Int
    /// Tokens that stand for themselves within a text, whatever is around them.
    private let special: [(scalars: [Unicode.Scalar], id: Int)]

    /// - Parameter vocabulary: the pieces in the order of their numbers; `[UNK]`, `[CLS]`, `[SEP]` and `[PAD]` are among them.
    /// - Throws: `DataError` (`.missing`) where one of those is not.
    public init(vocabulary: [String], options: Options = Options()) throws {
        var ids: [[UInt8]: Int] = [:]
        for (id, piece) in vocabulary.enumerated() { ids[Array(piece.utf8)] = id }
        func id(_ token: String) throws -> Int {
            guard let id = ids[Array(token.utf8)] else { throw DataError(.missing, "the vocabulary has no \(token)") }
            return id
        }
        (unknown, first, last, padding) = (try id("[UNK]"), try id("[CLS]"), try id("[SEP]"), try id("[PAD]"))
        special = ["[UNK]", "[CLS]", "[SEP]", "[PAD]", "[MASK]"].compactMap { token in
            ids[Array(token.utf8)].map { (Array(token.unicodeScalars), $0) }
        }
        (self.vocabulary, self.ids, maxWordLength) = (vocabulary, ids, options.maxWordLength)
        normalizer = BertNormalizer(lowercases: options.lowercases, stripsAccents: options.stripsAccents ?? options.lowercases)
    }

    /// Reads a `vocab.txt`, a piece on each line.
    /// - Throws: `ArchiveError` where it can't be read; `DataError`: `.malformed` where it is not UTF-8, and as above.
    public init(vocabularyFile path: String, options: Options = Options()) throws {
        let file = try MappedFile(path: path)
        do {
            var lines: [String] = []
            for line in file.bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false) {
                guard let text = String(validating: line, as: UTF8.self) else {
                    throw DataError(.malformed, line: lines.count + 1, "is not UTF-8")
                }
                lines.append(String(text.reversed().drop { $0.isWhitespace }.reversed()))
            }
            if lines.last == "" { lines.removeLast() }
            try self.init(vocabulary: lines, options: options)
        } catch var error as DataError {
            error.file = path
            throw error
        }
    }

    /// The pieces of a text, without any that say where it begins and ends.
    public func tokens(_ text: String) -> [String] { pieces(text).map { vocabulary[$0] } }

    /// The numbers of a text's pieces.
    ///
    /// - Parameters:
    ///   - maxLength: leaves out what is beyond so many numbers, those of `[CLS]` and `[SEP]` counted.
    ///   - addsSpecialTokens: puts `[CLS]` before the text and `[SEP]` behind it.
    /// - Throws: `DataError` (`.invalidArgument`) where `maxLength` has no room for these.
    public func encode(_ text: String, maxLength: Int? = nil, addsSpecialTokens: Bool = true) throws -> [Int] {
        let added: Int = addsSpecialTokens ? 2 : 0
        let limit: Int = maxLength ?? .max
        guard limit >= added else { throw DataError(.invalidArgument, "\(limit) tokens have no room for \(added) at the ends") }
        let ids: ArraySlice<Int> = pieces(text).prefix(limit - added)
        return addsSpecialTokens ? [first] + ids + [last] : Array(ids)
    }

    /// Texts as one batch.
    ///
    /// - Parameter paddingMultiple: rounds the length up, say to 8 for programs that were exported for such lengths.
    /// - Throws: `DataError` (`.invalidArgument`) for no texts, and as above.
    public func encode(_ texts: [String], maxLength: Int? = nil, paddingMultiple: Int = 1) throws -> Batch {
        guard !texts.isEmpty, (1...1 << 20).contains(paddingMultiple) else {
            throw DataError(.invalidArgument, texts.isEmpty ? "there are no texts" : "lengths can't be multiples of \(paddingMultiple)")
        }
        let rows: [[Int]] = try texts.map { try encode($0, maxLength: maxLength) }
        let longest: Int = rows.reduce(0) { max($0, $1.count) }
        let length: Int = (longest + paddingMultiple - 1) / paddingMultiple * paddingMultiple
        let ids: [Int] = rows.flatMap { $0 + Array(repeating: padding, count: length - $0.count) }
        let mask: [Int] = rows.flatMap { Array(repeating: 1, count: $0.count) + Array(repeating: 0, count: length - $0.count) }
        return Batch(ids: try Tensor(ids, shape: [rows.count, length]), attentionMask: try Tensor(mask, shape: [rows.count, length]))
    }

    // MARK: Pieces

    private func pieces(_ text: String) -> [Int] {
        var result: [Int] = []
        let scalars: [Unicode.Scalar] = Array(text.unicodeScalars)
        var start = 0
        var position = 0
        func finish(at end: Int) {
            for word in normalizer.words(scalars[start..<end]) { append(word, to: &result) }
        }
        while position < scalars.count {
            guard scalars[position] == "[", let token = special.first(where: { scalars[position...].starts(with: $0.scalars) }) else {
                position += 1
                continue
            }
            finish(at: position)
            result.append(token.id)
            position += token.scalars.count
            start = position
        }
        finish(at: scalars.count)
        return result
    }

    private func append(_ word: [Unicode.Scalar], to result: inout [Int]) {
        guard word.count <= maxWordLength else { return result.append(unknown) }
        var found: [Int] = []
        var start = 0
        while start < word.count {
            guard let (id, end) = longestPiece(of: word, from: start) else { return result.append(unknown) }
            found.append(id)
            start = end
        }
        result += found
    }

    private func longestPiece(of word: [Unicode.Scalar], from start: Int) -> (id: Int, end: Int)? {
        var bytes: [UInt8] = start == 0 ? [] : Array("##".utf8)
        var ends: [Int] = []
        for scalar in word[start...] {
            bytes.append(contentsOf: UTF8.encode(scalar).map(Array.init) ?? [])
            ends.append(bytes.count)
        }
        for (offset, end) in ends.enumerated().reversed() {
            bytes.removeLast(bytes.count - end)
            if let id = ids[bytes] { return (id, start + offset + 1) }
        }
        return nil
    }
}

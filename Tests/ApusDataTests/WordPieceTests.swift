import ApusData
import ApusTensor
import Foundation
import JudgeSupport
import Testing

/// Texts as pieces of words: every number as the `tokenizers` package gives it, over some thousands of lines and every kind of character.
struct WordPieceTests {
    private struct Case: Decodable {
        let lowercases: Bool
        let stripsAccents: Bool?
        let vocabulary: [String]
        let texts: [String]
        let ids: [[Int]]
        let short: [[Int]]
    }

    @Test func numbersAreThoseOfTheTokenizersPackage() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("wordpiece-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Python.runFile("Tests/Judges/wordpiece.py", [folder.path])
        let cases = try JSONDecoder().decode([Case].self, from: Data(contentsOf: folder.appendingPathComponent("cases.json")))
        #expect(cases.count == 4)
        for judged in cases {
            let options = WordPieceTokenizer.Options(lowercases: judged.lowercases, stripsAccents: judged.stripsAccents)
            let tokenizer = try WordPieceTokenizer(vocabulary: judged.vocabulary, options: options)
            var different = 0
            for (text, ids) in zip(judged.texts, judged.ids) {
                let ours: [Int] = try tokenizer.encode(text)
                guard ours != ids else { continue }
                different += 1
                guard different <= 5 else { continue }
                func pieces(_ ids: [Int]) -> String { ids.map { judged.vocabulary[$0] }.joined(separator: " ") }
                Issue.record("\(options): \(text.unicodeScalars.map { String($0.value, radix: 16) })\n\(pieces(ours))\n\(pieces(ids))")
            }
            #expect(different == 0, "of \(judged.texts.count)")
            for (text, ids) in zip(judged.texts, judged.short) { #expect(try tokenizer.encode(text, maxLength: 12) == ids) }
        }
    }

    private let vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "one", "word", "##s"]

    @Test func batchesArePaddedToTheLongest() throws {
        let tokenizer = try WordPieceTokenizer(vocabulary: vocabulary)
        let batch = try tokenizer.encode(["one", "One words, word"], maxLength: 6)
        #expect(try batch.ids.nested(as: [[Int]].self) == [[2, 4, 3, 0, 0, 0], [2, 4, 5, 6, 1, 3]])
        #expect(try batch.attentionMask.nested(as: [[Int]].self) == [[1, 1, 1, 0, 0, 0], [1, 1, 1, 1, 1, 1]])
        #expect(try tokenizer.encode(["one"], paddingMultiple: 8).ids.sizes == [1, 8])
        #expect(tokenizer.tokens("Words") == ["word", "##s"])
        #expect(try tokenizer.encode("one", addsSpecialTokens: false) == [4])
    }

    @Test func mistakesAreErrors() throws {
        #expect(throws: DataError.self) { try WordPieceTokenizer(vocabulary: ["[PAD]", "[CLS]", "[SEP]"]) }
        let tokenizer = try WordPieceTokenizer(vocabulary: vocabulary)
        for length in [.min, -1, 0, 1] { #expect(throws: DataError.self) { try tokenizer.encode("one", maxLength: length) } }
        #expect(throws: DataError.self) { try tokenizer.encode([String]()) }
        for multiple in [.min, 0, .max] { #expect(throws: DataError.self) { try tokenizer.encode(["one"], paddingMultiple: multiple) } }
    }

    @Test func vocabulariesAreReadFromFiles() throws {
        let path = FileManager.default.temporaryDirectory.appendingPathComponent("vocab-\(UUID().uuidString).txt").path
        defer { try? FileManager.default.removeItem(atPath: path) }
        try Data(vocabulary.joined(separator: "\r\n").appending("\n").utf8).write(to: URL(fileURLWithPath: path))
        #expect(try WordPieceTokenizer(vocabularyFile: path).vocabulary == vocabulary)
        try Data([0x61, 0x0A, 0xFF]).write(to: URL(fileURLWithPath: path))
        let error = #expect(throws: DataError.self) { try WordPieceTokenizer(vocabularyFile: path) }
        #expect(error?.description == "\(path): line 2: is not UTF-8")
    }
}

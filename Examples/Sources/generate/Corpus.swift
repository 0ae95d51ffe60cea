import Apus
import ApusData
import Foundation

/// A text as numbers, one for each kind of character.
struct Corpus: Sendable {
    let characters: [Character]
    let ids: [Int]
    private let numbers: [Character: Int]

    /// The pages of a folder in the order of their names, without their code and tables; what is not ASCII is left out.
    init(pages folder: String) throws {
        let names = try FileManager.default.contentsOfDirectory(atPath: folder).filter { $0.hasSuffix(".md") }.sorted()
        var text = ""
        for name in names {
            var isCode = false
            for line in try String(contentsOfFile: folder + "/" + name, encoding: .utf8).split(
                separator: "\n", omittingEmptySubsequences: false)
            {
                if line.hasPrefix("```") { isCode.toggle() } else if !isCode, !line.hasPrefix("|") { text += line + "\n" }
            }
        }
        guard text.utf8.count > 10_000 else { throw GenerateError(description: "\(folder) has too little text to learn from") }
        let kept: [Character] = text.filter { $0.isASCII }
        characters = Set(kept).sorted()
        numbers = Dictionary(uniqueKeysWithValues: characters.enumerated().map { ($1, $0) })
        ids = kept.compactMap { [numbers] in numbers[$0] }
    }

    func ids(of text: String) -> [Int] { text.compactMap { numbers[$0] } }

    func text(of ids: [Int]) -> String { String(ids.map { characters[$0] }) }
}

/// Every stretch of a text, with the characters that follow each of its own.
struct Windows: Dataset {
    let ids: Tensor
    let length: Int
    let count: Int

    init(_ ids: [Int], length: Int) throws {
        self.ids = try Tensor(ids)
        self.length = length
        count = max(0, ids.count - length)
    }

    subscript(index: Int) -> (Tensor, Tensor) {
        get throws { (try ids[index..<(index + length)], try ids[(index + 1)..<(index + length + 1)]) }
    }
}

struct GenerateError: Error, CustomStringConvertible {
    let description: String
}

import Foundation
import JudgeSupport
import Testing

/// The Swift code of the documentation's pages is cut from sources that are compiled and run: each page's from the file of its name in `Pages`.
///
/// In a source `// snippet` begins what a block of a page shows and `// snippet.end` ends it; what lies between `// snippet.hide` and
/// `// snippet.show` belongs to the test alone, and so does the folder that files are in. The blocks of a page are the snippets of its source,
/// in order.
struct CompiledPage {
    /// The folders that have pages, from the package's.
    private static let folders: [String] = ["Sources/Apus/Apus.docc", "", "docs"]
    /// Pages whose Swift is no user's: they show parts of the library's own sources.
    private static let excerpts: Set<String> = ["CONTRIBUTING"]
    private static let sources: String = "Tests/Documentation/Pages"

    /// The page, from the package's folder.
    let path: String
    private let text: String

    /// All pages with Swift code, and those that a source is there for.
    static func all() throws -> [CompiledPage] {
        let known: Set<String> = Set(try names(in: sources, ".swift"))
        return try folders.flatMap { folder in
            try names(in: folder, ".md").compactMap { name in
                if excerpts.contains(name) { return nil }
                let path: String = (folder.isEmpty ? "" : folder + "/") + name + ".md"
                let page = CompiledPage(path: path, text: try read(path))
                return known.contains(name) || page.text.contains("```swift") ? page : nil
            }
        }
    }

    private static func names(in folder: String, _ suffix: String) throws -> [String] {
        try FileManager.default.contentsOfDirectory(atPath: Python.root + "/" + folder).filter { $0.hasSuffix(suffix) }.sorted()
            .map { String($0.dropLast(suffix.count)) }
    }

    private static func read(_ path: String) throws -> String { try String(contentsOfFile: Python.root + "/" + path, encoding: .utf8) }

    /// The page with the snippets of its source in place of its code.
    func written() throws -> String {
        let name: String = URL(fileURLWithPath: path).deletingPathExtension().lastPathComponent
        var snippets: ArraySlice<[String]> = CompiledPage.snippets(try CompiledPage.read("\(CompiledPage.sources)/\(name).swift"))[...]
        let count: Int = snippets.count
        var lines: [String] = []
        var blocks: Int = 0
        var isCode: Bool = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            if line == "```swift" {
                isCode = true
                blocks += 1
                lines += [String(line)] + (snippets.popFirst() ?? [])
            } else if line == "```" {
                isCode = false
            }
            if !isCode { lines.append(String(line)) }
        }
        try #require(blocks == count, "\(path) has \(blocks) blocks of Swift, its source \(count) snippets")
        return lines.joined(separator: "\n")
    }

    static func snippets(_ source: String) -> [[String]] {
        var snippets: [[String]] = []
        var part: [Substring]?
        func close() {
            guard let lines = part else { return }
            let indentation: Int = lines.filter { !$0.isEmpty }.map { $0.prefix { $0 == " " }.count }.min() ?? 0
            snippets[snippets.count - 1] += lines.map { $0.dropFirst(indentation).replacingOccurrences(of: "\\(folder)/", with: "") }
            part = nil
        }
        for line in source.split(separator: "\n", omittingEmptySubsequences: false) {
            switch line.trimmingCharacters(in: .whitespaces) {
            case "// snippet":
                snippets.append([])
                part = []
            case "// snippet.show": part = []
            case "// snippet.hide", "// snippet.end": close()
            default: part?.append(line)
            }
        }
        return snippets
    }
}

/// Runs the code of a page, or what else writes files, in a folder that is gone afterwards.
func inFolder(_ body: (_ folder: String) throws -> Void) throws {
    let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("pages-\(UUID().uuidString)")
    try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    defer { try? FileManager.default.removeItem(at: folder) }
    try body(folder.path)
}

/// The sources of the pages are tests of this suite.
@Suite struct PageTests {
    /// The lines of a text that a page does not show, but for the places in sources that they name, and the space between words.
    static func missing(_ text: String, in page: String) throws -> [String] {
        func bare(_ text: String) -> String {
            text.replacing(/[A-Za-z]+\.swift:[0-9]+/, with: "").split(separator: /\s+/).joined(separator: " ")
        }
        let shown: String = bare(try String(contentsOfFile: "\(Python.root)/Sources/Apus/Apus.docc/\(page).md", encoding: .utf8))
        return text.split(separator: "\n").map { bare(String($0)) }.filter { !shown.contains($0) }
    }
}

@Suite struct CompiledPageTests {
    @Test func codeOfPagesIsWhatRuns() throws {
        let pages = try CompiledPage.all()
        #expect(pages.count > 15)
        for page in pages { try expectRecorded(try page.written(), in: page.path) }
    }

    @Test func snippetsAreCutFromSources() {
        let source: String = """
            // snippet
            import Apus

            // snippet.hide
            func f() {
                // snippet.show
                let x = 1
                  // deeper
                // snippet.hide
                check("\\(folder)/m.pt2")
                // snippet.show
                print("\\(folder)/m.pt2")
                // snippet.end
                // snippet
            g()
                // snippet.end
            }
            """
        #expect(CompiledPage.snippets(source) == [["import Apus", "", "let x = 1", "  // deeper", "print(\"m.pt2\")"], ["g()"]])
    }
}

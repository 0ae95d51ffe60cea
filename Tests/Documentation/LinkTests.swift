import Foundation
import JudgeSupport
import Testing

/// What pages lead to is there: links to files, links to pages, files and tests that are named.
@Suite struct LinkTests {
    /// Paths from the package's folder, without what builds leave.
    private static let files: [String] = {
        let roots: [String] = ["Sources", "Tests", "Scripts", "docs", "Examples", "Benchmarks"]
        let inside: [String] = roots.flatMap { root in
            (FileManager.default.enumerator(atPath: "\(Python.root)/\(root)")?.compactMap { $0 as? String } ?? [])
                .filter { !$0.hasPrefix(".") }.map { "\(root)/\($0)" }
        }
        let top: [String] = (try? FileManager.default.contentsOfDirectory(atPath: Python.root)) ?? []
        return inside + top
    }()

    private static var pages: [String] { files.filter { $0.hasSuffix(".md") } }

    private func matches(_ pattern: String, in text: String) throws -> [String] {
        try text.matches(of: Regex(pattern)).compactMap { $0.output[1].substring.map(String.init) }
    }

    @Test func linksLeadToFilesAndPages() throws {
        let articles: Set<String> = Set(Self.pages.map { URL(fileURLWithPath: $0).deletingPathExtension().lastPathComponent })
        var count: Int = 0
        for page in Self.pages {
            let text: String = try String(contentsOfFile: "\(Python.root)/\(page)", encoding: .utf8)
            let folder: URL = URL(fileURLWithPath: "\(Python.root)/\(page)").deletingLastPathComponent()
            for link in try matches(#"\]\(([^)\s]+)\)"#, in: text) where !link.contains("://") && !link.hasPrefix("#") {
                count += 1
                let path: String = folder.appendingPathComponent(String(link.prefix { $0 != "#" })).path
                #expect(FileManager.default.fileExists(atPath: path), "\(page): \(link)")
            }
            for link in try matches(#"<doc:([A-Za-z-]+)>"#, in: text) {
                count += 1
                #expect(articles.contains(link), "\(page): <doc:\(link)>")
            }
        }
        #expect(count > 40)
    }

    @Test func filesThatPagesNameAreThere() throws {
        let names: Set<String> = Set(Self.files.map { URL(fileURLWithPath: $0).lastPathComponent })
        let all: Set<String> = Set(Self.files)
        var count: Int = 0
        for page in Self.pages {
            let text: String = try String(contentsOfFile: "\(Python.root)/\(page)", encoding: .utf8)
            let quoted: [String] = try matches("`([A-Za-z0-9_./+-]+)`", in: text)
            for path in quoted where path.contains(#/^(Sources|Tests|Scripts|docs|Examples|Benchmarks)\/./#) {
                count += 1
                let isThere: Bool = all.contains(path.hasSuffix("/") ? String(path.dropLast()) : path)
                #expect(isThere, "\(page): \(path)")
            }
            for source in quoted where source.hasSuffix(".swift") || source.hasSuffix("Tests") {
                count += 1
                let name: String = URL(fileURLWithPath: source).lastPathComponent
                let isThere: Bool = names.contains(name) || names.contains(name + ".swift")
                #expect(isThere, "\(page): \(source)")
            }
        }
        #expect(count > 100)
    }
}

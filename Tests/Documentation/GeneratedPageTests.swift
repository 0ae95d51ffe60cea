import Apus
import Foundation
import JudgeSupport
import Testing

/// The pages of the documentation that are made from the code say what the code says. `APUS_RECORD_GOLDENS=1` writes them anew.
@Suite struct GeneratedPageTests {
    private static let catalog: String = "Sources/Apus/Apus.docc"

    @Test func namesOfPyTorchHaveTheirSwiftSpelling() throws {
        try expectRecorded(try PythonToSwiftPage.text(), in: "\(Self.catalog)/PythonToSwift.md")
    }

    @Test func linesOfPythonSayTheSameInSwift() throws {
        let folder: URL = FileManager.default.temporaryDirectory.appendingPathComponent("idioms-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try idioms(in: folder.path)
    }

    @Test func operatorsAreIndexed() throws {
        let pages = try OperatorPages(spelling: SwiftSpelling(surface: PublicSurface())).pages()
        for page in pages { try expectRecorded(page.text, in: "\(Self.catalog)/Operators/\(page.name).md") }
        let list: String = try String(contentsOfFile: "\(Python.root)/\(Self.catalog)/Apus.md", encoding: .utf8)
        for page in pages { #expect(list.contains("<doc:\(page.name)>")) }
    }
}

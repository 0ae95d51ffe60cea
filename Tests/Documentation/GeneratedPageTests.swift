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

    @Test func trainingsVocabularyIsListed() throws {
        try expectRecorded(try TorchVocabularyPage.text(), in: "\(Self.catalog)/TorchVocabulary.md")
    }

    @Test func namesThatDifferByTheirCaseAreCorrected() throws {
        for file in TorchSpelling.files { try expectRecorded(try TorchSpelling.source(ofTensor: file.isOfTensor), in: file.path) }
    }

    @Test func linesOfPythonSayTheSameInSwift() throws {
        try inFolder { try idioms(in: $0) }
    }

    @Test func operatorsAreIndexed() throws {
        let pages = try OperatorPages(spelling: SwiftSpelling(surface: PublicSurface())).pages()
        for page in pages { try expectRecorded(page.text, in: "\(Self.catalog)/Operators/\(page.name).md") }
        let list: String = try String(contentsOfFile: "\(Python.root)/\(Self.catalog)/Apus.md", encoding: .utf8)
        for page in pages { #expect(list.contains("<doc:\(page.name)>")) }
    }

    @Test func membersOfTypesAreGrouped() throws {
        let spelling = SwiftSpelling(surface: try PublicSurface())
        for topics in TypeTopics.all {
            let page = try topics.page(spelling)
            #expect(page.left == [], "in no group of \(topics.type)")
            try expectRecorded(page.text, in: topics.path)
        }
    }
}

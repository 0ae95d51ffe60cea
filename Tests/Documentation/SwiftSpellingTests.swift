import ApusTensor
import Testing

/// Every operator that PyTorch's users call is found under PyTorch's name, in Swift's case: as a method, or as a name that the compiler
/// corrects.
@Suite struct SwiftSpellingTests {
    @Test func operatorsAreFoundByTheirNames() throws {
        let surface = try PublicSurface()
        let names: Set<String> = surface.names(of: "Tensor").union(surface.corrections.map(\.name))
        try #require(names.contains("reshaped") && names.contains("reshape"))
        let missing: [String] = OperatorTable.all.filter { SwiftSpelling.name(of: $0).map { !names.contains($0) } ?? false }.map(\.name)
        #expect(missing == [])
    }
}

import ApusTensor
import Testing

/// Every operator that PyTorch's users call is found under PyTorch's name: as a method, or as a name that the compiler corrects.
@Suite struct SwiftSpellingTests {
    @Test func operatorsAreFoundByTheirNames() throws {
        let surface = try PublicSurface()
        let spelled: [TorchSpelling] = try TorchSpelling.all()
        let names: Set<String> = surface.names(of: "Tensor").union(surface.corrections.map(\.name)).union(spelled.map(\.name))
        try #require(names.contains("reshaped") && names.contains("reshape") && names.contains("log_softmax"))
        #expect(!names.contains("no_such_name"))
        let missing: [String] = OperatorTable.all.filter { SwiftSpelling.torchName(of: $0).map { !names.contains($0) } ?? false }.map(
            \.name)
        #expect(missing == [])
    }
}

import Testing

@testable import ApusArchive

/// PyTorch's programs write through views; whoever reads the memory by another name must see it.
@Suite("Programs that write through views, as PyTorch saved them")
struct ViewWriteFileTests {
    private static let matrix = "torch.arange(24.).reshape(4, 6)"

    @Test("A view that is returned shows what was written since")
    func returned() throws {
        let programs = try TorchSnippets([
            TorchSnippet(name: "view", forward: "y = x[1:]\nx.mul_(2)\nreturn y", input: Self.matrix)
        ])
        try programs.check("view")
    }
}

import ApusGraph
import ApusProgram

extension ExportedProgram {
    /// Why PyTorch's `torch.export.load` would not open the program's file, a phrase for each reason; empty where it opens it.
    ///
    /// `save(to:pyTorch:)` says it, or throws it. Apus loads the file in any case.
    public var refusedByPyTorch: [String] {
        let texts: Int = graph.outputs.count { if case .literal(.string) = $0 { true } else { false } }
        return texts == 0 ? [] : ["a text is among the results"]
    }
}

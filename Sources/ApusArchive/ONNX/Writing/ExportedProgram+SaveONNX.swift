import ApusProgram
import ApusTensor

extension ExportedProgram {
    /// Writes the program as an ONNX model, operator set 20, for ONNX Runtime and others.
    ///
    /// Inputs and results keep their names, parameters, buffers and constants are initialisers under theirs; weights that are tied are there
    /// once. A symbol of the program is a dimension's name (`dim_param`), and what nodes need of sizes is computed in the graph. Branches are
    /// `If`, loops `Loop` and `Scan`. Operators that ONNX lacks are taken apart into those that it has, with the same results within the rounding of their
    /// parts.
    ///
    /// A model can't say everything that a program can: ranges, guards and the checks between its nodes stand in the model's metadata
    /// (`apus.ranges`, `apus.guards`, `apus.checks`), and no runtime keeps to them. For sizes and values that the program refuses, the model
    /// gives anything. A buffer that calls change is an input with the buffer as its default, and a result `NAME.updated` behind the
    /// others: the caller hands one call's on to the next. Results that are `nil` are left out, plain numbers are tensors without dimensions.
    ///
    /// The files are replaced in one step each, that of the weights first.
    ///
    /// - Parameters:
    ///   - path: where to; `.onnx` by custom.
    ///   - externalDataAbove: from how many bytes of weights on these lie in a file of their own beside the model, called like it with
    ///     `.data` behind; a model itself can't hold more than 2 GiB.
    /// - Throws: `ArchiveError`: `.notRepresentable` naming the node, its operator and dtypes for what ONNX lacks (random numbers, complex
    ///   numbers, most of linear algebra), `.cannotWrite`.
    public func save(onnx path: String, externalDataAbove limit: Int = 2_000_000_000) throws {
        try naming(file: path) {
            let file: String = path.split(separator: "/").last.map(String.init) ?? path
            let (model, weights) = try withStackRoom(deepStack) {
                try ONNXModelWriter(self).finished(file: file, externalDataAbove: limit)
            }
            if let weights { try AtomicFile.write(weights, to: path + ONNXModelWriter.dataSuffix) }
            try AtomicFile.write([ByteSource(model)], to: path)
        }
    }
}

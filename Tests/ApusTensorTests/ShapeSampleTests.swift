import Testing

@testable import ApusTensor

/// The samples of the operators on shapes, positions and matrices, with PyTorch as the judge of results, gradients and gradients of gradients.
@Suite struct ShapeSampleTests {
    /// The families by name.
    static let families: [String: [[Operator]]] = [
        "views": [
            Operator.dimensionOrder, Operator.dimensionInsertion, Operator.reshaping, Operator.slicing, Operator.splitting,
        ],
        "view writing": [Operator.reinterpreting, Operator.viewWriting],
        "joining": [Operator.joining, Operator.repeating, Operator.padding],
        "indexing": [
            Operator.indexing, Operator.gathering, Operator.scattering, Operator.masks, Operator.items, Operator.sortings,
            Operator.distincts,
        ],
        "products": [Operator.matrixProducts, Operator.matmuls, Operator.contractions, Operator.attentions],
        // Vectors are unique up to sign only, and stored factors are LAPACK's own: `LapackTests` judges those by what they promise.
        "factorisations": [
            Operator.lapack.filter {
                ![
                    "_linalg_det", "_linalg_slogdet", "_linalg_eigh", "linalg_eigh", "_linalg_svd", "linalg_svd", "linalg_eig",
                    "linalg_lstsq",
                ]
                .contains($0.schema.name)
            }
        ],
        "spatial": [Operator.convolutions, Operator.maxPools, Operator.averagePools, Operator.adaptivePools],
    ]

    @Test(arguments: families.keys.sorted())
    func agreesWithTorch(_ family: String) throws {
        var cases: [TorchJudge.Case] = []
        for operation in (Self.families[family] ?? []).joined() {
            for (position, arguments) in try operation.samples().enumerated() {
                do {
                    cases.append(try TorchJudge.run(operation, arguments))
                } catch {
                    Issue.record("\(operation.name), sample \(position): \(error)")
                }
            }
        }
        let problems = try TorchJudge.judge(cases)
        if !problems.isEmpty { Issue.record("\(problems.joined(separator: "\n"))") }
    }
}

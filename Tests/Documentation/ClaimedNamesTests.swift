import Testing

/// Names of types that `import Apus` claims. A single word is likely to be a program's own too: only what the field calls so is one, and what
/// belongs to a type is nested in it.
@Suite struct ClaimedNamesTests {
    /// PyTorch's classes, terms of its that need no other word, and what `import Apus` promises.
    private static let words: Set<String> = [
        "Adadelta", "Adafactor", "Adagrad", "Adam", "Adamax", "Bilinear", "Buffer", "Constraint", "Decomposition", "Dropout", "Embedding",
        "Flatten", "Fold", "Graph", "Hardshrink",
        "Hardsigmoid", "Hardswish", "Hardtanh", "Identity", "Initialization", "Inlining", "Linear", "Mish", "Module", "Muon",
        "Operator", "Optimizer", "Parameter", "Partitioning", "Profiler", "Rprop", "Scalar", "Sequential", "Shape", "Sigmoid", "Softmax",
        "Softmin", "Softplus", "Softshrink",
        "Softsign", "Subgraph", "Tanh", "Tanhshrink", "Tensor", "Threads", "Threshold", "Transformer", "Unflatten", "Unfold", "Upsample",
    ]

    @Test func singleWordsAreTheFields() throws {
        let types: Set<String> = try PublicSurface().topLevelTypes
        try #require(types.contains("Tensor") && types.contains("ExportedProgram"))
        let words: Set<String> = types.filter { $0.dropFirst().allSatisfy(\.isLowercase) }
        #expect(words == Self.words)
    }
}

import ApusSymbolic
import ApusTensor

/// What one of ONNX's operators means, as a function over Apus's tensors. Reading a node is carrying it out while the graph is recorded.
struct ONNXOperator: Sendable {
    /// What the operator does with integers that stand for sizes, so that chains of them stay sizes.
    enum OnSizes: Sendable {
        /// Nothing of its own: they become tensors.
        case tensors
        /// It only moves elements of the inputs at these positions (all inputs for nil) about.
        case moves([Int]?)
        /// It computes each element from one of each input.
        case arithmetic(@Sendable ([SymInt]) -> SymInt?)
        case compares(@Sendable (SymInt, SymInt) -> SymBool)
    }

    /// Which element type the results have, where the function does not say.
    enum Results: Sendable {
        /// Results of the dtype of the first input that has a type which Apus lacks are of this type too, and brought into its range.
        case likeInputs
        /// Those of their dtypes.
        case own
    }

    /// Empty for ONNX's own.
    let domain: String
    let name: String
    /// The first version of the domain's operator set that this meaning holds for.
    let since: Int
    let onSizes: OnSizes
    let results: Results
    /// Whether a node with known inputs is computed while the model is read.
    let isFolded: Bool
    let body: @Sendable (ONNXCall) throws -> [ONNXValue]

    init(
        _ name: String, domain: String = "", since: Int = 1, onSizes: OnSizes = .tensors, results: Results = .likeInputs,
        isFolded: Bool = true,
        values body: @escaping @Sendable (ONNXCall) throws -> [ONNXValue]
    ) {
        (self.name, self.domain, self.since, self.onSizes) = (name, domain, since, onSizes)
        (self.results, self.isFolded, self.body) = (results, isFolded, body)
    }

    /// An operator of one result.
    init(
        _ name: String, domain: String = "", since: Int = 1, onSizes: OnSizes = .tensors, results: Results = .likeInputs,
        isFolded: Bool = true,
        _ body: @escaping @Sendable (ONNXCall) throws -> Tensor
    ) {
        self.init(
            name, domain: domain, since: since, onSizes: onSizes, results: results, isFolded: isFolded,
            values: { [ONNXValue(try body($0))] })
    }

    /// An operator of several results.
    init(
        _ name: String, domain: String = "", since: Int = 1, onSizes: OnSizes = .tensors, results: Results = .likeInputs,
        isFolded: Bool = true,
        tensors body: @escaping @Sendable (ONNXCall) throws -> [Tensor]
    ) {
        self.init(
            name, domain: domain, since: since, onSizes: onSizes, results: results, isFolded: isFolded,
            values: { try body($0).map { ONNXValue($0) } })
    }
}

/// The operators that are read.
enum ONNXOperatorTable {
    static let all: [ONNXOperator] =
        pointwise + logic + casts + activations + reductions + products + shapes + indexing + creation + convolutions + pools + norms
        + losses
        + attention + recurrent + quantized + runtimeQuantized + spatial + signals + sequences + controlFlow + machineLearning
        + treeEnsembles

    /// The sets of operators that are known, and the last version of each that was looked at.
    static let domains: [String: Int] = ["": 28, "ai.onnx.ml": 6, "ai.onnx.preview": 1, "com.microsoft": 1]

    private static let byName: [String: [ONNXOperator]] = Dictionary(grouping: all) { "\($0.domain)::\($0.name)" }

    /// The meaning of an operator in a version of its domain's operator set.
    static func find(_ domain: String, _ name: String, version: Int) -> ONNXOperator? {
        byName["\(domain)::\(name)"]?.filter { $0.since <= version }.max { $0.since < $1.since }
    }
}

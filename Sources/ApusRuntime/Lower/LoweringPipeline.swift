import ApusGraph
import ApusTensor
import Foundation

/// A pass over the steps of a program whose sizes are known.
protocol StepPass: Sendable {
    var name: String { get }
    func run(_ binder: Binder)
}

/// What stands between a verified graph and the steps that run: named passes, in order. Those over the graph run once for all sizes, those
/// over steps for each combination of sizes that is met. Any may be left out, to find the one that is to blame for something.
///
/// Those in `roundingPasses` add and multiply in another order than the operators one by one, so that results differ in their last bits; no
/// other changes a bit.
public struct LoweringPipeline: Sendable {
    /// On the graph, before sizes are known. Inputs and outputs keep their places.
    public var graphPasses: [any GraphPass]
    /// Whether what no run changes is known to the steps, and what follows from it alone computed once: `freeze-weights`.
    private(set) var freezesWeights = true
    /// Whether weights are packed once for the kernels that read them: `pack-weights`.
    private(set) var packsWeights = true
    private(set) var stepPasses: [any StepPass]

    /// The passes of every plan.
    public static let standard = LoweringPipeline(
        graphPasses: [
            DeadCodeElimination(), ViewSimplification(), CommonSubexpressionElimination(), Decomposition.quantization,
            ReducedWeights.embeddings,
            PatternPass.linears, ReducedWeights.products, PatternPass.foldBatchNorms, PatternPass.attentions, PatternPass.rowNorms,
            PatternPass.activations, JoinProjections(),
        ],
        stepPasses: [FuseRows(), AttachEpilogues(), ConcatenateInPlace(), UpdateInPlace(), PlaceMemory()])

    /// The passes that round otherwise than the operators one by one: products with weights by kernels that read them packed, or as they are
    /// stored in fewer bits, norms that become a part of convolutions, and what is written in parts and becomes one operator.
    public static let roundingPasses: [String] = [
        "linear", "reduced-weights", "fold-batch-norms", "attention", "row-norms", "activations", "join-projections", "pack-weights",
    ]

    /// The standard passes but for those: a program by these gives the bits that eager code gives.
    public static let exact: LoweringPipeline = {
        var pipeline: LoweringPipeline = standard
        pipeline.leaveOut(Set(roundingPasses))
        return pipeline
    }()

    /// The graph after the passes over graphs; `plain` is without those that are for the steps alone.
    /// - Parameter frozenInputs: their positions
    func lower(_ graph: Graph, frozenInputs: Set<Int>) throws -> (lowered: Graph, plain: Graph) {
        var (lowered, plain, areSame): (Graph, Graph, Bool) = (graph, graph, true)
        for pass in graphPasses {
            if let pass = pass as? any FreezingPass {
                (lowered, areSame) = (try pass.run(lowered, frozenInputs: frozenInputs), false)
            } else {
                lowered = try pass.run(lowered)
                plain = areSame ? lowered : try pass.run(plain)
            }
        }
        return (lowered, plain)
    }

    /// The names of the passes, in order: `dead-code`.
    public var names: [String] {
        let frozen: [String] = (freezesWeights ? [Self.freezing] : []) + (packsWeights ? [Self.packing] : [])
        return graphPasses.map { Self.key($0.name) } + frozen + stepPasses.map(\.name)
    }

    /// The same without some passes.
    /// - Throws: `TensorError` for a name that no pass has, with the names that there are.
    public func skipping(_ names: some Sequence<String>) throws -> LoweringPipeline {
        var pipeline: LoweringPipeline = self
        pipeline.leaveOut(Set(try names.map(known)))
        return pipeline
    }

    private mutating func leaveOut(_ names: Set<String>) {
        graphPasses.removeAll { names.contains(Self.key($0.name)) }
        stepPasses.removeAll { names.contains($0.name) }
        if names.contains(Self.freezing) { freezesWeights = false }
        if names.contains(Self.packing) { packsWeights = false }
    }

    /// The same without the passes after one.
    /// - Throws: `TensorError` for a name that no pass has, with the names that there are.
    public func ending(after name: String) throws -> LoweringPipeline {
        let last: String = try known(name)
        return try skipping(names.drop { $0 != last }.dropFirst())
    }

    /// The same without the passes that the environment variable `APUS_SKIP_PASSES` names, separated by commas.
    func skippingForEnvironment() throws -> LoweringPipeline { Self.environment.isEmpty ? self : try skipping(Self.environment) }

    /// As it was when the first plan was made.
    private static let environment: [String] =
        (ProcessInfo.processInfo.environment["APUS_SKIP_PASSES"] ?? "").split(separator: ",").map(String.init)

    private static let freezing = "freeze-weights"
    private static let packing = "pack-weights"

    private static func key(_ name: some StringProtocol) -> String { name.split(separator: " ").joined(separator: "-") }

    private func known(_ name: String) throws -> String {
        let key: String = Self.key(name)
        // What was left out already is known all the same.
        let all: [String] = names + Self.standard.names.filter { !names.contains($0) }
        guard all.contains(key) else {
            throw TensorError(
                .invalidArgument, "there is no lowering pass '\(name)' to be left out; there are: \(all.joined(separator: ", "))")
        }
        return key
    }
}

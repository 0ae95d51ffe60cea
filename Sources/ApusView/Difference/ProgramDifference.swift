import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor

/// What differs between two programs, in how they are made and in what they give.
///
///     let difference = try ProgramDifference(old, new, inputs: [x])
///     print(difference.verdict, difference.firstDifference ?? "")
public struct ProgramDifference: Sendable, Encodable {
    public enum Verdict: String, Sendable, Encodable {
        /// They compute the same: their digests are equal.
        case same
        /// A result, a weight, or what they take and give is another.
        case different
        /// They are written differently, and gave the same on the inputs that were tried, or were not tried.
        case undecided
    }

    /// Something that one has and the other has not, or has otherwise.
    public struct Entry: Sendable, Encodable {
        /// `input`, `output`, `range`, `guard`, `weight` or `node`.
        public let subject: String
        /// What it is called.
        public let name: String
        /// Nil where the first has none.
        public let first: String?
        /// Nil where the second has none.
        public let second: String?
    }

    /// How the results of a node, or of a whole program, compare.
    public struct Comparison: Sendable, Encodable {
        /// The value's name in the first program.
        public let name: String
        /// The value's name in the second program.
        public let secondName: String
        public let `operator`: String
        /// The node's place in the source of the first program.
        public let site: String?
        public let largestDifference: Double
        public let meanDifference: Double
        /// Whether all elements are within the tolerances.
        public let passed: Bool
        /// Why they can't be compared.
        public let note: String?
    }

    public let verdict: Verdict
    /// What differs in how they are made.
    public let entries: [Entry]
    /// Nodes that are the same in both, by all that goes into them but the values of weights.
    public let sameNodeCount: Int
    /// The nodes of both whose results differ, in the order of the second program; empty where nothing was run.
    public let differingNodes: [Comparison]
    /// The results of the programs; empty where nothing was run.
    public let results: [Comparison]
    /// Why results were not compared.
    public let note: String?

    /// The first node that gives something else, and the name of its result.
    public var firstDifference: Comparison? { differingNodes.first }

    /// Compares two programs.
    ///
    /// Nodes are the same where their operators, arguments and all that they read are, weights by name and type; what is left is matched in order. Runs
    /// both node by node on the inputs and compares what matched nodes give, which holds what the first one computes in memory; buffers stay as they are.
    /// - Parameters:
    ///   - inputs: tensors that both take; nil compares how they are made
    ///   - relativeTolerance: an element may differ by `absoluteTolerance + relativeTolerance * |first|`
    ///   - absoluteTolerance: see `relativeTolerance`
    /// - Throws: what is wrong with the weights. Inputs that a program does not take, and what running throws, are notes.
    public init(
        _ first: ExportedProgram, _ second: ExportedProgram, inputs: [Tensor]? = nil, relativeTolerance: Double = 0,
        absoluteTolerance: Double = 0
    ) throws {
        let areSame: Bool = try first.digest() == second.digest()
        let (a, b) = (try ComparedProgram(first), try ComparedProgram(second))
        let matching = try withStackRoom(deepStack) { try NodeMatching(a.nodeKeys(), b.nodeKeys()) }
        sameNodeCount = matching.pairs.count(where: \.isSame)
        let found: [Entry] = a.signatureDifferences(b) + (try a.weightDifferences(b))
        entries = found + a.nodeDifferences(b, matching)
        var runs = ComparedRuns(relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance)
        if let inputs { runs.compare(a, b, matching, inputs) }
        (differingNodes, results, note) = (runs.nodes, runs.results, inputs == nil ? "no inputs were given" : runs.note)
        if areSame {
            verdict = .same
        } else if !found.isEmpty || runs.results.contains(where: { !$0.passed }) {
            verdict = .different
        } else {
            verdict = .undecided
        }
    }
}

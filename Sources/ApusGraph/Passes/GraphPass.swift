import ApusSymbolic
import ApusTensor

/// A rewriting of graphs. Values in, values out: a pass never changes the graph that it is given.
///
/// Inputs and outputs keep their number and order, so that a program's signature stays right; names may change.
public protocol GraphPass: Sendable {
    /// For messages.
    var name: String { get }
    /// Throws where the pass can't work on the graph.
    func requires(_ graph: Graph) throws
    func run(_ graph: Graph) throws -> Graph
    /// Throws where the result is not what the pass promises.
    func ensures(_ graph: Graph) throws
}

extension GraphPass {
    public func requires(_ graph: Graph) throws {}
    public func ensures(_ graph: Graph) throws {}
}

/// What went wrong in a pass, with the pass that did it.
public struct PassError: Error, Sendable, CustomStringConvertible {
    public enum Stage: String, Sendable {
        case requires, run, ensures, verify
        /// Every pass did its work, but the program is not in the dialect that a pipeline's stage ends in.
        case dialect
    }

    /// The pass, or the stage of a pipeline.
    public let pass: String
    public let stage: Stage
    public let underlying: any Error

    public var description: String {
        switch stage {
        case .requires: "pass '\(pass)' can't work on this program: \(underlying)"
        case .run: "pass '\(pass)' failed: \(underlying)"
        case .ensures: "pass '\(pass)' did not do what it promises: \(underlying)"
        case .verify: "pass '\(pass)' made an invalid program: \(underlying)"
        case .dialect: "stage '\(pass)' did not reach its dialect: \(underlying)"
        }
    }
}

/// Runs passes in order: requires, run, ensures, then the verifier, for each.
package struct PassManager: Sendable {
    package var passes: [any GraphPass]
    package var verifier: Verifier

    package init(_ passes: [any GraphPass], verifier: Verifier = Verifier()) {
        self.passes = passes
        self.verifier = verifier
    }

    /// Throws `PassError`.
    /// - Parameter scope: what is known of the symbols; that of the graph's sizes by default.
    package func run(_ graph: Graph, scope: SymbolScope? = nil) throws -> Graph {
        // What one pass assumes of a branch must not be what another believes, in programs that share their symbols.
        try (scope ?? graph.scope)?.takingTurn { try runAlone(graph, scope) } ?? runAlone(graph, scope)
    }

    private func runAlone(_ graph: Graph, _ scope: SymbolScope?) throws -> Graph {
        var graph: Graph = graph
        for pass in passes {
            func stage<Result>(_ stage: PassError.Stage, _ body: () throws -> Result) throws -> Result {
                do { return try body() } catch { throw PassError(pass: pass.name, stage: stage, underlying: error) }
            }
            try stage(.requires) { try pass.requires(graph) }
            let result: Graph = try stage(.run) { try pass.run(graph) }
            try stage(.ensures) {
                try PassManager.requireSameInterface(graph, result)
                try pass.ensures(result)
            }
            try stage(.verify) { try verifier.verify(result, scope: scope) }
            graph = result
        }
        return graph
    }

    private static func requireSameInterface(_ before: Graph, _ after: Graph) throws {
        guard before.inputs.count == after.inputs.count, before.outputs.count == after.outputs.count else {
            throw TensorError(
                .invalidArgument,
                "\(before.inputs.count) inputs and \(before.outputs.count) outputs became \(after.inputs.count) and \(after.outputs.count)")
        }
    }
}

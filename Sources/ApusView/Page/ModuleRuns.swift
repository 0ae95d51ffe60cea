import ApusGraph

/// Nodes in a row that one call of a module made: what a page folds. Rows of an order that can be run never read from each other in a circle, as
/// all nodes of a module might that is called twice.
package struct ModuleRun: Encodable, Equatable {
    /// Dotted, from the root: `encoder.layer.0`.
    package let path: String
    package let type: String
    /// The run around it.
    package let parent: Int?
}

/// The runs of modules of nodes that come one after the other.
struct ModuleRuns {
    private(set) var runs: [ModuleRun] = []
    /// The runs that the last node stands in, outermost first.
    private var open: [Int] = []

    /// The innermost run of the next node, nil for one of the root.
    mutating func enter(_ path: [ModuleFrame]) -> Int? {
        let frames: [ModuleFrame] = Array(path.filter { !$0.path.isEmpty }.prefix(Graph.maximumNesting))
        let common: Int = zip(open, frames).prefix { runs[$0].path == $1.path && runs[$0].type == $1.type }.count
        open.removeSubrange(common...)
        for frame in frames.dropFirst(common) {
            runs.append(ModuleRun(path: frame.path, type: frame.type, parent: open.last))
            open.append(runs.count - 1)
        }
        return open.last
    }
}

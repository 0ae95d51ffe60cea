import ApusSymbolic
import ApusTensor

/// The nesting of a function's arguments or results: which leaves stand where.
public indirect enum TreeSpec: Sendable, Hashable {
    case leaf
    case tuple([TreeSpec])
    case list([TreeSpec])
    /// Keys in order.
    case dictionary([String], [TreeSpec])

    /// The number of leaves.
    public var leafCount: Int {
        switch self {
        case .leaf: 1
        case .tuple(let children), .list(let children), .dictionary(_, let children): children.reduce(0) { $0 + $1.leafCount }
        }
    }

    /// What it is, in a user's words.
    var kind: String {
        switch self {
        case .leaf: "one value"
        case .tuple: "the tuple \(self)"
        case .list: "the list \(self)"
        case .dictionary: "the dictionary \(self)"
        }
    }

    /// The access path of each leaf from the root, in order.
    var leafPaths: [String] {
        func below(_ specs: [TreeSpec], _ step: (Int) -> String) -> [String] {
            specs.enumerated().flatMap { index, spec in spec.leafPaths.map { step(index) + $0 } }
        }
        switch self {
        case .leaf: return [""]
        case .tuple(let specs): return below(specs) { ".\($0)" }
        case .list(let specs): return below(specs) { "[\($0)]" }
        case .dictionary(let keys, let specs): return below(specs) { ".\(keys[$0])" }
        }
    }
}

extension TreeSpec: CustomStringConvertible {
    /// `(*, [*, *], {a: *})`, a star for each leaf.
    public var description: String {
        switch self {
        case .leaf: "*"
        case .tuple(let children): "(" + children.map(\.description).joined(separator: ", ") + ")"
        case .list(let children): "[" + children.map(\.description).joined(separator: ", ") + "]"
        case .dictionary(let keys, let children):
            "{" + zip(keys, children).map { "\($0): \($1)" }.joined(separator: ", ") + "}"
        }
    }
}

/// One leaf of an argument or result tree.
public enum LeafValue: Sendable {
    case tensor(Tensor)
    case int(SymInt)
    case float(SymFloat)
    case bool(Bool)
    case string(String)
    case none

    public var tensor: Tensor? {
        if case .tensor(let tensor) = self { return tensor }
        return nil
    }
}

extension LeafValue: CustomStringConvertible {
    public var description: String {
        switch self {
        case .tensor(let tensor): "\(tensor.spec)"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .bool(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        case .none: "nil"
        }
    }
}

/// A value as its leaves and their nesting.
package struct FlatTree: Sendable {
    package var leaves: [LeafValue]
    package var spec: TreeSpec
    /// The access path of each leaf from the root, e.g. `[0].weights` or empty for a lone leaf.
    package var paths: [String]

    package init(leaves: [LeafValue], spec: TreeSpec, paths: [String]) {
        self.leaves = leaves
        self.spec = spec
        self.paths = paths
    }
}

import ApusSymbolic
import ApusTensor

/// A program in static single assignment: inputs, operations in an order that can be run, outputs.
///
/// A value type. Sizes are expressions over the symbols of the scope that the program was traced or read in, so that arithmetic on sizes
/// needs no nodes.
public struct Graph: Sendable {
    /// One entry for each value, by its index.
    public private(set) var values: [Entry]
    public private(set) var inputs: [Value]
    public var nodes: [Node]
    public var outputs: [GraphOutput]

    public struct Entry: Sendable {
        /// Unique within the graph.
        public internal(set) var name: String
        public internal(set) var type: ValueType
    }

    private var names: [String: Int] = [:]

    public init() {
        values = []
        inputs = []
        nodes = []
        outputs = []
    }

    /// True for a value of this graph; others have the name `?` and no type.
    public func contains(_ value: Value) -> Bool { values.indices.contains(value.index) }

    public func name(_ value: Value) -> String { contains(value) ? values[value.index].name : "?" }
    public func type(_ value: Value) -> ValueType { contains(value) ? values[value.index].type : .none }
    public func spec(_ value: Value) -> TensorSpec? { type(value).spec }

    /// The node that makes a value; nil for an input.
    package func maker(of value: Value) -> Node? { nodes.first { $0.outputs.contains(value) } }

    /// The value with this name.
    public func value(named name: String) -> Value? {
        values.firstIndex { $0.name == name }.map { Value(index: $0) }
    }
}

// MARK: - Building

extension Graph {
    /// Makes a value. The name is made unique by a number behind it.
    public mutating func makeValue(_ name: String, _ type: ValueType) -> Value {
        values.append(Entry(name: unique(name), type: type))
        return Value(index: values.count - 1)
    }

    public mutating func addInput(_ name: String, _ type: ValueType) -> Value {
        let value = makeValue(name, type)
        inputs.append(value)
        return value
    }

    /// Puts the inputs in another order.
    public mutating func setInputs(_ inputs: [Value]) { self.inputs = inputs }

    /// Removes inputs by their positions.
    public mutating func removeInputs(where remove: (Int) -> Bool) {
        inputs = inputs.enumerated().filter { !remove($0.offset) }.map { $0.element }
    }

    /// Appends a node and makes its results. Their names follow the operator's.
    @discardableResult
    public mutating func append(
        _ operation: Operator, _ arguments: [GraphArgument], types: [ValueType], names: [String]? = nil, site: NodeSite? = nil,
        modulePath: [ModuleFrame] = [], provenance: String? = nil
    ) -> [Value] {
        let outputs = types.enumerated().map { index, type in makeValue(names?[index] ?? operation.schema.name, type) }
        nodes.append(
            Node(operation, arguments, outputs: outputs, site: site, modulePath: modulePath, provenance: provenance))
        return outputs
    }

    /// Appends a node of another graph, with arguments in terms of this one, and returns its results.
    @discardableResult
    mutating func append(_ node: Node, of source: Graph, _ arguments: [GraphArgument]) -> [Value] {
        append(
            node.operator, arguments, types: node.outputs.map { source.type($0) }, names: node.outputs.map { source.name($0) },
            site: node.site, modulePath: node.modulePath, provenance: node.provenance)
    }

    public mutating func rename(_ value: Value, to name: String) {
        guard contains(value), values[value.index].name != name else { return }
        values[value.index].name = unique(name)
    }

    public mutating func setType(_ value: Value, _ type: ValueType) {
        if contains(value) { values[value.index].type = type }
    }

    /// How much the graph holds, to go back to.
    struct Mark {
        fileprivate let nodes: Int
        fileprivate let values: Int
    }

    var mark: Mark { Mark(nodes: nodes.count, values: values.count) }

    /// Takes back what was appended since a mark: a copy of the graph would cost as much as all of it.
    mutating func takeBack(to mark: Mark) {
        nodes.removeSubrange(mark.nodes...)
        for entry in values[mark.values...].reversed() {
            names[entry.name] = nil
            guard let line = entry.name.lastIndex(of: "_"), let number = Int(entry.name[entry.name.index(after: line)...]) else { continue }
            let stem = String(entry.name[..<line])
            if names[stem] == number { names[stem] = number - 1 }
        }
        values.removeSubrange(mark.values...)
    }

    private mutating func unique(_ name: String) -> String {
        guard let used = names[name] else {
            names[name] = 0
            return name
        }
        var number = used + 1
        while names["\(name)_\(number)"] != nil { number += 1 }
        names[name] = number
        names["\(name)_\(number)"] = 0
        return "\(name)_\(number)"
    }
}

// MARK: - Queries

extension Graph {
    /// For each value the position of the last node that reads it, the node count for outputs, -1 where nobody does.
    public func lastUses() -> [Int] {
        var last = [Int](repeating: -1, count: values.count)
        for (position, node) in nodes.enumerated() {
            for operand in node.operands where contains(operand) { last[operand.index] = position }
        }
        for case .value(let value) in outputs where contains(value) { last[value.index] = nodes.count }
        return last
    }

    /// For each node the values that nothing reads after it, be it that nothing reads them at all.
    package func lastReads() -> [[Value]] {
        var isReadLater = [Bool](repeating: false, count: values.count)
        for case .value(let value) in outputs where contains(value) { isReadLater[value.index] = true }
        var reads = [[Value]](repeating: [], count: nodes.count)
        for position in nodes.indices.reversed() {
            for value in nodes[position].operands + nodes[position].outputs where contains(value) && !isReadLater[value.index] {
                isReadLater[value.index] = true
                reads[position].append(value)
            }
        }
        return reads
    }

    /// Every operator in the graph and its bodies, once, in order of appearance.
    public var operators: [Operator] {
        var seen = Set<Operator>()
        return allNodes.map(\.operator).filter { seen.insert($0).inserted }
    }

    /// Each node of the graph, and behind it those of its bodies.
    package var allNodes: [Node] { nodes.flatMap { [$0] + $0.bodies.flatMap(\.graph.allNodes) } }

    /// How deep bodies may stand in bodies in a program, whether it is exported or loaded.
    public static let maximumNesting: Int = 64

    /// How deep bodies stand in bodies; 0 for a graph without branches and loops. Found without recursion.
    public var nesting: Int {
        var depth = 0
        var level: [Graph] = [self]
        while true {
            level = level.flatMap { $0.nodes.flatMap { $0.bodies.map(\.graph) } }
            if level.isEmpty { return depth }
            depth += 1
        }
    }

    /// True where a node of the graph or of a body draws random numbers.
    var draws: Bool { has(.random) }

    package func has(_ effects: Operator.Effects) -> Bool { nodes.contains { $0.has(effects) } }

    /// The nodes of the graph and of all its bodies.
    public var totalNodeCount: Int { allNodes.count }

    /// Throws where an input, a node or an output names a value that the graph does not have. Enough to walk a graph without harm; all else is
    /// for the verifier.
    package func requireOwnValues() throws {
        func require(_ value: Value, _ place: @autoclosure () -> String) throws {
            guard contains(value) else {
                throw VerificationError(.definition, "a value with the number \(value.index) is not in the graph", node: place())
            }
        }
        for input in inputs { try require(input, "input") }
        for node in nodes {
            for value in node.operands + node.outputs { try require(value, node.operator.schema.name) }
            for body in node.bodies { try body.graph.requireOwnValues() }
        }
        for output in outputs { if let value = output.value { try require(value, "return") } }
    }
}

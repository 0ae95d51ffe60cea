import ApusTensor

/// Sets apart what a back end can compute: neighbouring nodes that it supports become one part (`apus::call`) each, as large as can be
/// without a part having to wait for something that waits for it.
///
/// Checks, random numbers, control flow and what depends on values stay outside, and nothing is moved across them.
public struct Partitioning: GraphPass {
    public let name: String
    private let isSupported: @Sendable (Node, Graph) -> Bool
    private let minimum: Int

    /// - Parameters:
    ///   - name: the parts are called `name_0`, `name_1`...
    ///   - minimum: parts of fewer nodes are left as they are
    public init(_ name: String, minimum: Int = 1, isSupported: @escaping @Sendable (Graph.Node, Graph) -> Bool) {
        (self.name, self.minimum, self.isSupported) = (name, minimum, isSupported)
    }

    public func run(_ graph: Graph) throws -> Graph {
        try graph.requireOwnValues()
        var copy = GraphCopy(of: graph, provenance: "partition \(name)")
        let index = ValueIndex(graph)
        var number = 0
        var start = 0
        for end in 0...graph.nodes.count where end == graph.nodes.count || isBarrier(graph.nodes[end], graph) {
            for group in groups(graph, start..<end) {
                if group.count >= minimum, isSupported(graph.nodes[group[0]], graph) {
                    try writePart(group, number, index, into: &copy)
                    number += 1
                } else {
                    for position in group {
                        copy.keep(graph.nodes[position], try graph.nodes[position].arguments.map { try copy.mapped($0) })
                    }
                }
            }
            if end < graph.nodes.count { copy.keep(graph.nodes[end], try graph.nodes[end].arguments.map { try copy.mapped($0) }) }
            start = end + 1
        }
        return copy.finished()
    }

    private func isBarrier(_ node: Node, _ graph: Graph) -> Bool { node.isNeeded(in: graph) || !node.bodies.isEmpty }

    /// The nodes of a stretch in groups, in an order that can be run.
    private func groups(_ graph: Graph, _ range: Range<Int>) -> [[Int]] {
        var makers: [Int: Int] = [:]
        for position in range { for output in graph.nodes[position].outputs { makers[output.index] = position - range.lowerBound } }
        let operands: [[Int]] = range.map { position in graph.nodes[position].operands.compactMap { makers[$0.index] } }
        let supported: [Bool] = range.map { isSupported(graph.nodes[$0], graph) }
        var merger = GroupMerger(operands)
        for node in operands.indices where supported[node] {
            for operand in operands[node] where supported[operand] { merger.merge(operand, node) }
        }
        return merger.order().map { $0.map { $0 + range.lowerBound } }
    }

    private func writePart(_ group: [Int], _ number: Int, _ index: ValueIndex, into copy: inout GraphCopy) throws {
        let graph: Graph = copy.source
        let (body, reads, writes): (GraphBody, [Value], [Value]) = try graph.part(group, index)
        let operands: [Value] = try reads.map { try copy.mapped($0) }
        let before: Int = copy.graph.nodes.count
        let values: [Value] = copy.append(
            .call, [.string("\(name)_\(number)"), .graph(body), .tensors(operands)], types: writes.map { graph.type($0) })
        copy.finish(from: before, inPlaceOf: graph.nodes[group[0]])
        copy.map(writes, to: values)
    }
}

extension Graph {
    /// Some of the nodes as a body, with the values of this graph that it takes, and those that others read of it.
    /// - Parameters:
    ///   - positions: in an order that can be run
    ///   - index: that of this graph
    package func part(_ positions: [Int], _ index: ValueIndex) throws -> (body: GraphBody, reads: [Value], writes: [Value]) {
        let inside = Set(positions.flatMap { nodes[$0].outputs })
        var body = Graph()
        var places: [Value: Value] = [:]
        var reads: [Value] = []
        for operand in positions.flatMap({ nodes[$0].operands }) where !inside.contains(operand) && places[operand] == nil {
            places[operand] = body.addInput(name(operand), type(operand))
            reads.append(operand)
        }
        for node in positions.map({ nodes[$0] }) {
            let arguments: [GraphArgument] = try node.arguments.map { argument in
                try argument.map { value in
                    guard let place = places[value] else { throw TensorError(.invalidArgument, "'%\(name(value))' is read too early") }
                    return place
                }
            }
            for (old, new) in zip(node.outputs, body.append(node, of: self, arguments)) { places[old] = new }
        }
        let members = Set(positions)
        let writes: [Value] = positions.flatMap { nodes[$0].outputs }.filter { !members.isSuperset(of: index.readers(of: $0)) }
        body.outputs = writes.compactMap { places[$0] }.map { .value($0) }
        return (GraphBody(body), reads, writes)
    }
}

/// Merges nodes into groups while the groups stay free of cycles.
struct GroupMerger {
    private let operands: [[Int]]
    private var readers: [[Int]]
    private var group: [Int]
    private var members: [[Int]]

    init(_ operands: [[Int]]) {
        self.operands = operands
        readers = Array(repeating: [], count: operands.count)
        for (node, own) in operands.enumerated() { for operand in own { readers[operand].append(node) } }
        group = Array(operands.indices)
        members = operands.indices.map { [$0] }
    }

    /// Makes one group of two nodes' groups, unless a path from the first to the second leads through another.
    mutating func merge(_ first: Int, _ second: Int) {
        let (a, b): (Int, Int) = (group[first], group[second])
        guard a != b, !leadsAround(a, b) else { return }
        for node in members[b] { group[node] = a }
        members[a] = (members[a] + members[b]).sorted()
        members[b] = []
    }

    private func leadsAround(_ a: Int, _ b: Int) -> Bool {
        var seen = Set<Int>([a])
        var open: [Int] = []
        for node in members[a] {
            for reader in readers[node] where group[reader] != b && seen.insert(group[reader]).inserted { open.append(group[reader]) }
        }
        while let next = open.popLast() {
            for node in members[next] {
                for reader in readers[node] {
                    if group[reader] == b { return true }
                    if seen.insert(group[reader]).inserted { open.append(group[reader]) }
                }
            }
        }
        return false
    }

    /// The groups, each after those it reads, the earliest first.
    func order() -> [[Int]] {
        var waiting: [Int: Int] = [:]
        for index in members.indices where !members[index].isEmpty {
            waiting[index] = Set(members[index].flatMap { operands[$0].map { group[$0] } }).subtracting([index]).count
        }
        var ready: [Int] = waiting.keys.filter { waiting[$0] == 0 }.sorted { members[$0][0] < members[$1][0] }
        var result: [[Int]] = []
        while !ready.isEmpty {
            let next: Int = ready.removeFirst()
            result.append(members[next])
            for reader in Set(members[next].flatMap { readers[$0].map { group[$0] } }).subtracting([next]) {
                waiting[reader, default: 1] -= 1
                if waiting[reader] == 0 {
                    let place: Int = ready.firstIndex { members[$0][0] > members[reader][0] } ?? ready.count
                    ready.insert(reader, at: place)
                }
            }
        }
        return result
    }
}

import ApusGraph
import ApusSymbolic
import ApusTensor

/// A graph as a page draws it. Values are numbers that belong to the graph; a body has numbers of its own.
package struct GraphData: Encodable {
    package struct Input: Encodable {
        package let value: Int
        package let name: String
        package let type: String
        /// The position among the page's weights; nil for what a caller passes, and in bodies.
        package let weight: Int?
    }

    package struct Output: Encodable {
        /// Nil for what is no value of the graph, such as a size.
        package let value: Int?
        package let text: String
        package let type: String
    }

    package struct Result: Encodable {
        package let value: Int
        package let name: String
        package let type: String
    }

    package struct Body: Encodable {
        package let name: String
        package let graph: GraphData
    }

    package struct Node: Encodable {
        package let op: String
        /// The node as one line of the printed graph.
        package let text: String
        /// The values that it reads, each once.
        package let reads: [Int]
        package let gives: [Result]
        /// Sizes and numbers that only a run knows: those that the node makes, and those that its arguments are made of. Nil for none.
        package let makesSymbols: [String]?
        package let readsSymbols: [String]?
        /// What it branches on or checks, where that is a condition on sizes.
        package let condition: String?
        package let site: String?
        /// The position of the innermost run of a module in `modules`.
        package let module: Int?
        /// The pass or importer that made it.
        package let origin: String?
        package let bodies: [Body]
        /// How long it takes by itself, where that was measured.
        package let microseconds: Double?
    }

    package let inputs: [Input]
    package let nodes: [Node]
    package let outputs: [Output]
    package let modules: [ModuleRun]

    /// - Parameters:
    ///   - weights: for each input its position among the page's weights
    ///   - microseconds: for each node how long it takes
    package init(_ graph: Graph, weights: [Int?] = [], microseconds: [Double] = []) {
        let printer = GraphPrinter(showsSites: false)
        var runs = ModuleRuns()
        inputs = graph.inputs.enumerated().map { position, input in
            Input(
                value: input.index, name: graph.name(input), type: "\(graph.type(input))",
                weight: weights.indices.contains(position) ? weights[position] : nil)
        }
        nodes = graph.nodes.enumerated().map { position, node in
            var seen = Set<Value>()
            return Node(
                op: node.operator.name, text: printer.text(node, in: graph),
                reads: node.operands.filter { seen.insert($0).inserted }.map(\.index),
                gives: node.outputs.map { Result(value: $0.index, name: graph.name($0), type: "\(graph.type($0))") },
                makesSymbols: GraphData.names(Array(graph.madeSymbols(of: node))), readsSymbols: GraphData.names(node.readSymbols),
                condition: node.condition.map { $0.description(naming: \.name) },
                site: node.site.map { "\($0)" }, module: runs.enter(node.modulePath), origin: node.provenance,
                bodies: node.namedBodies.map { Body(name: $0.name, graph: GraphData($0.body.graph)) },
                microseconds: microseconds.indices.contains(position) ? microseconds[position] : nil)
        }
        outputs = graph.outputs.map {
            Output(value: $0.value?.index, text: printer.text($0, in: graph), type: "\(graph.type(of: $0))")
        }
        modules = runs.runs
    }

    /// The names of the symbols that no input's size tells, in a fixed order.
    private static func names(_ symbols: [Symbol]) -> [String]? {
        let own: [Symbol] = symbols.filter { !$0.isBacked }.unique
        return own.isEmpty ? nil : own.map(\.name).sorted()
    }
}

extension Node {
    /// Symbols of its arguments, and of what its bodies read from around them.
    fileprivate var readSymbols: [Symbol] { arguments.flatMap(\.freeSymbols) + bodies.flatMap { Array($0.graph.outerSymbols) } }
}

import ApusTensor

/// Where the boxes of a drawn graph stand: in layers by the longest path from the inputs, each layer ordered by where its operands stand.
struct GraphLayers {
    struct Box {
        let title: String
        let detail: String
        let isEnd: Bool
        var layer = 0
        var x = 0.0
        var y = 0.0
        var width: Double { Double(max(title.count, detail.count)) * GraphLayers.characterWidth + 20 }
    }

    static let characterWidth = 6.6
    static let boxHeight = 36.0
    static let layerDistance = 72.0
    static let gap = 24.0

    private(set) var boxes: [Box] = []
    /// From a box to a box, with the value's name.
    private(set) var edges: [(from: Int, to: Int, name: String)] = []
    private(set) var width = 0.0
    private(set) var height = 0.0

    init(_ graph: Graph) {
        var makers: [Int: Int] = [:]
        for input in graph.inputs {
            makers[input.index] = boxes.count
            boxes.append(Box(title: "%\(graph.name(input))", detail: "\(graph.type(input))", isEnd: true))
        }
        for node in graph.nodes {
            let box = boxes.count
            let types: String = node.outputs.map { "\(graph.type($0))" }.joined(separator: ", ")
            let bodies: Int = node.bodies.count
            boxes.append(Box(title: node.operator.name + (bodies > 0 ? " (\(bodies) bodies)" : ""), detail: types, isEnd: false))
            var seen = Set<Int>()
            for operand in node.operands {
                guard let maker = makers[operand.index], seen.insert(operand.index).inserted else { continue }
                edges.append((maker, box, graph.name(operand)))
                boxes[box].layer = max(boxes[box].layer, boxes[maker].layer + 1)
            }
            for output in node.outputs { makers[output.index] = box }
        }
        for (position, output) in graph.outputs.enumerated() {
            guard let value = output.value, let maker = makers[value.index] else { continue }
            edges.append((maker, boxes.count, graph.name(value)))
            boxes.append(Box(title: "result \(position)", detail: "%\(graph.name(value))", isEnd: true, layer: boxes[maker].layer + 1))
        }
        place()
    }

    private mutating func place() {
        var layers = [[Int]](repeating: [], count: (boxes.map(\.layer).max() ?? 0) + 1)
        for (index, box) in boxes.enumerated() { layers[box.layer].append(index) }
        var incoming = [[Int]](repeating: [], count: boxes.count)
        for edge in edges { incoming[edge.to].append(edge.from) }
        for layer in layers {
            // The mean of the operands' places keeps edges short; the order of the program settles ties.
            let wishes: [(index: Int, wish: Double)] = layer.map { index in
                let centers: [Double] = incoming[index].map { boxes[$0].x + boxes[$0].width / 2 }
                return (index, centers.isEmpty ? 0 : centers.reduce(0, +) / Double(centers.count))
            }
            var x = GraphLayers.gap
            for (index, wish) in wishes.sorted(by: { ($0.wish, $0.index) < ($1.wish, $1.index) }) {
                boxes[index].x = max(x, wish - boxes[index].width / 2)
                boxes[index].y = GraphLayers.gap + Double(boxes[index].layer) * GraphLayers.layerDistance
                x = boxes[index].x + boxes[index].width + GraphLayers.gap
            }
            width = max(width, x)
        }
        height = GraphLayers.gap + Double(layers.count) * GraphLayers.layerDistance
    }
}

import ApusTensor

extension Graph {
    /// The graph as an SVG picture, bodies of control flow as pictures of their own below. Deterministic; written without other programs.
    public func svg(title: String = "graph") -> String {
        var sections: [(title: String, layers: GraphLayers)] = []
        collect(title, &sections)
        var parts: [String] = []
        var top = 0.0
        var width = 0.0
        for section in sections {
            parts.append("<g transform=\"translate(0,\(number(top)))\">")
            parts.append("<text x=\"12\" y=\"18\" font-weight=\"bold\">\(section.title.escapedForXML)</text>")
            parts.append(contentsOf: section.layers.svgElements)
            parts.append("</g>")
            top += section.layers.height + 24
            width = max(width, section.layers.width)
        }
        let size = "width=\"\(number(width))\" height=\"\(number(top))\" viewBox=\"0 0 \(number(width)) \(number(top))\""
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" \(size) font-family=\"monospace\" font-size=\"11\">\n"
            + "<rect width=\"100%\" height=\"100%\" fill=\"white\"/>\n" + parts.joined(separator: "\n") + "\n</svg>\n"
    }

    private func collect(_ title: String, _ sections: inout [(title: String, layers: GraphLayers)]) {
        sections.append((title, GraphLayers(self)))
        for node in nodes {
            for (name, body) in node.namedBodies {
                let owner: String = node.outputs.first.map { "%\(self.name($0))" } ?? node.operator.name
                body.graph.collect("\(title), \(name) of \(owner)", &sections)
            }
        }
    }
}

extension GraphLayers {
    fileprivate var svgElements: [String] {
        var elements: [String] = []
        for edge in edges {
            let (from, to) = (boxes[edge.from], boxes[edge.to])
            let (x1, y1) = (from.x + from.width / 2, from.y + GraphLayers.boxHeight)
            let (x2, y2) = (to.x + to.width / 2, to.y)
            let bend: Double = (y2 - y1) / 2
            elements.append(
                "<path d=\"M\(number(x1)),\(number(y1)) C\(number(x1)),\(number(y1 + bend)) \(number(x2)),\(number(y2 - bend)) \(number(x2)),\(number(y2))\" fill=\"none\" stroke=\"#888\"><title>%\(edge.name.escapedForXML)</title></path>"
            )
        }
        for box in boxes {
            let fill: String = box.isEnd ? "#e8f0fe" : "#f6f6f6"
            elements.append(
                "<rect x=\"\(number(box.x))\" y=\"\(number(box.y))\" width=\"\(number(box.width))\" height=\"\(number(GraphLayers.boxHeight))\" rx=\"\(box.isEnd ? 12 : 3)\" fill=\"\(fill)\" stroke=\"#555\"/>"
            )
            let center: String = number(box.x + box.width / 2)
            elements.append("<text x=\"\(center)\" y=\"\(number(box.y + 15))\" text-anchor=\"middle\">\(box.title.escapedForXML)</text>")
            elements.append(
                "<text x=\"\(center)\" y=\"\(number(box.y + 29))\" text-anchor=\"middle\" fill=\"#555\">\(box.detail.escapedForXML)</text>")
        }
        return elements
    }
}

/// A coordinate with one decimal place.
private func number(_ value: Double) -> String {
    let tenths: Double = (value * 10).rounded()
    guard let whole = Int(exactly: tenths) else { return "0" }
    return whole % 10 == 0 ? "\(whole / 10)" : "\(whole / 10).\(abs(whole % 10))"
}

extension String {
    fileprivate var escapedForXML: String {
        var result = ""
        for character in self {
            switch character {
            case "&": result += "&amp;"
            case "<": result += "&lt;"
            case ">": result += "&gt;"
            case "\"": result += "&quot;"
            default: result.append(character)
            }
        }
        return result
    }
}

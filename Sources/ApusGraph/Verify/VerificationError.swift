import ApusTensor

/// What `verify` finds wrong with a graph: the first offence, where it is, and the program around it.
public struct VerificationError: Error, Sendable {
    public enum Code: String, Sendable, Hashable {
        /// Two values have the same name, or one has none.
        case name
        /// A value is made twice, read before it is made, or not there at all.
        case definition
        /// The arguments are not those of the operator's schema.
        case argument
        /// The operator's rule refuses the arguments.
        case refused
        /// A result's type is not the one that the rule gives.
        case type
        /// A condition that the rule requires does not follow from what is known.
        case unproved
        /// A symbol is used that nothing gives a value.
        case symbol
        /// The operator does not belong to the dialect.
        case dialect
        /// The bodies of a branch don't fit their node.
        case body
        /// The paths that a program was made of are not disjoint, or leave out inputs.
        case paths
    }

    public let code: Code
    /// The name of the node's first result, or its operator's; empty for the graph as a whole.
    public let node: String
    public let operatorName: String
    public let message: String
    public let expected: String?
    public let found: String?
    public let site: NodeSite?
    /// Some lines of the program around the node, which an arrow marks.
    public let window: String

    package init(
        _ code: Code, _ message: String, node: String = "", operatorName: String = "", expected: String? = nil, found: String? = nil,
        site: NodeSite? = nil, window: String = ""
    ) {
        self.code = code
        self.node = node
        self.operatorName = operatorName
        self.message = message
        self.expected = expected
        self.found = found
        self.site = site
        self.window = window
    }
}

extension VerificationError: CustomStringConvertible {
    public var description: String {
        var text = "invalid program: "
        if !node.isEmpty { text += "node '\(node)'" + (operatorName.isEmpty ? ": " : " (\(operatorName)): ") }
        text += message
        if let expected { text += "\n    expected: \(expected)" }
        if let found { text += "\n    found:    \(found)" }
        if let site { text += "\n    from:     \(site)" }
        if !window.isEmpty { text += "\n" + window }
        return text
    }
}

extension Graph {
    /// The nodes around a position, one line each, the one at the position marked.
    func window(around position: Int) -> String {
        let printer = GraphPrinter()
        let range: Range<Int> = max(0, position - 3)..<min(nodes.count, position + 4)
        var lines: [String] = range.map { ($0 == position ? "  --> " : "      ") + printer.text(nodes[$0], in: self) }
        if range.lowerBound > 0 { lines.insert("      ...", at: 0) }
        if range.upperBound < nodes.count { lines.append("      ...") }
        return lines.joined(separator: "\n")
    }
}

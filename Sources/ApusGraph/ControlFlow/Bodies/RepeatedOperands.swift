import ApusTensor

// Gradients tell apart two tensors that hold one value, and so do the bodies that capture them. In a graph they are one operand again:
// PyTorch refuses a branch that gets one value twice.

extension Operator {
    /// The arguments of a branch or loop in which no value is passed twice, with bodies that take each once.
    package func withoutRepeatedOperands(_ arguments: [GraphArgument]) -> [GraphArgument] {
        guard [.cond, .whileLoop, .scan].contains(self), case .tensors(let operands)? = arguments.last else { return arguments }
        var firstPlaces: [Value: Int] = [:]
        let sources: [Int] = operands.enumerated().map { place, value in
            let first: Int = firstPlaces[value] ?? place
            firstPlaces[value] = first
            return first
        }
        guard firstPlaces.count < operands.count else { return arguments }
        return arguments.dropLast().map { $0.mapBody { $0.joiningLastInputs(sources) } } + [
            .tensors(sources.indices.filter { sources[$0] == $0 }.map { operands[$0] })
        ]
    }
}

extension Graph {
    /// The graph in which each of the last inputs is the one at the place given for it, counted from the first of them.
    fileprivate func joiningLastInputs(_ sources: [Int]) -> Graph {
        var result: Graph = self
        let start: Int = inputs.count - sources.count
        var joined: [Value: Value] = [:]
        for (place, source) in sources.enumerated() where source != place { joined[inputs[start + place]] = inputs[start + source] }
        result.nodes = nodes.map { node in
            var node: Node = node
            node.arguments = node.arguments.map { $0.map { joined[$0] ?? $0 } }
            return node
        }
        result.outputs = outputs.map { $0.map { joined[$0] ?? $0 } }
        result.removeInputs { $0 >= start && sources[$0 - start] != $0 - start }
        return result
    }
}

import ApusGraph
import ApusTensor

extension PatternPass {
    /// Products with a weight on the right as the one operator that reads packed weights, `aten::linear`.
    static let linears = PatternPass(
        name: "linear",
        patterns: [
            LoweringPattern(
                name: "addmm", inputs: [[2], [3, 4], [4, 2]], frozen: [2],
                before: { x in [try first("aten::addmm", x.map { .tensor($0) } + [.int(1), .int(1)])] },
                accepts: { match in
                    guard let node = match.node(0), let bias = node.operands.first.flatMap({ match.graph.spec($0) }) else { return false }
                    return bias.shape.count == 1 && node.arguments[3].doubleValue == 1 && node.arguments[4].doubleValue == 1
                },
                after: { _, x in [try x[1].linear(x[2].t(), bias: x[0])] }),
            LoweringPattern(
                name: "mm", inputs: [[3, 4], [4, 2]], frozen: [1],
                before: { x in [try x[0].mm(x[1])] }, after: { _, x in [try x[0].linear(x[1].t())] }),
            LoweringPattern(
                name: "matmul", inputs: [[3, 4], [4, 2]], frozen: [1],
                before: { x in [try x[0].matmul(x[1])] },
                accepts: { match in match.node(0)?.operands.last.flatMap { match.graph.spec($0) }?.shape.count == 2 },
                after: { _, x in [try x[0].linear(x[1].t())] }),
            // The sum is the product's bias where it is one number for each column.
            LoweringPattern(
                name: "bias of linear", inputs: [[3, 4], [2, 4], [2]], frozen: [1],
                before: { x in [try x[0].linear(x[1]) + x[2]] }, accepts: { isBias($0, of: 1) },
                after: { _, x in [try x[0].linear(x[1], bias: x[2])] }),
        ])

    /// Whether the second operand of the sum, which is the pattern's last node, is a vector as long as a result of the product is wide, and
    /// added once.
    private static func isBias(_ match: LoweringPattern.Match, of sum: Int) -> Bool {
        guard let node = match.node(sum), node.operands.count == 2, let bias = match.graph.spec(node.operands[1]),
            let product = match.graph.spec(node.operands[0]), bias.dtype == product.dtype, bias.shape.count == 1
        else { return false }
        return bias.shape[0].isIdentical(to: product.shape[-1]) && node.arguments[2].doubleValue == 1
    }
}

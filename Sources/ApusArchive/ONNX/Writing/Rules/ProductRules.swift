import ApusONNXSchema
import ApusSymbolic
import ApusTensor

extension ONNXRules {
    static let products: [ONNXRule] =
        ["mm", "bmm", "matmul", "mv", "dot", "vdot"].map { name in ONNXRule(name) { node in try multiplied(node, 0, 1) } }
        + [("addmm", 1), ("baddbmm", 1), ("addmv", 1)].map { name, first in
            ONNXRule(name) { node in try added(node, multiplied(node, first, first + 1)) }
        } + [
            ONNXRule("linear") { node in
                let dtype: DType = try node.result.dtype
                let (x, weight) = (try node.term(0), try node.term(1))
                if try dtype.isFloatingPoint && dtype != .bfloat16 && node.rank() == 2 {
                    let operands: [ONNXTerm?] = [x, weight, try node.optional(2)]
                    return node.apply("Gemm", operands[2] == nil ? Array(operands.prefix(2)) : operands, [.make("transB", 1)])
                }
                let order: [Int] = try node.rank(1) == 2 ? [1, 0] : [0]
                let product: ONNXTerm = node.apply("MatMul", [x, node.transposed(weight, order)])
                return try node.optional(2).map { node.apply("Add", [product, $0]) } ?? product
            },
            ONNXRule("_int_mm") { node in node.apply("MatMul", [try node.term(0, as: .int32), try node.term(1, as: .int32)]) },
        ]

    private static func multiplied(_ node: ONNXNodeWriter, _ first: Int, _ second: Int) throws -> ONNXTerm {
        let dtype: DType = try node.result.dtype
        return node.apply("MatMul", [try node.term(first, as: dtype), try node.term(second, as: dtype)])
    }

    /// beta * self + alpha * product. Where beta is 0, what self holds does not count, be it NaN.
    private static func added(_ node: ONNXNodeWriter, _ product: ONNXTerm) throws -> ONNXTerm {
        func scaled(_ x: ONNXTerm, _ index: Int) throws -> ONNXTerm {
            try node.isOne(index) ? x : node.apply("Mul", [x, try node.term(index, as: x.dtype)])
        }
        let result: ONNXTerm = try scaled(product, 4)
        if case .scalar(let beta) = node.call[3], beta.doubleValue == 0 { return result }
        return node.apply("Add", [try scaled(node.term(0, as: result.dtype), 3), result])
    }
}

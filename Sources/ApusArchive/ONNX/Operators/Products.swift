import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let products: [ONNXOperator] = [
        ONNXOperator("MatMul") { try $0.tensor(0).matmul($0.tensor(1)) },
        ONNXOperator("Gemm") { try gemm($0) },
        ONNXOperator("Einsum") { call in
            guard let equation = try call.text("equation") else { throw call.error(.invalidProgram, "lacks its equation") }
            // As arguments of the operator: their number is the model's.
            return try applySingle(.named("einsum"), [.string(equation.filter { $0 != " " }), .tensors(try call.tensors()), .none])
        },
        ONNXOperator("MatMulInteger", results: .own) { call in
            let (a, b) = (try shifted(call, 0, zeroPoint: 2, along: -2), try shifted(call, 1, zeroPoint: 3, along: -1))
            return try integerProduct(a, b)
        },
    ]

    private static func gemm(_ call: ONNXCall) throws -> Tensor {
        var (a, b) = (try call.tensor(0), try call.tensor(1))
        let (alpha, beta) = (try call.float("alpha", 1), try call.float("beta", 1))
        guard a.rank == 2, b.rank == 2 else { throw call.error(.invalidProgram, "takes matrices, not \(a.spec) and \(b.spec)") }
        if try call.flag("transA") { a = try a.transposed(0, 1) }
        let c: Tensor? = try call.optional(2)
        let isPlain: Bool = alpha == 1 && (beta == 1 || c == nil)
        if isPlain, try call.flag("transB"), c?.rank ?? 1 == 1, c.map({ decide($0.shape[0] == b.shape[0]) == true }) ?? true {
            return try a.linear(b, bias: c)
        }
        if try call.flag("transB") { b = try b.transposed(0, 1) }
        var result: Tensor = try a.mm(b)
        func scaled(_ x: Tensor, _ factor: Double) throws -> Tensor { factor == 1 ? x : try (x * factor).to(x.dtype) }
        result = try scaled(result, alpha)
        return try c.map { try result + scaled($0, beta) } ?? result
    }

    /// Integers without their zero point, in int32.
    /// - Parameter dim: what a zero point of several numbers goes along, counted from the back.
    static func shifted(_ call: ONNXCall, _ index: Int, zeroPoint: Int, along dim: Int) throws -> Tensor {
        let x: Tensor = try call.tensor(index).to(.int32)
        guard let zero = try call.optional(zeroPoint)?.to(.int32) else { return x }
        // One for each row of the left operand.
        return zero.rank == 1 && dim == -2 && x.rank > 1 && zero.shape[0].constant != 1 ? try x - zero.unsqueezed(-1) : try x - zero
    }

    /// A product of integers that fit into 9 bits: exact in float64, whose kernels are quick.
    static func integerProduct(_ a: Tensor, _ b: Tensor) throws -> Tensor { try a.to(.float64).matmul(b.to(.float64)).to(.int32) }
}

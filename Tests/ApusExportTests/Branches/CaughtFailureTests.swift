import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Calls that fail by their values, in functions that catch the error: a branch, or an export that says why not.
@Suite("Calls whose errors the function catches") struct CaughtFailureTests {
    /// What the walk over the table found.
    private struct Found {
        var explored = Set<String>()
        var refused = Set<String>()
        var cases = 0
    }

    /// Values that calls may fail on: positions out of range, divisors and matrices of zero.
    private static func hostile(_ tensor: Tensor) throws -> [Tensor] {
        let values: [Double] = tensor.dtype == .bool ? [0, 1] : tensor.dtype.isInteger ? [0, -3, 1000] : [0, -1]
        return try values.map { try Tensor.full(tensor.shape.sizes, $0, dtype: .float64).to(tensor.dtype) }
    }

    /// Inputs of one call: the sample's, and with every value of one tensor replaced.
    private static func inputs(_ tensors: [Tensor]) throws -> [[Tensor]] {
        try [tensors]
            + tensors.indices.flatMap { position in
                try hostile(tensors[position]).map { other in
                    var changed = tensors
                    changed[position] = other
                    return changed
                }
            }
    }

    /// A call of each record that may fail, in `try?`: for the sample and for values that it fails on the program gives what eager code gives.
    @Test func everyRecord() throws {
        var found = Found()
        for operation in OperatorTable.all where operation.effects.subtracting(.dataDependent).isPure {
            for sample in try operation.samples() {
                let isFloating: Bool = sample.contains {
                    if case .tensor(let x) = $0 { x.dtype.isFloatingPoint } else { false }
                }
                try walk(operation, sample, &found)
                guard isFloating else { continue }
                try walk(
                    operation,
                    sample.map { argument in
                        guard case .tensor(let tensor) = argument, tensor.dtype.isFloatingPoint else { return argument }
                        return .tensor(try tensor.to(.int64))
                    }, &found)
            }
        }
        #expect(found.explored.count > 50, "\(found.explored.sorted())")
        #expect(found.refused.isSubset(of: Self.untold), "\(found.refused.subtracting(Self.untold).sorted())")
    }

    /// What no operation of a program can tell: whether an iteration of LAPACK's converges, or whether it takes a number that is none.
    private static let untold: Set<String> = [
        "aten::_linalg_det", "aten::_linalg_eigh", "aten::_linalg_slogdet", "aten::_linalg_svd", "aten::det", "aten::histc",
        "aten::linalg_det",
        "aten::linalg_eig", "aten::linalg_eigh", "aten::linalg_eigvalsh", "aten::linalg_lstsq", "aten::linalg_lu_factor_ex",
        "aten::linalg_matrix_norm", "aten::linalg_matrix_norm.str_ord", "aten::linalg_norm", "aten::linalg_norm.ord_str",
        "aten::linalg_pinv", "aten::linalg_qr", "aten::linalg_slogdet", "aten::linalg_solve_ex", "aten::linalg_svd",
        "aten::linalg_svdvals", "aten::logdet", "aten::slogdet",
        "aten::_linalg_eigvals", "aten::_lu_with_info", "aten::geqrf", "aten::linalg_cond", "aten::linalg_cond.p_str",
        "aten::linalg_eigvals", "aten::linalg_ldl_factor_ex", "aten::linalg_ldl_solve", "aten::linalg_lu", "aten::linalg_lu_solve",
        "aten::linalg_matrix_rank", "aten::linalg_matrix_rank.atol_rtol_float", "aten::linalg_matrix_rank.atol_rtol_tensor",
        "aten::linalg_matrix_rank.tol_tensor", "aten::linalg_pinv.atol_rtol_float", "aten::linalg_pinv.atol_rtol_tensor",
        "aten::linalg_pinv.rcond_tensor", "aten::linalg_solve_triangular", "aten::lu_solve", "aten::nuclear_norm",
        "aten::nuclear_norm.dim", "aten::qr", "aten::svd",
        // Lengths and labels of all kinds at once.
        "aten::_ctc_loss", "aten::_ctc_loss.Tensor", "aten::_ctc_loss_backward", "aten::_ctc_loss_backward.Tensor",
        "aten::ctc_loss.IntList", "aten::ctc_loss.Tensor",
    ]

    private func walk(_ operation: Operator, _ sample: [OperatorArgument], _ found: inout Found) throws {
        guard operation.mayFail(Call(operation, sample)), (try? apply(operation, sample)) != nil else { return }
        var tensors: [Tensor] = []
        for argument in sample { argument.forEachReference { tensors.append($0) } }
        let function = { (inputs: [Tensor]) -> Tensor in
            var next = inputs[...]
            let arguments: [OperatorArgument] = sample.map { $0.map { _ in next.removeFirst() } }
            do {
                guard case .tensor(let result)? = try apply(operation, arguments).first else {
                    return try Tensor.scalar(0, dtype: .float64)
                }
                return try (result.dtype.isComplex ? result.abs() : result).to(.float64).sum()
            } catch let error as TensorError where error.code != .tracing { return try Tensor.scalar(-777, dtype: .float64) }
        }
        let all: [[Tensor]] = try Self.inputs(tensors)
        let fails: Bool = try all.contains { try function($0).array(of: Double.self) == [-777] }
        let program: ExportedProgram
        do { program = try export(function, args: tensors) } catch let error as ProgramError {
            #expect(error.description.contains("the function catches the error of '"), "\(operation): \(error)")
            found.refused.insert(operation.name)
            return
        } catch {
            Issue.record("\(operation): \(error)")
            return
        }
        if fails { found.explored.insert(operation.name) }
        for inputs in all {
            found.cases += 1
            let expected: Double = try function(inputs).array(of: Double.self)[0]
            do {
                let result: Tensor = try program(inputs)
                let value: Double = try result.array(of: Double.self)[0]
                #expect(value == expected || value.isNaN && expected.isNaN, "\(operation): \(inputs.map { "\($0)" })")
            } catch { Issue.record("\(operation) at \(inputs.map { "\($0)" }): eager gives \(expected), the program throws \(error)") }
        }
    }

    private let x: Tensor

    init() throws { x = try Tensor([2, 1, 1, 3] as [Float], shape: [2, 2]) }

    @Test("What no operation tells is refused, with what to do") func untold() throws {
        let line: Int = #line + 1
        let f = { (x: Tensor) in try (try? x.eigh().values) ?? x[0] }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x) }
        #expect(
            error?.message
                == "the function catches the error of '_linalg_eigh' (eigenvalues did not converge) and goes on, but no operation of a program "
                + "tells whether it fails: let the error leave the function, so that the program rejects such inputs, or ask about the values "
                + "first, as in x.isfinite().all().item(Bool.self), and call '_linalg_eigh' without catching")
        #expect(error?.site?.description == "CaughtFailureTests.swift:\(line)")
        // Where the error leaves the function there is nothing to tell, nor where it is told in other words.
        struct Refusal: Error {}
        _ = try export({ (x: Tensor) in try x.eigh().values }, args: x)
        _ = try export({ (x: Tensor) in do { return try x.eigh().values } catch { throw Refusal() } }, args: x)
    }

    @Test("An operator of the user's own that may fail") func own() throws {
        let root = try Operator(
            Schema("mine::root(Tensor self) -> Tensor"), effects: .mayFail, rule: { [try $0.tensor(0).spec] },
            kernel: .host { call in
                let x = try call.tensor(0)
                guard try x.array(of: Float.self).allSatisfy({ $0 >= 0 }) else {
                    throw TensorError(.invalidArgument, in: "root", "negative")
                }
                return [.tensor(try x.sqrt())]
            })
        let error = #expect(throws: ProgramError.self) {
            _ = try export({ (x: Tensor) in (try? applySingle(root, [.tensor(x)])) ?? x }, args: x)
        }
        #expect(error?.message.hasPrefix("the function catches the error of 'root' (fails for some values) and goes on, but") == true)
    }

    @Test("A call whose error leaves the function costs no node") func uncaught() throws {
        let program = try export({ (x: Tensor) in try x.inverse() }, args: x)
        #expect(program.graph.nodes.count == 1 && program.paths.count == 1)
    }

    @Test("What a body of cond catches is rejected, and the check at the end says so") func inBodies() throws {
        let f = { (x: Tensor) in
            try cond(x.sum() .> 0) {
                (try? x.inverse()) ?? x
            } else: {
                x
            }
        }
        let program = try export(f, args: x)
        #expect(throws: (any Error).self) { let _: Tensor = try program(try Tensor.ones([2, 2])) }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: try Tensor.ones([2, 2])) }
        #expect(
            error?.message
                == "the function goes on where the program ends in an error, on inputs float32[2, 2], path 'always': 'linalg_inv: the matrix is "
                + "singular: its pivot 2 is zero'. An error that the function catches in a body of cond, whileLoop or scan, or behind the first 64 "
                + "calls of a path that may fail, is one of the program's: ask about the values first, and make the call where it does not fail."
        )
    }
}

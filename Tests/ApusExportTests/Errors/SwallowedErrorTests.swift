import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusExport

/// Errors that only tracing has, caught by the function: eager code would go another way, so there is no program.
@Suite("Errors of tracing that are caught") struct SwallowedErrorTests {
    private let x: Tensor

    init() throws { x = try Tensor([1, 2, 3, 4] as [Float], shape: [4]) }

    private func expectTracing(
        _ message: String, _ constraints: [any ConstraintConvertible] = [], of example: Tensor? = nil,
        sourceLocation: SourceLocation = #_sourceLocation, _ f: (Tensor) throws -> Tensor
    ) {
        let error = #expect(throws: TensorError.self, sourceLocation: sourceLocation) {
            _ = try export(f, args: example ?? x, constraints: constraints)
        }
        #expect(error?.code == .tracing, sourceLocation: sourceLocation)
        #expect(error?.description == message, sourceLocation: sourceLocation)
        #expect(error?.site?.location?.file == "SwallowedErrorTests.swift", sourceLocation: sourceLocation)
    }

    /// CE2 of the audit.
    @Test("A plain number") func numbers() throws {
        expectTracing("item: the element f0 has no value while it is traced; ask for item(SymFloat.self), which stays symbolic") { x in
            if let largest = try? x.amax().item(Float.self), largest > 10 { return try x / 10 }
            return x
        }
        let line: Int = #line + 1
        let f = { (x: Tensor) in try x * ((try? x.sum().item(Double.self)) ?? 1) }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x) }
        #expect(error?.site?.description == "SwallowedErrorTests.swift:\(line)")
    }

    @Test("The elements") func elements() throws {
        expectTracing(
            "array: a tensor of float32[4] has no values while it is traced; compute with it by operations of tensors, "
                + "or read its elements by array(of: SymFloat.self), which stay symbolic"
        ) { x in
            do { return try x * Double(x.array(of: Float.self)[0]) } catch { return x }
        }
    }

    /// CE2b of the audit.
    @Test("Plain sizes") func sizes() throws {
        expectTracing(
            "sizes: the shape [x.shape[0]] is symbolic while tracing; use 'shape' instead, or Int(x.shape[d]) to specialise a dimension",
            [dynamicDim(x, 0)]
        ) { x in try x * Double((try? x.sizes[0]) ?? 1) }
    }

    @Test("Where elements lie in memory") func memory() throws {
        func message(_ property: String) -> String {
            "\(property): where the argument x, float32[4], lies in memory is known only when the program runs; "
                + "call contiguous(), which copies only what is not contiguous"
        }
        expectTracing(message("isContiguous")) { x in x.isContiguous ? try x.cos() : try x.sin() }
        expectTracing(message("strides")) { x in x.strides == [1] ? try x.cos() : try x.sin() }
    }

    @Test("An argument that must be known") func arguments() throws {
        let sum = try #require(OperatorTable.find("aten::sum.dim_IntList"))
        expectTracing("sum: argument 'dim' must be integers that are known while tracing", [dynamicDim(x, 0)]) { x in
            (try? applySingle(sum, [.tensor(x), .ints([x.shape[0] - 4]), .bool(false), .none])) ?? x
        }
    }

    @Test("The number of parts of an open size") func parts() throws {
        expectTracing(
            "split: the number of parts of 2 in x.shape[0] is open while tracing; declare at most 16 sizes, each of which is then traced, "
                + "or use chunk, or split with sizes", [dynamicDim(x, 0)]
        ) { x in (try? x.split(2)[0]) ?? x }
        expectTracing(
            "unbind: the number of parts along dimension 0 of shape [x.shape[0]] is open while tracing; declare at most 16 sizes, each of "
                + "which is then traced, or take parts by select(dim: 0, index: i), or use map or scan", [dynamicDim(x, 0).in(1...17)]
        ) { x in (try? x.unbind()[0]) ?? x }
        expectTracing(
            "array: the number of elements of shape [x.shape[0]] is open while tracing; declare at most 16 sizes, each of which is then "
                + "traced, or compute with the tensor as a whole", [dynamicDim(x, 0)]
        ) { x in try x * Double((try? x.to(.int64).array(of: Int.self).count) ?? 1) }
        let (sequence, state) = (try Tensor.ones([4, 1, 1]), try Tensor.ones([1, 1, 1]))
        expectTracing(
            "lstm: the number of steps is open while tracing; declare at most 16 sizes, each of which is then traced, or write the network "
                + "as a scan", [dynamicDim(sequence, 0).in(1...17)], of: sequence
        ) { x in
            try gradient(at: x) { x in
                let weights: [Tensor] = try [Tensor.ones([4, 1]), Tensor.ones([4, 1])]
                return try ((try? x.lstm(hidden: state, cell: state, parameters: weights, hasBiases: false).output) ?? x).sum()
            }
        }
        let long = try Tensor.ones([65])
        let error = #expect(throws: TensorError.self) {
            _ = try export({ (x: Tensor) in try x * (x .> 0).array(of: SymInt.self)[0] }, args: long)
        }
        #expect(
            error?.description
                == "array: 65 elements are more than the 64 that are read one by one while tracing; compute with the tensor as a whole")
    }

    @Test("A plain value of a size") func constants() throws {
        let f = { (x: Tensor) in try x * Double((try? x.shape[0].requireConstant()) ?? 1) }
        let error = #expect(throws: ProgramError.self) { _ = try export(f, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.message == "the size x.shape[0] is symbolic where a plain value is needed")
    }

    @Test("What cond, whileLoop and scan can't trace") func controlFlow() throws {
        let differing = { (x: Tensor) in
            (try? cond(x.shape[0] > 3) {
                try x.sum()
            } else: {
                try x.sum(dim: 0, keepDim: true)
            }) ?? x
        }
        let error = #expect(throws: ProgramError.self) { _ = try export(differing, args: x, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.message == "the branches of cond return float32[] and float32[1] as result 0: the ranks differ")
        let asking = { (x: Tensor) -> Tensor in
            let n = x.shape[0]
            let end: (SymInt, Tensor)? = try? whileLoop((SymInt(0), x)) { i, _ in
                i < n
            } do: { i, y in
                if i > 2 { return (i + 1, try y.sin()) }
                return (i + 1, try y.cos())
            }
            return end?.1 ?? x
        }
        #expect(throws: ProgramError.self) { _ = try export(asking, args: x, constraints: [dynamicDim(x, 0)]) }
        // Eager code makes no pass, and finds nothing wrong.
        let idle = { (x: Tensor) -> Tensor in
            let last: SymInt = x.shape[0] - 9
            let end: (SymInt, Tensor)? = try? whileLoop((SymInt(0), x)) { i, _ in
                i < last
            } do: { i, y in
                (i + 1, try y.unsqueezed(0))
            }
            return try end?.1 ?? x.neg()
        }
        #expect(try idle(x).array(of: Float.self) == [1, 2, 3, 4])
        let program = try export(idle, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        let result: Tensor = try program(x)
        #expect(try result.array(of: Float.self) == [1, 2, 3, 4])
    }

    @Test("A tensor of a trace that has ended, given to a program") func programs() throws {
        let inner = try export({ (x: Tensor) in try x.sin() }, args: x)
        var kept: Tensor?
        _ = try? export(
            { (x: Tensor) -> Tensor in
                kept = x
                return x
            }, args: x)
        let error = #expect(throws: ProgramError.self) { let _: Tensor = try inner(try #require(kept)) }
        #expect(error?.message == "x: a traced tensor can't be passed to a program that runs")
    }

    @Test("On another path than the first") func onOnePathOfTwo() throws {
        let error = #expect(throws: TensorError.self) {
            _ = try export(
                { (x: Tensor) in x.shape[0] > 3 ? try x.cos() : try x * ((try? x.sum().item(Double.self)) ?? 1) }, args: x,
                constraints: [dynamicDim(x, 0)])
        }
        #expect(error?.code == .tracing)
    }

    @Test("Errors of the inputs may be caught") func othersStay() throws {
        let program = try export(
            { (x: Tensor) in
                if let y = try? x.reshaped([3, 2]) { return y }
                return try x.neg()
            }, args: x)
        let y: Tensor = try program(x)
        #expect(try y.array(of: Float.self) == [-1, -2, -3, -4])
    }

    @Test("What only tracing can't do is no rejection of inputs, whatever its words") func noRejections() throws {
        let y = try Tensor([1, 2, 3, 4, 5, 6] as [Float], shape: [3, 2])
        let f = { (x: Tensor, y: Tensor) in
            x.shape[0] > 3 ? try x.sum() : try map(y) { row in try row.nonzero() }.sum()
        }
        let error = #expect(throws: TensorError.self) { _ = try export(f, args: x, y, constraints: [dynamicDim(x, 0)]) }
        #expect(error?.code == .tracing)
        #expect(error?.message.hasSuffix("whose size may differ from step to step; results are stacked") == true)
    }
}

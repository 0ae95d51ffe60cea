import ApusExport
import ApusGraph
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

private final class Summing: Module {
    @Buffer var total: Tensor

    init() throws { total = try Tensor.zeros([3]) }

    func forward(_ x: Tensor) throws -> Tensor {
        total = try total + x.sum(dim: 0)
        return try x * total
    }
}

/// Functions that call a program and are exported themselves.
@Suite struct InlinedProgramTests {
    typealias Function = (Tensor) throws -> Tensor

    private func program(_ sizes: ClosedRange<Int> = 1...8, _ function: @escaping Function) throws -> ExportedProgram {
        let example = try numbers([sizes.upperBound, 3])
        return try export(function, args: example, constraints: [dynamicDim(example, 0).in(sizes)])
    }

    @Test("Every kind of program becomes a part of the other", arguments: ProgramGradientTests.functions.indices)
    func inlines(_ index: Int) throws {
        let (name, function) = ProgramGradientTests.functions[index]
        let inner = try program(2...6, function)
        let whole: @Sendable (Tensor) throws -> [Tensor] = { x in
            let y: Tensor = try inner(x * 2)
            return [try y.sum(), try y.exp()]
        }
        let outer = try sweep(2...6) { x in try whole(x) }
        #expect(outer.graph.nodes.count > 3, "\(name)")
        // And its gradient, which is that of the function.
        let x = try numbers([5, 3], seed: 9)
        try expectClose(
            try gradient(at: x) { x in try outer.run([x])[0] }, try gradient(at: x) { x in try function(x * 2).sum() }, name,
            tolerance: 1e-4)
    }

    @Test func loopsByASizeAreTracedOnceMore() throws {
        let inner = try program { x in
            try whileLoop((SymInt(0), x)) { i, _ in
                i < x.shape[0]
            } do: { i, y in
                (i + 1, try y * 0.5 + x)
            }.1
        }
        let outer = try sweep(1...8) { x in
            let y: Tensor = try inner(x)
            return [try y + 1]
        }
        #expect(outer.graph.count(.whileLoop) == 1)
    }

    @Test func loopsOverGrowingTensorsAreTracedOnceMore() throws {
        let inner = try program { x in
            try whileLoop(x) { x in
                x.shape[0] < 12
            } do: { x in
                try Tensor.cat([x, x], dim: 0)
            }
        }
        try sweep(1...8) { x in
            let y: Tensor = try inner(x)
            return [y, try y.sum(dim: 0)]
        }
    }

    @Test func takesItsWeightsAsConstants() throws {
        let model = try Linear(3, 2)
        let x = try numbers([4, 3])
        let inner = try export(model, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        let outer = try export({ (x: Tensor) -> Tensor in try inner(x) }, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        #expect(outer.constants.count == 2)
        #expect(outer.stateDict.isEmpty)
        let y = try numbers([7, 3], seed: 3)
        let (found, expected): (Tensor, Tensor) = (try outer(y), try inner(y))
        try expectClose(found, expected)
    }

    @Test func whatTheProgramRefusesIsToBeDeclared() throws {
        let inner = try program(2...6) { x in try x.sin() }
        let x = try numbers([4, 3])
        do {
            _ = try export({ (x: Tensor) -> Tensor in try inner(x) }, args: x, constraints: [dynamicDim(x, 0).in(1...9)])
            Issue.record("sizes were taken that the program refuses")
        } catch let error as ConstraintViolationError {
            #expect("\(error)".contains("x.shape[0] must be in 2...6"), "\(error)")
            #expect("\(error)".contains("dynamicDim(x, 0).in(2...6)"), "\(error)")
        }
        // A size that can't be admitted, a dtype and a rank are the errors of the call.
        for other in [try numbers([9, 3]), try numbers([4, 2]), try numbers([4]), try Tensor.zeros([4, 3], dtype: .int64)] {
            #expect(throws: (any Error).self) { try export({ (x: Tensor) -> Tensor in try inner(x) }, args: other) }
        }
    }

    @Test func sizesWithoutABoundNeedNone() throws {
        let x = try numbers([4, 3])
        let inner = try export({ (x: Tensor) in try x.sin() }, args: x, constraints: [dynamicDim(x, 0)])
        let outer = try export(
            { (x: Tensor) -> Tensor in try inner(Tensor.cat([x, x], dim: 0)) }, args: x, constraints: [dynamicDim(x, 0)])
        for size in [1, 2, 9] {
            let x = try numbers([size, 3])
            let y: Tensor = try outer(x)
            try expectClose(y, try Tensor.cat([x, x], dim: 0).sin())
        }
    }

    @Test func aRefusalThatTheFunctionCatchesIsItsOtherWay() throws {
        let inner = try program(2...6) { x in
            guard x.shape[0] != 4 else { throw TensorError(.invalidArgument, "not four") }
            return try x.sin()
        }
        try sweep(2...6) { x in
            let y: Tensor? = try? inner(x)
            return [try y ?? x.cos()]
        }
        let outer = try program(2...6) { x in try inner(x) }
        #expect(throws: TensorError.self) { let _: Tensor = try outer(numbers([4, 3])) }
        let fits: Tensor = try outer(numbers([5, 3]))
        try expectClose(fits, try numbers([5, 3]).sin())
    }

    @Test func aPlainArgumentIsComparedWhereTheFunctionHasItsSize() throws {
        let x = try numbers([4, 3])
        let inner = try export({ (x: Tensor, n: Int) in try x.sin() * Double(n) }, args: x, 4, constraints: [dynamicDim(x, 0).in(1...8)])
        try sweep(1...8) { x in
            let y: Tensor? = try? inner(x, x.shape[0])
            return [try y ?? x.cos()]
        }
        let outer = try program { x in try inner(x, x.shape[0]) }
        let fits: Tensor = try outer(x)
        try expectClose(fits, try x.sin() * 4)
        #expect { let _: Tensor = try outer(numbers([5, 3])) } throws: { "\($0)".contains("was made with 4 and takes no other value") }
    }

    @Test func checksOnValuesStayChecks() throws {
        let inner = try program { x in
            let n = try x.sum().to(.int64).item()
            try check(n > 0, "a positive sum")
            return try Tensor.ones([n]) * 2
        }
        let x = try Tensor.ones([8, 3])
        let outer = try export(
            { (x: Tensor) -> Tensor in
                let y: Tensor = try inner(x)
                return try y.sum()
            }, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        let sum: Tensor = try outer(Tensor.ones([2, 3]))
        #expect(try sum.item(Float.self) == 12)
        #expect { let _: Tensor = try outer(Tensor.zeros([2, 3])) } throws: { "\($0)".contains("a positive sum") }
    }

    @Test func numbersAndTruthValuesComeOut() throws {
        let x = try numbers([4, 3])
        let inner = try export(
            { (x: Tensor) -> (Tensor, SymInt, SymFloat) in
                let sum = try x.sum().item(SymFloat.self)
                let n = x.shape[0] > 2 ? x.shape[0] * 2 : x.shape[0]
                return (try x.cos(), n, sum * 2)
            }, args: x, constraints: [dynamicDim(x, 0).in(1...8)])
        try sweep(1...8) { x in
            let (y, n, sum): (Tensor, SymInt, SymFloat) = try inner(x)
            return [try y * sum, try Tensor.ones([n])]
        }
    }

    @Test func aProgramInAJointExportHasItsGradients() throws {
        let inner = try program { x in x.shape[0] > 3 ? try x.sin() : try x * x }
        let x = try numbers([8, 3])
        let joint = try exportJoint(
            { (x: Tensor) -> Tensor in
                let y: Tensor = try inner(x)
                return try y.sum()
            }, args: x, withRespectTo: [x], constraints: [dynamicDim(x, 0).in(1...8)])
        for size in [2, 7] {
            let x = try numbers([size, 3], seed: 4)
            let found = try joint.valueAndGradients(x).inputGradients
            try expectClose(try #require(found.values.first), try gradient(at: x) { x in try (size > 3 ? x.sin() : x * x).sum() })
        }
    }

    @Test func aBufferThatTheProgramChangesIsNamedInTheError() throws {
        let x = try numbers([4, 3])
        let inner = try export(Summing(), args: x)
        let before = try #require(inner.stateDict["total"]).array(of: Float.self)
        #expect {
            _ = try export({ (x: Tensor) -> Tensor in (try? inner(x)) ?? x }, args: x)
        } throws: { error in
            (error as? ProgramError)?.code == .untraceable && "\(error)".contains("changes its buffer 'total'")
        }
        #expect(try #require(inner.stateDict["total"]).array(of: Float.self) == before)
        let y: Tensor = try inner(x)
        #expect(try y.sizes == [4, 3])
    }
}

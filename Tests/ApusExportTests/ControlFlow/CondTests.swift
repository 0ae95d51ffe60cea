import ApusExport
import ApusGraph
import ApusProgram
import ApusSymbolic
import ApusTensor
import ProgramExpectations
import Testing

@Suite("cond")
struct CondTests {
    @Test func isIfInEagerCode() throws {
        let x = try numbers([4])
        try expectClose(
            try cond(x.shape[0] > 3) {
                try x.cos()
            } else: {
                try x.sin()
            }, try x.cos())
        try expectClose(
            try cond(x.shape[0] > 4) {
                try x.cos()
            } else: {
                try x.sin()
            }, try x.sin())
        try expectClose(
            try cond(try x.sum() .> 1e9) {
                try x.cos()
            } else: {
                try x.sin()
            }, try x.sin())
    }

    @Test func keepsBothBranchesOfASize() throws {
        let program = try sweep(1...8) { x in
            [
                try cond(x.shape[0] > 3) {
                    try x.cos()
                } else: {
                    try x.sin() * x.shape[0]
                }
            ]
        }
        #expect(program.graph.count(.cond) == 1)
    }

    @Test func keepsNoBranchThatIsDecided() throws {
        let program = try sweep(4...8) { x in
            [
                try cond(x.shape[0] > 3) {
                    try x.cos()
                } else: {
                    try x.sin()
                }
            ]
        }
        #expect(program.graph.count(.cond) == 0)
    }

    @Test func joinsSizes() throws {
        try sweep(1...9) { x in
            let n = x.shape[0]
            let (y, size) = try cond(n % 2 == 0) {
                (try x.reshaped([n / 2, 6]), n / 2)
            } else: {
                (try Tensor.cat([x, x], dim: 1), n * 1)
            }
            return [y, try y.sum(dim: 0), try Tensor.full([size], 1)]
        }
    }

    @Test func joinsSizesThatATensorChooses() throws {
        let program = try sweep(2...9) { x in
            let (y, size) = try cond(try x.sum() .> 0) {
                (try x[1...], x.shape[0])
            } else: {
                (x, x.shape[0] + 1)
            }
            return [y, try y + 1, try Tensor.full([size], 1)]
        }
        #expect(program.graph.count(.cond) == 1)
        for value in [1, -1] as [Float] {
            let x = try Tensor.full([4, 3], value)
            let results: [Tensor] = try program(x)
            #expect(try results[0].sizes == [value > 0 ? 3 : 4, 3])
            #expect(try results[2].sizes == [value > 0 ? 4 : 5])
        }
    }

    @Test func readsValuesInABranch() throws {
        let program = try sweep(1...4) { x in
            let y = try cond(try x.sum() .> 0) {
                let count: SymInt = try (x .> 0).sum().item()
                try check(count >= 1, "at least one is above 0")
                return try Tensor.full([count, 2], 3)
            } else: {
                try Tensor.full([x.shape[0], 2], 4)
            }
            return [y, try y.sum(dim: 0)]
        }
        #expect(program.graph.count(.cond) == 1)
    }

    @Test func nests() throws {
        try sweep(1...9) { x in
            let n = x.shape[0]
            let y = try cond(n > 3) {
                try cond(try x.sum() .> 0) {
                    try cond(n > 6) {
                        try x * 3
                    } else: {
                        try x * 2
                    }
                } else: {
                    try x.cos()
                }
            } else: {
                try x.sin()
            }
            return [try y + 1]
        }
    }

    @Test func turnsABranchThatThrowsIntoACheck() throws {
        let x = try numbers([4, 3])
        let program = try export(
            { (x: Tensor) in
                try cond(x.shape[0] > 2) {
                    try x.cos()
                } else: {
                    throw TensorError(.checkFailed, "two rows are too few")
                }
            }, args: x, constraints: [dynamicDim(x, 0).in(1...6)])
        let y: Tensor = try program(x)
        try expectClose(y, try x.cos())
        let error = #expect(throws: (any Error).self) {
            let _: Tensor = try program(try numbers([2, 3]))
        }
        #expect("\(try #require(error))".contains("two rows are too few"))
        let byValue = try export(
            { (x: Tensor) in
                try cond(try x.sum() .> 0) {
                    try x.cos()
                } else: {
                    throw TensorError(.checkFailed, "nothing is above 0")
                }
            }, args: x)
        let one = try Tensor.ones([4, 3])
        let z: Tensor = try byValue(one)
        try expectClose(z, try one.cos())
        #expect(throws: TensorError.self) { let _: Tensor = try byValue(try one * -1) }
    }

    @Test func keepsAQuestionOfABranchForTheFunction() throws {
        let x = try numbers([4, 3])
        let y = try numbers([5, 3])
        let program = try export(
            { (x: Tensor, y: Tensor) in
                try cond(x.shape[0] > 3) {
                    y.shape[0] > 2 ? try x.cos() : try x * 2
                } else: {
                    try x.sin()
                }
            }, args: x, y, constraints: [dynamicDim(x, 0).in(1...6), dynamicDim(y, 0).in(1...6)])
        for n in 1...6 {
            for m in 1...6 {
                let a = try numbers([n, 3], seed: UInt64(n))
                let found: Tensor = try program(a, try numbers([m, 3]))
                try expectClose(found, n > 3 ? (m > 2 ? try a.cos() : try a * 2) : try a.sin())
            }
        }
    }

    // MARK: Mistakes

    private func message(_ function: @escaping (Tensor) throws -> Tensor) throws -> ProgramError? {
        let x = try numbers([4, 3])
        return #expect(throws: ProgramError.self) { try export(function, args: x, constraints: [dynamicDim(x, 0)]) }
    }

    /// Which number is left within a branch may be due to the branch's condition: outside, others are.
    @Test func keepsWhatOnlyABranchKnowsInside() throws {
        let program = try sweep(0...3, []) { x in
            let n: SymInt = x.shape[0]
            let y: Tensor = try cond(n < 1, then: { try x.clone() }, else: { try x * Int(n) })
            let end: (SymInt, Tensor) = try whileLoop((SymInt(0), try Tensor.ones([1]))) { i, _ in
                i < n
            } do: { i, z in
                (i + 1, try z * 0.5)
            }
            return [y, try Tensor.scalar(.int(end.0), dtype: .int64), end.1]
        }
        #expect(program.paths.count == 3)
        let single = try sweep(0...1, []) { x in
            let n: SymInt = x.shape[0]
            let y: Tensor = try cond(n < 1, then: { try x.clone() }, else: { try x * Int(n) })
            return [y, try Tensor.ones([min(n, 1) + 1])]
        }
        #expect(single.paths.count == 1)
        #expect(single.graph.outputs.last.map { single.graph.type(of: $0) }?.spec?.shape[0].constant == nil)
    }

    @Test func refusesBranchesThatDoNotAgree() throws {
        let dtype = try message { x in
            try cond(x.shape[0] > 3) {
                x
            } else: {
                try x.to(.float64)
            }
        }
        #expect(
            dtype?.message == "the branches of cond return float32[x.shape[0], 3] and float64[x.shape[0], 3] as result 0: the dtypes differ"
        )
        let rank = try message { x in
            try cond(x.shape[0] > 3) {
                x
            } else: {
                try x.sum(dim: 0)
            }
        }
        #expect(rank?.message == "the branches of cond return float32[x.shape[0], 3] and float32[3] as result 0: the ranks differ")
        let structure = try message { x in
            try cond(x.shape[0] > 3) {
                [x]
            } else: {
                [x, x]
            }[0]
        }
        #expect(structure?.message == "the branches of cond return different structures, [*] and [*, *]")
        let text = try message { x in
            try cond(x.shape[0] > 3) {
                (x, "a")
            } else: {
                (x, "b")
            }.0
        }
        #expect(
            text?.message
                == "the branches of cond return \"a\" and \"b\" as result 1; return tensors or sizes where the branches differ")
        #expect(text?.site?.location?.file.hasSuffix("CondTests.swift") == true)
    }

    @Test func refusesAPredicateThatIsNotOneBool() throws {
        let x = try numbers([4])
        let several = #expect(throws: TensorError.self) {
            try cond(x .> 0) {
                x
            } else: {
                x
            }
        }
        #expect(several?.message == "the condition must be a tensor of one bool, not bool[4]; use all() or any()")
        let traced = #expect(throws: TensorError.self) {
            try export(
                { (x: Tensor) in
                    try cond(x .> 0) {
                        x
                    } else: {
                        x
                    }
                }, args: x)
        }
        #expect(traced?.message == several?.message)
    }

    @Test func keepsItsValuesInside() throws {
        let x = try numbers([4, 3])
        var leaked: Tensor?
        let error = #expect(throws: (any Error).self) {
            try export(
                { (x: Tensor) in
                    let y = try cond(x.shape[0] > 3) {
                        leaked = try x.cos()
                        return x
                    } else: {
                        try x.sin()
                    }
                    return try y + (leaked ?? y)
                }, args: x, constraints: [dynamicDim(x, 0)])
        }
        #expect("\(try #require(error))".contains("kept"))
    }

    // MARK: Gradients

    @Test func hasGradients() throws {
        let weight = try numbers([3], seed: 9)
        func loss(_ x: Tensor, _ w: Tensor) throws -> Tensor {
            try cond(x.shape[0] > 3) {
                try (x * w).cos()
            } else: {
                try (x * x).sin() * w
            }.sum()
        }
        func both(_ x: Tensor) throws -> [Tensor] { try valueAndGradient(at: [x, weight]) { try loss($0[0], $0[1]) }.gradients }
        try sweep(1...6) { x in try both(x) }
        func byValue(_ x: Tensor) throws -> [Tensor] {
            try valueAndGradient(at: [x, weight]) { inputs in
                try cond(try inputs[0].sum() .> 0) {
                    try (inputs[0] * inputs[1]).cos()
                } else: {
                    try inputs[0] * 3
                }.sum()
            }.gradients
        }
        try sweep(1...6) { x in try byValue(x) }
    }

    private struct Odd: Error, CustomStringConvertible { let description = "odd" }

    /// Eager code has a gradient where it takes the other side: a function that catches the error must not be taken to have none anywhere.
    @Test func refusesAGradientThatOnlyOneSideHas() throws {
        let x = try numbers([2])
        func slope(_ x: Tensor) throws -> Tensor {
            try gradient(at: x) { x in
                try cond(x.shape[0] > 1) {
                    try whileLoop((SymInt(0), x)) { i, _ in
                        i < 2
                    } do: { i, y in
                        (i + 1, try y * 2)
                    }.1
                } else: {
                    try x * 3
                }.sum()
            }
        }
        #expect(try slope(try numbers([1])).array(of: Float.self) == [3])
        #expect(throws: TensorError.self) { try slope(x) }
        let error = #expect(throws: TensorError.self) {
            try export(
                { (x: Tensor) -> Tensor in (try? slope(x)) ?? x }, args: x, constraints: [dynamicDim(x, 0).in(1...2)])
        }
        #expect(error?.code == .tracing)
    }

    @Test func refusesOnlyWhatLeadsToAnError() throws {
        // Any error, not only the library's own: the other side of the branch and the other paths stay.
        func function(_ x: Tensor, _ y: Tensor) throws -> Tensor {
            if y.shape[0] > 2 {
                return try cond(x.shape[0] > 3) {
                    try x.cos()
                } else: {
                    throw Odd()
                }
            }
            return try x.sin()
        }
        for example in [2, 5] {
            let (x, y) = (try numbers([example]), try numbers([3]))
            let program = try export(
                function, args: x, y, constraints: [dynamicDim(x, 0).in(1...6), dynamicDim(y, 0).in(1...4)])
            for (n, m) in (1...6).flatMap({ n in (1...4).map { (n, $0) } }) {
                let (x, y) = (try numbers([n]), try numbers([m]))
                guard let expected = try? function(x, y) else {
                    let error = #expect(throws: TensorError.self) { let _: Tensor = try program(x, y) }
                    #expect(error?.message == "odd")
                    continue
                }
                let found: Tensor = try program(x, y)
                try expectClose(found, expected, "at \(n), \(m)")
            }
        }
    }

    @Test func tellsZerosOfEitherSignApart() throws {
        let program = try sweep(1...4) { x in
            let zero: SymFloat = try cond(x.shape[0] > 2) {
                SymFloat(0.0)
            } else: {
                SymFloat(-0.0)
            }
            return [try (x * 0 + 1) / zero]
        }
        #expect(program.graph.count(.cond) == 1)
    }
}

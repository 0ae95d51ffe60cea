import ApusSymbolic
import Testing

@testable import ApusExport
@testable import ApusTensor

/// Every drawing record, called twice: the second call takes up none of the numbers that the first has used, eagerly and in one program.
@Suite struct IndependentDrawingTests {
    /// The calls of a record that draw so many numbers of a dtype; none where it does not draw that dtype.
    private static func calls(_ operation: Operator, _ count: Int, _ dtype: DType) throws -> [[OperatorArgument]] {
        try [false, true].compactMap { replacement -> [OperatorArgument]? in
            let names: [String] = operation.schema.parameters.map(\.name)
            guard names.contains("replacement") || !replacement else { return nil }
            let arguments: [OperatorArgument] = try names.map { name in
                switch name {
                case "self" where operation === Operator.multinomial:
                    // Without replacement each weight takes a number, with it each draw.
                    .tensor(try Tensor.arange(1, replacement ? 12 : count + 1, dtype: .float32).to(dtype))
                case "self" where operation === Operator.bernoulli: .tensor(try .full([SymInt(count)], 0.5, dtype: dtype))
                case "input" where operation === Operator.featureDropout: .tensor(try .ones([SymInt(count), 1], dtype: dtype))
                case "self", "input": .tensor(try .ones([SymInt(count)], dtype: dtype))
                case "size": .ints([SymInt(count)])
                case "n", "num_samples": .int(SymInt(count))
                case "low": .int(0)
                case "high": .int(dtype == .bool ? 2 : 100)
                case "p": .double(0.5)
                case "train": .bool(true)
                case "replacement": .bool(replacement)
                case "mean", "from": .double(0)
                case "std", "to", "lambd": .double(1.5)
                case "dtype": .dtype(dtype)
                default: .none
                }
            }
            guard (try? operation.rule(Call(operation, arguments))) != nil else { return nil }
            return arguments
        }
    }

    /// Where the first of the second call's numbers stand among the first call's, if they do: 60 numbers of two values agree by chance once
    /// in 2^60 times.
    private static func overlap(_ first: [Double], _ second: [Double]) -> Int? {
        let window: ArraySlice<Double> = second.prefix(60)
        guard window.count == 60 else { return nil }
        return first.indices.dropLast(59).first { start in first[start] == window[0] && first[start..<start + 60].elementsEqual(window) }
    }

    private static func numbers(_ tensor: Tensor) throws -> [Double] { try tensor.to(.float64).array(of: Double.self) }

    @Test(arguments: [60, 64, 65, 1001, 20_000]) func twoCallsShareNoNumbers(_ count: Int) throws {
        var (records, calls) = (0, 0)
        for operation in OperatorTable.all where operation.effects.contains(.random) {
            records += 1
            // Of composites the parts' numbers count, and one dtype tells.
            let dtypes: [DType] = count == 1001 ? DType.allCases : [.float32, .int64]
            for dtype in dtypes {
                for arguments in try Self.calls(operation, count, dtype) {
                    calls += 1
                    let draw: @Sendable () throws -> Tensor = { try applyTensors(operation, arguments)[0] }
                    let (a, b) = try (Self.numbers(draw()), Self.numbers(draw()))
                    #expect(Self.overlap(a, b) == nil, "\(operation.name) of \(count) in \(dtype)")
                    guard count < 2000, dtype == .float32 || dtype == .int64 else { continue }
                    let program = try export({ (x: Tensor) in [try draw(), try draw()] }, args: Tensor.ones([1]))
                    let results = try program.run([Tensor.ones([1])])
                    try #require(results.count == 2)
                    #expect(try Self.overlap(Self.numbers(results[0]), Self.numbers(results[1])) == nil, "\(operation.name) in a program")
                }
            }
        }
        #expect(records >= 19 && calls >= records)
    }

    /// One number each: two calls of a continuous distribution differ.
    @Test func singleNumbersDiffer() throws {
        for operation in [Operator.rand, .randn, .normalFloats, .exponential, .uniform] {
            for arguments in try Self.calls(operation, 1, .float64) {
                let draws: [Double] = try (0..<100).map { _ in try Self.numbers(applyTensors(operation, arguments)[0])[0] }
                #expect(Set(draws).count == 100, "\(operation.name)")
            }
        }
    }

    /// In a program over open sizes the stretch that a drawing takes follows the size of the call.
    @Test func openSizesTakeTheirOwnStretch() throws {
        let example = try Tensor.full([7], 0.5)
        let program = try export(
            { (x: Tensor) in
                let n: SymInt = x.shape[0]
                let draws: () throws -> [Tensor] = {
                    [
                        try Tensor.rand([n]), try x.bernoulli(), try Tensor.ones([3]).multinomial(n, replacement: true), try x.randnLike(),
                    ]
                }
                return try draws() + draws()
            }, args: example, constraints: [dynamicDim(example, 0).in(1...5000)])
        for size in [1, 64, 65, 4999] {
            let results = try program.run([Tensor.full([SymInt(size)], 0.5)]).map { try Self.numbers($0) }
            for index in 0..<4 { #expect(Self.overlap(results[index], results[index + 4]) == nil) }
            #expect(results[0] != results[4] && results[3] != results[7])
        }
    }
}

import ApusSymbolic
import Testing

@testable import ApusTensor

/// Every operator on every sample with tensors in other layouts, as views give them: results, gradients and gradients of gradients are those
/// of the same numbers side by side in memory.
@Suite struct LayoutTests {
    /// How a tensor's elements lie in memory.
    enum Arrangement: CaseIterable {
        /// Behind other elements, as parts of a larger tensor.
        case offset
        /// With the dimensions in reverse order.
        case permuted
        /// Every other element in memory.
        case strided
        /// One element standing for all along the first or last dimension, or along every one, as a sum's gradient.
        case expandedFirst, expandedLast, expanded

        func callAsFunction(_ x: Tensor) throws -> Tensor {
            let sizes = try x.sizes
            switch self {
            case .offset:
                return try Tensor.cat([x.reshaped([-1]).narrowed(dim: 0, from: 0, length: min(x.count, 1)), x.reshaped([-1])], dim: 0)
                    .narrowed(dim: 0, from: min(x.count, 1), length: x.count).reshaped(x.shape.sizes)
            case .permuted:
                let reversed = Array((0..<x.rank).reversed())
                return try x.permuted(reversed).clone().permuted(reversed)
            case .strided: return try Tensor.stack([x, x.zerosLike()], dim: -1).select(dim: -1, index: 0)
            case .expandedFirst: return try Self.repeating(x, sizes.firstIndex { $0 > 1 }.map { [$0] } ?? [])
            case .expandedLast: return try Self.repeating(x, sizes.lastIndex { $0 > 1 }.map { [$0] } ?? [])
            case .expanded: return try Self.repeating(x, sizes.indices.filter { sizes[$0] > 1 })
            }
        }

        private static func repeating(_ x: Tensor, _ dims: [Int]) throws -> Tensor {
            try dims.reduce(x) { try $0.narrowed(dim: $1, from: 0, length: 1) }.clone().expanded(x.shape)
        }
    }

    /// What a call comes to: the tensors, or the text of the error.
    private enum Outcome {
        case tensors([Tensor])
        case error(String)

        init(_ body: () throws -> [Tensor]) throws {
            do { self = .tensors(try body()) } catch let error as TensorError { self = .error(error.unplaced) }
        }

        func difference(from other: Outcome) throws -> String? {
            switch (self, other) {
            case (.error(let a), .error(let b)): return a == b ? nil : "\(a), where \(b) is expected"
            case (.error(let text), _): return text
            case (_, .error(let text)): return "there is no error: \(text)"
            case (.tensors(let a), .tensors(let b)):
                for (index, (x, y)) in zip(a, b).enumerated() {
                    guard "\(x.spec)" == "\(y.spec)" else { return "tensor \(index) is \(x.spec), not \(y.spec)" }
                    let (p, q) = (try values(x), try values(y))
                    let tolerance: Double = [.float16, .bfloat16].contains(x.dtype) ? 2e-2 : x.dtype.isDifferentiable ? 1e-4 : 0
                    let scale: Double = q.map(\.magnitude).filter(\.isFinite).max() ?? 0
                    for (u, v) in zip(p, q) where u != v && !(u.isNaN && v.isNaN) && !((u - v).magnitude <= tolerance * (1 + scale)) {
                        return "tensor \(index) is \(p), not \(q)"
                    }
                }
                return a.count == b.count ? nil : "\(a.count) tensors, not \(b.count)"
            }
        }

        private func values(_ x: Tensor) throws -> [Double] {
            try (x.dtype.isComplex ? x.contiguous().viewAsReal() : x).array(of: Double.self)
        }
    }

    /// Results that differ by their arguments' layouts, as they should, and what draws or leaves memory as it is.
    private static func dependsOnLayout(_ operation: Operator) -> Bool {
        operation.effects.contains(.random) || operation.schema.name.contains("as_strided") || operation.schema.name.contains("empty")
    }

    private static func flat(_ arguments: [OperatorArgument]) -> [Tensor] {
        var tensors: [Tensor] = []
        for argument in arguments { argument.forEachReference { tensors.append($0) } }
        return tensors
    }

    /// Results, gradients and gradients of gradients, of which the incoming ones are laid out by `arrange`.
    private static func everything(_ operation: Operator, _ arguments: [OperatorArgument], _ arrange: (Tensor) throws -> Tensor) throws
        -> [Tensor]
    {
        func incoming(_ tensors: [Tensor], _ seed: UInt64) throws -> [Tensor] {
            try tensors.enumerated().map { index, x in try arrange(.sample(x.sizes, dtype: x.dtype, seed: seed + UInt64(index))) }
        }
        guard operation.isDifferentiable, flat(arguments).contains(where: { $0.dtype.isDifferentiable }) else {
            return flat(try apply(operation, arguments))
        }
        let outer = GradientRecorder()
        return try Interpreter.with(outer) {
            let inner = GradientRecorder()
            var sources: [Tensor] = []
            let given: [OperatorArgument] = try arguments.map { argument in
                try argument.map { x in
                    guard x.dtype.isDifferentiable else { return x }
                    let source: Tensor = try Interpreter.with(nil) { try applySingle(.alias, [.tensor(x)]) }
                    sources.append(source)
                    try outer.watch(source)
                    try inner.watch(source)
                    return source
                }
            }
            let results: [Tensor] = flat(try Interpreter.with(inner) { try apply(operation, given) })
            let differentiable: [Tensor] = results.filter { $0.dtype.isDifferentiable }
            let seeds: [Tensor] = try Interpreter.with(nil) { try incoming(differentiable, 300) }
            for seed in seeds { try outer.watch(seed) }
            var all: [Tensor] = results
            do {
                let first: [Tensor] = try inner.gradients(of: differentiable, seeds: seeds, with: sources).compactMap { $0 }
                all += first
                let again: [Tensor] = try Interpreter.with(nil) { try incoming(first, 400) }
                all += try outer.gradients(of: first, seeds: again, with: sources + seeds).compactMap { $0 }
            } catch let error as TensorError where error.code == .notDifferentiable {}
            return all
        }
    }

    /// Compares every call's outcome with that of the same numbers side by side; how many were compared, and how many of them had gradients.
    private static func walk(_ arrangements: [Arrangement], _ compare: (Operator, [OperatorArgument], Arrangement) throws -> String?) throws
        -> Int
    {
        var count = 0
        for operation in OperatorTable.all where !dependsOnLayout(operation) {
            for (position, sample) in try operation.samples().enumerated() where !flat(sample).isEmpty {
                for arrangement in arrangements {
                    count += 1
                    if let problem = try compare(operation, sample, arrangement) {
                        Issue.record("\(operation), sample \(position), \(arrangement): \(problem)")
                    }
                }
            }
        }
        return count
    }

    @Test func argumentsMayLieAnywhere() throws {
        let count = try Self.walk(Arrangement.allCases) { operation, sample, arrangement in
            let arranged: [OperatorArgument] = try sample.map { argument in try argument.map { try arrangement($0) } }
            let plain: [OperatorArgument] = try arranged.map { argument in try argument.map { try $0.clone() } }
            return try Outcome { try Self.everything(operation, arranged) { $0 } }.difference(
                from: Outcome { try Self.everything(operation, plain) { $0 } })
        }
        #expect(count > 5000)
    }

    @Test func incomingGradientsMayLieAnywhere() throws {
        let count = try Self.walk(Arrangement.allCases) { operation, sample, arrangement in
            guard operation.isDifferentiable else { return nil }
            return try Outcome { try Self.everything(operation, sample) { try arrangement($0) } }.difference(
                from: Outcome { try Self.everything(operation, sample) { try arrangement($0).clone() } })
        }
        #expect(count > 5000)
    }
}

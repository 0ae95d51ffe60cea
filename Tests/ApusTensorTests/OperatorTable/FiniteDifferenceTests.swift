import Testing

@testable import ApusTensor

/// Every gradient rule against finite differences in float64 and complex128, on the operators' own samples.
@Suite struct FiniteDifferenceTests {
    /// Operators that cut gradients off, as they should.
    static let cutting: Set<String> = ["aten::detach", "aten::detach_copy"]
    /// Operators whose gradient is PyTorch's, of log probabilities that a softmax gave, which is no slope: `TorchAgreementTests` judges it.
    static let ofSoftmax: Set<String> = ["ctc_loss", "_ctc_loss"]
    /// Operators of Hermitian matrices, which read one triangle and give a gradient to both alike: they are given one to begin with.
    static let ofHermitian: Set<String> = [
        "aten::cholesky", "aten::linalg_cholesky", "aten::linalg_cholesky_ex", "aten::linalg_eigvalsh", "aten::linalg_eigh",
        "aten::_linalg_eigh",
    ]

    /// Whether nothing flows through it: it rounds to levels, or chooses what they stand for.
    private static func isCutting(_ operation: Operator) -> Bool {
        let name: String = operation.schema.name
        return cutting.contains(operation.name) || ofSoftmax.contains(name)
            || (operation.schema.namespace != "aten" && ["quantize_", "choose_qparams"].contains { name.hasPrefix($0) })
    }

    @Test func gradientsAreSlopes() throws {
        for operation in OperatorTable.all where operation.isDifferentiable && !operation.effects.contains(.random) {
            if Self.isCutting(operation) || TorchAgreementTests.isFactorisation(operation) { continue }
            for (position, sample) in try operation.samples().enumerated() {
                do {
                    if let problem = try Self.problem(operation, sample) { Issue.record("\(operation), sample \(position): \(problem)") }
                } catch let error as TensorError
                    where error.code == .notDifferentiable && !error.message.contains("through its result")
                {
                    continue
                } catch {
                    Issue.record("\(operation), sample \(position): \(error)")
                }
            }
        }
    }

    /// Of operators with several results, the gradient through each alone: it is the slope, or an error says that there is none. A rule must not
    /// pass over a result in silence.
    @Test func everyResultAloneHasItsSlopes() throws {
        // The factors of an LU decomposition, and full bases, of which nothing says how they turn.
        let known: Set<String> = [
            "_linalg_det 1", "_linalg_slogdet 2", "_linalg_solve_ex 1", "linalg_qr 0", "linalg_qr 1", "linalg_ldl_factor 0",
        ]
        var (records, refused, judged): (Set<String>, Set<String>, Int) = ([], [], 0)
        for operation in OperatorTable.all where operation.isDifferentiable && !operation.effects.contains(.random) {
            if Self.isCutting(operation) { continue }
            for (position, sample) in try operation.samples().enumerated() {
                let count = try apply(operation, sample).flatMap { Self.flat($0) }.count
                for result in 0..<(count > 1 ? count : 0) {
                    do {
                        if let problem = try Self.problem(operation, sample, through: result) {
                            Issue.record("\(operation), sample \(position), result \(result): \(problem)")
                        }
                        (_, judged) = (records.insert(operation.name), judged + 1)
                    } catch let error as TensorError where error.code == .notDifferentiable {
                        refused.insert("\(operation.schema.name) \(result)")
                    } catch {
                        Issue.record("\(operation), sample \(position), result \(result): \(error)")
                    }
                }
            }
        }
        #expect(refused == known, "new: \(refused.subtracting(known).sorted()), gone: \(known.subtracting(refused).sorted())")
        #expect(records.count > 80 && judged > 450, "\(records.count) records, \(judged) results")
    }

    /// What is cut off from its argument, or drawn, adds nothing to a gradient.
    @Test func whatIsCutOffGivesZeros() throws {
        let x = try Tensor.full([4], 0.5)
        for name in ["detach", "detach_copy", "zeros_like", "ones_like", "new_zeros", "randn_like", "rand_like", "bernoulli"] {
            let operation = try #require(OperatorTable.find("aten::\(name)"))
            let further = try operation.samples()[0].dropFirst()
            let slopes = try gradient(at: x) { x in
                let result: Tensor = try applySingle(operation, [.tensor(x)] + further)
                return try result.sum(dtype: .float32) + x.sum()
            }
            #expect(try slopes.array(of: Double.self) == [1, 1, 1, 1], "\(name)")
        }
    }

    /// What is wrong with a gradient; nil when nothing is, or the sample has none.
    /// - Parameter only: the result through which the gradient flows; nil for all.
    static func problem(_ operation: Operator, _ sample: [OperatorArgument], through only: Int? = nil) throws -> String? {
        var isPrecise = true
        for argument in sample {
            argument.forEachReference { if $0.dtype.isDifferentiable && $0.dtype.byteWidth < 4 { isPrecise = false } }
        }
        guard isPrecise else { return nil }
        // Dtypes among the arguments would bring float32 back.
        let arguments: [OperatorArgument] = try sample.map { argument in
            if case .dtype(let dtype) = argument, dtype.isDifferentiable { return .dtype(wide(dtype)) }
            return try argument.map { $0.dtype.isDifferentiable ? try $0.to(wide($0.dtype)).contiguous() : $0 }
        }
        var sources: [Tensor] = []
        for argument in arguments { argument.forEachReference { if $0.dtype.isDifferentiable { sources.append($0) } } }
        guard !sources.isEmpty else { return nil }
        let loss: ([Tensor]) throws -> Tensor = { given in
            var next = given.makeIterator()
            let replaced = try arguments.map { argument in
                try argument.map { x in
                    guard x.dtype.isDifferentiable, let source = next.next() else { return x }
                    return ofHermitian.contains(operation.name) ? try (source + source.adjoint()) / 2 : source
                }
            }
            var total = try Tensor.zeros([], dtype: .float64)
            for (index, result) in try apply(operation, replaced).flatMap({ flat($0) }).enumerated()
            where result.dtype.isDifferentiable && index == only ?? index {
                let real: Tensor = try result.dtype.isComplex ? result.viewAsReal() : result
                total = try total + (real * Tensor.sample(real.sizes, dtype: .float64, seed: UInt64(50 + index))).to(.float64).sum()
            }
            return total
        }
        let (value, gradients) = try valueAndGradient(at: sources, loss)
        guard try value.array(of: Double.self)[0].isFinite else { return nil }
        for (index, (source, gradient)) in zip(sources, gradients).enumerated() {
            guard "\(source.spec)" == "\(gradient.spec)" else { return "gradient \(index) is \(gradient.spec), not \(source.spec)" }
            // The same where no other gradient is wanted.
            let alone: Tensor = try valueAndGradient(at: [source]) { single in
                var given = sources
                given[index] = single[0]
                return try loss(given)
            }.gradients[0]
            guard try "\(parts(alone))" == "\(parts(gradient))" else { return "gradient \(index) alone is \(alone), not \(gradient)" }
            let slopes = try parts(gradient)
            let elements = try parts(source)
            // An infinity has no neighbours to take a slope from.
            for element in elements.indices where elements[element].isFinite {
                let step = 1e-6 * Swift.max(1, elements[element].magnitude)
                func moved(by distance: Double) throws -> Double {
                    var changed = elements
                    changed[element] += distance
                    var given = sources
                    given[index] = try tensor(changed, like: source)
                    return try loss(given).array(of: Double.self)[0]
                }
                let slope = try (moved(by: step) - moved(by: -step)) / (2 * step)
                guard (slope - slopes[element]).magnitude <= 1e-4 * (1 + slope.magnitude) || slope.isNaN && slopes[element].isNaN else {
                    return "gradient \(index), element \(element) is \(slopes[element]), the slope \(slope)"
                }
            }
        }
        return nil
    }

    private static func flat(_ result: OperatorArgument) -> [Tensor] {
        var tensors: [Tensor] = []
        result.forEachReference { tensors.append($0) }
        return tensors
    }

    private static func wide(_ dtype: DType) -> DType { dtype.isComplex ? .complex128 : .float64 }

    /// The elements; real and imaginary parts in turn.
    private static func parts(_ tensor: Tensor) throws -> [Double] {
        try (tensor.dtype.isComplex ? tensor.contiguous().viewAsReal() : tensor).array(of: Double.self)
    }

    private static func tensor(_ parts: [Double], like source: Tensor) throws -> Tensor {
        let sizes = try source.sizes
        return source.dtype.isComplex ? try Tensor(parts, shape: sizes + [2]).viewAsComplex() : try Tensor(parts, shape: sizes)
    }
}

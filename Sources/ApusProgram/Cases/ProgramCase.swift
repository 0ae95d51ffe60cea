import ApusSymbolic
import ApusTensor

/// Inputs with the results that they should give: saved with a program, and checked wherever the program is to run.
///
///     try program.save(to: "model.pt2", cases: [try program.makeCase("a small batch", inputs: [images])])
///     // in a shell: apus verify model.pt2
public struct ProgramCase: Sendable {
    public var name: String
    /// In the order of `graphSignature.userInputs`.
    public var inputs: [Tensor]
    /// By label: `out.0`, `out.1` ... for the leaves of the result, `buffer.<name>` for a changed buffer, `gradient.<name>` and
    /// `gradient.input.<name>` in a joint program. Labels that are absent are not compared. Numbers are tensors without dimensions.
    public var expected: [String: Tensor]
    /// An element may differ by `absoluteTolerance + relativeTolerance * |expected|`.
    public var relativeTolerance: Double
    public var absoluteTolerance: Double

    public init(
        _ name: String, inputs: [Tensor], expected: [String: Tensor], relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6
    ) {
        self.name = name
        self.inputs = inputs
        self.expected = expected
        self.relativeTolerance = relativeTolerance
        self.absoluteTolerance = absoluteTolerance
    }
}

/// How one result compares with what was expected.
public struct ResultComparison: Sendable {
    /// As in `ProgramCase.expected`.
    public let label: String
    /// The largest absolute difference; infinite where dtypes or sizes differ, or where one is NaN or infinite and the other is not.
    public let largestError: Double
    /// The mean of the absolute differences, 0 for no elements; infinite where the largest is.
    public let meanError: Double
    /// Whether every element is within the tolerances.
    public let passed: Bool
    /// Why the two can't be compared element by element.
    public let note: String?
}

extension ExportedProgram {
    /// The labels of the graph's outputs, by position.
    var outputLabels: [String] {
        var results = 0
        return graphSignature.outputRoles.map { role in
            switch role {
            case .userOutput, .loss:
                results += 1
                return "out.\(results - 1)"
            case .bufferMutation(let name): return "buffer.\(name)"
            case .gradientToParameter(let name): return "gradient.\(name)"
            case .gradientToUserInput(let name): return "gradient.input.\(name)"
            }
        }
    }

    /// Everything that the graph gives, by label; the program's own buffers stay as they are. Texts are left out.
    private func labelled(_ inputs: [Tensor]) throws -> [(label: String, tensor: Tensor)] {
        try zip(outputLabels, evaluate(inputs)).compactMap { label, leaf in try leaf.asTensor.map { (label, $0) } }
    }

    /// A case of what the program gives now.
    /// - Parameters:
    ///   - inputs: tensors, in the order of `graphSignature.userInputs`
    ///   - relativeTolerance: see `ProgramCase`
    ///   - absoluteTolerance: see `ProgramCase`
    public func makeCase(
        _ name: String, inputs: [Tensor], relativeTolerance: Double = 1e-5, absoluteTolerance: Double = 1e-6
    ) throws -> ProgramCase {
        ProgramCase(
            name, inputs: inputs,
            expected: Dictionary(try labelled(inputs).map { ($0.label, $0.tensor) }, uniquingKeysWith: { first, _ in first }),
            relativeTolerance: relativeTolerance, absoluteTolerance: absoluteTolerance)
    }

    /// Runs a case, which leaves the program's buffers as they are, and compares what it expects, in the order of the graph's outputs.
    /// - Throws: what the run throws; a label that the program has no result for is a comparison that failed.
    public func check(_ programCase: ProgramCase) throws -> [ResultComparison] {
        let results: [(label: String, tensor: Tensor)] = try labelled(programCase.inputs)
        let known = Set(results.map(\.label))
        let compared: [ResultComparison] = try results.compactMap { label, tensor in
            try programCase.expected[label].map {
                try ResultComparison(
                    label, tensor, $0, relativeTolerance: programCase.relativeTolerance, absoluteTolerance: programCase.absoluteTolerance)
            }
        }
        let absent: [String] = programCase.expected.keys.filter { !known.contains($0) }.sorted()
        return compared
            + absent.map { ResultComparison(label: $0, note: "the program gives no such result") }
    }
}

extension LeafValue {
    /// Numbers as tensors without dimensions; nil for texts and nothing.
    package var asTensor: Tensor? {
        get throws {
            switch self {
            case .tensor(let tensor): return tensor
            case .int(let value): return try value.constant.map { try Tensor([$0], shape: []) }
            case .float(let value): return try value.constant.map { try Tensor([$0], shape: []) }
            case .bool(let value): return try Tensor([value], shape: [])
            case .string, .none: return nil
            }
        }
    }
}

extension ResultComparison {
    /// Compares element by element: equal ones, NaN with NaN and an infinity with itself agree whatever the tolerances.
    public init(_ label: String, _ actual: Tensor, _ expected: Tensor, relativeTolerance: Double, absoluteTolerance: Double) throws {
        guard actual.dtype == expected.dtype, try actual.sizes == expected.sizes else {
            self.init(label: label, note: "expected \(expected.spec), got \(actual.spec)")
            return
        }
        var (largest, sum) = (0.0, 0.0)
        var passed = true
        for (x, y) in zip(try actual.realElements(), try expected.realElements()) where !(x == y || (x.isNaN && y.isNaN)) {
            let difference: Double = (x - y).magnitude
            largest = difference.isNaN ? .infinity : max(largest, difference)
            sum += difference.isNaN ? .infinity : difference
            // An infinite expectation admits itself only.
            if !(y.isFinite && difference <= absoluteTolerance + relativeTolerance * y.magnitude) { passed = false }
        }
        if passed, actual.dtype.isInteger, largest == 0, try actual.array(of: Int.self) != expected.array(of: Int.self) {
            // Beyond 2^53 neighbouring integers are one Double.
            (largest, passed) = (1, false)
        }
        let count: Int = actual.layout.count * (actual.dtype.isComplex ? 2 : 1)
        self.init(label: label, largestError: largest, meanError: count == 0 ? 0 : sum / Double(count), passed: passed, note: nil)
    }

    /// What can't be compared.
    fileprivate init(label: String, note: String) {
        self.init(label: label, largestError: .infinity, meanError: .infinity, passed: false, note: note)
    }
}

extension Tensor {
    /// The elements as numbers; those of complex tensors as real and imaginary parts in turn.
    package func realElements() throws -> [Double] {
        try (dtype.isComplex ? viewAsReal() : self).array(of: Double.self)
    }
}

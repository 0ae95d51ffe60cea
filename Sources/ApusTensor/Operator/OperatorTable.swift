import ApusSymbolic

/// Operators by name. The tensor operators' families are listed in the file that defines them; a program with a user's own operators is
/// read with a table that has them added:
///
///     let table = try OperatorTable.standard.adding([twice])
///     let program = try ExportedProgram.load(from: "model.pt2", operators: table)
public struct OperatorTable: Sendable {
    /// The families by subject, in the order of the operator index.
    package static let subjects: [(title: String, families: [[Operator]])] = [
        (
            "Elementwise",
            [
                Operator.arithmetic, Operator.exponentials, Operator.trigonometry, Operator.rounding, Operator.specialFunctions,
                Operator.gammaFunctions, Operator.besselFunctions, Operator.orthogonalPolynomials, Operator.probabilities,
                Operator.numberParts, Operator.complexParts,
                Operator.elementwiseAliases, Operator.comparisons, Operator.logic, Operator.division, Operator.selection,
                Operator.conditions,
            ]
        ),
        (
            "Reductions",
            [
                Operator.sums, Operator.extremes, Operator.truth, Operator.variances, Operator.norms, Operator.scans, Operator.medians,
                Operator.quantiles, Operator.differences, Operator.gradients,
            ]
        ),
        (
            "Neural networks",
            [
                Operator.activations, Operator.activationGradients, Operator.gates, Operator.softmaxes, Operator.layerNorms,
                Operator.groupNorms, Operator.batchNorms, Operator.batchNormUpdates, Operator.instanceNorms,
                Operator.dropouts, Operator.losses, Operator.classLosses, Operator.linearCrossEntropies, Operator.ctcLosses,
                Operator.weightNorms,
                Operator.marginLosses, Operator.recurrentCells, Operator.recurrentNetworks,
            ]
        ),
        (
            "Creation",
            [
                Operator.fillings, Operator.ranges, Operator.spacings, Operator.windows, Operator.stridedFillings, Operator.triangles,
                Operator.randoms, Operator.distributions,
                Operator.copies,
            ]
        ),
        (
            "Shapes",
            [
                Operator.dimensionOrder, Operator.dimensionInsertion, Operator.reshaping, Operator.slicing, Operator.splitting,
                Operator.reinterpreting, Operator.viewWriting, Operator.joining, Operator.repeating, Operator.padding,
                Operator.atLeast, Operator.diagonals, Operator.viewCopies, Operator.arrangement, Operator.tensorSplitting,
                Operator.columns,
            ]
        ),
        (
            "Indexing",
            [
                Operator.indexing, Operator.gathering, Operator.scattering, Operator.scatterReductions, Operator.masks, Operator.items,
                Operator.sortings, Operator.distincts, Operator.puttings, Operator.histograms, Operator.embeddingBags,
                Operator.binnedHistograms,
                Operator.segmentReductions,
            ]
        ),
        (
            "Matrices",
            [
                Operator.matrixProducts, Operator.matmuls, Operator.groupedProducts, Operator.contractions, Operator.attentions,
                Operator.distances,
                Operator.vectorProducts, Operator.matrixNorms, Operator.covariances, Operator.lapack, Operator.eigenvalues,
                Operator.luFactors,
                Operator.indefiniteFactors, Operator.reflectors, Operator.choleskySolving, Operator.ranks, Operator.tensorInverses,
            ]
        ),
        (
            "Fourier transforms",
            [
                Operator.fourierTransforms, Operator.fourierLines, Operator.fourierGrids, Operator.fourierFrequencies,
                Operator.shortTimeFourier,
            ]
        ),
        ("Quantization", [Operator.quantizations, Operator.affineQuantizations]),
        (
            "Spatial",
            [
                Operator.convolutions, Operator.maxPools, Operator.averagePools, Operator.adaptivePools, Operator.interpolations,
                Operator.gridSamplers, Operator.unpooling,
            ]
        ),
    ]

    /// Every operator on tensors.
    public static let all: [Operator] = subjects.flatMap { $0.families.flatMap { $0 } }

    private static let byName: [String: Operator] = Dictionary(all.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })

    /// Looks an operator up by its qualified name, `aten::add.Tensor`.
    public static func find(_ name: String) -> Operator? { byName[name] }

    public let operators: [Operator]
    private let byName: [String: Operator]

    /// A table of these operators. Throws where two have the same name.
    public init(_ operators: [Operator]) throws {
        self.init(distinct: operators)
        guard byName.count == operators.count else {
            var seen = Set<String>()
            let twice: String = operators.first { !seen.insert($0.name).inserted }?.name ?? ""
            throw TensorError(
                .invalidArgument, in: "OperatorTable", "two operators are named '\(twice)': give one another name or namespace")
        }
    }

    package init(distinct operators: [Operator]) {
        self.operators = operators
        byName = Dictionary(operators.map { ($0.name, $0) }, uniquingKeysWith: { first, _ in first })
    }

    /// The table with more operators. Throws where a name is taken.
    public func adding(_ more: [Operator]) throws -> OperatorTable { try OperatorTable(operators + more) }

    /// Looks an operator up by its qualified name, `aten::add.Tensor`.
    public func find(_ name: String) -> Operator? { byName[name] }
}

extension Operator {
    /// The operator of a name, with its namespace or, in `aten`, without: `max_pool2d`. For those whose records have no names of their own.
    package static func named(_ name: String) throws -> Operator {
        guard let found = OperatorTable.find(name.contains("::") ? name : "aten::" + name) else {
            throw TensorError(.unsupported, in: name, "is not in the table")
        }
        return found
    }

    /// The rule of an operator that is its decomposition: run on shapes only.
    func specsOfDecomposition(_ call: Call) throws -> [TensorSpec] {
        guard let decomposition else { throw call.error(.unsupported, "has no decomposition") }
        let bare: [OperatorArgument] = call.arguments.map { argument in argument.map { Tensor(spec: $0.spec) } }
        let results = try Interpreter.with(ShapeInterpreter(outer: Interpreter.current)) { try decomposition(Call(self, bare)) }
        return try results.map {
            guard case .tensor(let tensor) = $0 else { throw call.error(.unsupported, "has a result that is no tensor") }
            return tensor.spec
        }
    }
}

/// Carries out operations on dtypes and shapes alone. Conditions go to the interpreter around it.
final class ShapeInterpreter: Interpreter {
    override func apply(_ operation: Operator, _ arguments: [OperatorArgument]) throws -> [OperatorArgument] {
        guard operation.schema.results.allSatisfy({ $0.holdsTensors }) else {
            throw TensorError(
                .tracing, in: operation.schema.name, "a size depends on a number of a tensor, which a bare shape does not have")
        }
        let call = Call(operation, arguments)
        let specs: [TensorSpec] = try operation.rule(call)
        // The parts of a part have said it themselves.
        if case .composite = operation.kernel {} else if let failure = operation.failure(of: call) { Interpreter.note(failure) }
        return specs.map { .tensor(Tensor(spec: $0)) }
    }
}

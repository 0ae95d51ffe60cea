import Foundation
import JudgeSupport

@testable import ApusTensor

/// The page that groups the members of a type by what they do: by their names, or by the operators that they call.
struct TypeTopics {
    /// Members under one title. Names go before operators, so that a member has one place.
    struct Group {
        let title: String
        var names: Set<String> = []
        var families: [[Operator]] = []
    }

    let module: String
    let type: String
    let groups: [Group]

    /// From the package's folder.
    var path: String { "Sources/\(module)/\(module).docc/\(type).md" }

    /// The page, and the members that no group has.
    func page(_ spelling: SwiftSpelling) throws -> (text: String, left: [String]) {
        let members: [MemberLink] = spelling.surface.declarations(of: type, in: module).map { MemberLink($0) }
        var titleOfName: [String: String] = [:]
        for group in groups {
            for family in group.families {
                for name in family.flatMap({ spelling.members(of: $0) }) where titleOfName[name] == nil { titleOfName[name] = group.title }
            }
        }
        for group in groups { for name in group.names { titleOfName[name] = group.title } }
        var links: [String: [String]] = [:]
        for (member, link) in zip(members, MemberLink.links(members)) { links[titleOfName[member.name] ?? "", default: []].append(link) }
        // Overloads that differ in a function that they take are told apart by no link of ours: DocC lists them by itself.
        let linked = links.mapValues { $0.filter { !$0.contains("@escaping") } }.filter { !$0.value.isEmpty }
        let topics: [String] = groups.compactMap { group in
            linked[group.title].map { (["### \(group.title)", ""] + $0.map { "- ``\($0)``" }).joined(separator: "\n") }
        }
        return ("# ``\(module)/\(type)``\n\n## Topics\n\n\(topics.joined(separator: "\n\n"))\n", links[""] ?? [])
    }
}

extension TypeTopics {
    static let all: [TypeTopics] = [tensor, program, model]

    private static let tensor = TypeTopics(
        module: "ApusTensor", type: "Tensor",
        groups: [
            Group(
                title: "Creating", names: ["init", "scalar", "complex", "polar", "eye"],
                families: [Operator.fillings, Operator.ranges, Operator.spacings, Operator.stridedFillings, Operator.copies]),
            Group(
                title: "Random numbers", names: ["seed", "rand", "randn", "randint", "randperm", "gumbelSoftmax"],
                families: [Operator.randoms]),
            Group(
                title: "What it is",
                names: [
                    "dtype", "shape", "sizes", "rank", "count", "numel", "spec", "description", "strides", "isContiguous", "Layout",
                    "Storage",
                ]),
            Group(
                title: "Elements out, memory and other dtypes",
                names: ["array", "nested", "item", "bytes", "withUnsafeBytes", "to", "viewed"]),
            Group(
                title: "Arithmetic",
                names: ["+", "-", "*", "/", "%", "+=", "-=", "*=", "/=", "DivisionRounding", "addcdiv", "addcmul", "lerp"],
                families: [Operator.arithmetic, Operator.division]),
            Group(
                title: "Exponentials, trigonometry and rounding",
                families: [Operator.exponentials, Operator.trigonometry, Operator.rounding, Operator.numberParts]),
            Group(
                title: "Special functions",
                families: [
                    Operator.specialFunctions, Operator.gammaFunctions, Operator.besselFunctions, Operator.orthogonalPolynomials,
                    Operator.probabilities,
                ]),
            Group(title: "Complex numbers", names: ["conj", "viewAsComplex", "viewAsReal"], families: [Operator.complexParts]),
            Group(
                title: "Comparing", names: [".==", ".!=", ".<", ".<=", ".>", ".>=", "equal", "allclose", "isclose"],
                families: [Operator.comparisons]),
            Group(title: "Logic and bits", names: ["&", "|", "^", "~", "<<", ">>"], families: [Operator.logic]),
            Group(
                title: "Choosing by a condition", names: ["where", "maskedFill", "clamp"],
                families: [Operator.selection, Operator.conditions]),
            Group(
                title: "Reductions", names: ["max", "min", "norm", "summed"],
                families: [
                    Operator.sums, Operator.extremes, Operator.truth, Operator.variances, Operator.norms, Operator.medians,
                    Operator.quantiles,
                ]),
            Group(title: "Along a dimension", names: ["normalize"], families: [Operator.scans, Operator.differences, Operator.gradients]),
            Group(
                title: "Shapes", names: ["movedDims", "T", "mT", "mH", "flipped", "rolled"],
                families: [
                    Operator.dimensionOrder, Operator.dimensionInsertion, Operator.reshaping, Operator.reinterpreting, Operator.atLeast,
                    Operator.diagonals, Operator.arrangement,
                ]),
            Group(
                title: "Joining, repeating and padding", names: ["repeatInterleave"],
                families: [Operator.joining, Operator.repeating, Operator.padding, Operator.columns]),
            Group(
                title: "Slicing and splitting", families: [Operator.slicing, Operator.splitting, Operator.tensorSplitting]),
            Group(
                title: "Indexing", names: ["subscript", "set", "setting", "indexCopy", "asStridedScatter"],
                families: [
                    Operator.indexing, Operator.gathering, Operator.scattering, Operator.scatterReductions, Operator.masks,
                    Operator.viewWriting, Operator.puttings,
                ]),
            Group(
                title: "Sorting, searching and counting",
                families: [
                    Operator.sortings, Operator.distincts, Operator.histograms, Operator.binnedHistograms, Operator.segmentReductions,
                ]),
            Group(
                title: "Products of matrices", names: ["groupedMm"],
                families: [Operator.matrixProducts, Operator.matmuls, Operator.contractions, Operator.vectorProducts]),
            Group(
                title: "Linear algebra and distances", names: ["logdet"],
                families: [
                    Operator.lapack, Operator.eigenvalues, Operator.luFactors, Operator.indefiniteFactors, Operator.reflectors,
                    Operator.choleskySolving, Operator.ranks, Operator.tensorInverses, Operator.matrixNorms, Operator.covariances,
                    Operator.distances, Operator.triangles,
                ]),
            Group(
                title: "Fourier transforms",
                families: [Operator.fourierLines, Operator.fourierGrids, Operator.fourierFrequencies, Operator.shortTimeFourier]),
            Group(
                title: "Neural networks: activations", names: ["GeluApproximation", "sigmoid", "logSigmoid"],
                families: [Operator.activations, Operator.gates, Operator.softmaxes]),
            Group(
                title: "Neural networks: layers", names: ["batchNormTraining", "embedding"],
                families: [
                    Operator.layerNorms, Operator.groupNorms, Operator.batchNorms, Operator.instanceNorms, Operator.dropouts,
                    Operator.attentions, Operator.embeddingBags, Operator.recurrentCells, Operator.recurrentNetworks,
                ]),
            Group(
                title: "Neural networks: losses",
                families: [Operator.losses, Operator.ctcLosses, Operator.classLosses, Operator.marginLosses]),
            Group(
                title: "Images and signals",
                families: [
                    Operator.convolutions, Operator.maxPools, Operator.averagePools, Operator.adaptivePools, Operator.interpolations,
                    Operator.gridSamplers, Operator.unpooling,
                ]),
            Group(title: "Gradients", names: ["detached"]),
            Group(title: "Tracing, and operators of one's own", names: ["isTraced", "identity", "baseAddress", "indexStep"]),
        ])

    private static let program = TypeTopics(
        module: "ApusProgram", type: "ExportedProgram",
        groups: [
            Group(title: "Running", names: ["run", "makeSession", "Session", "requireAdmitted"]),
            Group(title: "State", names: ["stateDict", "load", "constants"]),
            Group(
                title: "What it takes and gives",
                names: [
                    "graphSignature", "callSpec", "leafNames", "leafRoles", "symbolToRange", "guards", "paths", "isJoint", "description",
                ]),
            Group(title: "The graph", names: ["graph", "graphModule", "scope", "parts", "init"]),
            Group(title: "Rewriting", names: ["transform", "foldingConstants", "addRuntimeAssertions"]),
            Group(
                title: "How it is run", names: ["lowered", "loweredText", "memoryUse", "skipping", "reducingWeights", "limitingThreads"]),
            Group(title: "Cases", names: ["makeCase", "check"]),
        ])

    private static let model = TypeTopics(
        module: "ApusNN", type: "Module",
        groups: [
            Group(title: "Running", names: ["forward", "callAsFunction"]),
            Group(title: "Hooks", names: ["registerForwardPreHook", "registerForwardHook"]),
            Group(title: "Training and evaluating", names: ["isTraining", "train", "eval", "requireGradients"]),
            Group(
                title: "Parameters, buffers and submodules",
                names: [
                    "parameters", "parameterVector", "namedParameters", "buffers", "namedBuffers", "namedState", "modules", "namedModules",
                    "description",
                ]),
            Group(
                title: "Parametrizations",
                names: ["registerParametrization", "removeParametrizations", "isParametrized", "weightNorm", "spectralNorm"]),
            Group(title: "State dictionaries", names: ["stateDict", "load", "stateNames", "to"]),
            Group(
                title: "What forward takes and gives",
                names: [
                    "Input", "Output", "FirstOfTwo", "SecondOfTwo", "OutputOfTwo", "FirstOfThree", "SecondOfThree", "ThirdOfThree",
                    "OutputOfThree",
                ]),
        ])
}

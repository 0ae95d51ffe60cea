import Apus
import Foundation
import JudgeSupport

/// The page that lists all that PyTorch has for building and training models, each with its counterpart or what to write instead. What names
/// PyTorch has, it says itself.
struct TorchVocabularyPage {
    private static let sections: [(place: String, title: String)] = [
        ("torch.nn", "Layers and losses"), ("torch.optim", "Optimizers"), ("torch.optim.lr_scheduler", "Schedulers"),
        ("torch.nn.init", "Initialisers"), ("torch.func", "Transforms of functions"), ("torch.nn.functional", "Functions"),
        ("torch.nn.utils", "Utilities"),
    ]

    private static let removal = "`layer.removeParametrizations(_:leaveParametrized:)`"
    private static let packing = "sequences are padded: `padSequence(_:paddingValue:)`"

    /// What to write where there is no counterpart of the name.
    private static let instead: [String: String] = [
        "Module": "the protocol `Module`", "Container": "a `Module`", "ModuleList": "an array of modules",
        "ModuleDict": "a dictionary of modules",
        "ParameterList": "a `Parameter` each", "ParameterDict": "a `Parameter` each", "RNNBase": "`RecurrentBase`",
        "RNNCellBase": "the cells", "NLLLoss2d": "`NLLLoss`", "SyncBatchNorm": "`BatchNorm2d`, which ApusDistributed synchronizes",
        "DataParallel": "one process uses all cores; ApusDistributed has `DataParallel`", "CrossMapLRN2d": "`LocalResponseNorm`",
        "Optimizer": "the class `Optimizer`",
        "LRScheduler": "the class `LRScheduler`", "SparseAdam": "`Adam`: gradients are dense",
        "truncNormal": "`Initialization.truncatedNormal(_:mean:std:from:to:dtype:)`", "calculateGain": "`Initialization.Nonlinearity.gain`",
        "jacrev": "`jacobian(at:_:)`", "jacfwd": "`jacobian(at:_:)`", "gradAndValue": "`valueAndGradient(at:_:)`",
        "functionalCall": "a module's properties may be set", "upsampleNearest": "`x.interpolated`", "upsampleBilinear": "`x.interpolated`",
        "upsample": "`x.interpolated`", "interpolate": "`x.interpolated`", "multiHeadAttentionForward": "`MultiheadAttention`",
        "fold": "`x.col2im`", "linearCrossEntropy": "`LinearCrossEntropyLoss`",
        "clipGradNorm": "`gradients.clipped(maxNorm:order:)`", "clipGradsWithNorm": "`gradients.clipped(maxNorm:order:)`",
        "clipGradValue": "`gradients.clipped(value:)`", "getTotalNorm": "`gradients.norm(_:)`",
        "parametersToVector": "`model.parameterVector()`", "vectorToParameters": "`model.load(parameterVector:)`",
        "fuseConvBnEval": "`convolution.fuse(_:)`", "fuseConvBnWeights": "`convolution.fuse(_:)`", "fuseLinearBnEval": "`linear.fuse(_:)`",
        "fuseLinearBnWeights": "`linear.fuse(_:)`", "weightNorm": "`layer.weightNorm(_:dim:)`",
        "spectralNorm": "`layer.spectralNorm(_:powerIterations:epsilon:dim:)`", "removeWeightNorm": removal, "removeSpectralNorm": removal,
        "removeParametrizations": removal, "registerParametrization": "`layer.registerParametrization(_:_:)`",
        "isParametrized": "`layer.isParametrized(_:)`", "convertConv2dWeightMemoryFormat": "weights lie row by row",
        "convertConv3dWeightMemoryFormat": "weights lie row by row", "packPaddedSequence": packing, "padPackedSequence": packing,
        "packSequence": packing, "padSequence": "`padSequence(_:paddingValue:)`", "unpackSequence": packing,
        "invertPermutation": "`x.argsort()`",
        "unpadSequence": "`x.narrowed(dim:from:length:)` of each",
    ]

    private struct Vocabulary: Decodable {
        let names: [String: [String]]
        init(from decoder: any Decoder) throws { names = try [String: [String]](from: decoder) }
    }

    static func text() throws -> String {
        let spelling = SwiftSpelling(surface: try PublicSurface())
        let output: String = try Python.runFile("Tests/Judges/torch_vocabulary.py")
        let names: [String: [String]] = try JSONDecoder().decode(Vocabulary.self, from: Data(output.utf8)).names
        var page = """
            # PyTorch's classes and functions

            All of `torch.nn`, `torch.optim`, their functions, initialisers and schedulers, and `torch.func`, with what they are here.

            ## Overview

            The lists are PyTorch's own. A dash says that there is no counterpart.


            """
        for section in sections {
            let rows: [(name: String, swift: String?)] = (names[section.place] ?? []).map {
                ($0, counterpart(of: $0, in: section.place, spelling))
            }
            let found: Int = rows.filter { $0.swift != nil }.count
            page += "## \(section.title)\n\n\(found) of the \(rows.count) names of `\(section.place)`.\n\n| PyTorch | Swift |\n|---|---|\n"
            page += rows.map { "| `\($0.name)` | \($0.swift ?? "–") |\n" }.joined() + "\n"
        }
        return page.trimmingCharacters(in: .newlines) + "\n"
    }

    private static func counterpart(of name: String, in place: String, _ spelling: SwiftSpelling) -> String? {
        let surface: PublicSurface = spelling.surface
        let swift: String = SwiftSpelling.camelCase(name)
        if name.hasPrefix("Lazy") { return "`\(name.dropFirst(4))`: a width may be a tensor's size" }
        if let instead = instead[swift] { return instead }
        if name.first?.isUppercase == true {
            guard surface.types.contains(name) else { return nil }
            let forms: [String] = surface.members(of: name, named: "init").map { name + $0.form.dropFirst("init".count) }
            return code(forms.isEmpty ? [name] : forms)
        }
        if place == "torch.nn.init" { return code(surface.members(of: "Initialization", named: swift).map { "Initialization.\($0.form)" }) }
        let functions: [String] = surface.members(of: "ApusTensor", named: swift).map(\.form)
        return code(Array(Set(spelling.forms(of: name) + functions)).sorted()) ?? module(of: name, surface)
    }

    /// The module that does what a function does, where there is no such function.
    private static func module(of name: String, _ surface: PublicSurface) -> String? {
        let isIndexed: Bool = name.hasSuffix("_with_indices")
        let word: String = (isIndexed ? String(name.dropLast("_with_indices".count)) : name).replacing("_", with: "").lowercased()
        return surface.topLevelTypes.first { $0.lowercased() == word }.map {
            "the module `\($0)`" + (isIndexed ? ", by `withIndices(_:)`" : "")
        }
    }

    private static func code(_ forms: [String]) -> String? { forms.isEmpty ? nil : forms.map { "`\($0)`" }.joined(separator: ", ") }
}

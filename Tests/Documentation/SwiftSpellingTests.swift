import ApusTensor
import Foundation
import JudgeSupport
import Testing

/// Every operator that PyTorch's users call is found under PyTorch's name, in Swift's case: as a method, or as a name that the compiler
/// corrects. `docs/public-api.txt`, which is checked against the modules, says what there is; of what the compiler corrects a module does not
/// tell, but its source does.
@Suite struct SwiftSpellingTests {
    /// What Swift says where the operator's name is not what users write in PyTorch either, by the beginning of the name.
    private static let spelled: [(prefix: String, swift: String)] = [
        ("upsample", "interpolated"), ("gridSampler", "gridSample"), ("reflectionPad", "padded"), ("replicationPad", "padded"),
        ("constantPad", "padded"), ("affineGrid", "affineGrid"), ("numpyT", "T"), ("matrixH", "mH"), ("uniqueDim", "unique"),
        ("nonzeroNumpy", "nonzeroTuple"), ("convolution", "conv2d"), ("nllLoss", "nllLoss"), ("trace", "matrixTrace"),
    ]

    /// What only graphs hold: parts of other operators, and what eager code has no use for.
    private static let internals: Set<String> = [
        "alias", "liftFresh", "resolveConj", "resolveNeg", "positive", "conjPhysical", "emptyStrided", "emptyPermuted", "newEmptyStrided",
        "normalFunctional", "invEx", "luFactorEx", "choleskyEx", "solveEx",
    ]

    /// The name that a user looks for, nil where no user does.
    private static func swiftName(of operation: Operator) -> String? {
        let base: Substring = operation.schema.name.split(separator: ".")[0]
        guard operation.schema.namespace == "aten", !base.hasPrefix("_"), !base.hasSuffix("_copy"), !base.contains("backward"),
            !base.hasPrefix("native_"), !base.hasPrefix("unsafe_")
        else { return nil }
        let parts: [Substring] = base.split(separator: "_")
        let own: ArraySlice<Substring> = ["linalg", "special"].contains(parts[0]) ? parts[1...] : parts[...]
        let name: String = String(own.first ?? "") + own.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
        if internals.contains(name) { return nil }
        return spelled.first { name.hasPrefix($0.prefix) }?.swift ?? name
    }

    @Test func operatorsAreFoundByTheirNames() throws {
        let list: String = try String(contentsOfFile: Python.root + "/docs/public-api.txt", encoding: .utf8)
        let corrected: String = try String(
            contentsOfFile: Python.root + "/Sources/ApusTensor/Tensor/Tensor+TorchNames.swift", encoding: .utf8)
        var names: Set<String> = []
        let lines: [Substring] =
            list.split(separator: "\n").filter { $0.hasPrefix("ApusTensor Tensor: ") } + corrected.split(separator: "\n")
        for line in lines {
            guard let keyword = line.range(of: "func ") ?? line.range(of: "var ") else { continue }
            names.insert(line[keyword.upperBound...].prefix { $0.isLetter || $0.isNumber || $0 == "`" }.filter { $0 != "`" })
        }
        try #require(names.contains("reshaped"))
        let missing: [String] = OperatorTable.all.filter { Self.swiftName(of: $0).map { !names.contains($0) } ?? false }.map(\.name)
        #expect(missing == [])
    }
}

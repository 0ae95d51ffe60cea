import ApusTensor

/// What an operator of PyTorch is called in Swift: under PyTorch's name in Swift's case, or under the name that the compiler offers for it.
struct SwiftSpelling {
    /// What Swift says where the operator's name is not what users write in PyTorch either, by the beginning of the name.
    private static let spelled: [(prefix: String, swift: String)] = [
        ("upsample", "interpolated"), ("gridSampler", "gridSample"), ("reflectionPad", "padded"), ("replicationPad", "padded"),
        ("constantPad", "padded"), ("affineGrid", "affineGrid"), ("numpyT", "T"), ("matrixH", "mH"), ("uniqueDim", "unique"),
        ("nonzeroNumpy", "nonzeroTuple"), ("convolution", "conv2d"), ("nllLoss", "nllLoss"), ("trace", "matrixTrace"),
    ]

    /// What only graphs hold: parts of other operators, and what eager code has no use for.
    private static let internals: Set<String> = [
        "alias", "liftFresh", "resolveConj", "resolveNeg", "positive", "conjPhysical", "emptyStrided", "emptyPermuted", "newEmptyStrided",
        "normalFunctional", "invEx", "luFactorEx", "choleskyEx", "solveEx", "multilabelMarginLossForward",
        // What programs hold, and the library has by other means.
        "normExceptDim", "bartlettWindow", "hannWindow", "blackmanWindow", "hammingWindow", "kaiserWindow", "cauchy", "logNormal",
        "geometric",
        "rrelu", "rreluWithNoiseFunctional", "padSequence", "histogramdd",
    ]

    let surface: PublicSurface

    /// The name that a user looks for, nil where no user does: PyTorch's, or Swift's where the operator's name is not what users write in
    /// PyTorch either.
    static func torchName(of operation: Operator) -> String? {
        guard let name = name(of: operation) else { return nil }
        let own: String = ownName(operation.schema.name)
        return camelCase(own) == name ? own : name
    }

    /// That name in Swift's case.
    static func name(of operation: Operator) -> String? {
        let base: String = operation.schema.name
        guard operation.schema.namespace == "aten", !base.hasPrefix("_"), !base.hasSuffix("_copy"), !base.contains("backward"),
            !base.hasPrefix("native_"), !base.hasPrefix("unsafe_")
        else { return nil }
        let name: String = camelCase(ownName(base))
        return internals.contains(name) ? nil : swiftName(of: name)
    }

    /// `det` of `linalg_det`: PyTorch's modules are no part of the name.
    private static func ownName(_ base: String) -> String {
        for module in ["linalg_", "special_", "fft_"] where base.hasPrefix(module) { return String(base.dropFirst(module.count)) }
        return base
    }

    private static func swiftName(of name: String) -> String { spelled.first { name.hasPrefix($0.prefix) }?.swift ?? name }

    /// `logSoftmax` for `log_softmax`.
    static func camelCase(_ name: some StringProtocol) -> String {
        let parts: [Substring] = name.split(separator: "_").map { Substring($0) }
        return String(parts.first ?? "") + parts.dropFirst().map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    /// `log_softmax` for `logSoftmax`.
    static func snakeCase(_ name: some StringProtocol) -> String {
        // `T`, `mT`
        if name.count <= 2 { return String(name) }
        return name.reduce(into: "") { $0 += $1.isUppercase ? "_\($1.lowercased())" : String($1) }
    }

    /// How users call what PyTorch calls so, in any of its modules: forms of methods on `x`, of functions, or what to write instead; nothing
    /// where Swift has no such name.
    func forms(of torchName: String) -> [String] {
        let name: String = Self.swiftName(of: Self.camelCase(Self.ownName(torchName)))
        var forms: [String] = own(name)
        for correction in surface.corrections where Self.camelCase(correction.name) == name {
            if correction.offered.hasPrefix("write ") {
                forms.append(String(correction.offered.dropFirst("write ".count)))
            } else {
                forms += own(String(correction.offered.prefix { $0 != "(" }))
            }
        }
        return forms
    }

    /// The names of the tensor's members that call an operator.
    func members(of operation: Operator) -> [String] {
        guard Self.name(of: operation) != nil else { return [] }
        return forms(of: operation.schema.name).compactMap { form in
            let parts: [Substring] = form.split(separator: ".", maxSplits: 1)
            return parts.count == 2 ? String(parts[1].prefix { $0 != "(" }) : nil
        }
    }

    private func own(_ name: String) -> [String] {
        surface.members(of: "Tensor", named: name).map { ($0.isStatic ? "Tensor." : "x.") + $0.form }
            + surface.members(of: "ApusNN", named: name).map(\.form)
    }

    /// Every name of PyTorch that may be found here: those of operators, of what the compiler corrects, and of methods and functions.
    func candidates() -> Set<String> {
        let operators: [String] = OperatorTable.all.filter { Self.name(of: $0) != nil }.map { Self.ownName($0.schema.name) }
        let own: Set<String> = surface.names(of: "Tensor").union(surface.names(of: "ApusNN"))
        return Set(operators).union(surface.corrections.map(\.name)).union(own.map { Self.snakeCase($0) })
    }
}

import ApusTensor

/// The operator index: a page for each subject with a table for all of its operators, from their records.
struct OperatorPages {
    private static let probes: [DType] = [.bool, .int64, .float16, .float32, .float64, .complex64]

    let spelling: SwiftSpelling

    /// `Operators-Elementwise`, and the page.
    func pages() throws -> [(name: String, text: String)] {
        try OperatorTable.subjects.map { subject in
            let operators: [Operator] = subject.families.flatMap { $0 }
            let rows: [String] = try operators.map(row)
            let text: String = """
                # Operators: \(subject.title)

                The \(operators.count) operators of this subject, as the table of operators has them.

                ## Overview

                What eager code and programs call, with the schemas of PyTorch's operators. *Gradient* says whether there is a rule, or that it follows
                from the operations that the operator is made of. *Dtypes* says which of \(Self.probes.map(\.description).joined(separator: ", ")) tensors may have,
                and what then results, `=` for the same; complex128 is as complex64, bfloat16 as float16, the other integers as int64.

                | Operator | What it computes | Swift | Gradient | Dtypes |
                |---|---|---|---|---|
                \(rows.joined(separator: "\n"))

                """
            return (Self.pageName(subject.title), text)
        }
    }

    static func pageName(_ title: String) -> String {
        "Operators-" + title.split(separator: " ").map { $0.prefix(1).uppercased() + $0.dropFirst() }.joined()
    }

    private func row(_ operation: Operator) throws -> String {
        var sentence: String = operation.documentation.split(separator: "\n").joined(separator: " ")
        if operation.effects.contains(.random) { sentence += " *Draws random numbers.*" }
        if operation.effects.contains(.dataDependent) { sentence += " *Results depend on values in their sizes, or are numbers.*" }
        let forms: [String] = SwiftSpelling.name(of: operation) == nil ? [] : spelling.forms(of: operation.schema.name)
        let swift: String = forms.isEmpty ? "in graphs" : forms.map { "`\($0)`" }.joined(separator: ", ")
        let cells: [String] = ["`\(operation.schema.text)`", sentence, swift, gradient(operation), try dtypes(operation)]
        return "| " + cells.map { $0.replacing("|", with: "\\|") }.joined(separator: " | ") + " |"
    }

    private func gradient(_ operation: Operator) -> String {
        if operation.gradient != nil { return "yes" }
        if case .composite = operation.kernel { return "by its parts" }
        return "no"
    }

    /// What the operator's rule makes of the first sample that it takes, with each dtype in place of the sample's.
    private func dtypes(_ operation: Operator) throws -> String {
        for sample in try operation.samples() {
            let tensors: [DType] = sample.flatMap(\.tensorDTypes)
            guard let own = tensors.first(where: \.isFloatingPoint) ?? tensors.first else { continue }
            var groups: [(result: String, probes: [DType])] = []
            var results: Set<[DType]> = []
            for probe in Self.probes {
                let arguments: [OperatorArgument] = sample.map { argument in
                    argument.map { Tensor(spec: TensorSpec($0.dtype == own ? probe : $0.dtype, $0.shape)) }
                }
                guard let specs = try? operation.rule(Call(operation, arguments)) else { continue }
                results.insert(specs.map(\.dtype))
                let result: String = specs.map { $0.dtype == probe ? "=" : "\($0.dtype)" }.joined(separator: ", ")
                if let index = groups.firstIndex(where: { $0.result == result }) {
                    groups[index].probes.append(probe)
                } else {
                    groups.append((result, [probe]))
                }
            }
            if groups.isEmpty { continue }
            // The same whatever comes in, such as positions.
            if let only = results.first, results.count == 1, groups.count > 1 {
                groups = [(only.map(\.description).joined(separator: ", "), groups.flatMap(\.probes))]
            }
            return groups.map { group in
                let probes: String =
                    group.probes.count == Self.probes.count ? "any" : group.probes.map(\.description).joined(separator: ", ")
                return "\(probes): \(group.result)"
            }.joined(separator: "; ")
        }
        return ""
    }
}

extension OperatorArgument {
    fileprivate var tensorDTypes: [DType] {
        switch self {
        case .tensor(let tensor): [tensor.dtype]
        case .tensors(let tensors): tensors.map(\.dtype)
        case .optionalTensors(let tensors): tensors.compactMap { $0?.dtype }
        default: []
        }
    }
}

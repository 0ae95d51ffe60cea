import Apus
import Foundation

/// One of PyTorch's names with underscores, which Swift spells without: what the compiler says where somebody writes it.
struct TorchSpelling {
    /// The sources that are made of the names of tensors and of functions.
    static let files: [(path: String, isOfTensor: Bool)] = [
        ("Sources/ApusTensor/Tensor/Tensor+TorchSpellings.swift", true), ("Sources/ApusNN/Losses/TorchSpellings.swift", false),
    ]

    /// Of what stands in one line, so that no formatter has another opinion.
    private static let lineLimit: Int = 135

    /// `log_softmax`
    let name: String
    /// The form in Swift, `logSoftmax(dim:dtype:)`; of a tensor's method, of a type's, and of a function.
    let method: String?
    let typeMethod: String?
    let function: String?

    static func all() throws -> [TorchSpelling] {
        let spelling = SwiftSpelling(surface: try PublicSurface())
        let corrected: Set<String> = Set(spelling.surface.corrections.map(\.name))
        return try PythonToSwiftPage.Table(spelling).functions.compactMap { row in
            guard row.name.contains("_"), !corrected.contains(row.name) else { return nil }
            func first(_ prefix: String) -> String? {
                row.forms.first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
            }
            let method: String? = first("x.")
            // A function of `torch` is looked for in the type too: `Tensor.zeros_like(x)`.
            let isFunction: Bool = row.places.contains("torch.\(row.name)")
            return TorchSpelling(
                name: row.name, method: method, typeMethod: first("Tensor.") ?? (isFunction ? method : nil),
                function: row.forms.first { !$0.hasPrefix("x.") && !$0.hasPrefix("Tensor.") && $0.hasSuffix(")") })
        }
    }

    /// The source of the names of tensors, or of functions.
    static func source(ofTensor isOfTensor: Bool) throws -> String {
        let all: [TorchSpelling] = try all()
        let head: String =
            "// swift-format-ignore-file: AlwaysUseLowerCamelCase\n\n"
            + "// PyTorch's names that differ from Swift's by their case, for the compiler to correct. Made from the page of names by its test.\n"
        guard isOfTensor else {
            let lines: [String] = all.compactMap { one in one.function.map { declaration(one.name, $0, "") } }
            return head + "\nimport ApusTensor\n\n" + lines.joined(separator: "\n") + "\n"
        }
        let declarations: [String] = all.flatMap { one in
            [one.method.map { declaration(one.name, $0, "") }, one.typeMethod.map { declaration(one.name, $0, "static ") }].compactMap {
                $0
            }
        }
        let lines: [Substring] = declarations.flatMap { $0.split(separator: "\n") }
        return head + "\nextension Tensor {\n" + lines.map { "    \($0)\n" }.joined() + "}\n"
    }

    private static func declaration(_ name: String, _ form: String, _ modifier: String) -> String {
        let attribute: String = "@available(*, unavailable, renamed: \"\(form)\")"
        let variable: String = "public \(modifier)var \(name): TorchName { TorchName() }"
        return attribute.count + variable.count < lineLimit ? "\(attribute) \(variable)" : "\(attribute)\n\(variable)"
    }
}

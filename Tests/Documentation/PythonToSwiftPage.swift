import Apus
import Foundation
import JudgeSupport

/// The page that gives each name of PyTorch its Swift spelling. What names PyTorch has, it says itself.
struct PythonToSwiftPage {
    private static let head: String = """
        # From Python to Swift

        PyTorch's names, and what Swift says.

        ## Overview

        Names follow one rule: PyTorch's, in Swift's case (`log_softmax` is `logSoftmax`), as methods of the tensor that Python passes first;
        what is a verb that gives a new tensor is a participle where Swift's libraries have one (`reshape` is `reshaped`, as `sort` is beside `sorted`
        in Swift). Who writes PyTorch's name where Swift has another is offered the right one by the compiler. A dimension is `dim:`, several are `dims:`.
        Every operation may throw: one `try` covers a statement. In the tables `x` is a tensor and `F` is `torch.nn.functional`.


        """

    /// Names that mean another thing in PyTorch than here, or that a line of Python above the tables shows better.
    private static let others: Set<String> = [
        "seed", "histogram", "data", "Parameter", "Buffer", "Module", "Optimizer", "F.unfold", "F.fold",
    ]

    /// Names of functions and of classes with their places in PyTorch and their Swift forms, and what PyTorch has besides.
    struct Table {
        var functions: [(name: String, places: [String], forms: [String])] = []
        var classes: [(place: String, forms: [String])] = []
        var missing: [String] = []

        init(_ spelling: SwiftSpelling) throws {
            let types: Set<String> = spelling.surface.types
            let candidates: Set<String> = spelling.candidates().union(types)
            let names: [String] = candidates.subtracting(others).sorted { order($0) < order($1) }
            let answers: [String] = try Python.judge("torch_names.py", names)
            for (name, answer) in zip(names, answers) where answer != "-" {
                let places: [String] = answer.split(separator: " ").map(String.init).filter { !others.contains($0) }
                if types.contains(name) {
                    guard let place = places.first(where: { $0.hasPrefix("torch.nn.") || $0.hasPrefix("torch.optim.") }) else { continue }
                    let forms: [String] = spelling.surface.members(of: name, named: "init").map { name + $0.form.dropFirst("init".count) }
                    classes.append((place, forms.isEmpty ? [name] : forms))
                    continue
                }
                let forms: [String] = spelling.forms(of: name)
                if !forms.isEmpty { functions.append((name, places.isEmpty ? ["x.\(name)"] : places, forms)) }
            }
            for line in answers.dropFirst(names.count) {
                let parts: [Substring] = line.split(separator: ":")
                let missing: [String] = (parts.count > 1 ? parts[1] : "").split(separator: " ").map(String.init)
                let left: [String] = missing.filter { spelling.forms(of: $0).isEmpty && !others.contains("F.\($0)") }
                self.missing.append("- `\(parts[0])`: \(left.joined(separator: ", ")).\n")
            }
        }
    }

    static func text() throws -> String {
        let table = try Table(SwiftSpelling(surface: PublicSurface()))
        let functions = table.functions.map { (python: $0.places.joined(separator: ", "), swift: code($0.forms)) }
        let classes = table.classes.map { (python: $0.place, swift: code($0.forms)) }
        var page: String = head
        for table in try idiomTables() {
            page += "## \(table.title)\n\n" + rows(table.rows) + "\n"
        }
        page += "## Modules and optimizers\n\n" + rows(classes) + "\n## Functions and methods\n\n" + rows(functions)
        page +=
            "\n## What is not there\n\nNames of PyTorch that have no counterpart. `nn.ModuleList` and `nn.ModuleDict` are arrays and dictionaries of "
            + "modules here; lazy layers are not needed, since a width may be a tensor's size: `Linear(x.shape[1], 10)`.\n\n"
        page += table.missing.joined()
        return page
    }

    private static func order(_ name: String) -> String { name.lowercased() + name }

    private static func code(_ texts: [String]) -> String { texts.map { "`\($0)`" }.joined(separator: ", ") }

    private static func rows(_ rows: [(python: String, swift: String)]) -> String {
        let lines: [String] = rows.map { row in
            let python: String = row.python.hasPrefix("`") ? row.python : code(row.python.components(separatedBy: ", "))
            return "| \(python) | \(row.swift) |"
        }
        return (["| PyTorch | Swift |", "|---|---|"] + lines).joined(separator: "\n").replacingOccurrences(of: "a | b", with: "a \\| b")
            + "\n"
    }

    /// The tables of `Idioms.swift`.
    private static func idiomTables() throws -> [(title: String, rows: [(python: String, swift: String)])] {
        let source: String = try String(contentsOfFile: Python.root + "/Tests/Documentation/Idioms.swift", encoding: .utf8)
        var tables: [(title: String, rows: [(python: String, swift: String)])] = []
        for paragraph in source.components(separatedBy: "\n\n") {
            let lines: [String] = paragraph.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
            guard let first = lines.first, first.hasPrefix("// ") else { continue }
            if first.hasPrefix("// MARK: ") {
                tables.append((String(first.dropFirst("// MARK: ".count)), []))
            } else if !tables.isEmpty {
                let swift: [String] = lines.dropFirst().map(plain)
                let isOne: Bool = swift.first?.hasSuffix("{") ?? false
                let whole: String = swift.joined(separator: "; ").replacing("{; ", with: "{ ").replacing("; }", with: " }")
                tables[tables.count - 1].rows.append(("`\(first.dropFirst("// ".count))`", code(isOne ? [whole] : swift)))
            }
        }
        return tables
    }

    /// The line without what only makes it a statement of a test.
    private static func plain(_ line: String) -> String {
        guard line.hasPrefix("results += ["), line.hasSuffix("]") else { return line.replacingOccurrences(of: "\\(folder)/", with: "") }
        return line.dropFirst("results += [".count).dropLast().replacingOccurrences(of: "\\(folder)/", with: "")
    }
}

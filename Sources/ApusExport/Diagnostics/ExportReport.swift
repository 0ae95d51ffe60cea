import ApusNN
import ApusProgram
import ApusSymbolic

/// Everything that stands between a function and its export, and the program that comes out when it is assumed away.
///
///     let report = exportReport(f, args: x, y, constraints: [dynamicDim(x, 0), dynamicDim(y, 0)])
///     print(report)
///     if let program = report.program { ... }
public struct ExportReport: Sendable {
    /// In the order in which they were met, each once; inputs that are rejected behind conditions on sizes.
    public let failures: [ExportFailure]
    /// Constraints that were assumed besides the given ones. Pass them to `export`.
    public let assumedConstraints: [SuggestedConstraint]
    /// The program under the assumed constraints, made by `export` itself; nil where a failure is left that no constraint mends.
    public let program: ExportedProgram?

    /// True where `export` gives a program as declared, which may reject inputs.
    public var isExportable: Bool { !failures.contains(where: \.isFatal) && program != nil }
}

extension ExportReport: CustomStringConvertible {
    public var description: String {
        var lines: [String] = []
        let fatal = failures.count(where: \.isFatal)
        let rejections = failures.count - fatal
        func count(_ number: Int, _ what: String) -> String { "\(number) \(what)\(number == 1 ? "" : "s")" }
        let rejected: String? = rejections == 0 ? nil : "\(count(rejections, "rejection")) of inputs"
        if isExportable {
            lines.append("The function can be exported as declared\(rejected.map { ", with \($0)" } ?? "").")
        } else {
            lines.append("The function can't be exported as declared: \(count(fatal, "failure"))\(rejected.map { " and \($0)" } ?? "").")
        }
        for (number, failure) in failures.enumerated() { lines.append("\(number + 1). \(failure)") }
        if !assumedConstraints.isEmpty {
            lines.append(program == nil ? "Assumed so far:" : "With these constraints as well a program could be made:")
            lines.append("    " + assumedConstraints.map(\.description).joined(separator: ", "))
        }
        if program == nil { lines.append("No program could be made.") }
        return lines.joined(separator: "\n")
    }
}

/// Exports as `export` does, but goes on after failures, and says all of them at once.
///
/// Where a condition on input sizes is not implied by the constraints it is assumed, and added to the constraints of a further attempt, so
/// that the program in the report is one that `export` makes of the given constraints and the assumed ones. An error that the function throws
/// ends its path, and the other paths are still traced.
/// - Parameters: as for `export`.
public func exportReport<each Input, Output>(
    _ function: (repeat each Input) throws -> Output, of model: (any Module)? = nil, args: repeat each Input,
    constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) -> ExportReport {
    report { assumed, collector in
        try exportPack(function, model, (repeat each args), options.adding(constraints + assumed), collector)
    }
}

/// Reports on a module's `forward` of one argument.
public func exportReport<Model: Module>(
    _ model: Model, args x: Model.Input, constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) -> ExportReport {
    exportReport({ (x: Model.Input) in try model(x) }, of: model, args: x, constraints: constraints, options: options)
}

/// Reports on a module's `forward` of two arguments.
public func exportReport<Model: Module>(
    _ model: Model, args x: Model.FirstOfTwo, _ y: Model.SecondOfTwo, constraints: [any ConstraintConvertible] = [],
    options: ExportOptions = ExportOptions()
) -> ExportReport {
    exportReport(
        { (x: Model.FirstOfTwo, y: Model.SecondOfTwo) in try model(x, y) }, of: model, args: x, y, constraints: constraints,
        options: options)
}

/// Reports on a module's `forward` of three arguments.
public func exportReport<Model: Module>(
    _ model: Model, args x: Model.FirstOfThree, _ y: Model.SecondOfThree, _ z: Model.ThirdOfThree,
    constraints: [any ConstraintConvertible] = [], options: ExportOptions = ExportOptions()
) -> ExportReport {
    exportReport(
        { (x: Model.FirstOfThree, y: Model.SecondOfThree, z: Model.ThirdOfThree) in try model(x, y, z) }, of: model, args: x, y, z,
        constraints: constraints, options: options)
}

/// Exports again and again, each time with the constraints that the last attempt lacked.
private func report(_ attempt: ([SuggestedConstraint], FailureCollector) throws -> ExportedProgram) -> ExportReport {
    var assumed: [SuggestedConstraint] = []
    var failures: [ExportFailure] = []
    // Each attempt adds a constraint that is new; the bound only guards against constraints that bring up others without end.
    for _ in 0..<16 {
        let collector = FailureCollector()
        var program: ExportedProgram?
        var fixes: [SuggestedConstraint] = []
        do {
            program = try attempt(assumed, collector)
        } catch let error as ConstraintViolationError {
            collector.record(error)
            fixes = error.suggestedFixes
        } catch {
            collector.record(error)
        }
        failures += collector.failures.filter { new in
            !failures.contains { $0.kind == new.kind && $0.message == new.message && $0.site?.description == new.site?.description }
        }
        let known = Set(assumed.map(\.description))
        let added = fixes.filter { !known.contains($0.description) }
        if program != nil || added.isEmpty {
            return ExportReport(failures: failures, assumedConstraints: assumed, program: program)
        }
        assumed += added
    }
    return ExportReport(failures: failures, assumedConstraints: assumed, program: nil)
}

import ApusSymbolic
import ApusTensor
import Foundation
import Synchronization

/// A record of what `export` asks and concludes: each symbol, each question with its place in the source and how it was decided.
///
/// Off unless asked for, by `ExportOptions(log:)` or by the environment variable `APUS_LOG=guards`, which writes to standard error.
public struct ExportLog: Sendable {
    /// How a question was answered.
    public enum Answer: Sendable {
        /// Known without any fact.
        case constant(Bool)
        /// Holds for every input that the facts admit.
        case proved
        /// Holds for none.
        case refuted
        /// Both outcomes are possible: this one is traced first, the other in a later run. The witnesses are inputs that give each.
        case forked(Bool, _ trueWitness: SymbolScope.Assignment?, _ falseWitness: SymbolScope.Assignment?)
        /// The answer that this run was told to give.
        case repeated(Bool)
        /// Not implied by the constraints: the run goes on as if it held, and `export` then fails.
        case assumed
        /// Depends on values: checked when the program runs.
        case deferred
        /// Depends on values: taken to fail on this path, to see whether the function catches the error.
        case failing
        case undecided
    }

    public enum Event: Sendable {
        /// A symbol was made: for a dimension of an input, or for a number that is read from a tensor.
        case symbol(SymInt.Symbol, SymRange, example: Int?, site: CallSite?)
        /// The function asked for a truth value.
        case question(SymBool, Answer, site: CallSite)
        /// An operator, or `check`, requires a condition.
        case requirement(SymBool, Answer, TensorError)
        /// `Int(n)` was given this number.
        case specialization(SymInt, Int, site: CallSite)
        /// A run ended.
        case path(decisions: Int, nodes: Int, hasThrown: Bool)
    }

    let write: @Sendable (Event) -> Void

    /// A log that hands each event to the closure, in order.
    public init(_ write: @escaping @Sendable (Event) -> Void) { self.write = write }

    /// A log of lines, as a person reads them.
    public static func lines(_ write: @escaping @Sendable (String) -> Void) -> ExportLog { ExportLog { write($0.description) } }

    /// Lines on standard error.
    public static let standardError = ExportLog.lines { FileHandle.standardError.write(Data("apus: \($0)\n".utf8)) }

    /// `standardError` where the environment variable `APUS_LOG` names `guards`, nil elsewhere.
    public static let fromEnvironment: ExportLog? = {
        let wanted = ProcessInfo.processInfo.environment["APUS_LOG"] ?? ""
        return wanted.split(separator: ",").contains("guards") ? standardError : nil
    }()
}

extension ExportLog.Event {
    static func symbol(_ symbol: Symbol, _ scope: SymbolScope, site: CallSite?) -> ExportLog.Event {
        .symbol(symbol, scope.range(of: symbol), example: scope.hint(of: symbol), site: site)
    }
}

extension ExportLog.Event: CustomStringConvertible {
    /// One line: `question  x.shape[0] > 3        Model.swift:41        both, true first: ...`.
    public var description: String {
        switch self {
        case .symbol(let symbol, let range, let example, let site):
            "symbol          \(symbol.name)" + (symbol.origin.isEmpty ? "" : " = \(symbol.origin)") + " in \(range)"
                + (example.map { ", \($0) in the example" } ?? "") + (site.map { "        \($0)" } ?? "")
        case .question(let condition, let answer, let site): "question        \(condition): \(answer)        \(site)"
        case .requirement(let condition, let answer, let error):
            "requirement     \(condition): \(answer)" + (error.site.map { "        \($0)" } ?? "")
        case .specialization(let size, let value, let site): "specialisation  Int(\(size)) is \(value)        \(site)"
        case .path(let decisions, let nodes, let hasThrown):
            "end of path     \(decisions) decisions, \(nodes) operations" + (hasThrown ? ", threw" : "")
        }
    }
}

extension ExportLog.Answer: CustomStringConvertible {
    public var description: String {
        switch self {
        case .constant(let value): "\(value)"
        case .proved: "proved"
        case .refuted: "refuted"
        case .forked(let choice, let whenTrue, let whenFalse):
            "both, \(choice) first"
                + [(whenTrue, "true"), (whenFalse, "false")].compactMap { point, name in point.map { "; \(name) at \($0)" } }.joined()
        case .repeated(let choice): "\(choice) on this path"
        case .assumed: "not implied, assumed"
        case .deferred: "checked when the program runs"
        case .failing: "fails on this path"
        case .undecided: "undecided"
        }
    }
}

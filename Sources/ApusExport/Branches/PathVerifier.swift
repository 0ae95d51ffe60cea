import ApusGraph
import ApusProgram
import ApusSymbolic

/// Checks that the paths of a program are disjoint and cover what its constraints admit: for every input, whatever values are read from it,
/// exactly one is taken.
///
/// It knows nothing of how paths were found and merged. A small domain is gone through point by point; of others points are tried, and the
/// decision procedure shows the rest.
public struct PathVerifier: Sendable {
    /// Domains of more points than this are not gone through.
    public var pointLimit: Int

    public init(pointLimit: Int = 4096) { self.pointLimit = pointLimit }

    /// Throws `VerificationError` with code `paths`, which names two paths, or a point that none takes.
    public func verify(_ paths: [ExploredPath], scope: SymbolScope) throws {
        if paths.isEmpty { return }
        try scope.takingTurn {
            let domain = PathDomain(paths, scope, pointLimit: pointLimit)
            for point in domain.points { try PathVerifier.verify(paths, scope, at: point) }
            if domain.isComplete { return }
            try scope.scoped {
                let all: [PathPartition.Candidate] = paths.map { .init(path: $0, rest: $0.conditions[...]) }
                try PathPartition(scope: scope).verify(all, depth: paths.reduce(0) { $0 + $1.conditions.count })
            }
        }
    }

    private static func verify(_ paths: [ExploredPath], _ scope: SymbolScope, at point: Assignment) throws {
        guard scope.declaredFacts.allSatisfy({ scope.evaluate($0, at: point) == true }) else { return }
        var taken: [ExploredPath] = []
        for path in paths {
            switch PathVerifier.isTaken(path, scope, at: point) {
            case true?: taken.append(path)
            case false?: continue
            // A condition that has no value here, such as one on a quotient by 0, ends the run of any program.
            case nil: return
            }
        }
        if taken.count > 1 { throw overlap(taken[0], taken[1], at: point) }
        if taken.isEmpty { throw hole(at: point) }
    }

    /// Conditions are asked in order: those behind one that does not hold are never asked.
    private static func isTaken(_ path: ExploredPath, _ scope: SymbolScope, at point: Assignment) -> Bool? {
        for condition in path.conditions {
            guard let holds = scope.evaluate(condition, at: point) else { return nil }
            if !holds { return false }
        }
        return true
    }

    fileprivate static func overlap(_ a: ExploredPath, _ b: ExploredPath, at point: Assignment?) -> VerificationError {
        let place: String = point.map { " at \($0)" } ?? ", as far as can be shown"
        return VerificationError(.paths, "two paths are taken\(place): '\(a)' and '\(b)'")
    }

    fileprivate static func hole(at point: Assignment?) -> VerificationError {
        VerificationError(.paths, "no path is taken" + (point.map { " at \($0)" } ?? " by some inputs, as far as can be shown"))
    }
}

extension ExportedProgram {
    /// Checks that the paths that `export` explored are disjoint and cover what the constraints admit; see ``PathVerifier``. A program that was
    /// loaded or transformed has no paths, and nothing to check.
    public func verifyPaths() throws { try PathVerifier().verify(paths, scope: scope) }
}

/// Points of the symbols that paths depend on.
private struct PathDomain {
    let points: [Assignment]
    /// Whether they are all that there are.
    let isComplete: Bool

    init(_ paths: [ExploredPath], _ scope: SymbolScope, pointLimit: Int) {
        var seen = Set<Symbol>()
        let conditions: [SymBool] = paths.flatMap(\.conditions) + scope.declaredFacts
        let symbols: [Symbol] = conditions.flatMap(\.freeSymbols).filter { seen.insert($0).inserted }
        let whole: [[Int]?] = symbols.map { symbol in
            let range: SymRange = scope.range(of: symbol)
            guard symbol.kind != .unbackedFloat, let count = range.count, count <= pointLimit else { return nil }
            return (range.lowerBound..<(range.lowerBound + count)).map { $0 }
        }
        var total = 1
        for values in whole { total = min(total, pointLimit + 1) * (values?.count ?? pointLimit + 1) }
        let isComplete: Bool = total <= pointLimit
        self.isComplete = isComplete
        // Of what is too much the ends and some in between.
        let choices: [[Double]] = zip(symbols, whole).map { symbol, values in
            if symbol.kind == .unbackedFloat { return PathDomain.floats }
            if isComplete, let values { return values.map { Double($0) } }
            let range: SymRange = scope.range(of: symbol)
            let near: [Int] = (0..<12).map { range.lowerBound &+ $0 } + (-8..<25).map { $0 } + [range.upperBound, 1000, -1000]
            return Set(near.filter { range.contains($0) && $0.magnitude < 1 << 50 }).sorted().map { Double($0) }
        }
        points = PathDomain.combinations(symbols, choices, limit: pointLimit)
    }

    private static let floats: [Double] = [.nan, .infinity, -.infinity, 0, 0.5, -0.5, 1, -1, 2, 3, 10, -10, 99, 100, 101, 1e-30, 1e30]

    /// All combinations, or as many of them, spread evenly.
    private static func combinations(_ symbols: [Symbol], _ choices: [[Double]], limit: Int) -> [Assignment] {
        var total = 1
        for values in choices {
            let (product, overflow) = total.multipliedReportingOverflow(by: values.count)
            total = overflow ? .max : product
        }
        let step: Int = max(1, total / max(limit, 1))
        return stride(from: 0, to: total, by: step).prefix(limit).map { index in
            var rest: Int = index
            var point = Assignment()
            for (symbol, values) in zip(symbols, choices) {
                let value: Double = values[rest % values.count]
                rest /= values.count
                if symbol.kind == .unbackedFloat { point.floats[symbol] = value } else { point[symbol] = Int(value) }
            }
            return point
        }
    }
}

/// Splits what is left open by the facts question by question, until each part of the domain is seen to belong to one path.
private struct PathPartition {
    let scope: SymbolScope

    struct Candidate {
        let path: ExploredPath
        /// The conditions that are still open.
        var rest: ArraySlice<SymBool>
    }

    func verify(_ candidates: [Candidate], depth: Int) throws {
        let left: [Candidate] = candidates.compactMap { narrowed($0) }
        let taken: [Candidate] = left.filter(\.rest.isEmpty)
        if taken.count > 1 { throw PathVerifier.overlap(taken[0].path, taken[1].path, at: scope.witness()) }
        guard let question = left.first(where: { !$0.rest.isEmpty })?.rest.first else {
            if taken.isEmpty { throw PathVerifier.hole(at: scope.witness()) }
            return
        }
        guard depth > 0 else {
            throw VerificationError(.paths, "whether exactly one path is taken can't be shown; the last open question is '\(question)'")
        }
        for fact in [question, !question] {
            try scope.scoped {
                // What contradicts the facts is no part of the domain.
                if scope.assume(fact) { try verify(left, depth: depth - 1) }
            }
        }
    }

    /// The path with what is known left out; nil where it can't be taken.
    private func narrowed(_ candidate: Candidate) -> Candidate? {
        var open: [SymBool] = []
        for condition in candidate.rest {
            switch scope.decide(condition) {
            case .proved: continue
            case .refuted: return nil
            case .undecided: open.append(condition)
            }
        }
        return Candidate(path: candidate.path, rest: open[...])
    }
}

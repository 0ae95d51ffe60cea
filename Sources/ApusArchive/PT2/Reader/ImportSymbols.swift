import ApusProgram
import ApusSymbolic

/// The symbols of a program that is being read, what the file says of their ranges, and what reading has found to be required of them.
final class ImportSymbols {
    /// A file puts expressions together in smaller steps than the function did, and what lies between may be larger than both ends.
    let scope = SymbolScope(partLimit: 8 * SymbolScope.usualPartLimit)
    private let ranges: JSONTable<ProgramSchema.RangeConstraint>
    private var values: [String: SymValue] = [:]
    private(set) var symbols: [Symbol] = []
    /// Conditions on input sizes that operators require and the declared ranges do not imply.
    private(set) var guards: [InputGuard] = []
    private var guarded: Set<BoolExpr> = []
    /// Names that a node with sizes of its own is about to define.
    var upcoming: [String] = []

    /// The least size of a dimension that nothing is declared of.
    private let leastSize: Int

    init(ranges: JSONTable<ProgramSchema.RangeConstraint>, leastSize: Int = 0) { (self.ranges, self.leastSize) = (ranges, leastSize) }

    /// What the file declares for a symbol.
    func declaredRange(_ name: String) -> SymRange { ranges[name]?.range ?? .unbounded }

    /// PyTorch notes 2 as the least size of every dimension that nothing is said about, and does not enforce it: sizes 0 and 1 pass.
    /// Such a bound is used only where the program turns out to depend on it (see `ImportInterpreter`).
    func enforcedRange(_ name: String) -> SymRange {
        let declared = declaredRange(name)
        let low = declared.lowerBound == .min ? leastSize : declared.lowerBound
        return SymRange(lowerBound: low <= 2 ? Swift.min(low, 1) : low, upperBound: declared.upperBound)
    }

    /// The symbol of an input's dimension.
    func makeBacked(_ name: String, origin: String, hint: Int?) throws -> SymInt {
        if case .int(let known)? = values[name] { return known }
        let range = enforcedRange(name)
        guard !range.isEmpty else {
            throw ArchiveError(.invalidProgram, at: "range_constraints.\(name)", "the range \(range) admits no size")
        }
        let symbol = scope.makeSymbol(name: name, origin: origin, range: range, kind: .backed, hint: hint)
        let size = scope.size(symbol)
        symbols.append(symbol)
        values[name] = .int(size)
        return size
    }

    /// The symbol of a dimension that the file describes by a symbol which is no dimension itself, as PyTorch does for `2 * Dim("h")`: the
    /// dimension gets a symbol, and what the file's stands for follows from it, by a guard that it is a whole number.
    /// - Returns: nil where the text is not a multiple of the symbol and a constant.
    func makeDerived(_ text: String, of name: String, origin: String, hint: Int?) throws -> SymInt? {
        let trial = SymbolScope()
        let unknown: Symbol = trial.makeSymbol(range: .unbounded)
        let size: SymInt = try ExpressionReader { _ in .int(trial.size(unknown)) }.size(of: text)
        var point = Assignment()
        point[unknown] = 0
        guard let offset = trial.evaluate(size, at: point) else { return nil }
        point[unknown] = 1
        guard let next = trial.evaluate(size, at: point), case (let factor, let overflow) = next.subtractingReportingOverflow(offset),
            !overflow,
            factor > 0, size.isIdentical(to: trial.size(unknown) * factor + offset)
        else { return nil }
        let range: SymRange = enforcedRange(name)
        func bound(_ value: Int) -> Int? {
            let (product, tooLarge) = value.multipliedReportingOverflow(by: factor)
            let (sum, tooLargeBySum) = product.addingReportingOverflow(offset)
            return tooLarge || tooLargeBySum ? nil : sum
        }
        let low: Int = Swift.max(bound(range.lowerBound) ?? 0, 0)
        let high: Int = range.hasUpperBound ? bound(range.upperBound) ?? .max : .max
        guard low <= high else {
            throw ArchiveError(.invalidProgram, at: "range_constraints.\(name)", "the range \(range) admits no size of \(origin)")
        }
        let symbol = scope.makeSymbol(
            name: unusedName("s"), origin: origin, range: SymRange(lowerBound: low, upperBound: high), kind: .backed, hint: hint)
        let dimension: SymInt = scope.size(symbol)
        symbols.append(symbol)
        values[symbol.name] = .int(dimension)
        values[name] = .int((dimension - offset) / factor)
        let isWhole: SymBool = (dimension - offset) % factor == 0
        if isWhole.constant != true { add(InputGuard(condition: isWhole, message: "\(isWhole) must hold")) }
        return dimension
    }

    /// The symbol of a number that a run reads from a tensor.
    func makeUnbacked(_ name: String?, kind: Symbol.Kind, range: SymRange) -> SymValue {
        let declared = name.map { declaredRange($0) } ?? .unbounded
        // The declared range becomes a fact only through a check in the graph, which the importer adds; here is what the dtype admits.
        let symbol = scope.makeSymbol(name: name ?? unusedName("u"), origin: "", range: kind == .unbackedInt ? range : declared, kind: kind)
        symbols.append(symbol)
        let value: SymValue
        switch kind {
        case .unbackedFloat: value = .float(scope.float(symbol))
        case .unbackedBool: value = .bool(scope.condition(symbol))
        case .unbackedInt, .backed: value = .int(scope.size(symbol))
        }
        if let name { values[name] = kind == .unbackedBool ? .int(scope.size(symbol)) : value }
        return value
    }

    /// The next name that the file gives a size or a number of the node that is being read.
    func nextName() -> String? { upcoming.isEmpty ? nil : upcoming.removeFirst() }

    func value(_ name: String) -> SymValue? { values[name] }

    /// Says what a name of the file stands for, where nothing has yet.
    func define(_ name: String, _ value: SymValue) {
        if values[name] == nil { values[name] = value }
    }

    /// A name that the file says nothing of.
    private func unusedName(_ prefix: String) -> String {
        var number = symbols.count
        while ranges["\(prefix)\(number)"] != nil || values["\(prefix)\(number)"] != nil { number += 1 }
        return "\(prefix)\(number)"
    }

    /// Reads a body: the names that it defines are its own, and another body may define them again.
    func inBody<Result>(_ read: () throws -> Result) rethrows -> Result {
        let outer = values
        defer { values = outer }
        return try read()
    }

    func add(_ guarding: InputGuard) {
        if guarding.condition.expression.map({ guarded.insert($0).inserted }) ?? true { guards.append(guarding) }
        scope.assume(guarding.condition)
    }

    /// What every call is held to is known wherever the program is read.
    func assumeGuards() { for guarding in guards { scope.assume(guarding.condition) } }

    /// Reads expressions over the symbols that are known by now.
    var reader: ExpressionReader {
        ExpressionReader { [self] name in
            guard let value = values[name] else { throw ArchiveError(.invalidExpression, "the symbol '\(name)' is not defined") }
            return value
        }
    }

    /// The symbol names in a text, in order of appearance.
    static func names(in text: String) -> [String] {
        guard let syntax = try? ExpressionSyntax(parsing: text) else { return [] }
        var found: [String] = []
        func visit(_ syntax: ExpressionSyntax) {
            if let name = syntax.symbol {
                if !found.contains(name) { found.append(name) }
            } else if case .call(_, let arguments, _) = syntax {
                arguments.forEach(visit)
            }
        }
        visit(syntax)
        return found
    }

    // MARK: What every call is held to

    /// The ranges. A least size of 2 is PyTorch's default, which nothing holds a call to, unless the program itself checks it: then it was
    /// declared. Known once the guards are.
    var symbolToRange: [Symbol: SymRange] {
        var result: [Symbol: SymRange] = [:]
        for symbol in symbols where symbol.kind != .unbackedFloat {
            let known: SymRange = scope.range(of: symbol)
            let declared: SymRange = declaredRange(symbol.name)
            result[symbol] = !symbol.isBacked ? known : declared.lowerBound == 2 && known.lowerBound >= 2 ? declared : symbol.declaredRange
        }
        return result
    }

    /// The guards beside the ranges.
    var guardsBesideRanges: [InputGuard] {
        let implied = Set(symbols.filter(\.isBacked).compactMap { leastSizeOfTwo($0) })
        return guards.filter { guarding in guarding.condition.expression.map { !implied.contains($0) } ?? true }
    }

    /// The condition that a size which the file declares from 2 on is at least 2; nil for others.
    private func leastSizeOfTwo(_ symbol: Symbol) -> BoolExpr? {
        declaredRange(symbol.name).lowerBound == 2 ? (scope.size(symbol) >= 2).expression : nil
    }
}

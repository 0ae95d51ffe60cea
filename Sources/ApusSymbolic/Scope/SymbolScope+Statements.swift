extension SymbolScope {
    /// The bounds of a symbol as conditions that are not folded away by what the scope knows already: for programs that state them for
    /// others to check. Evaluating them at a point gives whether the point is inside.
    public func statements(of symbol: SymInt.Symbol, in range: SymRange) -> [SymBool] {
        var found: [SymBool] = []
        if range.hasLowerBound { found.append(statement(size(symbol) - range.lowerBound)) }
        if range.hasUpperBound { found.append(statement(range.upperBound - size(symbol))) }
        return found
    }

    private func statement(_ difference: SymInt) -> SymBool {
        guard let expression = difference.expression else { return SymBool((difference.constant ?? -1) >= 0) }
        return buildCondition { state throws(SymbolicError) in try state.condition(.atLeastZero(expression)) }
    }
}

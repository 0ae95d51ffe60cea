// What keeps a program to the numbers that eager code computes with. A scope reasons over all integers; eager arithmetic is of 64 bits, and
// what leaves it, or divides by zero, is invalid. So wherever a traced function computes a number that is not known to fit, the oracle is
// told what must hold, and the program checks it. The normal form may cancel what overflowed: `k + 1 > k` is true of all integers, but not
// computed at `Int.max`.

extension SymbolScope {
    /// The largest size of a dimension that a program admits: more than any memory holds, and small enough that sums and multiples of sizes
    /// are known to fit.
    public static let largestSize: Int = 1 << 48

    /// Runs the arithmetic of a result rule. Its results are sizes of tensors, which are checked when there are such tensors.
    package func withoutOverflowChecks<Result>(_ body: () throws -> Result) rethrows -> Result {
        let previous: Bool = setChecksOverflow(false)
        defer { setChecksOverflow(previous) }
        return try body()
    }

    /// The result of an operation. Invalid where no input gives one that fits.
    ///
    /// The least integer counts as one that does not fit, since its opposite does not.
    func fitting(_ value: SymInt) -> SymInt {
        guard let p = value.expression, p.symbol == nil, let oracle = overflowOracle else { return value }
        let fits: (low: Bool, high: Bool) = reading((true, true)) { $0.fits(p) }
        var conditions: [SymBool] = []
        if !fits.high { conditions.append(.lessOrEqual(value, SymInt(Int.max))) }
        if !fits.low { conditions.append(.lessOrEqual(SymInt(-Int.max), value)) }
        return demand(conditions, SymbolicError(.overflow, "integer overflow: '\(value)' does not fit in 64 bits"), oracle) ?? value
    }

    /// The quotient or remainder of a division. Invalid where no input gives one.
    func fitting(_ value: SymInt, dividing p: SymInt, by q: SymInt, isRemainder: Bool) -> SymInt {
        guard !value.isInvalid, let oracle = overflowOracle else { return value }
        let range: SymRange = bounds(of: q)
        if range.contains(0) {
            let failure = SymbolicError(.divisionByZero, "division by zero: '\(q)' is 0")
            if let invalid = demand([.notEqual(q, 0)], failure, oracle) { return invalid }
        }
        if !isRemainder, range.contains(-1), !bounds(of: p).hasLowerBound {
            let failure = SymbolicError(.overflow, "integer overflow: '\(p)' divided by '\(q)' does not fit in 64 bits")
            if let invalid = demand([.lessOrEqual(SymInt(-Int.max), p)], failure, oracle) { return invalid }
        }
        return value
    }

    /// The integer that a float is rounded to.
    func fitting(_ value: SymInt, rounding float: SymFloat) -> SymInt {
        guard !value.isInvalid, let expression = float.expression, let oracle = overflowOracle else { return value }
        // Halfway to the ends of Int: what the bounds round by is little beside it.
        let limit: Double = 0x1p62
        if let bounds = reading(nil, { $0.wideBounds(expression) }), bounds.lowerBound > -limit, bounds.upperBound < limit { return value }
        let isInside: [SymBool] = [
            SymFloat.compare(.lessOrEqual, SymFloat(-0x1p63), float), SymFloat.compare(.less, float, SymFloat(0x1p63)),
        ]
        return demand(isInside, SymbolicError(.overflow, "'\(float)' rounded to an integer does not fit in 64 bits"), oracle) ?? value
    }

    private func bounds(of size: SymInt) -> SymRange {
        if let known = size.constant { return SymRange(lowerBound: known, upperBound: known) }
        guard let p = size.expression else { return .unbounded }
        return reading(.unbounded) { $0.bound(p).publicRange }
    }

    /// Demands of the oracle what is not known to hold; gives an invalid number where one of the conditions never does.
    private func demand(_ conditions: [SymBool], _ failure: SymbolicError, _ oracle: any Oracle) -> SymInt? {
        var open: [SymBool] = []
        for condition in conditions {
            switch decideForTensors(condition) {
            case true?: continue
            case false?: return .invalid(failure)
            case nil: open.append(condition)
            }
        }
        if open.isEmpty { return nil }
        let all: SymBool = .all(open)
        let site = CallSite.capture()
        if let fault = all.fault { report(fault, site: site) } else { oracle.require(all, failure, site: site) }
        noteNumberCheck(failure.message)
        return nil
    }

    /// What is known of a condition where sizes of tensors are no larger than programs admit.
    private func decideForTensors(_ condition: SymBool) -> Bool? {
        if let known = self.known(condition) { return known }
        // Sizes that no fact ties to the condition say nothing of it.
        let tied: [Symbol] = reading([]) { $0.tied(to: condition.freeSymbols) }
        let bounds: [SymBool] = tied.filter { $0.isSize && !range(of: $0).hasUpperBound }.map {
            .lessOrEqual(size($0), SymInt(SymbolScope.largestSize))
        }
        if bounds.isEmpty { return nil }
        return scoped {
            for bound in bounds { assume(bound) }
            return known(condition)
        }
    }
}

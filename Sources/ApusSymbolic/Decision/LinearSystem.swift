/// Linear equalities and inequalities over integers, and a search for a proof that no integer point satisfies them all.
///
/// Equalities are eliminated exactly (unit pivots, or Pugh's new variables where no coefficient is one); inequalities by
/// Fourier and Motzkin with tightening by the greatest common divisor. Whatever would overflow or exceed the budget is
/// dropped: with fewer constraints a proof of infeasibility is still a proof.
struct LinearSystem {
    /// A sum of `coefficient * column`, plus a constant.
    struct Row {
        var entries: [(column: Int, coefficient: Int)]
        var constant: Int
    }

    private(set) var width = 0
    private var equalities: [Row] = []
    private var inequalities: [Row] = []

    mutating func addColumn() -> Int {
        width += 1
        return width - 1
    }

    /// row == 0
    mutating func addEquality(_ row: Row) { equalities.append(row) }

    /// row >= 0
    mutating func addInequality(_ row: Row) { inequalities.append(row) }

    /// Whether no integer point satisfies the system; false means 'not shown'. `budget` counts row combinations.
    func isInfeasible(budget: inout Int) -> Bool {
        var elimination = Elimination(self)
        return elimination.solveEqualities() || elimination.eliminateAll(except: nil, budget: &budget)
    }

    /// Bounds of a column over the system; all integers when none are found.
    func bounds(of column: Int, budget: inout Int) -> Interval {
        var elimination = Elimination(self)
        if elimination.solveEqualities(keeping: column) { return Interval(low: .max, high: .min) }
        if elimination.eliminateAll(except: column, budget: &budget) { return Interval(low: .max, high: .min) }
        return elimination.bounds(of: column)
    }

    fileprivate var dense: (equalities: [[Int]], inequalities: [[Int]], width: Int) {
        // Room for the variables that equalities without a unit coefficient bring in.
        let total: Int = width + 2 * equalities.count + 2
        func expand(_ row: Row) -> [Int]? {
            var values = [Int](repeating: 0, count: total + 1)
            for entry in row.entries {
                guard let sum = checkedAdd(values[entry.column], entry.coefficient), sum != .min else { return nil }
                values[entry.column] = sum
            }
            guard row.constant != .min else { return nil }
            values[total] = row.constant
            return values
        }
        return (equalities.compactMap(expand), inequalities.compactMap(expand), total)
    }
}

/// The state of an elimination: dense rows whose last entry is the constant.
private struct Elimination {
    private struct Inequality {
        var values: [Int]
        /// The original rows that it was combined from.
        var history: UInt128
        /// A number that parallel rows share, and opposite ones have negated; `nil` until the row has been tightened.
        var mix: Int?
    }

    private var equalities: [[Int]]
    private var inequalities: [Inequality]
    private let width: Int
    private var nextFree: Int
    private var eliminated = 0

    init(_ system: LinearSystem) {
        let (equalities, inequalities, width) = system.dense
        self.equalities = equalities
        self.width = width
        nextFree = system.width
        self.inequalities = inequalities.map { Inequality(values: $0, history: 0) }
    }

    // MARK: Equalities

    /// Eliminates the equalities; true when one of them has no integer solution.
    mutating func solveEqualities(keeping kept: Int? = nil) -> Bool {
        var steps = 0
        while var row = equalities.popLast() {
            let divisor: Int = content(row)
            if divisor == 0 {
                if row[width] != 0 { return true }
                continue
            }
            if row[width] % divisor != 0 { return true }
            if divisor > 1 { for i in row.indices { row[i] /= divisor } }
            var pivot: Int?
            var smallest: Int?
            for column in 0..<width where row[column] != 0 && column != kept {
                if row[column].magnitude == 1 {
                    pivot = column
                    break
                }
                if smallest.map({ row[column].magnitude < row[$0].magnitude }) ?? true { smallest = column }
            }
            steps += 1
            if let pivot {
                substitute(row, pivot)
            } else if let smallest, steps < 48, nextFree < width, let (reduced, pivot) = balanced(row, smallest) {
                equalities.append(row)
                substitute(reduced, pivot)
            } else {
                inequalities.append(Inequality(values: row, history: 0))
                inequalities.append(Inequality(values: row.map { 0 &- $0 }, history: 0))
            }
        }
        return false
    }

    private func content(_ row: [Int]) -> Int {
        var divisor = 0
        for column in 0..<width where row[column] != 0 {
            divisor = gcd(divisor, row[column])
            if divisor == 1 { return 1 }
        }
        return divisor
    }

    /// Pugh's step: with m = |a| + 1 for the smallest coefficient a, the residues in (-m/2, m/2] of all coefficients and a
    /// new variable give an equality in which a's variable has a unit coefficient.
    private mutating func balanced(_ row: [Int], _ column: Int) -> ([Int], Int)? {
        guard row[column].magnitude < 1 << 30 else { return nil }
        let m: Int = abs(row[column]) + 1
        func residue(_ a: Int) -> Int {
            let r: Int = floorMod(a, by: m)
            return 2 * r >= m ? r - m : r
        }
        var reduced: [Int] = row.map(residue)
        guard reduced[column].magnitude == 1 else { return nil }
        reduced[nextFree] = -m
        nextFree += 1
        return (reduced, column)
    }

    /// Replaces a variable by what an equality with a unit coefficient says it is.
    private mutating func substitute(_ equality: [Int], _ pivot: Int) {
        let sign: Int = equality[pivot]
        func replaced(_ row: [Int]) -> [Int]? {
            let factor: Int = row[pivot]
            if factor == 0 { return row }
            guard let scale = checkedMultiply(factor, -sign) else { return nil }
            var result: [Int] = row
            for i in 0...width where equality[i] != 0 {
                guard let product = checkedMultiply(equality[i], scale), let sum = checkedAdd(row[i], product), sum != .min
                else { return nil }
                result[i] = sum
            }
            return result
        }
        equalities = equalities.compactMap(replaced)
        inequalities = inequalities.compactMap { row in
            replaced(row.values).map { Inequality(values: $0, history: 0) }
        }
    }

    // MARK: Inequalities

    /// Eliminates variables one by one; true when a contradiction comes out.
    mutating func eliminateAll(except kept: Int?, budget: inout Int) -> Bool {
        for index in inequalities.indices {
            inequalities[index].history = inequalities.count <= 128 ? UInt128(1) << UInt128(index) : 0
        }
        if tighten() { return true }
        while let column = cheapestColumn(except: kept) {
            var positive: [Inequality] = []
            var negative: [Inequality] = []
            var rest: [Inequality] = []
            for row in inequalities {
                if row.values[column] > 0 {
                    positive.append(row)
                } else if row.values[column] < 0 {
                    negative.append(row)
                } else {
                    rest.append(row)
                }
            }
            eliminated += 1
            budget -= positive.count * negative.count
            if budget < 0 { return false }
            for p in positive {
                for n in negative {
                    if let row = combine(p, n, column) { rest.append(row) }
                }
            }
            inequalities = rest
            if tighten() { return true }
            if inequalities.count > 512 { return false }
        }
        return false
    }

    private func combine(_ p: Inequality, _ n: Inequality, _ column: Int) -> Inequality? {
        // A row from more originals than there are eliminated variables plus one is implied by others.
        let history: UInt128 = p.history | n.history
        if history.nonzeroBitCount > eliminated + 1 { return nil }
        let divisor: Int = gcd(p.values[column], n.values[column])
        let a: Int = 0 &- n.values[column] / divisor
        let b: Int = p.values[column] / divisor
        var values = [Int](repeating: 0, count: width + 1)
        for i in 0...width {
            let (x, y) = (p.values[i], n.values[i])
            if x == 0 && y == 0 { continue }
            guard let left = checkedMultiply(x, a), let right = checkedMultiply(y, b), let sum = checkedAdd(left, right),
                sum != .min
            else { return nil }
            values[i] = sum
        }
        values[column] = 0
        return Inequality(values: values, history: history)
    }

    /// Divides rows by their content, rounding the constant down; keeps the tightest of parallel rows. True when a row says
    /// that a negative number is not negative, or two rows leave no room between them.
    private mutating func tighten() -> Bool {
        var kept: [Inequality] = []
        kept.reserveCapacity(inequalities.count)
        // Positions in `kept` by mix.
        var positions: [Int: Int] = [:]
        positions.reserveCapacity(inequalities.count)
        // Rows that were tightened before are still apart from each other; only new ones are looked at.
        for row in inequalities {
            guard let mix = row.mix else { continue }
            positions[mix] = kept.count
            kept.append(row)
        }
        for var row in inequalities where row.mix == nil {
            let divisor: Int = content(row.values)
            if divisor == 0 {
                if row.values[width] < 0 { return true }
                continue
            }
            if divisor > 1 {
                for i in 0..<width { row.values[i] /= divisor }
                row.values[width] = floorDiv(row.values[width], by: divisor)
            }
            let mix: Int = self.mix(row.values)
            row.mix = mix
            if let known = positions[mix], isParallel(kept[known].values, row.values, sign: 1) {
                if row.values[width] < kept[known].values[width] { kept[known] = row }
            } else {
                positions[mix] = kept.count
                kept.append(row)
            }
            if let other = positions[0 &- mix], isParallel(kept[other].values, row.values, sign: -1),
                let room = checkedAdd(kept[other].values[width], row.values[width]), room < 0
            {
                return true
            }
        }
        inequalities = kept
        return false
    }

    private func mix(_ values: [Int]) -> Int {
        var sum = 0
        for column in 0..<width where values[column] != 0 {
            let scramble: Int = (column &+ 1) &* 0x1e37_79b9_7f4a_7c15
            sum = sum &+ values[column] &* (scramble ^ (scramble >> 31))
        }
        return sum
    }

    private func isParallel(_ a: [Int], _ b: [Int], sign: Int) -> Bool {
        for column in 0..<width where a[column] != sign * b[column] { return false }
        return true
    }

    /// The variable whose elimination adds the fewest rows.
    private func cheapestColumn(except kept: Int?) -> Int? {
        var positive = [Int](repeating: 0, count: width)
        var negative = [Int](repeating: 0, count: width)
        for row in inequalities {
            row.values.withUnsafeBufferPointer { values in
                for column in 0..<width {
                    if values[column] > 0 { positive[column] += 1 } else if values[column] < 0 { negative[column] += 1 }
                }
            }
        }
        var best: Int?
        var bestCost = Int.max
        for column in 0..<width where column != kept && positive[column] + negative[column] > 0 {
            let cost: Int = positive[column] * negative[column] - positive[column] - negative[column]
            if cost < bestCost { (best, bestCost) = (column, cost) }
        }
        return best
    }

    /// Bounds from the rows that have only this column left.
    func bounds(of column: Int) -> Interval {
        var result = Interval.all
        for row in inequalities {
            guard (0..<width).allSatisfy({ $0 == column || row.values[$0] == 0 }) else { continue }
            let a: Int = row.values[column]
            let c: Int = row.values[width]
            if a > 0 {
                result.low = max(result.low, 0 &- floorDiv(c, by: a))
            } else if a < 0 {
                result.high = min(result.high, floorDiv(c, by: -a))
            }
        }
        return result
    }
}

/// Facts, and what has been concluded from them so far.
///
/// A mark on the trail is a copy of the whole: its tables share their storage until one side changes.
final class Knowledge {
    struct Facts {
        /// Known conditions, conjunctions taken apart, oldest first.
        var conditions: [BoolExpr] = []
        /// Truth by condition id, of facts and of their opposites.
        var truth: [Int: Bool] = [:]
        /// Bounds of atoms that facts made narrower than the atom's own.
        var bounds: [Int: Interval] = [:]
        var residues: [Int: Residue] = [:]
        var isContradictory = false
        var pool: [[Int?]] = []
        var cache: [Int: Decision] = [:]
    }

    var now = Facts()
    private var trail: [Facts] = []
    private(set) var isFrozen = false
    private var declaredCount = 0

    func freeze() {
        if isFrozen { return }
        isFrozen = true
        declaredCount = now.conditions.count
    }

    func push() { trail.append(now) }

    func pop() -> Bool {
        guard let last = trail.popLast() else { return false }
        now = last
        return true
    }

    var declaredFacts: [BoolExpr] { Array(now.conditions.prefix(isFrozen ? declaredCount : now.conditions.count)) }
    var pathFacts: [BoolExpr] { isFrozen ? Array(now.conditions.dropFirst(declaredCount)) : [] }
}

/// x = remainder (mod modulus), with modulus >= 1.
struct Residue: Sendable, Hashable {
    let modulus: Int
    let remainder: Int

    static let none = Residue(modulus: 1, remainder: 0)
}

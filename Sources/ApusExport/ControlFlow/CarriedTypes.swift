import ApusProgram
import ApusSymbolic
import ApusTensor

/// What is known of each carried value in every pass of a loop: which sizes stay, and between which bounds the others lie.
struct CarriedTypes {
    enum Size {
        /// What it is at the start, in every pass.
        case fixed(SymInt)
        /// It differs from pass to pass; sizes of one group are equal in every pass.
        case varying(group: Int)
    }

    enum Slot {
        case tensor(DType, [Size])
        case int(Size)
        /// What is no tensor and no number stays as it is.
        case plain(LeafValue)
    }

    struct Group {
        let initial: SymInt
        let isDimension: Bool
        var range: SymRange
        /// A size that was seen to go its own way is not joined with others again.
        var isAlone: Bool
    }

    private(set) var slots: [Slot] = []
    private(set) var groups: [Group] = []
    private let start: [LeafValue]
    private var isFirst = true

    /// Dimensions are taken to stay until the body shows otherwise, numbers to change.
    init(_ start: FlatTree) {
        self.start = start.leaves
        for leaf in start.leaves {
            switch leaf {
            case .tensor(let tensor): slots.append(.tensor(tensor.dtype, tensor.shape.map { .fixed($0) }))
            case .int(let number): slots.append(.int(makeGroup(number, isDimension: false, isAlone: true)))
            default: slots.append(.plain(leaf))
            }
        }
    }

    private mutating func makeGroup(_ initial: SymInt, isDimension: Bool, isAlone: Bool) -> Size {
        groups.append(
            Group(initial: initial, isDimension: isDimension, range: isDimension ? .unbounded.ofSizes : .unbounded, isAlone: isAlone))
        return .varying(group: groups.count - 1)
    }

    mutating func setRanges(_ ranges: [SymRange]) {
        for (index, range) in ranges.enumerated() where groups.indices.contains(index) { groups[index].range = range }
    }

    /// The bounds that hold whatever the body does.
    mutating func widenRanges() { setRanges(groups.map { $0.isDimension ? .unbounded.ofSizes : .unbounded }) }

    // MARK: Learning

    /// Compares what a pass gives with what it got. Returns true where the types were wrong and have been widened.
    /// - Parameters:
    ///   - symbols: what stood for each group.
    ///   - isEqual: whether two sizes are known to be equal.
    mutating func learn(from next: [LeafValue], _ symbols: [SymInt], isEqual: (SymInt, SymInt) -> Bool) -> Bool {
        defer { isFirst = false }
        var hasChanged = false
        // What each group becomes, by the first of its sizes.
        var becomes: [Int: SymInt] = [:]
        func fits(_ size: SymInt, _ group: Int) -> Bool {
            guard let first = becomes[group] else {
                becomes[group] = size
                return true
            }
            return isEqual(size, first)
        }
        for (index, leaf) in next.enumerated() {
            switch (slots[index], leaf) {
            case (.tensor(let dtype, var sizes), .tensor(let tensor)):
                for dim in sizes.indices {
                    let after: SymInt = tensor.shape[dim]
                    switch sizes[dim] {
                    case .fixed(let before):
                        if isEqual(before, after) { continue }
                        sizes[dim] = vary(before)
                    case .varying(let group):
                        if fits(after, group) { continue }
                        sizes[dim] = makeGroup(groups[group].initial, isDimension: true, isAlone: true)
                    }
                    hasChanged = true
                }
                slots[index] = .tensor(dtype, sizes)
            case (.int(.fixed(let before)), .int(let after)):
                if isEqual(before, after) { continue }
                slots[index] = .int(makeGroup(before, isDimension: false, isAlone: true))
                hasChanged = true
            case (.int(.varying(let group)), .int(let after)):
                _ = fits(after, group)
                if isFirst, after.isIdentical(to: symbols[group]) {
                    slots[index] = .int(.fixed(groups[group].initial))
                    hasChanged = true
                }
            default: continue
            }
        }
        return hasChanged
    }

    /// A dimension that turns out to vary: with those that start as it does, until they part.
    private mutating func vary(_ initial: SymInt) -> Size {
        if let known = groups.firstIndex(where: { $0.isDimension && !$0.isAlone && $0.initial.isIdentical(to: initial) }) {
            return .varying(group: known)
        }
        return makeGroup(initial, isDimension: true, isAlone: false)
    }

    /// What the sizes of each group become in a pass.
    func becoming(_ next: [LeafValue], _ symbols: [SymInt]) -> [SymInt] {
        var result: [SymInt] = symbols
        var isSet = [Bool](repeating: false, count: groups.count)
        func note(_ size: Size, _ after: SymInt) {
            guard case .varying(let group) = size, !isSet[group] else { return }
            result[group] = after
            isSet[group] = true
        }
        for (slot, leaf) in zip(slots, next) {
            switch (slot, leaf) {
            case (.tensor(_, let sizes), .tensor(let tensor)): for (size, after) in zip(sizes, tensor.shape) { note(size, after) }
            case (.int(let size), .int(let after)): note(size, after)
            default: continue
            }
        }
        return result
    }

    // MARK: Bounds

    /// The tightest bounds that start and pass can be shown to keep: bounds that a pass moves are dropped, and then drawn in again by what
    /// the condition and the body say.
    func provableRanges(_ symbols: [SymInt], _ next: [SymInt], assuming facts: [SymBool], _ scope: SymbolScope) -> [SymRange] {
        let start: [SymRange] = groups.map { $0.isDimension ? scope.range(of: $0.initial).ofSizes : scope.range(of: $0.initial) }
        /// The start, or what a pass gives of values inside the bounds.
        func after(_ ranges: [SymRange]) -> [SymRange] {
            let given: [SymRange] = scope.scoped {
                for (symbol, range) in zip(symbols, ranges) {
                    for bound in range.bounds(of: symbol) { scope.assume(bound) }
                }
                var mayHold = true
                for fact in facts { mayHold = scope.assume(fact) && mayHold }
                // Where the condition never holds there is no pass.
                guard mayHold else { return ranges.map { _ in SymRange(lowerBound: 1, upperBound: 0) } }
                return next.map { scope.range(of: $0) }
            }
            return zip(zip(start, given), groups).map { pair, group in
                let range: SymRange = pair.0.union(pair.1)
                return group.isDimension ? range.ofSizes : range
            }
        }
        var ranges: [SymRange] = start
        for _ in 0...(2 * groups.count) {
            let moved: [SymRange] = after(ranges)
            if zip(ranges, moved).allSatisfy({ $0.contains($1) }) { break }
            ranges = zip(zip(ranges, moved), groups).map { pair, group in
                let least: Int = group.isDimension ? 0 : .min
                return SymRange(
                    lowerBound: pair.1.lowerBound < pair.0.lowerBound ? least : pair.0.lowerBound,
                    upperBound: pair.1.upperBound > pair.0.upperBound ? .max : pair.0.upperBound)
            }
        }
        for _ in 0..<3 {
            let drawn: [SymRange] = zip(ranges, after(ranges)).map { $0.intersection($1) }
            if drawn == ranges { break }
            ranges = drawn
        }
        return ranges
    }

    /// Whether the groups' ranges hold at the start and are kept by each pass.
    func keepsRanges(_ symbols: [SymInt], _ next: [SymInt], assuming facts: [SymBool], _ scope: SymbolScope) -> Bool {
        guard groups.allSatisfy({ $0.range.contains(scope.range(of: $0.initial)) || ($0.isDimension && $0.range.lowerBound <= 0) }) else {
            return false
        }
        return scope.scoped {
            for fact in facts where !scope.assume(fact) { return true }
            return zip(groups, next).allSatisfy { group, size in
                group.range.bounds(of: size).allSatisfy { scope.known($0) == true }
            }
        }
    }
}

import ApusTensor

/// Makes a program with in-place operators functional.
///
/// PyTorch's programs may write into a tensor through any of its views (`y[:, 0].mul_(2)`), and every other view sees it. Here each name
/// stands for a chain of view operations on a *base*: writing computes the new contents of the written part, carries it back through the
/// chain into a new base value, and other names recompute themselves from that base when they are next read.
///
/// Whether `reshape` and its like share memory depends on strides. Where the file's strides don't settle it, the result gets a base of its
/// own that may be the same memory as the first. A write through either leaves open what the other holds: reading that one, or what stands
/// in a buffer at the end, is refused rather than guessed.
struct AliasTracker {
    /// A tensor of the imported program, by position.
    struct Cell: Hashable {
        fileprivate let index: Int
    }

    /// What is left of a program when its names are taken away: one value per block of memory.
    private struct Base {
        var current: Tensor
        var version = 0
        /// The graph input whose memory this is.
        let input: Int?
        /// The first of the bases that may all be one block of memory.
        let family: Int
        /// Whether another base of the family was written: what this one holds can no longer be told.
        var isUnsettled = false
    }

    private struct Entry {
        var base: Int
        var steps: [ViewStep]
        var cached: Tensor
        var version: Int
    }

    private var bases: [Base] = []
    /// The bases of each family of more than one.
    private var families: [Int: [Int]] = [:]
    private var entries: [Entry] = []

    // MARK: Making

    /// A tensor with memory of its own.
    mutating func fresh(_ tensor: Tensor, input: Int? = nil) -> Cell {
        bases.append(Base(current: tensor, input: input, family: bases.count))
        return add(Entry(base: bases.count - 1, steps: [], cached: tensor, version: 0))
    }

    /// A view of another tensor; `tensor` is its value now.
    mutating func view(of cell: Cell, _ step: ViewStep, _ tensor: Tensor) -> Cell {
        let entry = entries[cell.index]
        return add(Entry(base: entry.base, steps: entry.steps + [step], cached: tensor, version: bases[entry.base].version))
    }

    /// A tensor that may share another one's memory.
    mutating func uncertain(of cell: Cell, _ tensor: Tensor) -> Cell {
        let family = bases[entries[cell.index].base].family
        bases.append(Base(current: tensor, input: nil, family: family))
        families[family, default: [family]].append(bases.count - 1)
        return add(Entry(base: bases.count - 1, steps: [], cached: tensor, version: 0))
    }

    /// Makes a name stand for a view of what it stood for, as `squeeze_` and `t_` do.
    mutating func restride(_ cell: Cell, _ step: ViewStep, _ tensor: Tensor) {
        entries[cell.index].steps.append(step)
        entries[cell.index].cached = tensor
    }

    private mutating func add(_ entry: Entry) -> Cell {
        entries.append(entry)
        return Cell(index: entries.count - 1)
    }

    // MARK: Reading and writing

    /// The dtype and shape of a tensor, which no write changes.
    func spec(of cell: Cell) -> TensorSpec { entries[cell.index].cached.spec }

    /// The value of a tensor as of now.
    mutating func read(_ cell: Cell) throws -> Tensor {
        let entry = entries[cell.index]
        try requireSettled(entry.base)
        let base = bases[entry.base]
        if entry.version == base.version { return entry.cached }
        let value = try entry.steps.reduce(base.current) { try $1.apply($0) }
        entries[cell.index].cached = value
        entries[cell.index].version = base.version
        return value
    }

    /// Gives a tensor new contents, which every other view of the same memory sees.
    mutating func write(_ cell: Cell, _ value: Tensor) throws {
        let entry = entries[cell.index]
        try requireSettled(entry.base)
        let base = bases[entry.base].current
        // The values along the chain, from the base to the tensor before the last step.
        var chain: [Tensor] = [base]
        for step in entry.steps.dropLast() { chain.append(try step.apply(chain[chain.count - 1])) }
        var updated = value
        for (step, before) in zip(entry.steps, chain).reversed() { updated = try step.writeBack(updated, into: before) }
        bases[entry.base].current = updated
        bases[entry.base].version += 1
        for other in families[bases[entry.base].family] ?? [] where other != entry.base { bases[other].isUnsettled = true }
        entries[cell.index].cached = value
        entries[cell.index].version = bases[entry.base].version
    }

    private func requireSettled(_ base: Int) throws {
        guard !bases[base].isUnsettled else {
            throw ArchiveError(
                .unsupported,
                "a tensor that may share memory with one that was written in place since is read: the file's strides do not settle it")
        }
    }

    /// For each graph input whose memory was written, or may have been: the value it holds at the end; nil where that can't be told.
    var writtenInputs: [(input: Int, value: Tensor?)] {
        bases.compactMap { base in
            guard let input = base.input, base.version > 0 || base.isUnsettled else { return nil }
            return (input, base.isUnsettled ? nil : base.current)
        }
    }
}

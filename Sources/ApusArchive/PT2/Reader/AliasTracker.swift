import ApusTensor

/// Makes a program with in-place operators functional.
///
/// PyTorch's programs may write into a tensor through any of its views (`y[:, 0].mul_(2)`), and every other view sees it. Here each name
/// stands for a chain of view operations on a *base*: writing computes the new contents of the written part, carries it back through the
/// chain into a new base value, and other names recompute themselves from that base when they are next read.
///
/// Whether `reshape` and its like share memory depends on strides. Where the file's strides don't settle it, the result is marked
/// uncertain, and reading it after such a write is refused rather than guessed.
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
    }

    private struct Entry {
        var base: Int
        var steps: [ViewStep]
        var cached: Tensor
        var version: Int
        /// A base that may or may not be shared, and its version when this entry was made.
        var uncertain: (base: Int, version: Int)?
    }

    private var bases: [Base] = []
    private var entries: [Entry] = []

    // MARK: Making

    /// A tensor with memory of its own.
    mutating func fresh(_ tensor: Tensor, input: Int? = nil) -> Cell {
        bases.append(Base(current: tensor, input: input))
        return add(Entry(base: bases.count - 1, steps: [], cached: tensor, version: 0))
    }

    /// A view of another tensor; `tensor` is its value now.
    mutating func view(of cell: Cell, _ step: ViewStep, _ tensor: Tensor) -> Cell {
        let entry = entries[cell.index]
        return add(
            Entry(
                base: entry.base, steps: entry.steps + [step], cached: tensor, version: bases[entry.base].version,
                uncertain: entry.uncertain))
    }

    /// A tensor that may share another one's memory.
    mutating func uncertain(of cell: Cell, _ tensor: Tensor) -> Cell {
        let base = entries[cell.index].base
        let result = fresh(tensor)
        entries[result.index].uncertain = (base, bases[base].version)
        return result
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

    /// The value of a tensor as of now.
    mutating func read(_ cell: Cell) throws -> Tensor {
        let entry = entries[cell.index]
        if let uncertain = entry.uncertain, bases[uncertain.base].version != uncertain.version {
            throw ArchiveError(
                .unsupported,
                "a tensor that may share memory with one that was written in place since is read: the file's strides do not settle it")
        }
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
        // What it may share memory with can no longer be told.
        if let uncertain = entry.uncertain { bases[uncertain.base].version += 1_000_000 }
        let base = bases[entry.base].current
        // The values along the chain, from the base to the tensor before the last step.
        var chain: [Tensor] = [base]
        for step in entry.steps.dropLast() { chain.append(try step.apply(chain[chain.count - 1])) }
        var updated = value
        for (step, before) in zip(entry.steps, chain).reversed() { updated = try step.writeBack(updated, into: before) }
        bases[entry.base].current = updated
        bases[entry.base].version += 1
        entries[cell.index].cached = value
        entries[cell.index].version = bases[entry.base].version
        if entry.uncertain != nil { entries[cell.index].uncertain = nil }
    }

    /// For each graph input whose memory was written: the value it holds at the end.
    var writtenInputs: [(input: Int, value: Tensor)] {
        bases.compactMap { base in
            guard let input = base.input, base.version > 0 else { return nil }
            return (input, base.current)
        }
    }
}

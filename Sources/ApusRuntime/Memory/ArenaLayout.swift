/// Places blocks in one piece of memory so that no two overlap that are in use at the same time: the largest first, each in the smallest
/// gap that it fits.
///
/// The sum of sizes of blocks in use at once is a lower bound; greedy placement by size stays close to it.
struct ArenaLayout {
    static let alignment = 64

    struct Item {
        let byteCount: Int
        let lifetime: Lifetime
    }

    /// The place of each item, in bytes from the start.
    private(set) var offsets: [Int]
    private(set) var byteCount = 0

    init(_ items: [Item]) {
        offsets = Array(repeating: 0, count: items.count)
        let sizes: [Int] = items.map { ($0.byteCount + ArenaLayout.alignment - 1) / ArenaLayout.alignment * ArenaLayout.alignment }
        let order: [Int] = items.indices.sorted { (sizes[$1], items[$0].lifetime.first, $0) < (sizes[$0], items[$1].lifetime.first, $1) }
        // Placed items by offset, so that the gaps between them come in order.
        var placed: [Int] = []
        for item in order where sizes[item] > 0 {
            var best: (offset: Int, size: Int)?
            var end = 0
            for other in placed where items[other].lifetime.overlaps(items[item].lifetime) {
                let gap: Int = offsets[other] - end
                if gap >= sizes[item], best.map({ gap < $0.size }) ?? true { best = (end, gap) }
                end = max(end, offsets[other] + sizes[other])
            }
            offsets[item] = best?.offset ?? end
            byteCount = max(byteCount, offsets[item] + sizes[item])
            placed.insert(item, at: insertionIndex(of: offsets[item], in: placed))
        }
    }

    private func insertionIndex(of offset: Int, in placed: [Int]) -> Int {
        var (low, high) = (0, placed.count)
        while low < high {
            let middle: Int = (low + high) / 2
            if offsets[placed[middle]] <= offset { low = middle + 1 } else { high = middle }
        }
        return low
    }
}

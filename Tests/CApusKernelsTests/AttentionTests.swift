import CApusKernels
import Foundation
import Testing

/// Sizes of an attention: `shared` heads of key and value.
struct AttentionSizes {
    let heads, shared, queries, keys, depth, valueDepth: Int
}

@Suite struct AttentionTests {
    enum Mask: CaseIterable {
        case none
        case causal
        case bool
        /// bool, and some rows see nothing, others nothing in their first tile of keys.
        case blind
        case added
    }

    private struct Case {
        let sizes: AttentionSizes
        let query, key, value, out: TestArray
        var mask: TestArray?
        var isCausal = false

        init(_ sizes: AttentionSizes, _ kind: Mask, _ random: inout SplitMix) {
            self.sizes = sizes
            /// [1, heads, rows, columns] in a tensor [rows, heads, columns].
            func rows(_ heads: Int, _ rows: Int, _ columns: Int) -> TestArray {
                TestArray(
                    APUS_FLOAT32, [1, heads, rows, columns], strides: [heads * rows * columns, columns, heads * columns, 1],
                    elements: heads * rows * columns)
            }
            var numbers: SplitMix = random
            query = rows(sizes.heads, sizes.queries, sizes.depth).fill { numbers.real() }
            key = rows(sizes.shared, sizes.keys, sizes.depth).fill { numbers.real() }
            value = rows(sizes.shared, sizes.keys, sizes.valueDepth).fill { numbers.real() }
            out = rows(sizes.heads, sizes.queries, sizes.valueDepth).fill { .nan }
            let shape: [Int] = [1, sizes.heads, sizes.queries, sizes.keys]
            switch kind {
            case .none: break
            case .causal: isCausal = true
            case .added: mask = TestArray(APUS_FLOAT32, shape).fill { numbers.real() }
            case .bool: mask = TestArray(APUS_BOOL, shape).fill { Double(numbers.whole(0...1)) }
            case .blind:
                let array: TestArray = TestArray(APUS_BOOL, shape).fill { Double(numbers.whole(0...1)) }
                for i in 0..<array.count where i / sizes.keys % 2 == 0 || i % sizes.keys < 300 { array[i] = 0 }
                mask = array
            }
            random = numbers
        }

        func run() -> Int32 {
            var (q, k, v, o): (apus_view, apus_view, apus_view, apus_view) = (query.view, key.view, value.view, out.view)
            guard var m: apus_view = mask?.view else { return apus_attention(&q, &k, &v, nil, isCausal, 0.5, true, &o) }
            return apus_attention(&q, &k, &v, &m, isCausal, 0.5, true, &o)
        }

        /// By definition, added up in `Double`.
        func expected() -> [Double] {
            let s: AttentionSizes = sizes
            let (q, k, v, m): ([Double], [Double], [Double], [Double]?) = (query.values, key.values, value.values, mask?.values)
            var result: [Double] = []
            for h in 0..<s.heads {
                let shared: Int = h / (s.heads / s.shared)
                for i in 0..<s.queries {
                    var weights = [Double](repeating: 0, count: s.keys)
                    for j in 0..<(isCausal ? min(s.keys, i + 1) : s.keys) {
                        let added: Double = m?[(h * s.queries + i) * s.keys + j] ?? 0
                        if mask?.dtype == APUS_BOOL && added == 0 { continue }
                        var score = 0.0
                        for d in 0..<s.depth { score += q[(h * s.queries + i) * s.depth + d] * k[(shared * s.keys + j) * s.depth + d] }
                        weights[j] = exp(score * 0.5 + (mask?.dtype == APUS_FLOAT32 ? added : 0))
                    }
                    let total: Double = weights.reduce(0, +)
                    var row = [Double](repeating: 0, count: s.valueDepth)
                    for j in 0..<s.keys where weights[j] != 0 {
                        for c in 0..<s.valueDepth { row[c] += weights[j] / total * v[(shared * s.keys + j) * s.valueDepth + c] }
                    }
                    result += row
                }
            }
            return result
        }
    }

    /// Up to a tile of keys and beyond, up to a block of queries and beyond, few queries, heads that share, and enough keys for parts.
    @Test(arguments: [
        AttentionSizes(heads: 1, shared: 1, queries: 1, keys: 1, depth: 1, valueDepth: 1),
        AttentionSizes(heads: 2, shared: 2, queries: 5, keys: 7, depth: 8, valueDepth: 3),
        AttentionSizes(heads: 2, shared: 2, queries: 70, keys: 90, depth: 16, valueDepth: 16),
        AttentionSizes(heads: 2, shared: 1, queries: 130, keys: 530, depth: 4, valueDepth: 17),
        AttentionSizes(heads: 4, shared: 2, queries: 1, keys: 300, depth: 8, valueDepth: 5),
        AttentionSizes(heads: 6, shared: 1, queries: 1, keys: 2100, depth: 4, valueDepth: 4),
        AttentionSizes(heads: 1, shared: 1, queries: 3, keys: 2200, depth: 5, valueDepth: 4),
    ])
    func attentionEqualsItsDefinitionOnAnyNumberOfThreads(_ sizes: AttentionSizes) {
        var random = SplitMix(16)
        let threads: Int32 = apus_num_threads()
        defer { apus_set_num_threads(threads) }
        for kind in Mask.allCases {
            let test = Case(sizes, kind, &random)
            var before: [Double]?
            for count: Int32 in [1, 2, 5] {
                apus_set_num_threads(count)
                #expect(test.run() == ok)
                let values: [Double] = test.out.values
                #expect(before == nil || before == values, "\(sizes) \(kind): other bits on \(count) threads")
                before = values
            }
            expectEqual(test.out, test.expected(), "\(sizes) \(kind)")
        }
    }

    @Test func aScoreThatIsNotANumberStaysInItsRow() {
        var random = SplitMix(17)
        for queries in [2, 9] {
            var test = Case(AttentionSizes(heads: 1, shared: 1, queries: queries, keys: 600, depth: 4, valueDepth: 2), .none, &random)
            let mask: TestArray = TestArray(APUS_FLOAT32, [1, 1, queries, 600]).fill { 0 }
            // The first row sees nothing but, in the last tile, what is not a number; the second one sees nothing.
            for i in 0..<1200 { mask[i] = -.infinity }
            mask[599] = .nan
            test.mask = mask
            #expect(test.run() == ok)
            #expect(test.out[0].isNaN && test.out[1].isNaN && test.out[2] == 0 && test.out[3] == 0)
            for i in 4..<(2 * queries) { #expect(test.out[i].isFinite) }
        }
    }

    @Test func headsThatDoNotDivideAreRefused() {
        var random = SplitMix(18)
        let test = Case(AttentionSizes(heads: 3, shared: 2, queries: 2, keys: 2, depth: 2, valueDepth: 2), .none, &random)
        #expect(test.run() == status(APUS_INVALID_ARGUMENT))
    }
}

import CApusKernels
import Synchronization

/// What transforms of one length share: factors and roots of unity. Safe to share: it never changes once made.
final class FourierPlan: @unchecked Sendable {
    struct Key: Hashable {
        let length: Int
        let dtype: DType
        let isReal: Bool
    }

    let pointer: OpaquePointer

    private init(_ pointer: OpaquePointer) { self.pointer = pointer }
    deinit { apus_fft_plan_free(pointer) }

    var size: Int { Int(apus_fft_plan_size(pointer)) }

    /// The plans used last, the latest behind, up to `mostBytes` of them together.
    private static let recent = Mutex<[(key: Key, plan: FourierPlan)]>([])
    private static let mostBytes = 64 << 20

    /// The plan for transforms of a length, numbers being float32 or float64, to or from real ones if `isReal`; nil where there is no memory for it.
    static func plan(_ key: Key) -> FourierPlan? {
        if let known = recent.withLock({ take(key, of: &$0) }) { return known }
        guard let pointer = apus_fft_plan_make(Int64(key.length), Int32(key.dtype.rawValue), key.isReal) else { return nil }
        let plan = FourierPlan(pointer)
        recent.withLock { entries in
            if take(key, of: &entries) != nil { return }
            entries.append((key, plan))
            var total: Int = entries.reduce(0) { $0 + $1.plan.size }
            while total > mostBytes, !entries.isEmpty { total -= entries.removeFirst().plan.size }
        }
        return plan
    }

    /// A plan that is there, as the latest.
    private static func take(_ key: Key, of entries: inout [(key: Key, plan: FourierPlan)]) -> FourierPlan? {
        guard let index = entries.lastIndex(where: { $0.key == key }) else { return nil }
        let entry = entries[index]
        if index != entries.count - 1 {
            entries.remove(at: index)
            entries.append(entry)
        }
        return entry.plan
    }
}

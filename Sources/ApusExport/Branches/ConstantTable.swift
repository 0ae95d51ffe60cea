import ApusTensor

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

/// The tensors that runs captured, each once: the same tensor, or one of the same dtype, sizes and bytes.
struct ConstantTable {
    private(set) var tensors: [Tensor] = []
    private var known: [ObjectIdentifier: Int] = [:]
    private var candidates: [String: [Int]] = [:]

    /// The tensor's position among the constants; one that is new goes to the end.
    mutating func position(of tensor: Tensor) -> Int {
        if let position = known[tensor.identity] { return position }
        let key = "\(tensor.spec)"
        let position: Int = candidates[key, default: []].first { isSame(tensors[$0], tensor) } ?? tensors.count
        if position == tensors.count {
            tensors.append(tensor)
            candidates[key, default: []].append(position)
        }
        known[tensor.identity] = position
        return position
    }

    private func isSame(_ a: Tensor, _ b: Tensor) -> Bool {
        guard a.isContiguous, b.isContiguous, let count = a.count.constant else { return false }
        return withExtendedLifetime((a, b)) { memcmp(a.baseAddress, b.baseAddress, count * a.dtype.byteWidth) == 0 }
    }
}

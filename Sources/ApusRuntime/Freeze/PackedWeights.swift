import ApusTensor
import CApusKernels
import Synchronization

/// Weights in the form in which kernels read them fastest, made once for all sizes and all callers.
final class PackedWeights: Sendable {
    /// A tensor's elements in their order, in a form. Tensors that see the same memory alike share what is packed.
    private struct Key: Hashable {
        let address: UInt
        let sizes: [Int]
        let strides: [Int]
        let form: Form
    }

    enum Form: Hashable {
        /// For `apus_linear_packed`.
        case linear
        /// For `apus_conv_packed`, by the algorithm and the number of groups.
        case convolution(Int32, groups: Int64)
    }

    /// The packed bytes, and the tensor, whose memory the key names.
    private struct Entry {
        let source: Tensor
        let packed: Storage
    }

    private let entries = Mutex<[Key: Entry]>([:])
    /// The memory of weights that stay: what was made for certain sizes alone would be kept for each of them.
    private let storages: Set<ObjectIdentifier>

    /// - Parameter weights: those whose views may be packed
    init(of weights: [Tensor]) { storages = Set(weights.map { ObjectIdentifier($0.storage) }) }

    /// How much memory they take.
    var byteCount: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.packed.byteCount } } }

    /// A float32 weight [out, in] for products of rows with it; nil where there is no such form.
    func linear(_ weight: Tensor) throws -> Storage? {
        guard weight.dtype == .float32, weight.layout.rank == 2 else { return nil }
        let bytes: Int64 = apus_packed_size(Int64(weight.layout.size(0)), Int64(weight.layout.size(1)))
        return try packed(weight, .linear, bytes) { view, packed in apus_pack(&view, packed) }
    }

    /// A contiguous float32 weight for a convolution; nil where there is no such form.
    func convolution(_ weight: Tensor, _ convolution: apus_conv, algorithm: Int32) throws -> Storage? {
        guard weight.dtype == .float32, weight.layout.isContiguous else { return nil }
        var convolution: apus_conv = convolution
        let bytes: Int64 = apus_conv_packed_size(&convolution, algorithm)
        return try packed(weight, .convolution(algorithm, groups: convolution.groups), bytes) { view, packed in
            apus_conv_pack(&convolution, algorithm, view.data, packed)
        }
    }

    private func packed(
        _ tensor: Tensor, _ form: Form, _ byteCount: Int64, _ pack: (inout apus_view, UnsafeMutableRawPointer) -> Int32
    ) throws -> Storage? {
        guard byteCount > 0, storages.contains(ObjectIdentifier(tensor.storage)) else { return nil }
        let key = Key(
            address: UInt(bitPattern: tensor.baseAddress), sizes: tensor.layout.sizesArray, strides: tensor.layout.stridesArray, form: form)
        if let known = entries.withLock({ $0[key]?.packed }) { return known }
        let storage: Storage = try Storage.allocate(Int(byteCount))
        var view: apus_view = tensor.view
        let status: Int32 = pack(&view, storage.pointer)
        withExtendedLifetime(tensor) {}
        if status != 0 { return nil }
        return entries.withLock { entries in
            if let known = entries[key] { return known.packed }
            entries[key] = Entry(source: tensor, packed: storage)
            return storage
        }
    }
}

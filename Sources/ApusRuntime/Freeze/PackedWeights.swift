import ApusGraph
import ApusTensor
import CApusKernels
import Synchronization

/// Weights in the form in which kernels read them fastest, made once for all sizes and all callers.
final class PackedWeights: Sendable {
    /// Tensors' elements in their order, in a form. Those that see the same memory alike share what is packed.
    private struct Key: Hashable {
        let places: [TensorPlace]
        let form: Form
    }

    enum Form: Hashable {
        /// For `apus_linear_packed`.
        case linear
        /// For `apus_linear_packed` too, of levels, with scales and zero points by matrices or numbers.
        case reducedLinear(scale: Double?, zeroPoint: Double?, groupSize: Int)
        /// For `apus_conv_packed`, by the algorithm and the number of groups.
        case convolution(Int32, groups: Int64)
    }

    /// The packed bytes, and the tensors, whose memory the key names.
    private struct Entry {
        let sources: [Tensor]
        let packed: Storage
    }

    private let entries = Mutex<[Key: Entry]>([:])
    /// The memory of weights that stay: what was made for certain sizes alone would be kept for each of them.
    private let storages: Mutex<Set<ObjectIdentifier>>
    /// The storages of weights that are there in packed form alone.
    private let packedOnly = Mutex<Set<ObjectIdentifier>>([])

    /// - Parameter weights: those whose views may be packed
    init(of weights: [Tensor]) { storages = Mutex(Set(weights.map { ObjectIdentifier($0.storage) })) }

    /// How much memory they take.
    var byteCount: Int { entries.withLock { $0.values.reduce(0) { $0 + $1.packed.byteCount } } }

    /// A float32 weight [out, in] for products of rows with it; nil where there is no such form.
    func linear(_ weight: Tensor) throws -> Storage? {
        guard weight.dtype == .float32, weight.layout.rank == 2 else { return nil }
        return try packed([weight], .linear) { try PackedWeights.pack(weight, APUS_WEIGHT_FLOAT32) }
    }

    /// A weight for products of rows with it as a tensor without elements, which nothing but `linear` may read; nil where there is no such form.
    func packedAlone(_ weight: Tensor) throws -> Tensor? {
        guard let packed = try linear(weight) else { return nil }
        let storage = Storage(pointer: packed.pointer, byteCount: packed.byteCount, isWritable: false, owner: packed)
        let place = Tensor(placed: storage, dtype: weight.dtype, layout: weight.layout)
        entries.withLock { entries in
            entries[Key(places: [TensorPlace(weight)], form: .linear)] = nil
            entries[Key(places: [TensorPlace(place)], form: .linear)] = Entry(sources: [place], packed: packed)
        }
        packedOnly.withLock { _ = $0.insert(ObjectIdentifier(storage)) }
        storages.withLock { _ = $0.remove(ObjectIdentifier(weight.storage)) }
        return place
    }

    /// Whether the elements are there in packed form alone.
    func isPackedAlone(_ tensor: Tensor) -> Bool { packedOnly.withLock { $0.contains(ObjectIdentifier(tensor.storage)) } }

    /// A weight that is stored in fewer bits, for products of rows with it: in those bits where kernels read them, else in float32.
    func linear(_ weight: ReducedWeight) throws -> Storage? {
        let sources: [Tensor] = [weight.levels] + [weight.scales, weight.zeroPoints].compactMap(\.tensor)
        let form: Form = .reducedLinear(
            scale: weight.scales.doubleValue, zeroPoint: weight.zeroPoints.doubleValue, groupSize: weight.groupSize)
        return try packed(sources, form) {
            if weight.levels.dtype == .bfloat16 { return try PackedWeights.pack(weight.levels, APUS_WEIGHT_BFLOAT16) }
            guard let scales = try weight.scaleMatrix(), let levels = try weight.centered() else {
                return try PackedWeights.pack(weight.widened(), APUS_WEIGHT_FLOAT32)
            }
            let groupSize: Int = scales.layout.size(1) == 1 ? 0 : weight.groupSize
            return try PackedWeights.pack(levels, APUS_WEIGHT_INT8, groupSize: groupSize, scales: scales)
        }
    }

    /// A matrix [out, in] in a format of the kernels.
    private static func pack(
        _ weight: Tensor, _ format: apus_weight_format, groupSize: Int = 0, scales: Tensor? = nil
    ) throws -> Storage? {
        let (code, group): (Int32, Int64) = (Int32(format.rawValue), Int64(groupSize))
        let bytes: Int64 = apus_packed_size_as(code, group, Int64(weight.layout.size(0)), Int64(weight.layout.size(1)))
        return try filled(bytes) { packed in
            var view: apus_view = weight.view
            defer { withExtendedLifetime((weight, scales)) {} }
            guard var factors: apus_view = scales?.view else { return apus_pack_as(code, group, &view, nil, packed) }
            return apus_pack_as(code, group, &view, &factors, packed)
        }
    }

    /// A contiguous float32 weight for a convolution; nil where there is no such form.
    func convolution(_ weight: Tensor, _ convolution: apus_conv, algorithm: Int32) throws -> Storage? {
        guard weight.dtype == .float32, weight.layout.isContiguous else { return nil }
        return try packed([weight], .convolution(algorithm, groups: convolution.groups)) {
            var convolution: apus_conv = convolution
            return try PackedWeights.filled(apus_conv_packed_size(&convolution, algorithm)) { packed in
                let status: Int32 = apus_conv_pack(&convolution, algorithm, weight.baseAddress, packed)
                withExtendedLifetime(weight) {}
                return status
            }
        }
    }

    /// Memory that a kernel has filled; nil where it could not.
    private static func filled(_ byteCount: Int64, _ pack: (UnsafeMutableRawPointer) -> Int32) throws -> Storage? {
        guard byteCount > 0 else { return nil }
        let storage: Storage = try Storage.allocate(Int(byteCount))
        return pack(storage.pointer) == 0 ? storage : nil
    }

    private func packed(_ tensors: [Tensor], _ form: Form, _ pack: () throws -> Storage?) throws -> Storage? {
        let key = Key(places: tensors.map { TensorPlace($0) }, form: form)
        if let known = entries.withLock({ $0[key]?.packed }) { return known }
        let stay: Bool = storages.withLock { storages in tensors.allSatisfy { storages.contains(ObjectIdentifier($0.storage)) } }
        guard stay, let storage: Storage = try pack() else { return nil }
        // From now on the packed form is what is read, mostly.
        for tensor in tensors { tensor.storage.giveBackPages() }
        return entries.withLock { entries in
            if let known = entries[key] { return known.packed }
            entries[key] = Entry(sources: tensors, packed: storage)
            return storage
        }
    }
}

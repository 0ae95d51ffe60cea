import ApusTensor
import CApus

// DLPack both ways. (Source: the specification of DLPack's C interface, versions 0 and 1.)

extension DType {
    /// The dtype of a code, a width in bits, and one lane.
    fileprivate init(code: UInt8, bits: UInt8, lanes: UInt16) throws {
        let found: DType? = lanes != 1 ? nil : Self.allCases.first { $0.code == code && $0.byteWidth * 8 == Int(bits) }
        guard let found else {
            throw Mistake("DLPack's type of code \(code), \(bits) bits and \(lanes) lanes has no dtype here", APUS_RESULT_UNSUPPORTED)
        }
        self = found
    }

    fileprivate var code: UInt8 {
        switch self {
        case .bool: UInt8(APUS_DLPACK_BOOL)
        case .uint8: UInt8(APUS_DLPACK_UINT)
        case .int8, .int16, .int32, .int64: UInt8(APUS_DLPACK_INT)
        case .float16, .float32, .float64: UInt8(APUS_DLPACK_FLOAT)
        case .bfloat16: UInt8(APUS_DLPACK_BFLOAT)
        case .complex64, .complex128: UInt8(APUS_DLPACK_COMPLEX)
        }
    }
}

extension TensorHandle {
    fileprivate convenience init(_ given: apus_dlpack_tensor, isReadOnly: Bool, owner: Release) throws {
        guard given.device.type == APUS_DLPACK_CPU else {
            throw Mistake(
                "the tensor lies on a device of DLPack's type \(given.device.type), not in the processor's memory", APUS_RESULT_UNSUPPORTED)
        }
        let dtype = try DType(code: given.dtype.code, bits: given.dtype.bits, lanes: given.dtype.lanes)
        let sizes: [Int] = try plainSizes(given.rank, UnsafePointer(given.sizes))
        let strides: [Int]? = given.strides.map { steps in sizes.indices.map { Int(steps[$0]) } }
        guard let offset = Int(exactly: given.byte_offset) else { throw Mistake("byte_offset is \(given.byte_offset)") }
        let start: UnsafeMutableRawPointer? = given.data.map { $0 + offset }
        try self.init(at: start, dtype, sizes, strides: strides, isReadOnly: isReadOnly, owner: owner)
    }

    /// What a consumer sees of the tensor. Sizes and strides lie behind `context`.
    fileprivate func dlpack(_ numbers: UnsafeMutablePointer<Int64>) -> apus_dlpack_tensor {
        var told = apus_dlpack_tensor()
        let rank: Int = tensor.rank
        var step: Int64 = 1
        for dim in (0..<rank).reversed() {
            (numbers[dim], numbers[rank + dim]) = (sizes[dim], step)
            // Only an empty tensor's can wrap around, and nobody goes by them.
            step &*= max(sizes[dim], 1)
        }
        told.data = data.map { UnsafeMutableRawPointer(mutating: $0) }
        told.device.type = Int32(APUS_DLPACK_CPU)
        told.rank = Int32(rank)
        told.dtype.code = tensor.dtype.code
        told.dtype.bits = UInt8(tensor.dtype.byteWidth * 8)
        told.dtype.lanes = 1
        (told.sizes, told.strides) = (numbers, numbers + rank)
        return told
    }
}

/// What a consumer of a tensor keeps alive.
private final class Lent {
    let tensor: TensorHandle
    let numbers: UnsafeMutablePointer<Int64>

    /// - Throws: where there is no memory to make it row-major.
    init(_ tensor: TensorHandle) throws {
        if tensor.byteCount > 0, tensor.data == nil {
            throw Mistake("there is no memory for a copy of the tensor without gaps", APUS_RESULT_OUT_OF_MEMORY)
        }
        self.tensor = tensor
        numbers = .allocate(capacity: max(2 * tensor.sizes.count, 1))
    }

    deinit { numbers.deallocate() }
}

private func giveBack(_ context: UnsafeMutableRawPointer?) {
    if let context { Unmanaged<Lent>.fromOpaque(context).release() }
}

@_cdecl("apus_tensor_from_dlpack")
public func tensorFromDLPack(
    _ managed: UnsafeMutablePointer<DLManagedTensor>?, _ tensor: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    let owner = Release({ $0.map { $0.assumingMemoryBound(to: DLManagedTensor.self) }.map { $0.pointee.deleter?($0) } }, managed)
    return reporting(error) {
        guard let managed, let tensor else { throw Mistake("\(managed == nil ? "managed" : "tensor") is null") }
        tensor.pointee = handle(try TensorHandle(managed.pointee.tensor, isReadOnly: false, owner: owner))
    }
}

@_cdecl("apus_tensor_from_dlpack_versioned")
public func tensorFromDLPackVersioned(
    _ managed: UnsafeMutablePointer<DLManagedTensorVersioned>?, _ tensor: UnsafeMutablePointer<OpaquePointer?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    let owner = Release({ $0.map { $0.assumingMemoryBound(to: DLManagedTensorVersioned.self) }.map { $0.pointee.deleter?($0) } }, managed)
    return reporting(error) {
        guard let managed, let tensor else { throw Mistake("\(managed == nil ? "managed" : "tensor") is null") }
        // Of another major version only the deleter's place is known.
        guard managed.pointee.version.major == 1 else {
            throw Mistake("DLPack of version \(managed.pointee.version.major) is not known", APUS_RESULT_UNSUPPORTED)
        }
        let isReadOnly: Bool = managed.pointee.flags & UInt64(APUS_DLPACK_READ_ONLY) != 0
        tensor.pointee = handle(try TensorHandle(managed.pointee.tensor, isReadOnly: isReadOnly, owner: owner))
    }
}

@_cdecl("apus_tensor_to_dlpack")
public func tensorToDLPack(
    _ tensor: OpaquePointer?, _ managed: UnsafeMutablePointer<UnsafeMutablePointer<DLManagedTensor>?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        guard let managed else { throw Mistake("managed is null") }
        let lent = try Lent(try object(tensor, "tensor"))
        if lent.tensor.isReadOnly {
            throw Mistake("the tensor may not be written, which this version of DLPack can't say", APUS_RESULT_UNSUPPORTED)
        }
        let made = UnsafeMutablePointer<DLManagedTensor>.allocate(capacity: 1)
        made.initialize(
            to: DLManagedTensor(
                tensor: lent.tensor.dlpack(lent.numbers), context: Unmanaged.passRetained(lent).toOpaque(),
                deleter: { own in
                    giveBack(own?.pointee.context)
                    own?.deallocate()
                }))
        managed.pointee = made
    }
}

@_cdecl("apus_tensor_to_dlpack_versioned")
public func tensorToDLPackVersioned(
    _ tensor: OpaquePointer?, _ managed: UnsafeMutablePointer<UnsafeMutablePointer<DLManagedTensorVersioned>?>?,
    _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        guard let managed else { throw Mistake("managed is null") }
        let lent = try Lent(try object(tensor, "tensor"))
        let made = UnsafeMutablePointer<DLManagedTensorVersioned>.allocate(capacity: 1)
        var told = DLManagedTensorVersioned()
        told.version.major = 1
        told.context = Unmanaged.passRetained(lent).toOpaque()
        told.deleter = { own in
            giveBack(own?.pointee.context)
            own?.deallocate()
        }
        told.flags = lent.tensor.isReadOnly ? UInt64(APUS_DLPACK_READ_ONLY) : 0
        told.tensor = lent.tensor.dlpack(lent.numbers)
        made.initialize(to: told)
        managed.pointee = made
    }
}

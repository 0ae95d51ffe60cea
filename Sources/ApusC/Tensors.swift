import ApusSymbolic
import ApusTensor
import CApus
import Synchronization

// Tensors of C: over the caller's memory, and results.

extension DType {
    /// The header's numbers are those of the raw values.
    init(_ dtype: apus_element_type) throws {
        guard let number = UInt8(exactly: dtype.rawValue), let known = DType(rawValue: number) else {
            throw Mistake("\(dtype.rawValue) is no dtype")
        }
        self = known
    }

    var forC: apus_element_type { apus_element_type(rawValue: apus_element_type.RawValue(rawValue)) }
}

/// A tensor behind a handle.
final class TensorHandle {
    let tensor: Tensor
    let sizes: UnsafeMutableBufferPointer<Int64>
    /// The caller's memory, where it has no gaps.
    let writable: UnsafeMutableRawPointer?
    /// Row-major, made when it is asked for.
    private let dense: Mutex<Tensor?>

    /// Whether those who get the memory must not write.
    let isReadOnly: Bool

    init(_ tensor: Tensor, writable: UnsafeMutableRawPointer? = nil, isReadOnly: Bool = false) throws {
        (self.tensor, self.writable, self.isReadOnly) = (tensor, isReadOnly ? nil : writable, isReadOnly)
        let plain: [Int] = try tensor.sizes
        sizes = .allocate(capacity: max(plain.count, 1))
        _ = sizes.initialize(fromContentsOf: plain.map { Int64($0) })
        dense = Mutex(tensor.isContiguous ? tensor : nil)
    }

    deinit { sizes.deallocate() }

    /// The first element, in row-major order without gaps.
    var data: UnsafeRawPointer? {
        dense.withLock { dense in
            if dense == nil { dense = try? tensor.contiguous() }
            // The memory is the tensor's, which lives as long as the handle.
            return try? dense?.withUnsafeBytes { $0.baseAddress } ?? nil
        }
    }

    /// As large as a number can be where an expanded tensor would take more.
    var byteCount: Int {
        guard let count = tensor.count.constant else { return 0 }
        let (bytes, isTooLarge) = count.multipliedReportingOverflow(by: tensor.dtype.byteWidth)
        return isTooLarge ? Int.max : bytes
    }
}

/// Calls a function of the caller's once the memory that it speaks of is no longer used.
final class Release {
    private let function: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?
    private let context: UnsafeMutableRawPointer?

    init(_ function: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ context: UnsafeMutableRawPointer?) {
        (self.function, self.context) = (function, context)
    }

    deinit { function?(context) }
}

/// Sizes as C gives them.
func plainSizes(_ rank: Int32, _ sizes: UnsafePointer<Int64>?) throws -> [Int] {
    guard (0...64).contains(rank) else { throw Mistake("a tensor has 0 to 64 dimensions, not \(rank)") }
    guard rank == 0 || sizes != nil else { throw Mistake("sizes is null") }
    let given: [Int] = (0..<Int(rank)).map { Int(sizes![$0]) }
    if let size = given.first(where: { $0 < 0 }) { throw Mistake("a size is \(size)") }
    return given
}

extension TensorHandle {
    /// A tensor over memory of the caller's, which an owner keeps alive.
    convenience init(
        at data: UnsafeMutableRawPointer?, _ dtype: DType, _ sizes: [Int], strides: [Int]?, isReadOnly: Bool = false, owner: Release
    ) throws {
        let tensor = try Tensor(at: data, dtype, sizes, strides: strides, owner: owner)
        try self.init(tensor, writable: tensor.isContiguous ? data : nil, isReadOnly: isReadOnly)
    }
}

extension Tensor {
    /// A tensor over memory that an owner keeps alive, with any strides that are not negative.
    fileprivate init(at data: UnsafeMutableRawPointer?, _ dtype: DType, _ sizes: [Int], strides: [Int]?, owner: Release) throws {
        let layout: Layout? = strides.map { Layout.strided(sizes, strides: $0) } ?? Layout.contiguous(sizes)
        guard let layout else { throw Mistake("a tensor of \(sizes) has more elements than can be counted") }
        guard layout.count > 0 else {
            self = try Tensor.empty(sizes, dtype: dtype)
            return
        }
        guard let data else { throw Mistake("data is null") }
        guard let strides, !layout.isContiguous else {
            let bytes = UnsafeRawBufferPointer(start: data, count: layout.count * dtype.byteWidth)
            self = try Tensor(sharing: bytes, dtype: dtype, shape: sizes, owner: owner)
            return
        }
        var last = 0
        for (size, stride) in zip(sizes, strides) {
            guard stride >= 0 else { throw Mistake("strides are \(strides): negative ones are not taken", APUS_RESULT_UNSUPPORTED) }
            let (reach, isTooFar) = stride.multipliedReportingOverflow(by: size - 1)
            guard !isTooFar, last < Int.max / 16 - reach else { throw Mistake("strides of \(strides) reach beyond all memory") }
            last += reach
        }
        let all = UnsafeRawBufferPointer(start: data, count: (last + 1) * dtype.byteWidth)
        self = try Tensor(sharing: all, dtype: dtype, shape: [last + 1], owner: owner).asStrided(sizes, strides: strides, offset: 0)
    }
}

@_cdecl("apus_tensor_copy")
public func tensorCopy(
    _ data: UnsafeRawPointer?, _ dtype: apus_element_type, _ rank: Int32, _ sizes: UnsafePointer<Int64>?,
    _ tensor: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    reporting(error) {
        guard let tensor else { throw Mistake("tensor is null") }
        let (type, plain) = (try DType(dtype), try plainSizes(rank, sizes))
        let shared = try Tensor(at: UnsafeMutableRawPointer(mutating: data), type, plain, strides: nil, owner: Release(nil, nil))
        tensor.pointee = handle(try TensorHandle(try shared.clone()))
    }
}

@_cdecl("apus_tensor_wrap")
public func tensorWrap(
    _ data: UnsafeMutableRawPointer?, _ dtype: apus_element_type, _ rank: Int32, _ sizes: UnsafePointer<Int64>?,
    _ strides: UnsafePointer<Int64>?,
    _ release: (@convention(c) (UnsafeMutableRawPointer?) -> Void)?, _ context: UnsafeMutableRawPointer?,
    _ tensor: UnsafeMutablePointer<OpaquePointer?>?, _ error: UnsafeMutablePointer<OpaquePointer?>?
) -> apus_result {
    let owner = Release(release, context)
    return reporting(error) {
        guard let tensor else { throw Mistake("tensor is null") }
        let (type, plain) = (try DType(dtype), try plainSizes(rank, sizes))
        let steps: [Int]? = strides.map { given in plain.indices.map { Int(given[$0]) } }
        tensor.pointee = handle(try TensorHandle(at: data, type, plain, strides: steps, owner: owner))
    }
}

@_cdecl("apus_tensor_free") public func tensorFree(_ tensor: OpaquePointer?) { release(tensor, TensorHandle.self) }

@_cdecl("apus_tensor_dtype") public func tensorDType(_ tensor: OpaquePointer?) -> apus_element_type {
    (known(tensor, TensorHandle.self)?.tensor.dtype ?? .float32).forC
}

@_cdecl("apus_tensor_rank") public func tensorRank(_ tensor: OpaquePointer?) -> Int32 {
    Int32(known(tensor, TensorHandle.self)?.tensor.rank ?? 0)
}

@_cdecl("apus_tensor_sizes") public func tensorSizes(_ tensor: OpaquePointer?) -> UnsafePointer<Int64>? {
    known(tensor, TensorHandle.self).flatMap { UnsafePointer($0.sizes.baseAddress) }
}

@_cdecl("apus_tensor_data") public func tensorData(_ tensor: OpaquePointer?) -> UnsafeRawPointer? { known(tensor, TensorHandle.self)?.data }

@_cdecl("apus_tensor_byte_count") public func tensorByteCount(_ tensor: OpaquePointer?) -> Int {
    known(tensor, TensorHandle.self)?.byteCount ?? 0
}

import ApusSymbolic
import CApusKernels

/// A multi-dimensional array of numbers.
///
/// A value: assigning copies (in constant time), and changing one never changes another. Views such as slices and transposes share memory
/// until one of them is written. Operations throw `TensorError` for a caller's mistake; they never trap.
/// A tensor may be used from many tasks at once.
public struct Tensor: Sendable {
    var body: TensorBody

    @inline(__always)
    init(_ body: TensorBody) { self.body = body }
}

extension Tensor {
    public var dtype: DType { body.dtype }

    /// The sizes, one for each dimension.
    public var shape: Shape {
        if let trace = body.trace { return trace.shape }
        return Shape(body.layout)
    }

    /// The number of dimensions.
    public var rank: Int {
        if let trace = body.trace { return trace.shape.count }
        return body.layout.rank
    }

    /// The sizes as plain integers. Throws while tracing when one of them is symbolic: use `shape`, which keeps the program general.
    public var sizes: [Int] {
        get throws {
            guard let sizes = shape.constants else {
                throw TensorError(
                    .tracing, in: "sizes",
                    "the shape \(shape) is symbolic while tracing; use 'shape' instead, or Int(x.shape[d]) to specialise a dimension")
            }
            return sizes
        }
    }

    /// The number of elements.
    public var count: SymInt { shape.elementCount }

    /// True for tensors without data: values of a trace and bare shapes.
    public var isTraced: Bool { body.trace != nil }

    /// The value of a trace behind this tensor, for interpreters.
    package var tracedValue: TracedValue? { body.trace }

    /// True where the elements lie in row-major order without gaps.
    ///
    /// Where a tensor lies in memory is known only when a program runs: asked of a traced tensor, the export ends with an error.
    public var isContiguous: Bool {
        if let trace = body.trace { return unknownWhileTracing("isContiguous", trace, standIn: true) }
        return body.layout.isContiguous
    }

    /// The distance in elements between neighbours along each dimension. Like ``isContiguous`` no question for a traced tensor.
    public var strides: [Int] {
        if let trace = body.trace {
            return unknownWhileTracing("strides", trace, standIn: (trace.shape.layout ?? body.layout).stridesArray)
        }
        return body.layout.stridesArray
    }

    /// A number for the tensor's memory and place in it: two tensors with the same identity are the same value.
    public var identity: ObjectIdentifier { ObjectIdentifier(body) }

    /// The dtype and shape together.
    public var spec: TensorSpec { TensorSpec(dtype, shape) }
}

extension Tensor {
    /// Ends the trace with an error, since nothing can be thrown here, and gives the rest of the traced run something to go on with.
    private func unknownWhileTracing<Answer>(_ property: String, _ trace: TracedValue, standIn: Answer) -> Answer {
        guard let owner = trace.owner as? any TraceOwner else { return standIn }
        owner.fail(
            TensorError(
                .tracing, in: property,
                "where \(trace.description(of: self)) lies in memory is known only when the program runs; "
                    + "call contiguous(), which copies only what is not contiguous"))
        return standIn
    }
}

// MARK: - Making tensors from memory

extension Tensor {
    /// A tensor that is only a dtype and a shape: what a result rule needs of its arguments.
    public init(spec: TensorSpec) {
        self.init(spec: spec, owner: nil, id: -1)
    }

    /// A value of a trace.
    package init(spec: TensorSpec, owner: AnyObject?, id: Int) {
        body = TensorBody(
            dtype: spec.dtype, storage: .none, offset: 0, layout: spec.shape.layout ?? .scalar,
            trace: TracedValue(shape: spec.shape, owner: owner, id: id))
    }

    /// A tensor that stands for a mistake where nothing can be thrown: every operation on it throws the text.
    package init(fault: String) {
        body = TensorBody(
            dtype: .float32, storage: .none, offset: 0, layout: .scalar,
            trace: TracedValue(shape: .scalar, owner: nil, id: -1, fault: fault))
    }

    /// A contiguous tensor whose elements are not set yet. Throws where the shape is symbolic or the memory can't be had.
    package static func uninitialized(_ shape: Shape, dtype: DType, in operatorName: String = "empty") throws -> Tensor {
        guard let layout = shape.layout else {
            throw TensorError(.tracing, in: operatorName, "a tensor of symbolic shape \(shape) has no memory")
        }
        let contiguous = layout.madeContiguous()
        guard let storage = Storage(byteCount: contiguous.count * dtype.byteWidth) else {
            throw TensorError(
                .outOfMemory, in: operatorName, "no memory for a tensor of \(dtype)\(shape), \(contiguous.count * dtype.byteWidth) bytes")
        }
        return Tensor(TensorBody(dtype: dtype, storage: storage, offset: 0, layout: contiguous))
    }

    /// A tensor over a storage, sharing its memory. Throws where the layout reaches outside of it.
    package init(storage: Storage, dtype: DType, layout: Layout, offset: Int) throws {
        let capacity = storage.byteCount / dtype.byteWidth
        guard let (lowest, highest) = layout.extent, offset >= 0, lowest >= -offset, highest < capacity - offset || layout.count == 0 else {
            throw TensorError(
                .indexOutOfRange, in: "Tensor",
                "sizes \(layout.sizesArray) with strides \(layout.stridesArray) at offset \(offset) reach outside of \(capacity) elements")
        }
        body = TensorBody(dtype: dtype, storage: storage, offset: offset, layout: layout)
    }

    /// The first element's address. Meaningless for a traced tensor.
    @inline(__always)
    public var baseAddress: UnsafeMutableRawPointer {
        body.storage.pointer + body.offset &* body.dtype.byteWidth
    }

    /// The memory behind the tensor, which others may share. Meaningless for a traced tensor, like the next two.
    package var storage: Storage { body.storage }
    /// The first element's position in the storage, in elements.
    package var storageOffset: Int { body.offset }
    /// Sizes and strides as kernels read them.
    package var layout: Layout { body.layout }

    /// The tensor as kernels see it. Valid while the tensor is alive.
    @inline(__always)
    package var view: apus_view {
        apus_view(
            data: baseAddress, sizes: body.layout.sizes, strides: body.layout.strides, rank: Int32(truncatingIfNeeded: body.layout.rank),
            dtype: Int32(body.dtype.rawValue))
    }

    /// The number of elements: the product of the sizes.
    public var numel: SymInt { shape.elementCount }
}

import ApusTensor
import CApusKernels

/// Small pieces of memory that prepared operations point to. Freed as a whole.
final class KernelMemory {
    private var pieces: [UnsafeMutableRawPointer] = []
    /// An address for storages that have no memory yet.
    let placeholder: UnsafeMutableRawPointer

    init() {
        placeholder = UnsafeMutableRawPointer.allocate(byteCount: 64, alignment: 64)
        pieces.append(placeholder)
    }

    deinit { for piece in pieces { piece.deallocate() } }

    func numbers(_ values: [Int64]) -> UnsafeMutablePointer<Int64> {
        let piece = UnsafeMutableRawPointer.allocate(byteCount: max(values.count, 1) * 8, alignment: 16)
        pieces.append(piece)
        let numbers = piece.bindMemory(to: Int64.self, capacity: max(values.count, 1))
        for (index, value) in values.enumerated() { numbers[index] = value }
        return numbers
    }

    func scalar(_ scalar: Scalar) -> apus_view? {
        let piece = UnsafeMutableRawPointer.allocate(byteCount: 16, alignment: 16)
        pieces.append(piece)
        let dtype: DType
        switch scalar {
        case .bool(let value):
            piece.storeBytes(of: value, as: Bool.self)
            dtype = .bool
        case .int(let value):
            guard let known = value.constant else { return nil }
            piece.storeBytes(of: Int64(known), as: Int64.self)
            dtype = .int64
        case .float(let value):
            guard let known = value.constant else { return nil }
            piece.storeBytes(of: known, as: Double.self)
            dtype = .float64
        case .complex(let value):
            piece.storeBytes(of: value.real, as: Double.self)
            piece.storeBytes(of: value.imaginary, toByteOffset: 8, as: Double.self)
            dtype = .complex128
        }
        return apus_view(data: piece, sizes: nil, strides: nil, rank: 0, dtype: Int32(dtype.rawValue))
    }

    /// The tensor as an operand of results with these sizes: one number for all of them, or with strides of zero where it is repeated.
    func broadcastView(of tensor: Tensor, to layout: Layout) -> apus_view {
        var view: apus_view = tensor.view
        let source: Layout = tensor.layout
        if source.count == 1 {
            view.rank = 0
        } else if !source.hasSameSizes(as: layout) {
            let extra: Int = layout.rank - source.rank
            let strides: [Int64] = (0..<layout.rank).map { dim in
                dim >= extra && source.size(dim - extra) == layout.size(dim) ? source.strides[dim - extra] : 0
            }
            view.sizes = layout.sizes
            view.strides = UnsafePointer(numbers(strides))
            view.rank = Int32(truncatingIfNeeded: layout.rank)
        }
        return view
    }

    /// The tensor as a matrix with these strides.
    func matrixView(of tensor: Tensor, _ sizes: [Int], _ strides: [Int]) -> apus_view {
        let numbers: UnsafeMutablePointer<Int64> = numbers((sizes + strides).map { Int64($0) })
        return apus_view(
            data: tensor.baseAddress, sizes: UnsafePointer(numbers), strides: UnsafePointer(numbers + 2), rank: 2,
            dtype: Int32(tensor.dtype.rawValue))
    }
}

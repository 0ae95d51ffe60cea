import ApusSymbolic
import CApusKernels

// What reductions share: argument 0 is the tensor, 1 the dimensions (none or empty for all), 2 keepdim, 3 the result's dtype.

extension Call {
    /// The reduced dimensions, counted from the front.
    func reducedDims() throws -> [Int] {
        let rank = try tensor(0).rank
        switch self[1] {
        case .none: return Array(0..<rank)
        default: return try normalize(dims: try constants(1), rank: rank, in: name)
        }
    }

    var keepsDims: Bool { get throws { if case .none = self[2] { false } else { try bool(2) } } }

    /// The result's dtype and shape; `dtypeRule` gives the dtype where the caller asks for none.
    func reductionSpec(_ dtypeRule: (DType) throws -> DType) throws -> TensorSpec {
        let x = try tensor(0)
        let shape = try reducedShape(x.shape, dims: try reducedDims(), keepDim: try keepsDims)
        return TensorSpec(try dtype(3) ?? dtypeRule(x.dtype), shape)
    }

    func reducedShape(_ shape: Shape, dims: [Int], keepDim: Bool) throws -> Shape {
        if dims.count == shape.count && !keepDim { return .scalar }
        var sizes: [SymInt] = []
        for (dim, size) in shape.enumerated() {
            if !dims.contains(dim) { sizes.append(size) } else if keepDim { sizes.append(1) }
        }
        return try Shape(sizes, in: name)
    }

    /// Runs a reduction kernel. Kernels take a result that has the input's rank.
    func reduce(_ operation: apus_reduce_op, parameter: Double = 0, into output: Tensor) throws {
        let x = try tensor(0)
        var input = x.view
        try withKeptDims(output, dims: try reducedDims(), rank: x.rank) { out in
            var out = out
            try check(apus_reduce(operation, parameter, &input, &out), self)
        }
        withExtendedLifetime((x, output)) {}
    }

    /// A contiguous result as kernels see it, with a size of 1 for every reduced dimension.
    func withKeptDims(_ output: Tensor, dims: [Int], rank: Int, _ body: (apus_view) throws -> Void) throws {
        try withUnsafeTemporaryAllocation(of: Int64.self, capacity: 2 * rank) { numbers in
            var position = output.rank - 1
            let isKept: Bool = output.rank == rank
            for dim in (0..<rank).reversed() {
                if dims.contains(dim) {
                    numbers[dim] = 1
                    numbers[rank + dim] = 0
                    if isKept { position -= 1 }
                } else {
                    numbers[dim] = output.layout.sizes[position]
                    numbers[rank + dim] = output.layout.strides[position]
                    position -= 1
                }
            }
            let base = numbers.baseAddress
            try body(
                apus_view(
                    data: output.baseAddress, sizes: base, strides: base.map { $0 + rank }, rank: Int32(truncatingIfNeeded: rank),
                    dtype: Int32(output.dtype.rawValue)))
        }
    }

    /// The gradient of a reduction's result with the reduced dimensions put back as size 1.
    func restoringReducedDims(_ gradient: Tensor) throws -> Tensor {
        if try keepsDims { return gradient }
        return try reducedDims().reduce(gradient) { try $0.unsqueezed($1) }
    }
}

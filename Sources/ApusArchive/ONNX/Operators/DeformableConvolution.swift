import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    /// A convolution whose window's elements lie where offsets say, between the positions of the input.
    static func deformableConvolution(_ call: ONNXCall) throws -> Tensor {
        let (x, weight, offset) = (try call.tensor(0), try call.tensor(1), try call.tensor(2))
        guard x.rank == 4, weight.rank == 4, offset.rank == 4 else { throw call.error("takes two spatial dimensions, not \(x.spec)") }
        let window = try ONNXWindow(call, kernel: Array(weight.shape.sizes.dropFirst(2)), sizes: Array(x.shape.sizes.dropFirst(2)))
        let (groups, offsetGroups) = (try call.int("group", 1), try call.int("offset_group", 1))
        let kernel: [SymInt] = window.kernel
        guard groups > 0, offsetGroups > 0 else { throw call.error(.invalidProgram, "has \(groups) groups and \(offsetGroups) of offsets") }
        let (batch, height, width) = (x.shape[0], offset.shape[2], offset.shape[3])
        let taps: SymInt = kernel[0] * kernel[1]
        let offsets: Tensor = try offset.reshaped([batch, SymInt(offsetGroups), taps, 2, height, width])
        func along(_ dim: Int, _ size: SymInt) throws -> Tensor { try Tensor.arange(size) * window.strides[dim] - window.before[dim] }
        let rows: Tensor = try (Tensor.arange(kernel[0]) * window.dilations[0]).unsqueezed(1).expanded(kernel).reshaped([taps, 1, 1])
        let columns: Tensor = try (Tensor.arange(kernel[1]) * window.dilations[1]).unsqueezed(0).expanded(kernel).reshaped([taps, 1, 1])
        let y: Tensor = try offsets.select(dim: 3, index: 0) + (along(0, height).unsqueezed(1) + rows).to(x.dtype)
        let z: Tensor = try offsets.select(dim: 3, index: 1) + (along(1, width).unsqueezed(0) + columns).to(x.dtype)
        let plane: SymInt = x.shape[2] * x.shape[3]
        let share: SymInt = x.shape[1] / offsetGroups
        let flat: Tensor = try x.reshaped([batch, SymInt(offsetGroups), share, plane])
        let count: SymInt = taps * height * width
        /// The input at whole positions, zero outside, by a weight.
        func corner(_ row: Tensor, _ column: Tensor, _ part: Tensor) throws -> Tensor {
            let isInside: Tensor = try (row .>= 0).logicalAnd(row .< x.shape[2]).logicalAnd(column .>= 0).logicalAnd(column .< x.shape[3])
            let place: Tensor = try Tensor.where(isInside, row * x.shape[3] + column, 0)
            let index: Tensor = try place.reshaped([batch, SymInt(offsetGroups), 1, count]).expanded([
                batch, SymInt(offsetGroups), share, count,
            ])
            let factor: Tensor = try Tensor.where(isInside, part, 0.0).reshaped([batch, SymInt(offsetGroups), 1, count])
            return try flat.gather(dim: 3, index) * factor
        }
        let (top, left) = (try y.floor(), try z.floor())
        let (down, right) = (try y - top, try z - left)
        let (up, back) = (try down.neg() + 1.0, try right.neg() + 1.0)
        let (row, column) = (try top.to(.int64), try left.to(.int64))
        var samples: Tensor = try corner(row, column, up * back)
        samples = try samples + corner(row, column + 1, up * right)
        samples = try samples + corner(row + 1, column, down * back)
        samples = try samples + corner(row + 1, column + 1, down * right)
        if let mask = try call.optional(4) { samples = try samples * mask.reshaped([batch, SymInt(offsetGroups), 1, count]) }
        let inputs: SymInt = x.shape[1] / groups * taps
        let outputs: SymInt = weight.shape[0] / groups
        let matrix: Tensor = try samples.reshaped([batch, SymInt(groups), inputs, height * width])
        let product: Tensor = try weight.reshaped([SymInt(groups), outputs, inputs]).matmul(matrix)
        let result: Tensor = try product.reshaped([batch, weight.shape[0], height, width])
        return try call.optional(3).map { try result + $0.reshaped([weight.shape[0], 1, 1]) } ?? result
    }
}

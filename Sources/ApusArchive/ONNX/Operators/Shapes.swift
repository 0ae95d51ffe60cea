import ApusSymbolic
import ApusTensor

extension ONNXOperatorTable {
    static let shapes: [ONNXOperator] = [
        ONNXOperator("Identity", onSizes: .moves(nil), values: { [try $0.value(0)] }),
        ONNXOperator(
            "Shape", results: .own, isFolded: false,
            values: { call in
                let shape: [SymInt] = try call.tensor(0).shape.sizes
                func bound(_ value: Int) -> Int { Swift.min(Swift.max(value < 0 ? value + shape.count : value, 0), shape.count) }
                let start: Int = bound(try call.int("start", 0))
                let end: Int = bound(try call.int("end", shape.count))
                return [try ONNXValue(ONNXSizes(start < end ? Array(shape[start..<end]) : []))]
            }),
        ONNXOperator(
            "Size", results: .own, isFolded: false,
            values: { call in
                [try ONNXValue(ONNXSizes(shape: [], values: [try call.tensor(0).count]))]
            }),
        ONNXOperator("Reshape", onSizes: .moves([0])) { try reshape($0) },
        ONNXOperator("Flatten", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            var axis: Int = try call.int("axis", 1)
            guard axis >= -x.rank, axis <= x.rank else {
                throw call.error(.invalidProgram, "has the axis \(axis) for a tensor of rank \(x.rank)")
            }
            if axis < 0 { axis += x.rank }
            let sizes: [SymInt] = x.shape.sizes
            return try x.reshaped([SymInt.product(sizes[..<axis]), SymInt.product(sizes[axis...])])
        },
        ONNXOperator("Squeeze", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            guard let axes = try call.axes() else {
                let sizes: [SymInt] = x.shape.sizes
                guard sizes.allSatisfy({ $0.constant != nil || decide($0 == 1) != nil }) else {
                    throw call.error("without axes asks which dimensions of \(x.shape) are 1, which is open")
                }
                return try x.squeezed(dims: sizes.indices.filter { decide(sizes[$0] == 1) == true })
            }
            for axis in axes {
                let size: SymInt = x.shape[try call.dim(axis, rank: x.rank)]
                try require(size == 1, TensorError(.shapeMismatch, in: "Squeeze", "the dimension \(axis) of \(x.spec) is not 1"))
            }
            let dims = Set(try axes.map { try call.dim($0, rank: x.rank) })
            return try x.reshaped(x.shape.sizes.enumerated().filter { !dims.contains($0.offset) }.map(\.element))
        },
        ONNXOperator("Unsqueeze", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            guard let axes = try call.axes() else { throw call.error(.invalidProgram, "lacks its axes") }
            let rank: Int = x.rank + axes.count
            guard rank <= 1024 else { throw call.error(.invalidProgram, "gives \(rank) dimensions") }
            let dims: [Int] = try axes.map { try call.dim($0, rank: rank) }.sorted()
            guard Set(dims).count == dims.count else { throw call.error(.invalidProgram, "names a dimension twice: \(axes)") }
            return try dims.reduce(x) { try $0.unsqueezed($1) }
        },
        ONNXOperator("Transpose", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            return try x.permuted(try call.ints("perm") ?? Array((0..<x.rank).reversed()))
        },
        ONNXOperator("Concat", onSizes: .moves(nil)) { call in
            let tensors: [Tensor] = try call.tensors()
            guard let first = tensors.first else { throw call.error(.invalidProgram, "has no input") }
            return try Tensor.cat(tensors, dim: try call.axis("axis", 1, rank: first.rank))
        },
        ONNXOperator("Split", onSizes: .moves([0]), tensors: { try split($0) }),
        ONNXOperator("Slice", onSizes: .moves([0])) { try slice($0) },
        ONNXOperator("Expand", onSizes: .moves([0])) { call in
            let x: Tensor = try call.tensor(0)
            return try x.expanded(broadcast(x.shape, try Shape(try call.sizes(1)), in: "Expand"))
        },
        ONNXOperator("Tile", onSizes: .moves([0])) { call in try call.tensor(0).tiled(try call.sizes(1)) },
        ONNXOperator("Pad") { try pad($0) },
        ONNXOperator("CenterCropPad") { try centerCropPad($0) },
        ONNXOperator("DepthToSpace") { call in
            let (x, block) = (try call.tensor(0), try call.int("blocksize", 1))
            let sizes: [SymInt] = x.shape.sizes
            guard sizes.count == 4, block > 0, block < 1 << 15 else {
                throw call.error(.invalidProgram, "takes four dimensions, not \(x.spec)")
            }
            if try call.choice("mode", "DCR", of: ["DCR", "CRD"]) == "CRD" { return try x.pixelShuffle(block) }
            let channels: SymInt = sizes[1] / (block * block)
            return try x.reshaped([sizes[0], SymInt(block), SymInt(block), channels, sizes[2], sizes[3]]).permuted([0, 3, 4, 1, 5, 2])
                .reshaped([sizes[0], channels, sizes[2] * block, sizes[3] * block])
        },
        ONNXOperator("SpaceToDepth") { call in
            let (x, block) = (try call.tensor(0), try call.int("blocksize", 1))
            let sizes: [SymInt] = x.shape.sizes
            guard sizes.count == 4, block > 0, block < 1 << 15 else {
                throw call.error(.invalidProgram, "takes four dimensions, not \(x.spec)")
            }
            if try call.choice("mode", "DCR", of: ["DCR", "CRD"]) == "CRD" { return try x.pixelUnshuffle(block) }
            let (height, width) = (sizes[2] / block, sizes[3] / block)
            return try x.reshaped([sizes[0], sizes[1], height, SymInt(block), width, SymInt(block)]).permuted([0, 3, 5, 1, 2, 4])
                .reshaped([sizes[0], sizes[1] * (block * block), height, width])
        },
    ]

    private static func reshape(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        var sizes: [SymInt] = try call.sizes(1)
        if try !call.flag("allowzero") {
            for (dim, size) in sizes.enumerated() where size.constant == 0 {
                guard dim < x.rank else { throw call.error(.invalidProgram, "copies the size \(dim) of a tensor of rank \(x.rank)") }
                sizes[dim] = x.shape[dim]
            }
        }
        return try x.reshaped(sizes)
    }

    private static func split(_ call: ONNXCall) throws -> [Tensor] {
        let x: Tensor = try call.tensor(0)
        let axis: Int = try call.axis("axis", 0, rank: x.rank)
        if call.version >= 13, call.has(1) { return try x.split(sizes: try call.sizes(1), dim: axis) }
        if let sizes = try call.ints("split") { return try x.split(sizes: sizes, dim: axis) }
        let count: Int = try call.int("num_outputs", call.outputs.count)
        guard count > 0, count <= 1 << 16 else { throw call.error(.invalidProgram, "splits into \(count) parts") }
        let size: SymInt = x.shape[axis].ceilDivided(by: SymInt(count))
        let last: SymInt = x.shape[axis] - size * (count - 1)
        return try x.split(sizes: Array(repeating: size, count: count - 1) + [last], dim: axis)
    }

    private static func slice(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        let starts: [SymInt]
        let ends: [SymInt]
        var axes: [Int]?
        var steps: [Int]?
        if call.version >= 10 {
            (starts, ends) = (try call.sizes(1), try call.sizes(2))
            axes = call.has(3) ? try call.constants(3) : nil
            steps = call.has(4) ? try call.constants(4) : nil
        } else {
            starts = (try call.ints("starts") ?? []).map { SymInt($0) }
            ends = (try call.ints("ends") ?? []).map { SymInt($0) }
            axes = try call.ints("axes")
        }
        guard starts.count == ends.count, axes?.count ?? starts.count == starts.count, steps?.count ?? starts.count == starts.count else {
            throw call.error(.invalidProgram, "has \(starts.count) starts, \(ends.count) ends, \(axes?.count ?? starts.count) axes")
        }
        var result: Tensor = x
        for index in starts.indices {
            let axis: Int = try call.dim(axes?[index] ?? index, rank: x.rank)
            let step: Int = steps?[index] ?? 1
            guard step != 0, step > -Int.max else { throw call.error(.invalidProgram, "has a step of \(step)") }
            if step > 0 {
                result = try result.sliced(dim: axis, from: starts[index], to: ends[index], step: step)
            } else {
                result = try backwards(result, axis, starts[index], ends[index], -step, call)
            }
        }
        return result
    }

    /// A slice from the back to the front: of the mirrored tensor, from the front to the back.
    private static func backwards(_ x: Tensor, _ axis: Int, _ start: SymInt, _ end: SymInt, _ step: Int, _ call: ONNXCall) throws -> Tensor
    {
        let size: SymInt = x.shape[axis]
        func mirrored(_ bound: SymInt, least: Int) throws -> SymInt {
            guard let number = bound.constant else { throw call.error("goes backwards from or to \(bound), which is open") }
            // Further out than any size.
            if number <= -(1 << 62) { return size - 1 - least }
            let place: SymInt = number < 0 ? size + number : SymInt(number)
            return size - 1 - max(min(place, size - 1), SymInt(least))
        }
        return try x.flipped([axis]).sliced(dim: axis, from: try mirrored(start, least: 0), to: try mirrored(end, least: -1), step: step)
    }

    private static func pad(_ call: ONNXCall) throws -> Tensor {
        let x: Tensor = try call.tensor(0)
        let given: [SymInt] = call.version >= 11 ? try call.sizes(1) : (try call.ints("pads") ?? []).map { SymInt($0) }
        let axes: [Int] =
            call.version >= 18 && call.has(3) ? try call.constants(3).map { try call.dim($0, rank: x.rank) } : Array(0..<x.rank)
        guard given.count == 2 * axes.count else {
            throw call.error(.invalidProgram, "has \(given.count) pads for \(axes.count) dimensions")
        }
        let mode: String = try call.choice("mode", "constant", of: ["constant", "reflect", "edge", "wrap"])
        var pads: [SymInt] = Array(repeating: 0, count: 2 * x.rank)
        for (index, axis) in axes.enumerated() {
            let place: Int = 2 * (x.rank - 1 - axis)
            pads[place] = given[index]
            pads[place + 1] = given[index + axes.count]
        }
        guard mode == "constant" else { return try x.padded(pads, mode: ["reflect": "reflect", "edge": "replicate"][mode] ?? "circular") }
        if call.version < 11 { return try x.padded(pads, value: try call.float("value", 0)) }
        guard call.has(2) else { return try x.padded(pads, value: 0) }
        guard call.inputs[2]?.known != nil else {
            // A number of the run: zeros with ones where it belongs.
            let border: Tensor = try x.zerosLike().to(.float32).padded(pads, value: 1)
            return try Tensor.where(border .!= 0, call.tensor(2).reshaped([] as [Int]), x.padded(pads, value: 0))
        }
        let number: Double = try call.number(2) ?? 0
        return x.dtype.isFloatingPoint ? try x.padded(pads, value: number) : try x.padded(pads, value: try call.constant(2))
    }

    private static func centerCropPad(_ call: ONNXCall) throws -> Tensor {
        var x: Tensor = try call.tensor(0)
        let sizes: [SymInt] = try call.sizes(1)
        let axes: [Int] = try call.ints("axes") ?? Array(0..<x.rank)
        guard axes.count == sizes.count else { throw call.error(.invalidProgram, "has \(sizes.count) sizes for \(axes.count) dimensions") }
        for (axis, size) in zip(try axes.map { try call.dim($0, rank: x.rank) }, sizes) {
            let missing: SymInt = max(size - x.shape[axis], 0)
            let surplus: SymInt = max(x.shape[axis] - size, 0)
            var pads: [SymInt] = Array(repeating: 0, count: 2 * x.rank)
            pads[2 * (x.rank - 1 - axis)] = missing / 2
            pads[2 * (x.rank - 1 - axis) + 1] = missing - missing / 2
            x = try x.narrowed(dim: axis, from: surplus / 2, length: x.shape[axis] - surplus).padded(pads, value: 0)
        }
        return x
    }
}

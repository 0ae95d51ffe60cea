import ApusSymbolic

// Images and volumes read at positions that a tensor gives, from -1 to 1 across each dimension.

extension Operator {
    static let gridSampler2d: Operator = gridSampler("grid_sampler_2d", dims: 2)
    static let gridSampler3d: Operator = gridSampler("grid_sampler_3d", dims: 3)
    static let gridSampler: Operator = gridSampler("grid_sampler", dims: nil)

    static let gridSamplers: [Operator] = [gridSampler2d, gridSampler3d, gridSampler]

    private static func gridSampler(_ name: String, dims: Int?) -> Operator {
        composite(
            "aten::\(name)(Tensor input, Tensor grid, int interpolation_mode, int padding_mode, bool align_corners) -> Tensor",
            "Input [batch, channels, spatial...] at the positions [batch, spatial..., dimensions] of a grid, x first: linear (0), nearest (1) or, of "
                + "images, cubic (2) interpolation; outside zeros (0), the border (1) or reflections (2). At a border the gradient is a slope of one "
                + "side, also where aligned corners are reflected, where PyTorch's is 0.",
            samples: {
                let x: Tensor = try .sample([1, 2] + [3, 4, 3].prefix(dims ?? 2))
                let grid: Tensor = try .sample([1] + [2, 3, 2].prefix(dims ?? 2) + [dims ?? 2], in: -1.3...1.3, seed: 2)
                return [(0, 0, false), (0, 1, true), (1, 2, false), (0, 2, true)].map {
                    [.tensor(x), .tensor(grid), .int($0), .int($1), .bool($2)]
                } + (dims == 3 ? [] : [[.tensor(x), .tensor(grid), .int(2), .int(0), .bool(false)]])
            }
        ) { call in [.tensor(try GridSampling(call, dims: dims).sampled())] }
    }
}

/// One reading of an input at the positions of a grid.
private struct GridSampling {
    let x: Tensor
    let grid: Tensor
    let dims: Int
    let mode: Int
    let padding: Int
    let alignsCorners: Bool

    init(_ call: Call, dims given: Int?) throws {
        (x, grid) = (try call.tensor(0), try call.tensor(1))
        (mode, padding, alignsCorners) = (try call.constant(2), try call.constant(3), try call.bool(4))
        dims = given ?? x.rank - 2
        guard x.dtype.isFloatingPoint, grid.dtype == x.dtype else { throw call.differentDTypes(x, grid) }
        guard dims == 2 || dims == 3, x.rank == dims + 2, grid.rank == dims + 2 else {
            throw call.error(.shapeMismatch, "an input of shape \(x.shape) and a grid of shape \(grid.shape) don't go together")
        }
        try require(
            grid.shape[-1] == dims,
            call.error(.shapeMismatch, "a grid of shape \(grid.shape) must have \(dims) coordinates for each position"))
        try require(x.shape[0] == grid.shape[0], call.error(.shapeMismatch, "the batches \(x.shape[0]) and \(grid.shape[0]) differ"))
        for size in x.shape.suffix(dims) {
            try require(size > 0, call.error(.shapeMismatch, "an input of shape \(x.shape) has nothing to read"))
        }
        guard (0...(dims == 2 ? 2 : 1)).contains(mode), (0...2).contains(padding) else {
            throw call.error(.invalidArgument, "interpolation \(mode) with padding \(padding) does not exist for \(dims) dimensions")
        }
    }

    /// The size of the dimension that coordinate `axis` runs along: x is the last one.
    private func size(_ axis: Int) -> SymInt { x.shape[x.rank - 1 - axis] }

    /// Where a coordinate of the grid lies in the input: [batch, positions].
    private func position(_ axis: Int) throws -> Tensor {
        let count: SymInt = SymInt.elementCount(grid.shape.sizes.dropFirst().dropLast())
        let coordinate: Tensor = try grid.select(dim: -1, index: SymInt(axis)).reshaped([grid.shape[0], count])
        if alignsCorners { return try (coordinate + 1) * 0.5 * (size(axis) - 1) }
        return try ((coordinate + 1) * size(axis) - 1) * 0.5
    }

    /// A position moved inside as the padding says.
    private func inside(_ position: Tensor, _ axis: Int) throws -> Tensor {
        var position: Tensor = position
        if padding == 0 { return position }
        if padding == 2 {
            // Reflections repeat with twice the length between the outermost positions, or their edges.
            let (low, span): (Double, SymInt) = alignsCorners ? (0, larger(size(axis) - 1, 1)) : (-0.5, size(axis))
            let offset: Tensor = try position - low
            let distance: Tensor = try Tensor.where(offset .>= 0, offset, offset.neg())
            let turns: Tensor = try (distance / span).floor()
            let rest: Tensor = try distance - turns * span
            let isEven: Tensor = try (turns / 2).floor() * 2 .== turns
            position = try Tensor.where(isEven, rest + low, (rest.neg() + span) + low)
        }
        // At the border the slope is that of outside, 0; but reflections between the outermost positions never leave them, and turn there.
        let last: SymInt = size(axis) - 1
        return try turnsAtEnds ? position.clamp(min: 0, max: last) : position.hardtanh(min: 0, max: last)
    }

    /// Whether positions are reflected at the outermost elements.
    private var turnsAtEnds: Bool { padding == 2 && alignsCorners }

    /// The input's elements at whole positions, zeros outside: [batch, channels, positions].
    private func read(_ positions: [Tensor]) throws -> Tensor {
        var (index, isInside): (Tensor?, Tensor?) = (nil, nil)
        for axis in (0..<dims).reversed() {
            let position: Tensor = positions[axis]
            let here: Tensor = try (position .>= 0) & (position .<= size(axis) - 1)
            isInside = try isInside.map { try $0 & here } ?? here
            let held: Tensor = try Tensor.where(here, position, 0).to(.int64)
            index = try index.map { try $0 * size(axis) + held } ?? held
        }
        guard let index, let isInside else { return x }
        let flat: Tensor = try x.reshaped([x.shape[0], x.shape[1], SymInt.elementCount(x.shape.sizes.dropFirst(2))])
        let spread: [SymInt] = [x.shape[0], x.shape[1], index.shape[1]]
        return try flat.gather(dim: 2, index.unsqueezed(1).expanded(spread)).maskedFill(isInside.logicalNot().unsqueezed(1), 0)
    }

    func sampled() throws -> Tensor {
        var result: Tensor?
        func add(_ positions: [Tensor], _ weights: [Tensor]) throws {
            let weight: Tensor = try weights.dropFirst().reduce(weights[0]) { try $0 * $1 }
            let term: Tensor = try read(positions) * weight.unsqueezed(1)
            result = try result.map { try $0 + term } ?? term
        }
        let places: [Tensor] = try (0..<dims).map { axis in
            // Cubic interpolation moves each of its positions inside, not their middle.
            try mode == 2 ? position(axis) : inside(position(axis), axis)
        }
        if mode == 1 { result = try read(places.map { try $0.round() }) }
        let below: [Tensor] = try (0..<dims).map { axis in
            let below: Tensor = try places[axis].floor()
            // At the last element the slope is the one before it: beyond there is nothing to take one from.
            return try turnsAtEnds && mode == 0 ? below.clamp(max: size(axis) - 2) : below
        }
        let parts: [Tensor] = try zip(places, below).map { try $0 - $1 }
        if mode == 0 {
            for corner in 0..<(1 << dims) {
                let isUpper: [Bool] = (0..<dims).map { corner >> $0 & 1 == 1 }
                try add(
                    zip(below, isUpper).map { try $1 ? $0 + 1 : $0 }, zip(parts, isUpper).map { try $1 ? $0 : 1 - $0 })
            }
        }
        if mode == 2 {
            for row in -1...2 {
                for column in -1...2 {
                    let steps: [Int] = [column, row]
                    try add(
                        (0..<2).map { try inside(below[$0] + steps[$0], $0) },
                        (0..<2).map { try InterpolationTaps.weight(parts[$0] - steps[$0]) })
                }
            }
        }
        guard let result else { return x }
        return try result.reshaped([x.shape[0], x.shape[1]] + grid.shape.sizes.dropFirst().dropLast())
    }
}

extension InterpolationTaps {
    /// The cubic kernel at a distance.
    fileprivate static func weight(_ distance: Tensor) throws -> Tensor { try cubic(distance.abs(), -0.75) }
}

extension Tensor {
    /// Images at the positions of a grid, which run from -1 to 1.
    public func gridSample(_ grid: Tensor, mode: String = "bilinear", padding: String = "zeros", alignsCorners: Bool = false) throws
        -> Tensor
    {
        guard let mode = ["bilinear", "nearest", "bicubic"].firstIndex(of: mode) else {
            throw TensorError(.invalidArgument, in: "grid_sample", "mode must be 'bilinear', 'nearest' or 'bicubic', not '\(mode)'")
        }
        guard let padding = ["zeros", "border", "reflection"].firstIndex(of: padding) else {
            throw TensorError(.invalidArgument, in: "grid_sample", "padding must be 'zeros', 'border' or 'reflection', not '\(padding)'")
        }
        return try applySingle(.gridSampler, [.tensor(self), .tensor(grid), .int(mode), .int(padding), .bool(alignsCorners)])
    }
}

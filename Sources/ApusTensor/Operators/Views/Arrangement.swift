import ApusSymbolic

// Elements put in another order or form: turned, flipped, dealt out between channels and space; further names of dimension orders.

extension Operator {
    static let fliplr: Operator = flipped("fliplr", 1)
    static let flipud: Operator = flipped("flipud", 0)

    static let rot90: Operator = composite(
        "aten::rot90(Tensor self, int k=1, int[] dims=[0, 1]) -> Tensor",
        "The elements turned `k` times by a quarter in the plane of two dimensions.",
        samples: { try (-1...3).map { [.tensor(try .sample([2, 3, 2])), .int($0), .ints([0, 1])] } }
    ) { call in
        let x = try call.tensor(0)
        let dims: [Int] = try call.constants(2)
        guard dims.count == 2 else { throw call.error(.invalidArgument, "takes two dimensions, not \(dims.count)") }
        let (a, b) = (try normalize(dim: dims[0], rank: x.rank, in: call.name), try normalize(dim: dims[1], rank: x.rank, in: call.name))
        guard a != b else { throw call.error(.invalidArgument, "both dimensions are \(a)") }
        switch try call.constant(1) & 3 {
        case 1: return [.tensor(try x.flipped([b]).transposed(a, b))]
        case 2: return [.tensor(try x.flipped([a, b]))]
        case 3: return [.tensor(try x.flipped([a]).transposed(a, b))]
        default: return [.tensor(try x.clone())]
        }
    }

    static let pixelShuffle: Operator = composite(
        "aten::pixel_shuffle(Tensor self, int upscale_factor) -> Tensor",
        "Channels dealt out over space: [..., c * r * r, h, w] becomes [..., c, h * r, w * r].",
        samples: { [[.tensor(try .sample([1, 8, 2, 3])), .int(2)]] }
    ) { call in
        let (x, factor) = (try call.tensor(0), try call.shuffleFactor())
        let parts: SymInt = factor * factor
        try require(
            x.shape[-3] % parts == 0, call.error(.shapeMismatch, "\(x.shape[-3]) channels don't split into parts of \(factor) * \(factor)"))
        let (front, height, width) = (Array(x.shape.sizes.dropLast(3)), x.shape[-2], x.shape[-1])
        let channels: SymInt = x.shape[-3] / parts
        let split: Tensor = try x.reshaped(front + [channels, factor, factor, height, width])
        let first: Int = front.count
        let order: [Int] = Array(0...first) + [first + 3, first + 1, first + 4, first + 2]
        return [.tensor(try split.permuted(order).reshaped(front + [channels, height * factor, width * factor]))]
    }

    static let pixelUnshuffle: Operator = composite(
        "aten::pixel_unshuffle(Tensor self, int downscale_factor) -> Tensor",
        "Space gathered into channels: [..., c, h * r, w * r] becomes [..., c * r * r, h, w].",
        samples: { [[.tensor(try .sample([1, 2, 4, 6])), .int(2)]] }
    ) { call in
        let (x, factor) = (try call.tensor(0), try call.shuffleFactor())
        for dim in [-2, -1] {
            try require(
                x.shape[dim] % factor == 0, call.error(.shapeMismatch, "the size \(x.shape[dim]) is not a multiple of \(factor)"))
        }
        let (front, channels) = (Array(x.shape.sizes.dropLast(3)), x.shape[-3])
        let (height, width): (SymInt, SymInt) = (x.shape[-2] / factor, x.shape[-1] / factor)
        let split: Tensor = try x.reshaped(front + [channels, height, factor, width, factor])
        let first: Int = front.count
        let order: [Int] = Array(0...first) + [first + 2, first + 4, first + 1, first + 3]
        return [.tensor(try split.permuted(order).reshaped(front + [channels * factor * factor, height, width]))]
    }

    static let channelShuffle: Operator = shuffledChannels("channel_shuffle")
    static let nativeChannelShuffle: Operator = shuffledChannels("native_channel_shuffle")

    static let arrangement: [Operator] = [
        fliplr, flipud, rot90, pixelShuffle, pixelUnshuffle, channelShuffle, nativeChannelShuffle,
        composite(
            "aten::mH(Tensor(a) self) -> Tensor(a)", "The conjugate transpose of each matrix.",
            samples: { [[.tensor(try .sample([2, 3]))], [.tensor(try .sample([2, 3], dtype: .complex64))]] }
        ) { call in [.tensor(try call.tensor(0).adjoint())] },
        composite(
            "aten::matrix_H(Tensor(a) self) -> Tensor(a)", "The conjugate transpose of a matrix.",
            samples: { [[.tensor(try .sample([2, 3]))]] }
        ) { call in
            let x = try call.tensor(0)
            guard x.rank == 2 || x.rank == 0 else { throw call.error(.shapeMismatch, "takes a matrix, not shape \(x.shape)") }
            return [.tensor(try x.rank == 0 ? x.conj() : x.adjoint())]
        },
        alias("aten::swapdims(Tensor(a) self, int dim0, int dim1) -> Tensor(a)", of: swapaxes),
        alias("aten::moveaxis.int(Tensor(a) self, int source, int destination) -> Tensor(a)", of: movedimInt),
        alias("aten::moveaxis.intlist(Tensor(a) self, int[] source, int[] destination) -> Tensor(a)", of: movedimList),
    ]

    private static func flipped(_ name: String, _ dim: Int) -> Operator {
        composite(
            "aten::\(name)(Tensor self) -> Tensor", "The elements in reverse order along dimension \(dim).",
            samples: { [[.tensor(try .sample([2, 3]))]] }
        ) { call in
            let x = try call.tensor(0)
            guard x.rank > dim else { throw call.error(.shapeMismatch, "needs \(dim + 1) dimensions, not shape \(x.shape)") }
            return [.tensor(try x.flipped([dim]))]
        }
    }

    private static func shuffledChannels(_ name: String) -> Operator {
        composite(
            "aten::\(name)(Tensor self, SymInt groups) -> Tensor",
            "The channels, dimension 1, dealt out so that neighbours come from different groups.",
            samples: { [[.tensor(try .sample([1, 6, 2])), .int(3)]] }
        ) { call in
            let (x, groups) = (try call.tensor(0), try call.int(1))
            guard x.rank >= 3 else { throw call.error(.shapeMismatch, "needs three dimensions or more, not shape \(x.shape)") }
            try require(groups > 0, call.error(.invalidArgument, "the number of groups must be positive, not \(groups)"))
            try require(x.shape[1] % groups == 0, call.error(.shapeMismatch, "\(x.shape[1]) channels don't split into \(groups) groups"))
            let rest: [SymInt] = Array(x.shape.sizes.dropFirst(2))
            let split: Tensor = try x.reshaped([x.shape[0], groups, x.shape[1] / groups] + rest)
            return [.tensor(try split.transposed(1, 2).reshaped(x.shape))]
        }
    }
}

extension Call {
    /// The factor by which pixels are dealt out, of a tensor with channels, height and width.
    fileprivate func shuffleFactor() throws -> SymInt {
        let (x, factor) = (try tensor(0), try constant(1))
        guard x.rank >= 3 else { throw error(.shapeMismatch, "needs channels, height and width, not shape \(x.shape)") }
        guard factor > 0 else { throw error(.invalidArgument, "the factor must be positive, not \(factor)") }
        return SymInt(factor)
    }
}

extension Tensor {
    /// Channels dealt out over space: [..., c * r * r, h, w] becomes [..., c, h * r, w * r].
    public func pixelShuffle(_ factor: any SymIntConvertible) throws -> Tensor {
        try applySingle(.pixelShuffle, [.tensor(self), .int(factor)])
    }
    /// Space gathered into channels: [..., c, h * r, w * r] becomes [..., c * r * r, h, w].
    public func pixelUnshuffle(_ factor: any SymIntConvertible) throws -> Tensor {
        try applySingle(.pixelUnshuffle, [.tensor(self), .int(factor)])
    }

    /// The matrices of the last two dimensions transposed and conjugated.
    public var mH: Tensor { get throws { try applySingle(.named("mH"), [.tensor(self)]) } }

    /// Turned by 90 degrees `k` times, from the first of two dimensions to the second.
    public func rot90(_ k: any SymIntConvertible = 1, dims: [Int] = [0, 1]) throws -> Tensor {
        try applySingle(.rot90, [.tensor(self), .int(k), .ints(dims)])
    }

    /// The columns in reverse order.
    public func fliplr() throws -> Tensor { try applySingle(.fliplr, [.tensor(self)]) }

    /// The rows in reverse order.
    public func flipud() throws -> Tensor { try applySingle(.flipud, [.tensor(self)]) }

    /// Channels of [batch, channels, ...] taken in turn from groups.
    public func channelShuffle(_ groups: any SymIntConvertible) throws -> Tensor {
        try applySingle(.channelShuffle, [.tensor(self), .int(groups)])
    }
}

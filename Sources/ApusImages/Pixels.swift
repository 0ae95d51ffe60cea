import ApusTensor

/// Pixels as the libraries have them: row by row, the channels of a pixel beside each other.
struct Pixels {
    let width: Int
    let height: Int
    /// 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha.
    let channels: Int
    /// 8 or 16 bits, the latter in the machine's byte order.
    let depth: Int
    let bytes: Tensor.Storage

    var byteCount: Int { width * height * channels * (depth / 8) }

    /// Memory for an image whose size was checked.
    init(width: Int, height: Int, channels: Int, depth: Int) throws {
        (self.width, self.height, self.channels, self.depth) = (width, height, channels, depth)
        bytes = try .allocate(width * height * channels * (depth / 8))
    }

    /// The channels as `[channels, height, width]`: uint8, or int32 for 16 bits.
    func tensor(_ mode: ImageMode) throws -> Tensor {
        let raw = UnsafeRawBufferPointer(start: bytes.pointer, count: byteCount)
        let sizes: [Int] = [height, width, channels]
        // There is no unsigned dtype of 16 bits.
        let interleaved: Tensor =
            depth == 8
            ? try Tensor(sharing: raw, dtype: .uint8, shape: sizes, owner: bytes)
            : try Tensor(sharing: raw, dtype: .int16, shape: sizes, owner: bytes).to(.int32) & 0xFFFF
        return try Self.converted(interleaved.permuted([2, 0, 1]), to: mode, opaque: depth == 8 ? 255 : 65535).contiguous()
    }

    private static func converted(_ image: Tensor, to mode: ImageMode, opaque: Int) throws -> Tensor {
        let channels: Int = try image.sizes[0]
        let isGray: Bool = channels <= 2
        let colors: Tensor
        switch mode {
        case .unchanged: return image
        case .gray: return try isGray ? image[0..<1] : luminance(image[0..<3])
        case .rgb, .rgba: colors = try isGray ? Tensor.cat([image[0..<1], image[0..<1], image[0..<1]]) : image[0..<3]
        }
        guard mode == .rgba else { return colors }
        let hasAlpha: Bool = channels == 2 || channels == 4
        let alpha: Tensor =
            try hasAlpha ? image[channels - 1..<channels] : Tensor.full(image[0..<1].shape.sizes, opaque, dtype: image.dtype)
        return try Tensor.cat([colors, alpha])
    }

    /// Red, green and blue as one channel, in fixed-point numbers with 16 bits behind the point.
    private static func luminance(_ colors: Tensor) throws -> Tensor {
        let weights = try Tensor([19595, 38470, 7471]).reshaped([3, 1, 1])
        let sum: Tensor = try (colors.to(.int64) * weights).sum(dim: 0, keepDim: true)
        return try ((sum + 0x8000) >> 16).to(colors.dtype)
    }

    /// An image `[channels, height, width]` or `[height, width]` of uint8, or of int32 from 0 to 65535 for 16 bits.
    init(_ image: Tensor, maxChannels: Int) throws {
        let sizes: [Int] = try image.sizes
        guard sizes.count == 2 || sizes.count == 3 else {
            throw ImageError(.invalidArgument, "an image is [channels, height, width] or [height, width], not \(image.spec)")
        }
        let planes: Tensor = sizes.count == 2 ? try image.unsqueezed(0) : image
        let (channels, height, width) = (try planes.sizes[0], sizes[sizes.count - 2], sizes[sizes.count - 1])
        guard channels >= 1, channels <= maxChannels, height >= 1, width >= 1 else {
            throw ImageError(.invalidArgument, "1 to \(maxChannels) channels and at least one pixel can be written, not \(image.spec)")
        }
        let samples: Tensor
        switch image.dtype {
        case .uint8: samples = planes
        case .int32:
            let (least, most) = (try planes.amin().item(Int.self), try planes.amax().item(Int.self))
            guard least >= 0, most <= 65535 else {
                throw ImageError(.invalidArgument, "16 bits hold 0 to 65535, but there are numbers from \(least) to \(most)")
            }
            samples = try planes.to(.int16)
        default:
            throw ImageError(.invalidArgument, "an image is uint8, or int32 for 16 bits, not \(image.dtype): scale and convert it first")
        }
        try self.init(width: width, height: height, channels: channels, depth: image.dtype == .uint8 ? 8 : 16)
        try samples.permuted([1, 2, 0]).withUnsafeBytes { source in
            UnsafeMutableRawBufferPointer(start: bytes.pointer, count: byteCount).copyMemory(from: source)
        }
    }
}

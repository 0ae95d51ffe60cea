import ApusArchive
import ApusTensor

extension Tensor {
    /// Reads a PNG or JPEG file, whichever its first bytes say it is.
    ///
    /// The pixels come as `[channels, height, width]`: uint8, or int32 from 0 to 65535 for a PNG with 16 bits. They are the file's own numbers: gamma,
    /// colour profiles and the direction that a camera noted are left to the caller. The costs are those of libpng and libjpeg-turbo, and one copy.
    ///
    /// - Throws: `ImageError`: `.wrongFormat`, `.truncated` for a file that is cut, `.malformed`, `.limit` for more pixels than `limits` says,
    ///   `.unsupported` for CMYK. `ArchiveError` where the file can't be read.
    public static func load(image path: String, mode: ImageMode = .unchanged, limits: ImageLimits = ImageLimits()) throws -> Tensor {
        let file = try MappedFile(path: path)
        return try naming(file: path) {
            try withExtendedLifetime(file) { try decode(image: file.bytes, mode: mode, limits: limits) }
        }
    }

    /// Reads a PNG or JPEG file that is in memory.
    /// - Throws: `ImageError` as for a file.
    public static func decode(
        image bytes: UnsafeRawBufferPointer, mode: ImageMode = .unchanged, limits: ImageLimits = ImageLimits()
    ) throws -> Tensor {
        if bytes.starts(with: PNG.signature) { return try PNG.decode(bytes, limits: limits).tensor(mode) }
        if bytes.starts(with: JPEG.signature) { return try JPEG.decode(bytes, limits: limits).tensor(mode) }
        throw ImageError(.wrongFormat, "is neither PNG nor JPEG")
    }

    /// Reads a PNG or JPEG file that is in memory.
    /// - Throws: `ImageError` as for a file.
    public static func decode(image bytes: [UInt8], mode: ImageMode = .unchanged, limits: ImageLimits = ImageLimits()) throws -> Tensor {
        try bytes.withUnsafeBytes { try decode(image: $0, mode: mode, limits: limits) }
    }

    /// The bytes of a PNG file of an image `[channels, height, width]` or `[height, width]`: uint8, or int32 from 0 to 65535 for 16 bits. One
    /// channel is gray, two gray and alpha, three RGB, four RGB and alpha.
    ///
    /// - Parameter compression: from 0, quick and large, to 9.
    /// - Throws: `ImageError`: `.invalidArgument` for other tensors and numbers.
    public func encodedPNG(compression: Int = 6) throws -> [UInt8] {
        try PNG.encode(try Pixels(self, maxChannels: 4), compression: compression)
    }

    /// The bytes of a JPEG file of an image `[channels, height, width]` or `[height, width]` of uint8; one channel is gray, three are RGB.
    ///
    /// - Parameter quality: from 1 to 100.
    /// - Throws: `ImageError`: `.invalidArgument` for other tensors and numbers, `.unsupported` for two channels, 16 bits, and sizes above 65500.
    public func encodedJPEG(quality: Int = 90, subsampling: JPEGSubsampling = .yuv420) throws -> [UInt8] {
        try JPEG.encode(try Pixels(self, maxChannels: 3), quality: quality, subsampling: subsampling)
    }

    /// Writes a PNG file, in one step or not at all.
    /// - Throws: as `encodedPNG`; `ArchiveError` (`.cannotWrite`).
    public func save(png path: String, compression: Int = 6) throws {
        try Tensor.write(try naming(file: path) { try encodedPNG(compression: compression) }, to: path)
    }

    /// Writes a JPEG file, in one step or not at all.
    /// - Throws: as `encodedJPEG`; `ArchiveError` (`.cannotWrite`).
    public func save(jpeg path: String, quality: Int = 90, subsampling: JPEGSubsampling = .yuv420) throws {
        try Tensor.write(try naming(file: path) { try encodedJPEG(quality: quality, subsampling: subsampling) }, to: path)
    }

    private static func write(_ bytes: [UInt8], to path: String) throws {
        try AtomicFile.replace(path) { descriptor in
            try bytes.withUnsafeBytes { try AtomicFile.writeAll($0, to: descriptor) }
        }
    }
}

import CTurboJPEG

/// JPEG files in memory.
enum JPEG {
    static let signature: [UInt8] = [0xFF, 0xD8, 0xFF]

    static func decode(_ bytes: UnsafeRawBufferPointer, limits: ImageLimits) throws -> Pixels {
        guard let reader = tjInitDecompress() else { throw ImageError(.limit, "no memory to read an image") }
        defer { tjDestroy(reader) }
        let (source, count) = (bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), UInt(bytes.count))
        func check(_ status: Int32) throws {
            guard status != 0 else { return }
            // A file that is whole ends with its end marker.
            throw ImageError(bytes.suffix(2).elementsEqual([0xFF, 0xD9]) ? .malformed : .truncated, message(reader))
        }
        var (width, height, subsampling, colors): (Int32, Int32, Int32, Int32) = (0, 0, 0, 0)
        try check(tjDecompressHeader3(reader, source, count, &width, &height, &subsampling, &colors))
        guard colors != Int32(TJCS_CMYK.rawValue), colors != Int32(TJCS_YCCK.rawValue) else {
            throw ImageError(.unsupported, "the image is CMYK, which is made for printing")
        }
        try limits.check(width: Int(width), height: Int(height))
        let isGray: Bool = colors == Int32(TJCS_GRAY.rawValue)
        let pixels = try Pixels(width: Int(width), height: Int(height), channels: isGray ? 1 : 3, depth: 8)
        let format: Int32 = isGray ? Int32(TJPF_GRAY.rawValue) : Int32(TJPF_RGB.rawValue)
        // A file of many empty scans would take minutes.
        let flags: Int32 = TJFLAG_STOPONWARNING | TJFLAG_LIMITSCANS
        let target = pixels.bytes.pointer.assumingMemoryBound(to: UInt8.self)
        try check(tjDecompress2(reader, source, count, target, width, 0, height, format, flags))
        return pixels
    }

    static func encode(_ pixels: Pixels, quality: Int, subsampling: JPEGSubsampling) throws -> [UInt8] {
        guard (1...100).contains(quality) else {
            throw ImageError(.invalidArgument, "JPEG's quality goes from 1 to 100, not to \(quality)")
        }
        guard pixels.channels != 2, pixels.depth == 8 else {
            throw ImageError(.unsupported, "JPEG holds 1 or 3 channels of uint8, not \(pixels.channels) of \(pixels.depth) bits")
        }
        guard pixels.width <= 65500, pixels.height <= 65500 else {
            throw ImageError(.unsupported, "JPEG has no images of \(pixels.width) x \(pixels.height) pixels; at most 65500 each")
        }
        guard let writer = tjInitCompress() else { throw ImageError(.limit, "no memory to write an image") }
        defer { tjDestroy(writer) }
        var bytes: UnsafeMutablePointer<UInt8>?
        var count: UInt = 0
        defer { tjFree(bytes) }
        let isGray: Bool = pixels.channels == 1
        let samples: TJSAMP =
            switch subsampling {
            case _ where isGray: TJSAMP_GRAY
            case .yuv444: TJSAMP_444
            case .yuv422: TJSAMP_422
            case .yuv420: TJSAMP_420
            }
        let format: Int32 = isGray ? Int32(TJPF_GRAY.rawValue) : Int32(TJPF_RGB.rawValue)
        let source = pixels.bytes.pointer.assumingMemoryBound(to: UInt8.self)
        let status: Int32 = tjCompress2(
            writer, source, Int32(pixels.width), 0, Int32(pixels.height), format, &bytes, &count, Int32(samples.rawValue), Int32(quality), 0
        )
        guard status == 0 else { throw ImageError(.unsupported, message(writer)) }
        return Array(UnsafeBufferPointer(start: bytes, count: Int(count)))
    }

    private static func message(_ handle: tjhandle) -> String {
        tjGetErrorStr2(handle).map { String(cString: $0) } ?? "the image can't be read"
    }
}

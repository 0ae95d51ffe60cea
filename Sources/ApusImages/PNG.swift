import CApusPNG
import Glibc

/// PNG files in memory.
enum PNG {
    static let signature: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]

    static func decode(_ bytes: UnsafeRawBufferPointer, limits: ImageLimits) throws -> Pixels {
        guard let reader = apus_png_open(bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) else {
            throw ImageError(.limit, "no memory to read an image")
        }
        defer { apus_png_close(reader) }
        var info = apus_png_info()
        let status: apus_png_status = apus_png_read_info(reader, UInt64(max(limits.pixels, 0)), &info)
        // Before the status, which of an image that is too large says no more than that.
        try limits.check(width: Int(info.width), height: Int(info.height))
        try check(status)
        let pixels = try Pixels(width: Int(info.width), height: Int(info.height), channels: Int(info.channels), depth: Int(info.depth))
        try check(apus_png_read_pixels(reader, pixels.bytes.pointer.assumingMemoryBound(to: UInt8.self)))
        return pixels
    }

    static func encode(_ pixels: Pixels, compression: Int) throws -> [UInt8] {
        guard (0...9).contains(compression) else {
            throw ImageError(.invalidArgument, "PNG's compression goes from 0 to 9, not to \(compression)")
        }
        guard let width = Int32(exactly: pixels.width), let height = Int32(exactly: pixels.height) else {
            throw ImageError(.unsupported, "PNG has no images of \(pixels.width) x \(pixels.height) pixels")
        }
        var info = apus_png_info(
            width: UInt32(width), height: UInt32(height), channels: Int32(pixels.channels), depth: Int32(pixels.depth))
        var bytes: UnsafeMutablePointer<UInt8>?
        var count = 0
        defer { free(bytes) }
        try check(apus_png_write(&info, pixels.bytes.pointer.assumingMemoryBound(to: UInt8.self), Int32(compression), &bytes, &count))
        return Array(UnsafeBufferPointer(start: bytes, count: count))
    }

    private static func check(_ status: apus_png_status) throws {
        guard status.status != APUS_PNG_OK.rawValue else { return }
        let message: String = withUnsafeBytes(of: status.message) { String(decoding: $0.prefix { $0 != 0 }, as: UTF8.self) }
        switch UInt32(bitPattern: status.status) {
        case APUS_PNG_TRUNCATED.rawValue: throw ImageError(.truncated, message)
        case APUS_PNG_NO_MEMORY.rawValue, APUS_PNG_TOO_LARGE.rawValue: throw ImageError(.limit, message)
        default: throw ImageError(.malformed, message)
        }
    }
}

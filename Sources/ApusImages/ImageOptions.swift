/// Which channels an image is read with.
public enum ImageMode: Sendable, Hashable, CaseIterable {
    /// Those of the file: 1 gray, 2 gray and alpha, 3 RGB, 4 RGB and alpha. Palettes become RGB.
    case unchanged
    /// Gray: of colours 0.299 red + 0.587 green + 0.114 blue, rounded.
    case gray
    /// Red, green, blue; transparency is dropped.
    case rgb
    /// Red, green, blue and alpha, which is opaque where the file has none.
    case rgba
}

/// How large an image may be. A file of some kilobytes can hold an image of many gigabytes.
public struct ImageLimits: Sendable, Hashable {
    /// Width times height at most.
    public var pixels: Int

    public init(pixels: Int = 100_000_000) { self.pixels = pixels }

    func check(width: Int, height: Int) throws {
        guard width <= pixels / max(height, 1) else {
            throw ImageError(.limit, "\(width) x \(height) pixels; at most \(pixels) are read")
        }
    }
}

/// How many colour samples a JPEG file keeps.
public enum JPEGSubsampling: Sendable, Hashable, CaseIterable {
    /// One for each pixel.
    case yuv444
    /// One for two pixels beside each other.
    case yuv422
    /// One for a square of four.
    case yuv420
}

import ApusArchive
import ApusImages
import ApusTensor
import Foundation
import JudgeSupport
import Testing

/// PNG and JPEG files, both ways, judged by Pillow to the last bit; then the same files cut and damaged.
struct ImageFileTests {
    private let modes: [(name: String, mode: ImageMode)] = [("unchanged", .unchanged), ("gray", .gray), ("rgb", .rgb), ("rgba", .rgba)]

    /// `[channels, height, width]` drawn with a seed.
    private func picture(_ sizes: [Int], below end: Int = 256, dtype: DType = .uint8) throws -> Tensor {
        try Tensor.randint(end, sizes, seed: 1).to(dtype)
    }

    @Test func pixelsAreThoseOfPillow() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("images-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

        var written: [String: Tensor] = [:]
        for channels in 1...4 {
            written["ours-\(channels).png"] = try picture([channels, 5, 7])
            // Pillow reads 16 bits in gray alone.
            if channels == 1 { written["ours-deep.png"] = try picture([channels, 5, 7], below: 65536, dtype: .int32) }
        }
        for (name, image) in written { try image.save(png: path(name), compression: name.hasSuffix("1.png") ? 0 : 9) }
        let smooth = try (Tensor.arange(3 * 40 * 30).to(.float32) / 400).sin().reshaped([3, 40, 30])
        let photograph = try (smooth * 100 + 128).to(.uint8)
        for (index, subsampling) in JPEGSubsampling.allCases.enumerated() {
            try photograph.save(jpeg: path("ours-jpeg\(index).jpg"), quality: 95, subsampling: subsampling)
        }
        try photograph[0].save(jpeg: path("ours-jpeg.jpg"))
        try Python.runFile("Tests/Judges/images.py", [folder.path])

        for (name, image) in written {
            let read = try Tensor.load(npy: path(String(name.dropLast(4)) + ".npy"))
            #expect(try read.permuted([2, 0, 1]).equal(image.to(.int32)), "\(name) as Pillow reads it")
            #expect(try Tensor.load(image: path(name)).equal(image), "\(name) as we read it")
        }
        for name in ["ours-jpeg0", "ours-jpeg1", "ours-jpeg2", "ours-jpeg"] {
            let (ours, theirs) = (try Tensor.load(image: path("\(name).jpg")), try Tensor.load(npy: path("\(name).npy")))
            #expect(try theirs.permuted([2, 0, 1]).equal(ours.to(.int32)), "\(name).jpg")
            let original = try name == "ours-jpeg" ? photograph[0..<1] : photograph
            let error = try (ours.to(.float32) - original.to(.float32)).square().mean().item(Float.self)
            #expect(error < 3, "\(name).jpg: mean square of the error")
        }

        var judged = 0
        for file in try FileManager.default.contentsOfDirectory(atPath: folder.path).sorted() where !file.hasPrefix("ours") {
            guard file.hasSuffix(".png") || file.hasSuffix(".jpg"), file != "cmyk.jpg" else { continue }
            let arrays: [String: Tensor] = try .load(npz: path(String(file.dropLast(4)) + ".npz"))
            for (name, mode) in modes {
                guard let expected = arrays[name] else { continue }
                judged += 1
                let image = try Tensor.load(image: path(file), mode: mode)
                #expect(try image.equal(expected.permuted([2, 0, 1])), "\(file), \(name): \(image.spec) and \(expected.spec)")
            }
            try expectErrors(Array(try Data(contentsOf: URL(fileURLWithPath: path(file)))), file)
        }
        #expect(judged > 90)
        let error = #expect(throws: ImageError.self) { try Tensor.load(image: path("cmyk.jpg")) }
        #expect(error?.code == .unsupported && error?.file == path("cmyk.jpg"))
    }

    /// A file that is cut is an error; one with other bytes in it is an error or an image.
    private func expectErrors(_ bytes: [UInt8], _ name: String) throws {
        for count in stride(from: 0, to: bytes.count, by: max(1, bytes.count / 60)) {
            let error = #expect(throws: ImageError.self, "\(name), cut to \(count) bytes") {
                try Tensor.decode(image: Array(bytes[..<count]))
            }
            #expect(error?.code == (count < (name.hasSuffix("png") ? 8 : 3) ? .wrongFormat : .truncated), "\(name), \(count)")
        }
        let drawn: [Int] = try Tensor.randint(1 << 30, [60, 3, 2], seed: UInt64(bytes.count)).array()
        for trial in 0..<60 {
            var damaged = bytes
            for change in 0..<3 {
                let (place, value) = (drawn[(trial * 3 + change) * 2], drawn[(trial * 3 + change) * 2 + 1])
                damaged[8 + place % (bytes.count - 8)] = UInt8(value % 256)
            }
            do { _ = try Tensor.decode(image: damaged, limits: ImageLimits(pixels: 1 << 20)) } catch is ImageError {}
        }
    }

    @Test func sizesAreLimitedBeforeAnythingIsRead() throws {
        let image = try picture([3, 20, 30])
        for bytes in [try image.encodedPNG(), try image.encodedJPEG()] {
            #expect(try Tensor.decode(image: bytes, limits: ImageLimits(pixels: 600)).sizes == [3, 20, 30])
            let error = #expect(throws: ImageError.self) { try Tensor.decode(image: bytes, limits: ImageLimits(pixels: 599)) }
            #expect(error?.description == "30 x 20 pixels; at most 599 are read")
        }
        // A header that claims two thousand million rows; its checksum is right.
        var bomb: [UInt8] = try picture([1, 1, 1]).encodedPNG()
        bomb.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0x7F, 0xFF, 0xFF, 0xFF])
        let checksum: UInt32 = crc32(bomb[12..<29])
        bomb.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: checksum >> (24 - 8 * $0)) })
        let error = #expect(throws: ImageError.self) { try Tensor.decode(image: bomb) }
        #expect(error?.code == .limit)
        // One row, which alone would be of gigabytes.
        bomb.replaceSubrange(16..<24, with: [0x7F, 0xFF, 0xFF, 0xFF, 0, 0, 0, 1])
        let other: UInt32 = crc32(bomb[12..<29])
        bomb.replaceSubrange(29..<33, with: (0..<4).map { UInt8(truncatingIfNeeded: other >> (24 - 8 * $0)) })
        let wide = #expect(throws: ImageError.self) { try Tensor.decode(image: bomb) }
        #expect(wide?.description == "2147483647 x 1 pixels; at most 100000000 are read")
    }

    private func crc32(_ bytes: ArraySlice<UInt8>) -> UInt32 {
        ~bytes.reduce(UInt32.max) { sum, byte in
            (0..<8).reduce(sum ^ UInt32(byte)) { value, _ in value & 1 == 1 ? value >> 1 ^ 0xEDB8_8320 : value >> 1 }
        }
    }

    @Test func whatIsNoImageIsRefused() throws {
        func code(_ body: () throws -> Void) -> ImageError.Code? {
            do { try body() } catch let error as ImageError { return error.code } catch {}
            return nil
        }
        let image = try picture([3, 4, 4])
        #expect(code { _ = try Tensor.decode(image: Array("GIF89a".utf8)) } == .wrongFormat)
        #expect(code { _ = try Tensor.decode(image: []) } == .wrongFormat)
        #expect(code { _ = try image.to(.float32).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try picture([5, 4, 4]).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try picture([4]).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try picture([1, 0, 4]).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try Tensor([[65536]]).to(.int32).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try Tensor([[-1]]).to(.int32).encodedPNG() } == .invalidArgument)
        #expect(code { _ = try image.encodedPNG(compression: 10) } == .invalidArgument)
        #expect(code { _ = try image.encodedJPEG(quality: 0) } == .invalidArgument)
        #expect(code { _ = try picture([2, 4, 4]).encodedJPEG() } == .unsupported)
        #expect(code { _ = try picture([4, 4, 4]).encodedJPEG() } == .invalidArgument)
        #expect(code { _ = try image.to(.int32).encodedJPEG() } == .unsupported)
        #expect(throws: ArchiveError.self) { try Tensor.load(image: "no such file.png") }
        #expect(throws: ArchiveError.self) { try image.save(png: "no such folder/image.png") }
    }

    /// Views are written as they look, not as they lie in memory.
    @Test func viewsAreWritten() throws {
        let image = try picture([3, 6, 8])
        let view = try image.transposed(1, 2)[.all, 2..<7, 1..<4]
        #expect(try Tensor.decode(image: view.encodedPNG()).equal(view))
        #expect(try Tensor.decode(image: image[0].encodedPNG()).equal(image[0..<1]))
    }
}

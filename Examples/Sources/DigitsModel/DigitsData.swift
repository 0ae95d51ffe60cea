import Apus

/// The handwritten digits of `Data/digits.npy`, split into a part to train on and a part held out.
public struct DigitsData {
    /// Images `[N, 1, 8, 8]` in float32 from 0 (paper) to 1 (ink), and their digits `[N]` in int64.
    public struct Part {
        public let images: Tensor
        public let digits: Tensor

        /// The number of images.
        public var count: Int { get throws { try images.sizes[0] } }

        /// The images at these positions, in this order.
        public func selecting(_ positions: [Int]) throws -> Part {
            let index = try Tensor(positions, shape: [positions.count])
            return try Part(images: images.indexSelect(dim: 0, index), digits: digits.indexSelect(dim: 0, index))
        }

        /// The first images, at most `count` of them.
        public func prefix(_ count: Int) throws -> Part {
            try selecting(Array(0..<min(count, self.count)))
        }
    }

    public let training: Part
    public let heldOut: Part

    /// Reads rows of 64 pixels and a digit, and holds out every fifth.
    public init(path: String) throws {
        let rows = try Tensor.load(npy: path)
        let sizes = try rows.sizes
        guard rows.dtype == .uint8, sizes.count == 2, sizes[1] == 65 else {
            throw DigitsDataError(description: "\(path): expected uint8[N, 65], 64 pixels and a digit in each row, got \(rows.spec)")
        }
        let everything = try Part(
            images: rows[.all, 0..<64].to(.float32).reshaped([sizes[0], 1, 8, 8]) / 16,
            digits: rows[.all, 64].to(.int64))
        let positions = 0..<sizes[0]
        training = try everything.selecting(positions.filter { $0 % 5 != 4 })
        heldOut = try everything.selecting(positions.filter { $0 % 5 == 4 })
    }
}

public struct DigitsDataError: Error, CustomStringConvertible {
    public let description: String
}

package typealias Layout = Tensor.Layout

extension Tensor {
    /// The sizes and strides of a tensor whose shape is known, shared by every tensor that has the same ones.
    ///
    /// Immutable, with its numbers in memory of their own so that kernels can read them in place. Strides count elements, may be 0
    /// (an expanded dimension) or negative.
    public final class Layout: @unchecked Sendable {
        public let rank: Int
        /// The number of elements.
        public let count: Int
        /// True where the elements lie in row-major order without gaps. An empty layout is contiguous.
        public let isContiguous: Bool
        @usableFromInline let numbers: UnsafeMutablePointer<Int64>

        /// The numbers as kernels read them, unchecked: for this package only.
        @inlinable package var sizes: UnsafePointer<Int64> { UnsafePointer(numbers) }
        @inlinable package var strides: UnsafePointer<Int64> { UnsafePointer(numbers + rank) }

        /// The layout of a zero-dimensional tensor.
        public static let scalar = Layout(rank: 0, count: 1, isContiguous: true) { _ in }

        private init(rank: Int, count: Int, isContiguous: Bool, fill: (UnsafeMutablePointer<Int64>) -> Void) {
            self.rank = rank
            self.count = count
            self.isContiguous = isContiguous
            numbers = UnsafeMutablePointer<Int64>.allocate(capacity: 2 * rank)
            fill(numbers)
        }

        deinit { numbers.deallocate() }

        /// A row-major layout, or nil where a size is negative or the element count overflows.
        public static func contiguous(_ sizes: some Collection<Int>) -> Layout? {
            if sizes.isEmpty { return .scalar }
            guard let count = elementCount(sizes) else { return nil }
            let rank = sizes.count
            return Layout(rank: rank, count: count, isContiguous: true) { numbers in
                var index = 0
                for size in sizes {
                    numbers[index] = Int64(size)
                    index += 1
                }
                var stride: Int64 = 1
                for dim in lastToFirst(rank) {
                    numbers[rank + dim] = stride
                    stride *= Swift.max(numbers[dim], 1)
                }
            }
        }

        /// A layout with the given strides, or nil where a size is negative or the element count overflows.
        public static func strided(_ sizes: [Int], strides: [Int]) -> Layout? {
            guard sizes.count == strides.count, let count = elementCount(sizes) else { return nil }
            let rank = sizes.count
            let contiguous = Layout.isContiguous(sizes, strides: strides, count: count)
            return Layout(rank: rank, count: count, isContiguous: contiguous) { numbers in
                for dim in 0..<rank {
                    numbers[dim] = Int64(sizes[dim])
                    numbers[rank + dim] = Int64(strides[dim])
                }
            }
        }

        private static func isContiguous(_ sizes: [Int], strides: [Int], count: Int) -> Bool {
            if count == 0 { return true }
            var expected = 1
            for dim in lastToFirst(sizes.count) where sizes[dim] != 1 {
                if strides[dim] != expected { return false }
                expected *= sizes[dim]
            }
            return true
        }

        /// The product of the sizes, or nil where one is negative or the product, zeros taken as ones, overflows.
        public static func elementCount(_ sizes: some Collection<Int>) -> Int? {
            var count = 1
            var isEmpty = false
            for size in sizes {
                if size < 0 { return nil }
                if size == 0 {
                    isEmpty = true
                    continue
                }
                let (product, overflow) = count.multipliedReportingOverflow(by: size)
                // Bytes are counted too: sixteen for the widest element.
                if overflow || product > Int.max / 16 { return nil }
                count = product
            }
            return isEmpty ? 0 : count
        }

        public var sizesArray: [Int] { (0..<rank).map { Int(numbers[$0]) } }
        public var stridesArray: [Int] { (0..<rank).map { Int(numbers[rank + $0]) } }

        /// The size of a dimension, which must exist: it is not checked. Outside of this package `sizesArray` tells sizes.
        @inlinable
        package func size(_ dim: Int) -> Int { Int(numbers[dim]) }

        /// The stride of a dimension, which must exist: it is not checked. Outside of this package `stridesArray` tells strides.
        @inlinable
        package func stride(_ dim: Int) -> Int { Int(numbers[rank + dim]) }

        @inlinable
        public func hasSameSizes(as other: Layout) -> Bool {
            if self === other { return true }
            if rank != other.rank { return false }
            for dim in 0..<rank where numbers[dim] != other.numbers[dim] { return false }
            return true
        }

        /// The row-major layout of the same sizes: itself when it is contiguous.
        public func madeContiguous() -> Layout {
            isContiguous ? self : Layout.contiguous(sizesArray) ?? self
        }

        /// The number of elements from the first to the last one that the layout reaches, or nil where that overflows. Negative strides count
        /// by their lowest element.
        public var extent: (lowest: Int, highest: Int)? {
            if count == 0 { return (0, -1) }
            var lowest = 0
            var highest = 0
            for dim in 0..<rank {
                let (reach, overflow) = stride(dim).multipliedReportingOverflow(by: size(dim) - 1)
                if overflow { return nil }
                let (next, more) = (reach < 0 ? lowest : highest).addingReportingOverflow(reach)
                if more { return nil }
                if reach < 0 { lowest = next } else { highest = next }
            }
            return (lowest, highest)
        }
    }
}

/// The dimensions from the last to the first.
@inline(__always)
private func lastToFirst(_ rank: Int) -> ReversedCollection<Range<Int>> { (0..<rank).reversed() }

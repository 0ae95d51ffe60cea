import ApusSymbolic

/// What the file's strides of a tensor tell.
///
/// Declared strides are never used for addressing; they only say what PyTorch's program did about sharing memory.
enum StrideQuestion {
    /// Whether a tensor lies in row-major order without gaps; nil where symbolic sizes leave it open.
    static func isContiguous(_ meta: ProgramSchema.TensorMeta) -> Bool? {
        guard meta.sizes.count == meta.strides.count else { return nil }
        var expected: ProgramSchema.SymIntValue = .known(1)
        var known: Int? = 1
        for (size, stride) in zip(meta.sizes, meta.strides).reversed() {
            if case .known(1) = size { continue }
            switch stride {
            case .known(let value):
                guard let known else { return nil }
                if value != known { return false }
            case .expression:
                // A symbolic stride is compared as text with what it should be; equal texts are equal values, others tell nothing.
                guard text(stride) == text(expected) else { return nil }
            }
            if case .known(let factor) = size, let product = known?.multipliedReportingOverflow(by: factor), !product.overflow {
                known = product.partialValue
                expected = .known(product.partialValue)
            } else if known == 1, case .expression = size {
                known = nil
                expected = size
            } else {
                known = nil
                // A product of several sizes: its text is PyTorch's to choose. A leading dimension needs no product any more.
                expected = .expression(.init(text: ""))
            }
        }
        return true
    }

    /// Whether the elements of a tensor are seen under other sizes without moving them, as PyTorch's `reshape` finds out: dimensions that
    /// follow each other without a gap count as one, and each of these must be made of dimensions of the result. Nil where that is open.
    static func isView(_ sizes: [SymInt], _ strides: [SymInt], as result: [SymInt], decide: (SymBool) -> Bool?) -> Bool? {
        guard sizes.count == strides.count else { return nil }
        var rest: ArraySlice<SymInt> = result[...]
        // The dimensions that count as one, from the last one on: their elements, and the stride between these.
        var count: SymInt = 1
        var stride: SymInt?
        for dim in sizes.indices.reversed() {
            let innermost: SymInt = stride ?? strides[dim]
            count = count * sizes[dim]
            // The number of elements is the same, so what is left fits.
            guard dim > 0 else { break }
            let isSingle: Bool? = decide(sizes[dim - 1] == 1)
            let follows: Bool? = decide(strides[dim - 1] == count * innermost)
            if isSingle == true || follows == true {
                stride = innermost
                continue
            }
            guard isSingle == false, follows == false else { return nil }
            var made: SymInt = 1
            while let next = rest.last {
                guard let isShort = decide(made < count) else { return nil }
                guard isShort else { break }
                made = made * next
                rest.removeLast()
            }
            guard let fits = decide(made == count) else { return nil }
            if !fits { return false }
            (count, stride) = (1, nil)
        }
        return true
    }

    private static func text(_ value: ProgramSchema.SymIntValue) -> String? {
        switch value {
        case .known(let number): "\(number)"
        case .expression(let expression): expression.text
        }
    }
}

/// What the file's strides of a tensor tell.
///
/// Declared strides are never used for addressing; they only say what PyTorch's program did about sharing memory.
enum StrideQuestion {
    /// Whether a tensor lies in row-major order without gaps; nil where symbolic sizes leave it open.
    static func isContiguous(_ meta: ProgramSchema.TensorMeta) -> Bool? {
        guard meta.sizes.count == meta.strides.count else { return nil }
        var expected: ProgramSchema.SymIntValue = .int(1)
        var known: Int? = 1
        for (size, stride) in zip(meta.sizes, meta.strides).reversed() {
            if case .int(1) = size { continue }
            switch stride {
            case .int(let value):
                guard let known else { return nil }
                if value != known { return false }
            case .expression:
                // A symbolic stride is compared as text with what it should be; equal texts are equal values, others tell nothing.
                guard text(stride) == text(expected) else { return nil }
            }
            if case .int(let factor) = size, let product = known?.multipliedReportingOverflow(by: factor), !product.overflow {
                known = product.partialValue
                expected = .int(product.partialValue)
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

    private static func text(_ value: ProgramSchema.SymIntValue) -> String? {
        switch value {
        case .int(let number): "\(number)"
        case .expression(let expression): expression.text
        }
    }
}

import ApusSymbolic

/// A window on a tensor's elements while a view operator works it out: sizes, strides, and where the first element lies.
struct StridedView {
    var sizes: [Int]
    var strides: [Int]
    /// In elements, from the tensor's first element.
    var offset: Int = 0

    init(_ layout: Layout) {
        (sizes, strides) = (layout.sizesArray, layout.stridesArray)
    }

    var rank: Int { sizes.count }

    /// The window as an operator's result. Throws where a size is negative or the element count overflows.
    func result(_ call: Call) throws -> Operator.View {
        guard let layout = Layout.strided(sizes, strides: strides) else {
            throw call.error(.overflow, "a tensor of shape \(sizes) has too many elements")
        }
        return Operator.View(layout, offset: offset)
    }
}

extension Operator {
    /// How a view operator moves the window that shows its argument.
    typealias Window = @Sendable (Call, inout StridedView) throws -> Void

    /// An operator whose result is a window on the first argument's memory: `shape` gives the sizes, `window` the strides and the offset too.
    static func view(
        _ schema: String, _ documentation: String, shape: @escaping @Sendable (Call, Shape) throws -> [SymInt], window: @escaping Window,
        gradient: Gradient?, samples: @escaping @Sendable () throws -> [[OperatorArgument]]
    ) -> Operator {
        Operator(
            schema, documentation,
            rule: { call in
                let x = try call.tensor(0)
                return [TensorSpec(x.dtype, try Shape(try shape(call, x.shape), in: call.name))]
            },
            kernel: .view { call in
                var view = StridedView(try call.tensor(0).layout)
                try window(call, &view)
                return [try view.result(call)]
            }, gradient: gradient, samples: samples)
    }
}

extension Call {
    /// A size as the plain number that kernels need.
    func known(_ size: SymInt) throws -> Int {
        if let value = size.constant { return value }
        throw unknown(.int(size))
    }

    func known(_ sizes: [SymInt]) throws -> [Int] { try sizes.map { try known($0) } }

    /// A dimension given by argument `index`, counted from the front, of a tensor that must have dimensions.
    func dimension(_ index: Int, rank: Int) throws -> Int {
        guard rank > 0 else { throw error(.indexOutOfRange, "a zero-dimensional tensor has no dimension to take") }
        return try normalize(dim: try constant(index), rank: rank, in: name)
    }
}

/// The smaller of two sizes: one of them where it is known which, else an expression.
func smaller(_ a: SymInt, _ b: SymInt) -> SymInt {
    if decide(a <= b) == true { return a }
    if decide(b <= a) == true { return b }
    return ApusSymbolic.min(a, b)
}

/// The larger of two sizes: one of them where it is known which, else an expression.
func larger(_ a: SymInt, _ b: SymInt) -> SymInt {
    if decide(a >= b) == true { return a }
    if decide(b >= a) == true { return b }
    return ApusSymbolic.max(a, b)
}

/// Sizes or other integers for a message: `[2, s0]`.
func listText(_ values: [SymInt]) -> String { "[" + values.map { "\($0)" }.joined(separator: ", ") + "]" }

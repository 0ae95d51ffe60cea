import ApusSymbolic

/// The sizes of a tensor: a collection of `SymInt`, each a plain number in eager code and possibly a symbol while tracing.
public struct Shape: Sendable {
    enum Representation: Sendable {
        /// Every size is known. Sharing a tensor's layout makes a shape cost nothing in eager code.
        case known(Tensor.Layout)
        /// At least one size is symbolic.
        case symbolic([SymInt])
    }

    let representation: Representation

    @usableFromInline
    init(_ layout: Tensor.Layout) { representation = .known(layout) }

    /// A shape of these sizes. Negative and overflowing sizes are thrown as errors that name the operator.
    public init(_ sizes: [SymInt], in operatorName: String = "") throws {
        var known: [Int] = []
        known.reserveCapacity(sizes.count)
        var isSymbolic = false
        for (dim, size) in sizes.enumerated() {
            guard let value = size.constant else {
                if let fault = size.fault {
                    throw TensorError(
                        fault, ofTrace: size.scope != nil, in: operatorName, "the size of dimension \(dim) is not a number: ")
                }
                isSymbolic = true
                continue
            }
            guard value >= 0 else {
                throw TensorError(.invalidArgument, in: operatorName, "the size of dimension \(dim) is negative: \(value)")
            }
            known.append(value)
        }
        if isSymbolic {
            representation = .symbolic(sizes)
            return
        }
        self = try Shape(known, in: operatorName)
    }

    /// A shape of sizes of both kinds, such as `[s, n]` of a `SymInt` and an `Int`.
    @_disfavoredOverload
    public init(_ sizes: [any SymIntConvertible], in operatorName: String = "") throws {
        try self.init(sizes.map(\.symInt), in: operatorName)
    }

    /// A shape of plain sizes. Negative and overflowing sizes are thrown as errors that name the operator.
    public init(_ sizes: [Int], in operatorName: String = "") throws {
        guard let layout = Layout.contiguous(sizes) else {
            if let dim = sizes.firstIndex(where: { $0 < 0 }) {
                throw TensorError(
                    .invalidArgument, in: operatorName, "the size of dimension \(dim) is negative: \(sizes[dim])")
            }
            throw TensorError(.overflow, in: operatorName, "a tensor of shape \(sizes) has too many elements")
        }
        representation = .known(layout)
    }

    /// The shape of a zero-dimensional tensor.
    public static let scalar = Shape(Tensor.Layout.scalar)

    /// True while a size is symbolic.
    public var isSymbolic: Bool {
        if case .symbolic = representation { return true }
        return false
    }

    /// The layout when every size is known. Its strides mean nothing.
    @inline(__always)
    var layout: Layout? {
        if case .known(let layout) = representation { return layout }
        return nil
    }

    /// The sizes as plain integers, or nil while one is symbolic. `Tensor.sizes` is what users ask: it tells the trace.
    package var constants: [Int]? { layout?.sizesArray }

    /// The sizes as an array.
    public var sizes: [SymInt] {
        switch representation {
        case .known(let layout): (0..<layout.rank).map { SymInt(layout.size($0)) }
        case .symbolic(let sizes): sizes
        }
    }

    /// The number of elements: the product of the sizes.
    public var elementCount: SymInt {
        switch representation {
        case .known(let layout): SymInt(layout.count)
        case .symbolic(let sizes): SymInt.elementCount(sizes)
        }
    }

    /// True where both have the same sizes without asking whether symbols are equal: expressions count as equal only when identical.
    public func isIdentical(to other: Shape) -> Bool {
        switch (representation, other.representation) {
        case (.known(let a), .known(let b)): a.hasSameSizes(as: b)
        case (.symbolic(let a), .symbolic(let b)):
            a.count == b.count && zip(a, b).allSatisfy { $0.isIdentical(to: $1) }
        default: false
        }
    }
}

extension Shape: RandomAccessCollection {
    public var startIndex: Int { 0 }
    public var endIndex: Int {
        switch representation {
        case .known(let layout): layout.rank
        case .symbolic(let sizes): sizes.count
        }
    }

    /// The size of one dimension; negative positions count from the end. A position outside gives a size that no operation takes
    /// (`SymInt.invalid`), so that the mistake surfaces as a thrown error rather than a trap.
    public subscript(position: Int) -> SymInt {
        let index = position < 0 ? position + count : position
        guard index >= 0, index < count else {
            return SymInt.invalid(SymbolicError(.noDimension, "dimension \(position) of a tensor of rank \(count)"))
        }
        switch representation {
        case .known(let layout): return SymInt(layout.size(index))
        case .symbolic(let sizes): return sizes[index]
        }
    }
}

// As of `SymInt`: the `Bool` asks the trace, in one question for all sizes, and the condition, which is disfavoured, asks nothing.
extension Shape: Equatable {
    /// True where both have the same sizes: `if x.shape == y.shape`.
    public static func == (lhs: Shape, rhs: Shape) -> Bool {
        let condition: SymBool = lhs == rhs
        return condition.value
    }

    @_disfavoredOverload
    public static func == (lhs: Shape, rhs: Shape) -> SymBool { equal(lhs, rhs.sizes) }

    /// True where the sizes are these: `guard x.shape == [n, 3]`.
    public static func == (lhs: Shape, rhs: [any SymIntConvertible]) -> Bool { equal(lhs, rhs.map(\.symInt)).value }

    @_disfavoredOverload
    public static func == (lhs: Shape, rhs: [any SymIntConvertible]) -> SymBool { equal(lhs, rhs.map(\.symInt)) }

    public static func != (lhs: Shape, rhs: [any SymIntConvertible]) -> Bool { !equal(lhs, rhs.map(\.symInt)).value }

    private static func equal(_ shape: Shape, _ sizes: [SymInt]) -> SymBool {
        shape.count == sizes.count ? .all(zip(shape, sizes).map { $0 == $1 }) : false
    }
}

extension Shape: CustomStringConvertible {
    /// `[2, 3]`, with symbols in the user's terms: `[x.shape[0], 3]`.
    public var description: String { "[" + map { "\($0)" }.joined(separator: ", ") + "]" }

    /// `[s0, 3]`: the text with symbols named by `name`.
    public func description(naming name: (SymInt.Symbol) -> String) -> String {
        "[" + map { $0.description(naming: name) }.joined(separator: ", ") + "]"
    }
}

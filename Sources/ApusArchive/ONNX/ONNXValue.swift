import ApusSymbolic
import ApusTensor

/// What a name of a model stands for while its graph is read.
struct ONNXValue {
    enum Content {
        case tensor(Tensor)
        /// Integers of which some are sizes that only a call tells: what a chain of `Shape`, `Gather`, `Concat` gives.
        case sizes(ONNXSizes)
        case sequence([ONNXValue])
        /// An optional without a value.
        case nothing
    }

    let content: Content
    /// The elements' type in the file.
    let element: ONNXElement

    init(_ content: Content, _ element: ONNXElement) {
        self.content = content
        self.element = element
    }

    init(_ tensor: Tensor) { self.init(.tensor(tensor), ONNXElement(tensor.dtype)) }

    /// Integers, as a tensor where all of them are known.
    init(_ sizes: ONNXSizes, _ element: ONNXElement = .int64) throws {
        guard let known = sizes.constants else {
            self.init(.sizes(sizes), element)
            return
        }
        self.init(.tensor(try Tensor(known, shape: sizes.shape).to(element.dtype ?? .int64)), element)
    }

    /// The tensor; sizes are put together as one.
    func tensor() throws -> Tensor {
        switch content {
        case .tensor(let tensor): return tensor
        case .sizes(let sizes): return try sizes.tensor(element.dtype ?? .int64)
        case .sequence: throw ArchiveError(.unsupported, "a sequence is given where a tensor is expected")
        case .nothing: throw ArchiveError(.invalidProgram, "an optional without a value is given where a tensor is expected")
        }
    }

    /// The values where they are there while the model is read.
    var known: Tensor? {
        if case .tensor(let tensor) = content, !tensor.isTraced { return tensor }
        return nil
    }

    var sequence: [ONNXValue]? {
        if case .sequence(let items) = content { return items }
        return nil
    }

    var isNothing: Bool {
        if case .nothing = content { return true }
        return false
    }
}

extension Tensor {
    // The elements of a tensor that is there while a model is read: converted at once, whatever is being recorded.

    func knownIntegers() throws -> [Int] { try Interpreter.with(nil) { try to(.int64).array(of: Int64.self).map { Int($0) } } }

    func knownNumbers() throws -> [Double] { try Interpreter.with(nil) { try to(.float64).array(of: Double.self) } }

    func knownTruths() throws -> [Bool] { try Interpreter.with(nil) { try to(.bool).array(of: Bool.self) } }
}

extension Tensor {
    /// The number that a constant is, where it may stand as one beside a tensor of the program without a change of the result's type and shape.
    func number(beside other: Tensor) throws -> Double? {
        guard !isTraced, other.isTraced, dtype.isFloatingPoint, dtype == other.dtype, count.constant == 1, rank <= other.rank else {
            return nil
        }
        return try knownNumbers().first
    }
}

/// An array of integers, some of them expressions over the sizes of the inputs.
struct ONNXSizes {
    let shape: [Int]
    /// Row by row.
    let values: [SymInt]

    init(_ values: [SymInt]) { (self.shape, self.values) = ([values.count], values) }

    init(shape: [Int], values: [SymInt]) { (self.shape, self.values) = (shape, values) }

    var constants: [Int]? {
        let known: [Int] = values.compactMap(\.constant)
        return known.count == values.count ? known : nil
    }

    func tensor(_ dtype: DType) throws -> Tensor {
        if shape.isEmpty { return try Tensor.scalar(values[0], dtype: dtype) }
        let parts: [Tensor] = try values.map { try Tensor.scalar($0, dtype: dtype) }
        let stacked: Tensor = try Tensor.stack(parts)
        return shape.count == 1 ? stacked : try stacked.reshaped(shape)
    }

    /// More elements than this are no sizes.
    static let limit = 1024
}

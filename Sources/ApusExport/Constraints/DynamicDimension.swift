import ApusSymbolic
import ApusTensor

/// One dimension of one example input, to be declared dynamic, or arithmetic of such: `dynamicDim(x, 0)`, `2 * dynamicDim(x, 0) + 1`.
///
/// `/` and `%` are floor division and its remainder, as for sizes.
public struct DynamicDimension: Sendable {
    /// A dimension of an example input, told by the tensor's identity among the arguments.
    struct Axis: Sendable {
        let tensor: Tensor
        /// As written; may be negative.
        let dim: Int
    }

    enum Operation: String, Sendable {
        case plus = "+"
        case minus = "-"
        case times = "*"
        case dividedBy = "/"
        case remainder = "%"
        case minimum = "min"
        case maximum = "max"
    }

    indirect enum Form: Sendable {
        case axis(Axis)
        case constant(Int)
        case binary(Operation, Form, Form)
    }

    let form: Form

    /// The axis when there is no arithmetic around it.
    var axis: Axis? {
        if case .axis(let axis) = form { return axis }
        return nil
    }
}

/// Declares dimension `dim` of an example input dynamic: 1 and up unless bounded. Negative positions count from the end.
///
///     try export(f, args: x, y, constraints: [dynamicDim(x, 0) >= 3, dynamicDim(x, 0) <= 6, dynamicDim(y, 0) == dynamicDim(x, 0)])
///
/// Conditions that bounds can't say are written with arithmetic: `dynamicDim(x, 0) % 8 == 0`, `dynamicDim(x, 0) + 1 <= dynamicDim(y, 0)`.
public func dynamicDim(_ x: Tensor, _ dim: Int) -> DynamicDimension {
    DynamicDimension(form: .axis(DynamicDimension.Axis(tensor: x, dim: dim)))
}

// MARK: - Arithmetic

extension DynamicDimension {
    private init(_ operation: Operation, _ a: Form, _ b: Form) { form = .binary(operation, a, b) }

    public static func + (a: DynamicDimension, b: DynamicDimension) -> DynamicDimension { .init(.plus, a.form, b.form) }
    public static func + (a: DynamicDimension, b: Int) -> DynamicDimension { .init(.plus, a.form, .constant(b)) }
    public static func + (a: Int, b: DynamicDimension) -> DynamicDimension { .init(.plus, .constant(a), b.form) }
    public static func - (a: DynamicDimension, b: DynamicDimension) -> DynamicDimension { .init(.minus, a.form, b.form) }
    public static func - (a: DynamicDimension, b: Int) -> DynamicDimension { .init(.minus, a.form, .constant(b)) }
    public static func - (a: Int, b: DynamicDimension) -> DynamicDimension { .init(.minus, .constant(a), b.form) }
    public static func * (a: DynamicDimension, b: DynamicDimension) -> DynamicDimension { .init(.times, a.form, b.form) }
    public static func * (a: DynamicDimension, b: Int) -> DynamicDimension { .init(.times, a.form, .constant(b)) }
    public static func * (a: Int, b: DynamicDimension) -> DynamicDimension { .init(.times, .constant(a), b.form) }
    public static func / (a: DynamicDimension, b: DynamicDimension) -> DynamicDimension { .init(.dividedBy, a.form, b.form) }
    public static func / (a: DynamicDimension, b: Int) -> DynamicDimension { .init(.dividedBy, a.form, .constant(b)) }
    public static func / (a: Int, b: DynamicDimension) -> DynamicDimension { .init(.dividedBy, .constant(a), b.form) }
    public static func % (a: DynamicDimension, b: DynamicDimension) -> DynamicDimension { .init(.remainder, a.form, b.form) }
    public static func % (a: DynamicDimension, b: Int) -> DynamicDimension { .init(.remainder, a.form, .constant(b)) }
    public static func % (a: Int, b: DynamicDimension) -> DynamicDimension { .init(.remainder, .constant(a), b.form) }
}

/// The smaller of two dimensions.
public func min(_ a: DynamicDimension, _ b: DynamicDimension) -> DynamicDimension {
    DynamicDimension(form: .binary(.minimum, a.form, b.form))
}

/// The larger of two dimensions.
public func max(_ a: DynamicDimension, _ b: DynamicDimension) -> DynamicDimension {
    DynamicDimension(form: .binary(.maximum, a.form, b.form))
}

// MARK: - Reading

extension DynamicDimension.Form {
    /// Every axis, from left to right.
    var axes: [DynamicDimension.Axis] {
        switch self {
        case .axis(let axis): [axis]
        case .constant: []
        case .binary(_, let a, let b): a.axes + b.axes
        }
    }

    /// The value as an expression of sizes.
    func size(_ axis: (DynamicDimension.Axis) throws -> SymInt) rethrows -> SymInt {
        switch self {
        case .axis(let known): return try axis(known)
        case .constant(let value): return SymInt(value)
        case .binary(let operation, let first, let second):
            let (a, b) = (try first.size(axis), try second.size(axis))
            switch operation {
            case .plus: return a + b
            case .minus: return a - b
            case .times: return a * b
            case .dividedBy: return a / b
            case .remainder: return a % b
            case .minimum: return min(a, b)
            case .maximum: return max(a, b)
            }
        }
    }

    /// As Swift code; `name` gives the argument of an axis.
    func code(_ name: (DynamicDimension.Axis) -> String, isOperand: Bool = false) -> String {
        switch self {
        case .axis(let axis): return "dynamicDim(\(name(axis)), \(axis.dim))"
        case .constant(let value): return value < 0 && isOperand ? "(\(value))" : "\(value)"
        case .binary(let operation, let a, let b):
            switch operation {
            case .minimum, .maximum: return "\(operation.rawValue)(\(a.code(name)), \(b.code(name)))"
            case .plus, .minus:
                let text = "\(a.code(name)) \(operation.rawValue) \(b.code(name, isOperand: true))"
                return isOperand ? "(\(text))" : text
            case .times, .dividedBy, .remainder:
                let text = "\(a.code(name, isOperand: true)) \(operation.rawValue) \(b.code(name, isOperand: true))"
                return isOperand ? "(\(text))" : text
            }
        }
    }
}

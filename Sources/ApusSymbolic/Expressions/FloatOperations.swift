extension FloatExpr {
    public enum Unary: String, Sendable, Hashable {
        case negate = "-"
        case squareRoot = "sqrt"

        func apply(_ x: Double) -> Double {
            switch self {
            case .negate: -x
            case .squareRoot: x.squareRoot()
            }
        }
    }

    public enum Binary: String, Sendable, Hashable {
        case add = "+"
        case subtract = "-"
        case multiply = "*"
        case divide = "/"

        func apply(_ x: Double, _ y: Double) -> Double {
            switch self {
            case .add: x + y
            case .subtract: x - y
            case .multiply: x * y
            case .divide: x / y
            }
        }
    }

    /// The comparisons that conditions are made of; the others follow by swapping and negation.
    public enum Relation: String, Sendable, Hashable {
        case less = "<"
        case lessOrEqual = "<="
        case equal = "=="

        func holds(_ x: Double, _ y: Double) -> Bool {
            switch self {
            case .less: x < y
            case .lessOrEqual: x <= y
            case .equal: x == y
            }
        }
    }
}

/// How a float becomes an integer.
public enum FloatRounding: String, Sendable, Hashable {
    case towardZero = "trunc"
    case down = "floor"
    case up = "ceil"
    /// To the nearest, ties to even.
    case toNearest = "round"

    func apply(_ x: Double) -> Double {
        switch self {
        case .towardZero: x.rounded(.towardZero)
        case .down: x.rounded(.down)
        case .up: x.rounded(.up)
        case .toNearest: x.rounded(.toNearestOrEven)
        }
    }
}

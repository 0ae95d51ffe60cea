import ApusSymbolic
import ApusTensor

extension Graph {
    /// A value of a graph: an input, or a result of exactly one node. Belongs to one graph; a subgraph has values of its own.
    public struct Value: Hashable, Sendable {
        public let index: Int

        public init(index: Int) { self.index = index }
    }
}

// Their short names stand inside of the package only, and leave a program that uses Apus its own.
package typealias Node = Graph.Node
package typealias Value = Graph.Value
package typealias Literal = Graph.Literal
package typealias ValueType = Graph.ValueType

extension Graph {
    /// What is known of a value before any data is.
    public enum ValueType: Sendable {
        case tensor(TensorSpec)
        case int(SymInt)
        case float(SymFloat)
        case bool(SymBool)
        /// A result that its operator leaves undefined.
        case none

        public var spec: TensorSpec? {
            if case .tensor(let spec) = self { return spec }
            return nil
        }
    }
}

extension ValueType {
    /// The kind of symbol that a number of this type is where only a run can know it; nil for a tensor.
    var symbolKind: Symbol.Kind? {
        switch self {
        case .int: .unbackedInt
        case .float: .unbackedFloat
        case .bool: .unbackedBool
        case .tensor, .none: nil
        }
    }

    /// A number as an argument of an operator; nil for a tensor.
    package var number: OperatorArgument? {
        switch self {
        case .int(let size): .int(size)
        case .float(let number): .scalar(.float(number))
        case .bool(let condition): .symBool(condition)
        case .tensor, .none: nil
        }
    }
}

extension ValueType: CustomStringConvertible {
    /// In the program's terms: symbols by their names, `float32[s0, 3]`.
    public var description: String {
        switch self {
        case .tensor(let spec): spec.description(naming: \.name)
        case .int(let value): "int \(value.description(naming: \.name))"
        case .float(let value): "float \(value.description(naming: \.name))"
        case .bool(let value): "bool \(value.description(naming: \.name))"
        case .none: "none"
        }
    }
}

extension Graph {
    /// A number or text that a graph returns as it is.
    public enum Literal: Sendable, Hashable {
        case none
        case bool(Bool)
        case int(Int)
        case float(Double)
        case string(String)
    }
}

extension Graph.Literal: CustomStringConvertible {
    public var description: String {
        switch self {
        case .none: "nil"
        case .bool(let value): "\(value)"
        case .int(let value): "\(value)"
        case .float(let value): "\(value)"
        case .string(let value): "\"\(value)\""
        }
    }
}

/// What a graph returns in one place.
public enum GraphOutput: Sendable {
    case value(Graph.Value)
    case literal(Graph.Literal)
    /// A size, or a number computed from sizes and from values that were read.
    case int(SymInt)
    case float(SymFloat)
    case bool(SymBool)

    public var value: Graph.Value? {
        if case .value(let value) = self { return value }
        return nil
    }
}

import Apus
import Foundation

/// One call of an operator, on tensors of a certain size.
struct Case: Encodable {
    let operation: Operator
    /// As the record's sample has them.
    let sample: [OperatorArgument]
    /// How often every dimension longer than one is repeated.
    let factor: Int

    /// The operator's calls: its first sample of float32, else its first of anything, at every factor.
    static func all(of operation: Operator, factors: [Int]) throws -> [Case] {
        let samples: [[OperatorArgument]] = try operation.samples().filter { arguments in
            arguments.flatMap(\.tensorsInside).allSatisfy { $0.count > 0 } && !arguments.flatMap(\.tensorsInside).isEmpty
        }
        func isSingle(_ arguments: [OperatorArgument]) -> Bool {
            arguments.flatMap(\.tensorsInside).first?.dtype == .float32 && (arguments.flatMap(\.tensorsInside).first?.rank ?? 0) > 0
        }
        guard let sample = samples.first(where: isSingle) ?? samples.first else { return [] }
        return factors.map { Case(operation: operation, sample: sample, factor: $0) }
    }

    /// Elements of the largest tensor.
    var size: Int {
        sample.flatMap(\.tensorsInside).map { $0.shape.map { Int($0) }.reduce(1) { $0 * $1 * ($1 > 1 ? factor : 1) } }.max() ?? 0
    }

    func arguments() throws -> [OperatorArgument] { try sample.map { try $0.enlarged(factor) } }

    private enum Keys: String, CodingKey { case name, arguments, factor }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.container(keyedBy: Keys.self)
        try container.encode(operation.name, forKey: .name)
        try container.encode(factor, forKey: .factor)
        try container.encode(sample.map(Described.init), forKey: .arguments)
    }
}

extension OperatorArgument {
    var tensorsInside: [Tensor] {
        switch self {
        case .tensor(let tensor): [tensor]
        case .tensors(let tensors): tensors
        case .optionalTensors(let tensors): tensors.compactMap(\.self)
        default: []
        }
    }

    fileprivate func enlarged(_ factor: Int) throws -> OperatorArgument {
        func enlarged(_ tensor: Tensor) throws -> Tensor {
            try factor == 1 ? tensor : tensor.repeated(tensor.shape.map { Int($0) > 1 ? factor : 1 })
        }
        return switch self {
        case .tensor(let tensor): .tensor(try enlarged(tensor))
        case .tensors(let tensors): .tensors(try tensors.map(enlarged))
        case .optionalTensors(let tensors): .optionalTensors(try tensors.map { try $0.map(enlarged) })
        default: self
        }
    }
}

/// An argument as the peer reads it.
private struct Described: Encodable {
    let argument: OperatorArgument

    private struct Values: Encodable {
        let dtype: String
        let shape: [Int]
        let values: [Double]

        init(_ tensor: Tensor) throws {
            guard !tensor.dtype.isComplex else { throw CocoaError(.coderInvalidValue) }
            (dtype, shape) = ("\(tensor.dtype)", tensor.shape.map { Int($0) })
            values = try tensor.to(.float64).array(of: Double.self)
        }
    }

    private struct Name: Encodable { let dtype: String }

    func encode(to encoder: any Encoder) throws {
        var container = encoder.singleValueContainer()
        switch argument {
        case .tensor(let tensor): try container.encode(Values(tensor))
        case .tensors(let tensors): try container.encode(tensors.map(Values.init))
        case .optionalTensors(let tensors): try container.encode(tensors.map { try $0.map(Values.init) })
        case .scalar(.int(let value)): try container.encode(value.requireConstant())
        case .scalar(.bool(let value)): try container.encode(value)
        case .scalar(.float(let value)): try container.encode(value.requireConstant())
        case .ints(let values): try container.encode(values.map { try $0.requireConstant() })
        case .floats(let values): try container.encode(values)
        case .bools(let values): try container.encode(values)
        case .string(let value): try container.encode(value)
        case .dtype(let value): try container.encode(Name(dtype: "\(value)"))
        default: try container.encodeNil()
        }
    }
}

import ApusSymbolic
import ComplexModule
import Foundation
import JudgeSupport
import Testing

@testable import ApusTensor

/// Gives operators' samples to PyTorch and compares results, gradients and gradients of gradients.
enum TorchJudge {
    struct Case: Encodable {
        var name: String
        var arguments: [Encoded]
        var results: [Encoded]
        /// The factors whose products with the floating-point results are summed to the value that is differentiated.
        var weights: [Encoded?]
        /// One for each tensor among the arguments, in order; nil where it has none.
        var gradients: [Encoded?]?
        /// The factors whose products with the gradients are summed and differentiated again.
        var secondWeights: [Encoded?]?
        var secondGradients: [Encoded?]?
        var tolerance: Double = 1
    }

    /// An argument or result as JSON.
    indirect enum Encoded: Encodable {
        case tensor(dtype: String, shape: [Int], bytes: Data)
        case list([Encoded])
        case int(Int)
        case double(String)
        case bool(Bool)
        case string(String)
        case dtype(String)
        case none

        private enum Keys: String, CodingKey { case tensor, shape, bytes, list, int, double, bool, string, dtype }

        func encode(to encoder: any Encoder) throws {
            var container = encoder.container(keyedBy: Keys.self)
            switch self {
            case .tensor(let dtype, let shape, let bytes):
                try container.encode(dtype, forKey: .tensor)
                try container.encode(shape, forKey: .shape)
                try container.encode(bytes.base64EncodedString(), forKey: .bytes)
            case .list(let values): try container.encode(values, forKey: .list)
            case .int(let value): try container.encode(value, forKey: .int)
            case .double(let value): try container.encode(value, forKey: .double)
            case .bool(let value): try container.encode(value, forKey: .bool)
            case .string(let value): try container.encode(value, forKey: .string)
            case .dtype(let value): try container.encode(value, forKey: .dtype)
            case .none: break
            }
        }
    }

    static func encode(_ tensor: Tensor) throws -> Encoded {
        let dense = try tensor.contiguous()
        let bytes = withExtendedLifetime(dense) { Data(bytes: dense.baseAddress, count: dense.layout.count * dense.dtype.byteWidth) }
        return .tensor(dtype: "\(tensor.dtype)", shape: try tensor.sizes, bytes: bytes)
    }

    static func encode(_ argument: OperatorArgument) throws -> Encoded {
        switch argument {
        case .none: .none
        case .tensor(let tensor): try encode(tensor)
        case .tensors(let tensors): .list(try tensors.map { try encode($0) })
        case .optionalTensors(let tensors): .list(try tensors.map { try $0.map { try encode($0) } ?? .none })
        case .scalar(.int(let value)): .int(Int(value))
        case .scalar(.bool(let value)): .bool(value)
        case .scalar(.float(let value)): .double("\(value.constant ?? .nan)")
        case .scalar(.complex(let value)): .double("complex(\(value.real),\(value.imaginary))")
        case .ints(let values): .list(values.map { .int(Int($0)) })
        case .floats(let values): .list(values.map { .double("\($0)") })
        case .bools(let values): .list(values.map { .bool($0) })
        case .string(let value): .string(value)
        case .dtype(let value): .dtype("\(value)")
        case .symBool, .graph: .none
        }
    }

    /// Runs one sample, with first and second gradients of the first `differentiating` results, where the operator has them and they exist
    /// for these arguments.
    static func run(_ operation: Operator, _ arguments: [OperatorArgument], tolerance: Double = 1, differentiating: Int = .max) throws
        -> Case
    {
        let results = try apply(operation, arguments)
        var result = Case(
            name: operation.name, arguments: try arguments.map { try encode($0) }, results: try results.map { try encode($0) }, weights: [])
        result.tolerance = tolerance
        var weights: [Tensor?] = []
        for (position, value) in results.enumerated() {
            guard case .tensor(let tensor) = value, tensor.dtype.isFloatingPoint, position < differentiating else {
                weights.append(nil)
                continue
            }
            weights.append(try .sample(try tensor.sizes, dtype: tensor.dtype, seed: UInt64(100 + position)))
        }
        result.weights = try weights.map { try $0.map { try encode($0) } }
        guard operation.isDifferentiable, weights.contains(where: { $0 != nil }) else { return result }

        var inputs: [Tensor] = []
        for argument in arguments { argument.forEachReference { inputs.append($0) } }
        let isSource = inputs.map { $0.dtype.isFloatingPoint }
        let sources = zip(inputs, isSource).filter { $0.1 }.map { $0.0 }
        guard !sources.isEmpty else { return result }
        let loss: ([Tensor]) throws -> Tensor = { given in
            var next = given.makeIterator()
            let replaced = arguments.map { argument in argument.map { $0.dtype.isFloatingPoint ? next.next() ?? $0 : $0 } }
            var total = try Tensor.zeros([] as [SymInt], dtype: .float64)
            for (value, weight) in zip(try apply(operation, replaced), weights) {
                guard case .tensor(let tensor) = value, let weight else { continue }
                total = try total + (tensor * weight).to(.float64).sum()
            }
            return total
        }
        let first: [Tensor]
        do {
            first = try valueAndGradient(at: sources, loss).gradients
        } catch let error as TensorError where error.code == .notDifferentiable {
            return result
        }
        result.gradients = try spread(first, isSource)
        let seconds: [Tensor] = try first.enumerated().map { try .sample(try $1.sizes, dtype: $1.dtype, seed: UInt64(200 + $0)) }
        // Second gradients in half precision tell nothing.
        guard sources.allSatisfy({ $0.dtype.byteWidth >= 4 }) else { return result }
        let second: [Tensor]
        do {
            second = try valueAndGradient(at: sources) { given in
                let inner = try valueAndGradient(at: given, loss).gradients
                var total = try Tensor.zeros([] as [SymInt], dtype: .float64)
                for (gradient, weight) in zip(inner, seconds) { total = try total + (gradient * weight).to(.float64).sum() }
                return total
            }.gradients
        } catch let error as TensorError where error.code == .notDifferentiable {
            return result
        }
        result.secondWeights = try spread(seconds, isSource)
        result.secondGradients = try spread(second, isSource)
        return result
    }

    private static func spread(_ tensors: [Tensor], _ isSource: [Bool]) throws -> [Encoded?] {
        var next = tensors.makeIterator()
        return try isSource.map { $0 ? try next.next().map { try encode($0) } : nil }
    }

    /// What PyTorch finds wrong, one line for each.
    static func judge(_ cases: [Case]) throws -> [String] {
        let lines = try Python.judge("torch_judge.py", cases)
        guard lines.last == "judged \(cases.count)" else { return lines + ["the judge did not finish"] }
        return Array(lines.dropLast())
    }
}

extension Operator {
    /// True where gradients can flow through: by a rule, or by the operations it is made of.
    var isDifferentiable: Bool {
        if case .composite = kernel { return true }
        return gradient != nil || decomposition != nil
    }
}

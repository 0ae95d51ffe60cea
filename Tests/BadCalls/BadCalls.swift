import ApusSymbolic
import ApusTensor

/// Argument lists that an operator should refuse, or at least survive: each is one of the operator's samples with one or two arguments
/// replaced. Tensors lie in guarded memory.
public struct BadCalls {
    private let anything: [OperatorArgument]

    public init() throws {
        func tensor(_ sizes: [Int], _ dtype: DType = .float32) throws -> OperatorArgument {
            .tensor(try Tensor.numbers(sizes, dtype).guarded())
        }
        anything = [
            .none, try tensor([0]), try tensor([2, 0, 3], .int64), try tensor([5, 7]), try tensor([2, 3], .bool),
            try tensor([2, 3], .complex64), try tensor([], .int64), try tensor([1, 1, 1, 1, 1, 1, 2]), try tensor([3], .float16),
            .tensors([]), .tensors([try Tensor.numbers([2], .float32), try Tensor.numbers([2, 3], .int64)]),
            .int(-1), .int(.max), .int(.min), .int(1 << 40), .double(.nan), .double(.infinity), .double(-1e300), .double(1e300),
            .bool(true),
            .ints([Int]()), .ints([-1, -1]), .ints([.max, .max]), .ints([.min]), .ints([0, 0, 0, 0]), .ints([7, -9]),
            .floats([.nan, 1]), .bools([true]), .string("nonsense"), .dtype(.bool), .dtype(.complex128), .dtype(.uint8),
        ]
    }

    /// Numbers at which arithmetic on sizes and positions breaks. None that a large machine has the memory for.
    static let extremes: [Int] = [.min, .min + 1, -(1 << 40), -3, -1, 0, 1, 5, 1 << 40, .max - 1, .max]
    /// Those that pairs are made of.
    static let corners: [Int] = [.min, -1, 0, 1, 1 << 40, .max]

    /// Calls the closure with every bad call of an operator.
    public func each(of operation: Operator, _ body: ([OperatorArgument]) throws -> Void) throws {
        try body([])
        for (number, unguarded) in try operation.samples().enumerated() {
            let sample: [OperatorArgument] = try unguarded.map { argument in try argument.map { try $0.guarded() } }
            let further: [[OperatorArgument]] = try sample.map { try BadCalls.misfits(of: $0) }
            for position in sample.indices {
                for replacement in further[position] + (number == 0 ? anything : []) {
                    try body(sample.replacing(position, by: replacement))
                }
            }
            try pairs(sample, body)
        }
    }

    /// Two extremes at once, and an extreme beside a tensor without elements.
    private func pairs(_ sample: [OperatorArgument], _ body: ([OperatorArgument]) throws -> Void) throws {
        let corners: [[OperatorArgument]] = sample.map { BadCalls.corners(of: $0) }
        for first in sample.indices {
            var empties: [OperatorArgument] = []
            if case .tensor(let tensor) = sample[first] { empties = try BadCalls.empties(of: tensor).map { .tensor($0) } }
            for second in sample.indices where second != first {
                for replacement in corners[second] {
                    for other in second > first ? corners[first] + empties : empties {
                        try body(sample.replacing(first, by: other).replacing(second, by: replacement))
                    }
                }
            }
        }
    }

    /// What may stand where this argument stands and does not fit.
    private static func misfits(of argument: OperatorArgument) throws -> [OperatorArgument] {
        switch argument {
        case .tensor(let tensor): try misfits(of: tensor).map { .tensor($0) }
        case .tensors(let tensors):
            try tensors.indices.flatMap { index in
                try misfits(of: tensors[index]).map { .tensors(tensors.replacing(index, by: $0)) }
            } + [.tensors([]), .tensors(Array(tensors.prefix(1)))]
        case .optionalTensors(let tensors):
            try tensors.indices.flatMap { index in
                try misfits(of: tensors[index] ?? .numbers([2], .int64)).map { .optionalTensors(tensors.replacing(index, by: $0)) }
            } + [.optionalTensors([]), .optionalTensors(tensors.map { _ in nil })]
        case .scalar(.int): extremes.map { .int($0) } + [.double(.nan), .none]
        case .scalar(.float), .scalar(.complex): [.double(.nan), .double(.infinity), .double(-1e300), .double(0), .int(.min), .none]
        case .scalar(.bool(let value)): [.bool(!value), .none]
        case .ints(let values):
            values.indices.flatMap { index in extremes.map { .ints(values.replacing(index, by: SymInt($0))) } }
                + extremes.map { extreme in .ints(values.map { _ in SymInt(extreme) }) } + [
                    .ints(values + [1]), .ints(values.dropLast()), .none,
                ]
        case .floats(let values): [.floats(values.map { _ in .nan }), .floats(values + [1]), .floats(values.dropLast()), .floats([])]
        case .bools(let values): [.bools(values.map { !$0 }), .bools(values + [true]), .bools([])]
        case .dtype: [DType.bool, .uint8, .int64, .float16, .float64, .complex64].map { .dtype($0) } + [.none]
        case .string: [.string(""), .string("nonsense"), .none]
        case .none, .symBool, .graph: [.int(.max), .int(.min), .ints([.min, .max]), .double(.nan)]
        }
    }

    private static func corners(of argument: OperatorArgument) -> [OperatorArgument] {
        switch argument {
        case .scalar(.int): corners.map { .int($0) }
        case .ints(let values) where values.count == 1: corners.map { .ints([$0]) }
        case .ints(let values) where !values.isEmpty:
            zip(corners, corners.reversed()).map { first, last in
                .ints(values.replacing(0, by: SymInt(first)).replacing(values.count - 1, by: SymInt(last)))
            }
        case .none: [.int(.min), .int(.max)]
        default: []
        }
    }

    /// Tensors of other sizes, ranks and dtypes: each size one smaller, one larger, 1, 0, much larger; a dimension more, one less, none.
    private static func misfits(of tensor: Tensor) throws -> [Tensor] {
        let sizes: [Int] = try tensor.sizes
        var shapes: [[Int]] = [sizes + [1], [1] + sizes, sizes + [2], [], [0], [1], [97]]
        if !sizes.isEmpty { shapes += [Array(sizes.dropFirst()), Array(sizes.dropLast())] }
        for (dim, size) in sizes.enumerated() {
            for other in [size - 1, size + 1, 1, 0, size + 40] where other >= 0 && other != size {
                shapes.append(sizes.replacing(dim, by: other))
            }
        }
        let dtypes: [DType] = [.bool, .uint8, .int64, .bfloat16, .float32, .float64, .complex64].filter { $0 != tensor.dtype }
        return try shapes.map { try Tensor.numbers($0, tensor.dtype).guarded() } + dtypes.map { try Tensor.numbers(sizes, $0).guarded() }
    }

    private static func empties(of tensor: Tensor) throws -> [Tensor] {
        let sizes: [Int] = try tensor.sizes
        return try sizes.indices.map { try Tensor.numbers(sizes.replacing($0, by: 0), tensor.dtype).guarded() }
    }
}

extension Array {
    fileprivate func replacing(_ index: Int, by element: Element) -> [Element] {
        var copy = self
        copy[index] = element
        return copy
    }
}

extension Tensor {
    /// Small numbers of the given sizes.
    fileprivate static func numbers(_ sizes: [Int], _ dtype: DType) throws -> Tensor {
        let count: Int = sizes.reduce(1, *)
        return try Tensor((0..<count).map { Int64($0 % 3) }, shape: sizes).to(dtype)
    }
}

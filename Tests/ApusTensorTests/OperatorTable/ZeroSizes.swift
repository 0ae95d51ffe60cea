import ApusSymbolic

@testable import ApusTensor

/// Argument lists in which sizes are 0: each made of a sample.
enum ZeroSizes {
    /// Each dimension of each tensor by itself; all dimensions of one size, in all tensors, with and without the numbers among the arguments
    /// that are that size; each two of these sizes; everything; and each entry of a list of integers by itself.
    static func variants(of sample: [OperatorArgument]) throws -> [[OperatorArgument]] {
        var found: [[OperatorArgument]] = []
        var (tensorCount, sizes) = (0, Set<Int>())
        for argument in sample {
            try argument.forEachReference { tensor in
                for dim in 0..<tensor.rank {
                    let position = tensorCount
                    found.append(try replacing(sample) { index, at, _ in index == position && at == dim })
                }
                tensorCount += 1
                sizes.formUnion(try tensor.sizes)
            }
        }
        let chosen = sizes.sorted().map { [$0] } + sizes.sorted().flatMap { a in sizes.filter { $0 > a }.sorted().map { [a, $0] } }
        for zeros in chosen {
            let consistent = try replacing(sample) { _, _, size in zeros.contains(size) }
            found.append(consistent)
            found.append(
                consistent.map { argument in
                    switch argument {
                    case .ints(let values): .ints(values.map { value in zeros.contains { value.constant == $0 } ? 0 : value })
                    case .scalar(.int(let value)) where zeros.contains { value.constant == $0 }: .int(0)
                    default: argument
                    }
                })
        }
        found.append(try replacing(sample) { _, _, _ in true })
        for (position, argument) in sample.enumerated() {
            guard case .ints(let values) = argument else { continue }
            for index in values.indices {
                var (changed, list) = (sample, values)
                list[index] = 0
                changed[position] = .ints(list)
                found.append(changed)
            }
        }
        return found
    }

    /// The sample with sizes of tensors set to 0 where the closure, given the tensor's number, the dimension and its size, says so.
    private static func replacing(_ sample: [OperatorArgument], _ isZero: (Int, Int, Int) -> Bool) throws -> [OperatorArgument] {
        var number = -1
        return try sample.map { argument in
            try argument.map { tensor in
                number += 1
                let sizes: [Int] = try tensor.sizes
                let zeroed = sizes.enumerated().map { isZero(number, $0.offset, $0.element) ? 0 : $0.element }
                return zeroed == sizes ? tensor : try Tensor.zeros(zeroed.map { SymInt($0) }, dtype: tensor.dtype)
            }
        }
    }
}

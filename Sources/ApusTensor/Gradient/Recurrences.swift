import ApusSymbolic

// Running products and linear recurrences out of public operations: the gradients of products need them, exact at zeros and in further
// derivatives.

extension Tensor {
    /// The elements moved up by `count` places along a dimension, with a number in the places that become free.
    func shifted(_ count: Int, dim: Int, filling value: Double) throws -> Tensor {
        var sizes: [SymInt] = shape.sizes
        sizes[dim] = SymInt(count)
        let filler: Tensor = try Tensor.full(sizes, value, dtype: dtype)
        return try Tensor.cat([filler, sliced(dim: dim, to: shape[dim] - count)], dim: dim)
    }

    /// For each element the product of those before it along a dimension, 1 for the first. Without division.
    func productBefore(dim: Int) throws -> Tensor {
        var sizes: [SymInt] = shape.sizes
        sizes[dim] = 1
        let one: Tensor = try Tensor.ones(sizes, dtype: dtype)
        return try Tensor.cat([one, self], dim: dim).cumprod(dim: dim).sliced(dim: dim, to: shape[dim])
    }

    /// Solves `y[j] = self[j] + factors[j] * y[j - 1]` along a dimension, in steps of doubling length.
    func linearRecurrence(factors: Tensor, dim: Int) throws -> Tensor {
        let size: Int = try knownSize(dim)
        var (sums, factors): (Tensor, Tensor) = (self, factors)
        var reach = 1
        while reach < size {
            sums = try sums + factors * sums.shifted(reach, dim: dim, filling: 0)
            factors = try factors * factors.shifted(reach, dim: dim, filling: 1)
            reach *= 2
        }
        return sums
    }

    private func knownSize(_ dim: Int) throws -> Int {
        try settle(
            count: shape[dim], of: "factors along dimension \(dim) of shape \(shape)", in: "gradient",
            "take the product over a dimension of known size")
    }
}

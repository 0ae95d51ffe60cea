import ApusSymbolic

// Sizes as plain integers, for arrays that are not literals. Literals and sizes of a trace take the `SymInt` spellings, which these follow.

extension Tensor {
    /// A tensor filled with one number.
    @_disfavoredOverload
    public static func full(_ sizes: [Int], _ value: some ScalarConvertible, dtype: DType? = nil) throws -> Tensor {
        try full(sizes.map { SymInt($0) }, value, dtype: dtype)
    }

    /// Zeros.
    @_disfavoredOverload
    public static func zeros(_ sizes: [Int], dtype: DType = .float32) throws -> Tensor { try zeros(sizes.map { SymInt($0) }, dtype: dtype) }

    /// Ones.
    @_disfavoredOverload
    public static func ones(_ sizes: [Int], dtype: DType = .float32) throws -> Tensor { try ones(sizes.map { SymInt($0) }, dtype: dtype) }

    /// Uniform numbers of [0, 1).
    @_disfavoredOverload
    public static func rand(_ sizes: [Int], dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try rand(sizes.map { SymInt($0) }, dtype: dtype, seed: seed)
    }

    /// Numbers of the standard normal distribution.
    @_disfavoredOverload
    public static func randn(_ sizes: [Int], dtype: DType = .float32, seed: UInt64? = nil) throws -> Tensor {
        try randn(sizes.map { SymInt($0) }, dtype: dtype, seed: seed)
    }

    /// Uniform integers from `low` (included) to `high` (not included).
    @_disfavoredOverload
    public static func randint(_ low: Int, _ high: Int, _ sizes: [Int], dtype: DType = .int64, seed: UInt64? = nil) throws -> Tensor {
        try randint(low, high, sizes.map { SymInt($0) }, dtype: dtype, seed: seed)
    }

    /// Uniform integers from 0 to `high` (not included).
    @_disfavoredOverload
    public static func randint(_ high: Int, _ sizes: [Int], dtype: DType = .int64, seed: UInt64? = nil) throws -> Tensor {
        try randint(high, sizes.map { SymInt($0) }, dtype: dtype, seed: seed)
    }

    /// Copies side by side, as many in each dimension as told.
    @_disfavoredOverload
    public func repeated(_ counts: [Int]) throws -> Tensor { try repeated(counts.map { SymInt($0) }) }
}

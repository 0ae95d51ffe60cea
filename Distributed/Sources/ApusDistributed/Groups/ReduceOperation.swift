/// How the elements that the processes have in one place become one. The raw values are what PyTorch's operators call them.
public enum ReduceOperation: String, Sendable, Hashable, CaseIterable {
    case sum
    /// The sum by the number of processes, of floating-point and complex dtypes. In half precision each process divides before the sum, which
    /// then can't overflow where the elements don't.
    case avg
    /// The product.
    case prod = "product"
    /// The smallest; NaN where one is. Not of complex dtypes.
    case min
    /// The largest; NaN where one is. Not of complex dtypes.
    case max
}

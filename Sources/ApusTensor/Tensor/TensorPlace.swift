/// What makes two tensors with data one: the same elements of the same memory.
package struct TensorPlace: Hashable, Sendable {
    private let address: UInt
    private let dtype: DType
    private let sizes: [Int]
    private let strides: [Int]

    /// - Parameter tensor: who keeps a place keeps its memory
    package init(_ tensor: Tensor) {
        address = UInt(bitPattern: tensor.baseAddress)
        (dtype, sizes, strides) = (tensor.dtype, tensor.layout.sizesArray, tensor.layout.stridesArray)
    }
}

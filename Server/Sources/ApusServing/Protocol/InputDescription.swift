import ApusRun

/// An input as its request describes it: its elements are counted before there is memory for any.
public struct InputDescription: Sendable {
    public let name: String
    public let datatype: Datatype
    public let dtype: DType
    public let shape: [Int]
    /// How many elements the shape has.
    public let count: Int

    /// - Throws: `ServingError` for a datatype that is none or that no model takes, and for shapes of negative sizes or too many elements.
    public init(name: String, datatype type: String, shape: [Int]) throws {
        guard let datatype = Datatype(rawValue: type) else {
            throw InputDescription.invalid("the input '\(name)' is of '\(type)', which is no datatype")
        }
        guard let dtype = datatype.dtype else {
            throw InputDescription.invalid("the input '\(name)' is of \(type), which no model here takes")
        }
        guard shape.count <= 64 else { throw InputDescription.invalid("the shape of '\(name)' has more than 64 elements") }
        var count = 1
        for size in shape {
            guard size >= 0 else { throw InputDescription.invalid("the input '\(name)' has a shape of something else than sizes") }
            let (product, isTooLarge) = count.multipliedReportingOverflow(by: size)
            guard !isTooLarge, product <= Int.max / 16 else {
                throw InputDescription.invalid("the input '\(name)' has a shape with too many elements")
            }
            count = product
        }
        (self.name, self.datatype, self.dtype, self.shape, self.count) = (name, datatype, dtype, shape, count)
    }

    public var byteCount: Int { count * dtype.byteWidth }

    /// The tensor of elements that came as bytes.
    /// - Throws: `ServingError` for another number of bytes than the shape has, `TensorError` for bytes that are no elements.
    public func tensor(bytes: UnsafeRawBufferPointer) throws -> Tensor {
        guard bytes.count == byteCount else {
            throw InputDescription.invalid("\(bytes.count) bytes where \(datatype.rawValue) of shape \(shape) has \(byteCount)")
        }
        return try Tensor(bytes: bytes, dtype: dtype, shape: shape)
    }

    /// Reads the input's elements; what goes wrong is said to be the input's.
    public func read(_ body: () throws -> Tensor) throws -> (name: String, tensor: Tensor) {
        do { return (name, try body()) } catch let error as ServingError {
            throw ServingError(error.code, "the input '\(name)': \(error.message)")
        } catch let error as TensorError {
            throw InputDescription.invalid("the input '\(name)': \(error.message)")
        }
    }

    private static func invalid(_ message: String) -> ServingError { ServingError(.invalidRequest, message) }
}

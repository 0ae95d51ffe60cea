/// How a program stores the weights of its products and embeddings. Whatever it is, they are computed with in float32.
public struct WeightFormat: Sendable, Hashable {
    enum Kind: Hashable {
        case asStored
        case bfloat16
        case int8(groupSize: Int?)
    }

    let kind: Kind

    /// As they are.
    public static let asStored = WeightFormat(kind: .asStored)
    /// Half of the bytes: float32 rounded to the nearest number with eight bits.
    public static let bfloat16 = WeightFormat(kind: .bfloat16)
    /// A quarter of the bytes: whole multiples, -127 to 127, of one scale for each output of a product (each row of an embedding), which is the largest
    /// magnitude there by 127.
    public static let int8 = WeightFormat(kind: .int8(groupSize: nil))
    /// As `int8`, with a scale for each `groupSize` inputs of an output, the last of which may be fewer: nearer to the weights, and a little larger.
    public static func int8(groupSize: Int) -> WeightFormat { WeightFormat(kind: .int8(groupSize: groupSize)) }
}

extension WeightFormat: CustomStringConvertible {
    /// `int8 in groups of 64`.
    public var description: String {
        switch kind {
        case .asStored: "as stored"
        case .bfloat16: "bfloat16"
        case .int8(let groupSize): "int8" + (groupSize.map { " in groups of \($0)" } ?? "")
        }
    }

    func requireValid() throws {
        if case .int8(let groupSize?) = kind, groupSize < 1 {
            throw ProgramError(.unsupportedValue, "a group of \(groupSize) weights can't share a scale; take 1 or more")
        }
    }
}

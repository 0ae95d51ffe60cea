import Apus

extension RandomProgram {
    /// How elements are filled, counted: 0 is plain.
    static let styles = 9

    /// The three inputs at a point; how the integers are filled is drawn by itself.
    func inputs(_ point: [Int], style: Int, _ random: inout SplitMix) throws -> [Tensor] {
        let count: Int = domain.first.count
        let integers: Int = random.below(RandomProgram.styles)
        return [
            try RandomProgram.floats(Array(point[..<count]), style, &random),
            try RandomProgram.floats(Array(point[count...]), style, &random),
            try Tensor((0..<4).map { _ in RandomProgram.integer(integers, &random) }, shape: [4]),
        ]
    }

    /// Multiples of a quarter, whose sums are exact; and what breaks programs.
    private static func floats(_ shape: [Int], _ style: Int, _ random: inout SplitMix) throws -> Tensor {
        let special: [Float]
        switch style {
        case 1: special = [.nan]
        case 2: special = [.infinity, -.infinity, -0.0]
        case 3: special = [1e30, -1e30, Float.leastNonzeroMagnitude]
        default: special = []
        }
        let values: [Float] = (0..<shape.reduce(1, *)).map { _ in
            switch style {
            case 4: return 0
            case 5: return -Float(1 + random.below(8)) / 4
            case 6: return Float(1 + random.below(8)) / 4
            default:
                if !special.isEmpty, random.chance(30) { return random.element(special) }
                return Float(random.below(17) - 8) / 4
            }
        }
        return try Tensor(values, shape: shape)
    }

    /// Small numbers of both signs; large ones; and the ends of the integers with their neighbours.
    private static func integer(_ style: Int, _ random: inout SplitMix) -> Int {
        switch style {
        case 2: return random.element([1 << 40, -(1 << 40), 1 << 31, (1 << 32) - 1, (1 << 53) + 1, -(1 << 62), 1 << 62])
        case 3: return random.element([.max, .min, .max - 1, .min + 1, .max / 2, .min / 2, .max / 2 + 1, 0])
        case 4: return 0
        case 5: return -1 - random.below(9)
        case 7: return random.element([.max, .min, 1, 3, 1 << 33])
        case 8: return random.below(40)
        default: return random.below(12) - 3
        }
    }
}

import Apus

/// One input of a gallery program: which sizes and which values it may have.
struct GalleryInput: Sendable {
    /// A fixed dimension, or a named one over a range or a set. Dimensions of one name are declared equal.
    enum Axis: Sendable, ExpressibleByIntegerLiteral {
        case fixed(Int)
        case sizes(String, [Int], isSet: Bool)

        init(integerLiteral value: Int) { self = .fixed(value) }

        static func size(_ name: String, _ range: ClosedRange<Int>) -> Axis { .sizes(name, Array(range), isSet: false) }
        static func size(_ name: String, in values: [Int]) -> Axis { .sizes(name, values, isSet: true) }
    }

    /// How the elements are filled: a few ways for floats, listed numbers for others.
    enum Values: Sendable {
        /// Ramps, noise, zeros, negatives, NaN, infinities.
        case floats
        /// One of these numbers in all elements.
        case numbers([Double])
    }

    let dtype: DType
    let axes: [Axis]
    let values: Values

    static func floats(_ axes: Axis...) -> GalleryInput { GalleryInput(dtype: .float32, axes: axes, values: .floats) }

    /// A zero-dimensional integer.
    static func number(_ values: [Int], _ dtype: DType = .int64) -> GalleryInput {
        GalleryInput(dtype: dtype, axes: [], values: .numbers(values.map { Double($0) }))
    }

    /// A zero-dimensional float.
    static func real(_ values: [Double] = [0, -0.0, 1, -1, 2.5, .nan, .infinity, -.infinity, 1e-30]) -> GalleryInput {
        GalleryInput(dtype: .float32, axes: [], values: .numbers(values))
    }

    static var flag: GalleryInput { GalleryInput(dtype: .bool, axes: [], values: .numbers([0, 1])) }

    // MARK: Drawing

    private static let floatFills = 6

    var fillCount: Int {
        switch values {
        case .floats: GalleryInput.floatFills
        case .numbers(let numbers): numbers.count
        }
    }

    /// The input for these sizes, filled in way number `fill`.
    func tensor(_ sizes: [String: Int], fill: Int) throws -> Tensor {
        let shape: [Int] = axes.map { axis in
            switch axis {
            case .fixed(let size): size
            case .sizes(let name, let all, _): sizes[name] ?? all[0]
            }
        }
        let count: Int = shape.reduce(1, *)
        let elements: [Double]
        switch values {
        case .floats: elements = (0..<count).map { GalleryInput.float($0, fill) }
        case .numbers(let numbers): elements = Array(repeating: numbers[fill % numbers.count], count: count)
        }
        switch dtype {
        case .bool: return try Tensor(elements.map { $0 != 0 }, shape: shape)
        case .float32: return try Tensor(elements.map { Float($0) }, shape: shape)
        default: return try Tensor(elements.map { Int64($0) }, shape: shape).to(dtype)
        }
    }

    private static func float(_ index: Int, _ fill: Int) -> Double {
        let extremes: [Double] = [.infinity, -0.0, 3e38, -.infinity, 1e-44, -3e38, 0]
        switch fill {
        case 0: return Double(index) * 0.5 - 1
        case 1: return Double((index &* 7919 &+ 13) % 31) / 8 - 1.5
        case 2: return 0
        case 3: return -1 - Double(index)
        case 4: return index == 0 ? .nan : Double(index)
        default: return extremes[index % extremes.count]
        }
    }

    /// The constraints that declare the named sizes of an example.
    func constraints(_ example: Tensor, _ first: inout [String: DynamicDimension]) -> [any ConstraintConvertible] {
        var found: [any ConstraintConvertible] = []
        for (dim, axis) in axes.enumerated() {
            guard case .sizes(let name, let sizes, let isSet) = axis else { continue }
            let dimension = dynamicDim(example, dim)
            if let known = first[name] {
                found.append(known == dimension)
            } else {
                first[name] = dimension
                if isSet {
                    found.append(dimension.in(sizes))
                } else {
                    found.append(dimension.in(sizes[0]...sizes[sizes.count - 1]))
                }
            }
        }
        return found
    }
}

extension GalleryInput.Axis {
    /// The sizes next to those that are declared: below, above, and between the members of a set.
    var outside: [Int] {
        guard case .sizes(_, let sizes, _) = self else { return [] }
        let neighbours = Set(sizes.flatMap { [$0 - 1, $0 + 1] })
        return neighbours.subtracting(sizes).filter { $0 >= 0 }.sorted()
    }
}

/// The inputs on which a program is swept: every combination, or some 200 with all corners where there are more.
struct GallerySweep {
    struct Point {
        let sizes: [String: Int]
        let fills: [Int]
    }

    let points: [Point]
    /// How many combinations there are.
    let domainSize: Int

    init(_ inputs: [GalleryInput]) {
        var names: [String] = []
        var choices: [[Int]] = []
        for case .sizes(let name, let sizes, _) in inputs.flatMap(\.axes) where !names.contains(name) {
            names.append(name)
            choices.append(sizes)
        }
        let counts: [Int] = choices.map(\.count) + inputs.map(\.fillCount)
        domainSize = counts.reduce(1, *)
        var seen = Set<[Int]>()
        var positions: [[Int]] = []
        func add(_ position: [Int]) { if seen.insert(position).inserted { positions.append(position) } }
        if domainSize <= 400 {
            for index in 0..<domainSize { add(GallerySweep.position(index, counts)) }
        } else {
            let ends: [[Int]] = choices.map { $0.count == 1 ? [0] : [0, $0.count - 1] } + inputs.map { Array(0..<min($0.fillCount, 6)) }
            let corners: Int = ends.reduce(1) { $0 * $1.count }
            // Corners first, thinned out where they alone are too many.
            for index in stride(from: 0, to: corners, by: max(1, corners / 300)) {
                add(zip(ends, GallerySweep.position(index, ends.map(\.count))).map { $0[$1] })
            }
            var state: UInt64 = 42
            let target: Int = positions.count + 200
            while positions.count < target, seen.count < domainSize {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                add(GallerySweep.position(Int((state >> 33) % UInt64(domainSize)), counts))
            }
        }
        points = positions.map { position in
            let sizes = Dictionary(uniqueKeysWithValues: zip(names, zip(choices, position).map { $0[$1] }))
            return Point(sizes: sizes, fills: Array(position.dropFirst(names.count)))
        }
    }

    private static func position(_ index: Int, _ counts: [Int]) -> [Int] {
        var rest: Int = index
        return counts.map { count in
            defer { rest /= count }
            return rest % count
        }
    }

    /// Points with one size next to the declared ones and the others in the middle.
    func outside(_ inputs: [GalleryInput]) -> [Point] {
        let middle: Point = points[points.count / 2]
        var seen = Set<String>()
        var found: [Point] = []
        for axis in inputs.flatMap(\.axes) {
            guard case .sizes(let name, _, _) = axis, seen.insert(name).inserted else { continue }
            for size in axis.outside {
                found.append(Point(sizes: middle.sizes.merging([name: size]) { $1 }, fills: middle.fills))
            }
        }
        return found
    }
}

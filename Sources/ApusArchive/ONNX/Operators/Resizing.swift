import ApusSymbolic
import ApusTensor
import Foundation

/// Resizing: by an operator of PyTorch's where there is one that does the same, else one dimension after another by tables of positions
/// and weights, which takes sizes that are known.
struct ONNXResizing {
    private let call: ONNXCall
    private let x: Tensor
    private let mode: String
    private let coordinates: String
    private let axes: [Int]
    /// Of the axes alone.
    private let sizes: [SymInt]
    private let scales: [Double]?
    private let region: [Double]?

    init(_ call: ONNXCall) throws {
        self.call = call
        x = try call.tensor(0)
        let rank: Int = x.rank
        let isUpsample: Bool = call.name == "Upsample"
        let hasRegion: Bool = !isUpsample && call.version >= 11
        mode = try call.choice("mode", "nearest", of: ["nearest", "linear", "cubic"])
        let standard: String = hasRegion ? "half_pixel" : "asymmetric"
        coordinates = try call.choice(
            "coordinate_transformation_mode", standard,
            of: [
                "half_pixel", "half_pixel_symmetric", "pytorch_half_pixel", "align_corners", "asymmetric", "tf_half_pixel_for_nn",
                "tf_crop_and_resize",
            ])
        let chosen: [Int] = try call.ints("axes")?.map { try call.dim($0, rank: rank) } ?? Array(0..<rank)
        axes = chosen
        region = coordinates == "tf_crop_and_resize" ? try call.numbers(1) : nil
        if let region, region.count != 2 * chosen.count || !region.allSatisfy({ $0.magnitude < 0x1p20 }) {
            throw call.error(.invalidProgram, "has a region of \(region.count) numbers for \(chosen.count) dimensions")
        }
        let scaleInput: Int = hasRegion ? 2 : 1
        let isGiven: Bool = call.has(scaleInput) && !(call.inputs[scaleInput]?.known.map { $0.count.constant == 0 } ?? false)
        if !isGiven, !isUpsample, call.has(3) {
            let wanted: [SymInt] = try call.sizes(3)
            guard wanted.count == chosen.count else {
                throw call.error(.invalidProgram, "has \(wanted.count) sizes for \(chosen.count) dimensions")
            }
            guard wanted.allSatisfy({ ($0.constant ?? 0) >= 0 }) else { throw call.error(.invalidProgram, "has the sizes \(wanted)") }
            let policy: String = try call.choice("keep_aspect_ratio_policy", "stretch", of: ["stretch", "not_larger", "not_smaller"])
            if policy == "stretch" {
                (sizes, scales) = (wanted, nil)
            } else {
                let given: Tensor = x
                let ratios: [Double] = try zip(wanted, chosen).map { size, axis in
                    guard let size = size.constant, let own = given.shape[axis].constant, own > 0 else {
                        throw call.error("keeps an aspect ratio of sizes that are open")
                    }
                    return Double(size) / Double(own)
                }
                let ratio: Double = (policy == "not_larger" ? ratios.min() : ratios.max()) ?? 1
                guard ratio >= 0, ratio < 0x1p20 else { throw call.error(.invalidProgram, "has the sizes \(wanted)") }
                scales = chosen.map { _ in ratio }
                sizes = try chosen.map { axis in
                    let size: Double = (ratio * Double(given.shape[axis].constant ?? 0)).rounded(.toNearestOrAwayFromZero)
                    guard size < 0x1p40 else { throw call.error(.invalidProgram, "has the sizes \(wanted)") }
                    return SymInt(Int(size))
                }
            }
            return
        }
        let factors: [Double]? = isUpsample && call.version < 9 ? try call.floats("scales") : try call.numbers(scaleInput)
        guard let factors, factors.count == chosen.count, factors.allSatisfy({ $0 > 0 && $0.isFinite }) else {
            throw call.error(.invalidProgram, "lacks sizes and scales for \(chosen.count) dimensions")
        }
        scales = factors
        let window: [Double]? = region
        let x: Tensor = self.x
        sizes = try chosen.enumerated().map { index, axis in
            let own: SymInt = x.shape[axis]
            if factors[index] == 1 { return own }
            guard let own = own.constant else {
                guard factors[index] == factors[index].rounded(), factors[index] < 0x1p20 else {
                    throw call.error("has the scale \(factors[index]) for a size that is open")
                }
                return own * Int(factors[index])
            }
            let share: Double = window.map { $0[index + chosen.count] - $0[index] } ?? 1
            let size: Double = (Double(own) * share * factors[index]).rounded(.down)
            guard size >= 0, size < 0x1p40 else { throw call.error(.invalidProgram, "has the scale \(factors[index])") }
            return SymInt(Int(size))
        }
    }

    func result() throws -> Tensor {
        if let native = try native() { return native }
        var result: Tensor = x
        for (index, axis) in axes.enumerated() { result = try resized(result, axis, index) }
        return result.dtype == x.dtype ? result : try (x.dtype.isFloatingPoint ? result : result.round()).to(x.dtype)
    }

    // MARK: One operator

    /// The ratio of a dimension's sizes is its scale too.
    private func isExact(_ index: Int) -> Bool {
        guard let scale = scales?[index], let own = x.shape[axes[index]].constant else { return true }
        return (scale * Double(own)) == (scale * Double(own)).rounded() && Double(sizes[index].constant ?? -1) == scale * Double(own)
    }

    private func native() throws -> Tensor? {
        guard (3...5).contains(x.rank), x.dtype == .float32 || x.dtype == .float64,
            try !call.flag("exclude_outside") && !call.flag("antialias")
        else { return nil }
        var target: [SymInt] = x.shape.sizes
        for (index, axis) in axes.enumerated() {
            guard isExact(index) else { return nil }
            target[axis] = sizes[index]
        }
        guard zip(target, x.shape).prefix(2).allSatisfy({ $0.isIdentical(to: $1) || decide($0 == $1) == true }) else { return nil }
        let spatial: [SymInt] = Array(target.dropFirst(2))
        guard spatial.allSatisfy({ decide($0 >= 1) == true }) else { return nil }
        switch mode {
        case "nearest":
            let rounding: String = try call.text("nearest_mode", "round_prefer_floor")
            let isFloor: Bool = coordinates == "asymmetric" && (rounding == "floor" || (call.version < 11))
            // The kernel goes by the ratio in float32: where that picks others than the scale does, a table tells.
            let agrees: Bool = axes.enumerated().allSatisfy { index, axis in
                guard let scale = scales?[index], let own = x.shape[axis].constant, let size = sizes[index].constant, size > 0,
                    size <= 1 << 24
                else { return true }
                let step: Float = Float(own) / Float(size)
                return (0..<size).allSatisfy { Int(Float($0) * step) == Int(Double($0) / scale) }
            }
            return isFloor && agrees ? try x.interpolated(to: spatial, mode: "nearest") : nil
        case "linear":
            let isHalf: Bool =
                coordinates == "half_pixel" || (coordinates == "pytorch_half_pixel" && spatial.allSatisfy { decide($0 > 1) == true })
            guard isHalf || coordinates == "align_corners" else { return nil }
            let name: String = ["linear", "bilinear", "trilinear"][x.rank - 3]
            return try x.interpolated(to: spatial, mode: name, alignsCorners: coordinates == "align_corners")
        default:
            let isHalf: Bool =
                coordinates == "half_pixel" || (coordinates == "pytorch_half_pixel" && spatial.allSatisfy { decide($0 > 1) == true })
            guard x.rank == 4, isHalf || coordinates == "align_corners", try Float(call.float("cubic_coeff_a", -0.75)) == -0.75 else {
                return nil
            }
            return try x.interpolated(to: spatial, mode: "bicubic", alignsCorners: coordinates == "align_corners")
        }
    }

    // MARK: Tables

    private func resized(_ x: Tensor, _ axis: Int, _ index: Int) throws -> Tensor {
        let scale: Double? = scales?[index]
        if sizes[index].isIdentical(to: x.shape[axis]), scale ?? 1 == 1, region == nil { return x }
        guard let own = x.shape[axis].constant, let size = sizes[index].constant, own > 0, own <= 1 << 24, size >= 0, size <= 1 << 24
        else {
            throw call.error(
                "with the mode '\(mode)' and '\(coordinates)' takes sizes that are known, not \(x.shape[axis]) to \(sizes[index])")
        }
        let table = try ONNXResizingTable(
            call, mode: mode, coordinates: coordinates, own: own, size: size, scale: scale ?? Double(size) / Double(own),
            region: region.map { ($0[index], $0[index + axes.count]) })
        if mode == "nearest" {
            let picked: Tensor = try x.indexSelect(dim: axis, Tensor(table.positions.map { $0[table.nearest] }, shape: [size]))
            return try extrapolated(picked, table, axis)
        }
        let wide: Tensor = x.dtype == .float64 ? x : try x.to(.float32)
        var sum: Tensor?
        var shape: [Int] = Array(repeating: 1, count: x.rank)
        shape[axis] = size
        for tap in 0..<table.taps {
            let values: Tensor = try wide.indexSelect(dim: axis, Tensor(table.positions.map { $0[tap] }, shape: [size]))
            let weights: Tensor = try Tensor(table.weights.map { $0[tap] }, shape: shape).to(wide.dtype)
            let part: Tensor = try values * weights
            sum = try sum.map { try $0 + part } ?? part
        }
        return try extrapolated(sum ?? wide, table, axis)
    }

    private func extrapolated(_ x: Tensor, _ table: ONNXResizingTable, _ axis: Int) throws -> Tensor {
        guard table.isOutside.contains(true) else { return x }
        var shape: [Int] = Array(repeating: 1, count: x.rank)
        shape[axis] = table.isOutside.count
        return try Tensor.where(Tensor(table.isOutside, shape: shape), try call.float("extrapolation_value", 0), x)
    }
}

/// For each position of the result the positions that it is made of, with their weights.
private struct ONNXResizingTable {
    private(set) var positions: [[Int]] = []
    private(set) var weights: [[Double]] = []
    private(set) var isOutside: [Bool] = []
    private(set) var taps = 0
    /// The tap that nearest picks has the weight 1: the positions are in one place for all.
    let nearest = 0

    init(_ call: ONNXCall, mode: String, coordinates: String, own: Int, size: Int, scale: Double, region: (start: Double, end: Double)?)
        throws
    {
        let length: Double = scale * Double(own)
        let last = Double(own - 1)
        let antialias: Bool = try call.flag("antialias") && scale < 1
        let excludes: Bool = try call.flag("exclude_outside")
        let rounding: String = try call.choice(
            "nearest_mode", call.version < 11 ? "floor" : "round_prefer_floor",
            of: ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"])
        let a: Double = try call.float("cubic_coeff_a", -0.75)
        for place in 0..<size {
            let y = Double(place)
            var origin: Double
            switch coordinates {
            case "align_corners": origin = length == 1 ? 0 : y * last / (length - 1)
            case "asymmetric": origin = y / scale
            case "tf_half_pixel_for_nn": origin = (y + 0.5) / scale
            case "pytorch_half_pixel": origin = length == 1 ? -0.5 : (y + 0.5) / scale - 0.5
            case "half_pixel_symmetric":
                let center: Double = Double(own) / 2 * (1 - Double(size) / length)
                origin = center + (y + 0.5) / scale - 0.5
            case "tf_crop_and_resize":
                let (start, end) = region ?? (0, 1)
                origin = length == 1 ? (end - start) * last / 2 : y * (end - start) * last / (length - 1)
                origin += start * last
            default: origin = (y + 0.5) / scale - 0.5
            }
            isOutside.append(coordinates == "tf_crop_and_resize" && (origin < 0 || origin > last))
            if mode == "nearest" {
                let rounded: Double
                switch rounding {
                case "floor": rounded = origin.rounded(.down)
                case "ceil": rounded = origin.rounded(.up)
                case "round_prefer_ceil": rounded = (origin + 0.5).rounded(.down)
                default: rounded = (origin - 0.5).rounded(.up)
                }
                positions.append([Int(Swift.min(Swift.max(rounded, 0), last))])
                continue
            }
            let floor: Double = origin.rounded(.down)
            // Between the position on the left and this one: a whole position is one's own neighbour on the right.
            let ratio: Double = origin == floor ? 1 : origin - floor
            var coefficients: [Double] = Self.coefficients(mode, ratio, antialias ? scale : 1, a)
            taps = coefficients.count
            let center: Double = origin == floor ? floor - 1 : floor
            let first: Int = Int(center) - coefficients.count / 2 + 1
            let neighbours: [Int] = coefficients.indices.map { first + $0 }
            if excludes {
                for (tap, neighbour) in neighbours.enumerated() where neighbour < 0 || neighbour >= own { coefficients[tap] = 0 }
                let sum: Double = coefficients.reduce(0, +)
                if sum != 0 { coefficients = coefficients.map { $0 / sum } }
            }
            positions.append(neighbours.map { Swift.min(Swift.max($0, 0), own - 1) })
            weights.append(coefficients)
        }
    }

    private static func coefficients(_ mode: String, _ ratio: Double, _ scale: Double, _ a: Double) -> [Double] {
        let reach: Double = mode == "linear" ? 1 : 2
        let first: Int = Int((-reach / scale).rounded(.down)) + 1
        let count: Int = mode == "linear" ? 2 - 2 * first : 4 - 2 * (first + 1)
        let raw: [Double] = (0..<Swift.max(count, 2)).map { tap in
            let x: Double = Swift.abs(scale * (Double(first + tap) - ratio))
            if mode == "linear" { return Swift.max(1 - x, 0) }
            if x <= 1 { return ((a + 2) * x - (a + 3)) * x * x + 1 }
            return x < 2 ? ((a * x - 5 * a) * x + 8 * a) * x - 4 * a : 0
        }
        let sum: Double = raw.reduce(0, +)
        return scale < 1 ? raw.map { $0 / sum } : raw
    }
}

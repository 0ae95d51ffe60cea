import ApusSymbolic
import Foundation

// Windows for spectra: periodic ones, which are those of one more point without the last, and symmetric ones.

extension Operator {
    static let windows: [Operator] =
        windows("bartlett", "A triangle.", []) { t, _ in try 1 - (t * 2 - 1).abs() }
        + windows("hann", "A raised cosine.", []) { t, _ in try cosines(t, [0.5, -0.5]) }
        + windows("blackman", "`0.42 - 0.5 cos + 0.08 cos` of twice the angle.", []) { t, _ in try cosines(t, [0.42, -0.5, 0.08]) }
        + windows("hamming", "`alpha - beta cos`, 0.54 and 0.46 unless told otherwise.", [("alpha", 0.54), ("beta", 0.46)]) { t, numbers in
            try cosines(t, [numbers[0], -numbers[1]])
        }
        + windows("kaiser", "Bessel's function of a half circle, `beta` high, 12 unless told otherwise.", [("beta", 12)]) { t, numbers in
            let half: Tensor = try (1 - (t * 2 - 1) * (t * 2 - 1)).clamp(min: 0).sqrt()
            return try (half * numbers[0]).i0() / Tensor.scalar(numbers[0], dtype: .float64).i0()
        }

    /// The sum of cosines of multiples of the angle.
    private static func cosines(_ t: Tensor, _ factors: [Double]) throws -> Tensor {
        try factors.enumerated().dropFirst().reduce(t * 0 + factors[0]) { sum, next in
            try sum + (t * (2 * Double.pi * Double(next.offset))).cos() * next.element
        }
    }

    /// A window's overloads: by its length, also with whether it is periodic, and then with its numbers, one more in each.
    private static func windows(
        _ name: String, _ documentation: String, _ numbers: [(name: String, value: Double)],
        _ shape: @escaping @Sendable (_ t: Tensor, _ numbers: [Double]) throws -> Tensor
    ) -> [Operator] {
        let standard: [Double] = numbers.map(\.value)
        return (-1...numbers.count).map { given in
            let own: [(name: String, value: Double)] = Array(numbers.prefix(max(given, 0)))
            // Kaiser's overload with its number is named after the number alone.
            let overload: String =
                given < 0 ? "" : name == "kaiser" && given > 0 ? ".beta" : (["periodic"] + own.map(\.name)).joined(separator: "_")
            let parameters: [String] = ["int window_length"] + (given < 0 ? [] : ["bool periodic"]) + own.map { "float \($0.name)" }
            let dot: String = overload.isEmpty || overload.hasPrefix(".") ? "" : "."
            return composite(
                "aten::\(name)_window\(dot)\(overload)(\(parameters.joined(separator: ", ")), *, \(options)) -> Tensor",
                documentation + " From 0 to 1 in as many points; float32 unless asked for otherwise.",
                samples: {
                    [6, 5, 1, 0].map { length in
                        [.int(length)] + (given < 0 ? [] : [.bool(length == 5)]) + own.map { .double($0.value * 0.9) }
                            + [length == 5 ? .dtype(.float64) : .none, .none, .none, .none]
                    }
                }
            ) { call in
                let length: Int = try call.constant(0)
                guard length >= 0 else { throw call.error(.invalidArgument, "the length must not be below 0, not \(length)") }
                let dtype: DType = try call.dtype(parameters.count) ?? .float32
                guard dtype.isFloatingPoint else { throw call.error(.dtypeMismatch, "gives floating-point dtypes, not \(dtype)") }
                if length <= 1 { return [.tensor(try Tensor.ones([length], dtype: dtype))] }
                let isPeriodic: Bool = try given < 0 || call.bool(1)
                let t: Tensor = try Tensor.arange(length, dtype: .float64) / Double(isPeriodic ? length : length - 1)
                let chosen: [Double] = try own.indices.map { try call.double(2 + $0) } + standard.dropFirst(own.count)
                return [.tensor(try shape(t, chosen).to(dtype))]
            }
        }
    }
}

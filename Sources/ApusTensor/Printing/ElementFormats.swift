/// How the elements of one tensor are written so that their columns line up, by NumPy's rules: the fewest digits that tell the numbers
/// apart, at most eight after the point, and powers of ten where the numbers are very large, very small or very different.
enum ElementFormat {
    case whole(width: Int)
    case truth
    case real(RealFormat)
    case complex(RealFormat, RealFormat)
}

/// The layout of a column of floating-point numbers.
struct RealFormat {
    private static let precision = 8

    private let dtype: DType
    private let isScientific: Bool
    private let alwaysSigned: Bool
    private var leftWidth = 0
    private var rightWidth = 0
    private var exponentDigits = 0
    private var places = RealFormat.precision

    init(_ values: [Double], _ dtype: DType, alwaysSigned: Bool = false) {
        self.dtype = dtype
        self.alwaysSigned = alwaysSigned
        let finite: [Double] = values.filter { $0.isFinite }
        let magnitudes: [Double] = finite.lazy.filter { $0 != 0 }.map { $0.magnitude }
        let (largest, smallest): (Double, Double) = (magnitudes.max() ?? 1, magnitudes.min() ?? 1)
        isScientific = largest >= RealFormat.cutoff(dtype) || smallest < 0.0001 || largest / smallest > 1000
        if isScientific {
            let parts = finite.map { DecimalDigits($0, dtype).scientific(places: RealFormat.precision) }
            places = parts.map { $0.fraction.count }.max() ?? 0
            exponentDigits = Swift.max(2, parts.map { "\($0.exponent.magnitude)".count }.max() ?? 2)
            leftWidth = parts.map { signed($0.whole).count }.max() ?? 0
            rightWidth = exponentDigits + 2 + places
        } else {
            let parts = finite.map { DecimalDigits($0, dtype).positional(places: RealFormat.precision) }
            leftWidth = parts.map { signed($0.whole).count }.max() ?? 0
            rightWidth = parts.map { $0.fraction.count }.max() ?? 0
        }
        guard finite.count < values.count else { return }
        let hasSign: Int = alwaysSigned || values.contains(-.infinity) ? 1 : 0
        leftWidth = Swift.max(leftWidth, 3 - (rightWidth + 1), 3 + hasSign - (rightWidth + 1))
    }

    /// Numbers from here on are written with powers of ten.
    private static func cutoff(_ dtype: DType) -> Double {
        switch dtype {
        case .float16: 1e3
        case .bfloat16: 1e2
        case .float32, .complex64: 1e6
        default: 1e8
        }
    }

    private func signed(_ text: String) -> String { alwaysSigned && !text.hasPrefix("-") ? "+" + text : text }

    func text(_ value: Double) -> String {
        guard value.isFinite else {
            let name: String = value.isNaN ? (alwaysSigned ? "+nan" : "nan") : value < 0 ? "-inf" : alwaysSigned ? "+inf" : "inf"
            return padded(name, to: leftWidth + rightWidth + 1)
        }
        let digits = DecimalDigits(value, dtype)
        guard isScientific else {
            let (whole, fraction) = digits.positional(places: RealFormat.precision)
            return padded(signed(whole), to: leftWidth) + "." + fraction
                + String(repeating: " ", count: Swift.max(0, rightWidth - fraction.count))
        }
        let (whole, fraction, exponent) = digits.scientific(places: places)
        let zeros = String(repeating: "0", count: Swift.max(0, places - fraction.count))
        let power = "\(exponent.magnitude)"
        let filled = String(repeating: "0", count: Swift.max(0, exponentDigits - power.count)) + power
        return padded(signed(whole), to: leftWidth) + "." + fraction + zeros + "e" + (exponent < 0 ? "-" : "+") + filled
    }
}

private func padded(_ text: String, to width: Int) -> String { String(repeating: " ", count: Swift.max(0, width - text.count)) + text }

/// Elements of a tensor as numbers.
enum PrintedElements {
    case wholes([Int])
    case truths([Bool])
    case reals([Double], DType)
    case complexes([(Double, Double)], DType)

    var format: ElementFormat {
        switch self {
        case .wholes(let values): .whole(width: Swift.max("\(values.min() ?? 0)".count, "\(values.max() ?? 0)".count))
        case .truths: .truth
        case .reals(let values, let dtype): .real(RealFormat(values, dtype))
        case .complexes(let values, let dtype):
            .complex(RealFormat(values.map { $0.0 }, dtype.real), RealFormat(values.map { $0.1 }, dtype.real, alwaysSigned: true))
        }
    }

    /// One element in its column.
    func text(_ index: Int, _ format: ElementFormat) -> String {
        switch (self, format) {
        case (.wholes(let values), .whole(let width)): return padded("\(values[index])", to: width)
        case (.truths(let values), _): return values[index] ? " True" : "False"
        case (.reals(let values, _), .real(let format)): return format.text(values[index])
        case (.complexes(let values, _), .complex(let real, let imaginary)):
            // The j stands before the blanks that fill the column.
            let text: String = imaginary.text(values[index].1)
            let digits = text.reversed().drop { $0 == " " }.count
            return real.text(values[index].0) + text.prefix(digits) + "j" + text.dropFirst(digits)
        default: return ""
        }
    }

    /// An element that stands alone, without a column.
    func textAlone() -> String {
        switch self {
        case .wholes(let values): "\(values.first ?? 0)"
        case .truths(let values): values.first == true ? "True" : "False"
        case .reals(let values, let dtype): PrintedElements.alone(values.first ?? 0, dtype)
        case .complexes(let values, let dtype):
            PrintedElements.alone(values.first ?? (0, 0), dtype.real)
        }
    }

    private static func alone(_ value: Double, _ dtype: DType) -> String {
        guard value.isFinite else { return value.isNaN ? "nan" : value < 0 ? "-inf" : "inf" }
        let digits = DecimalDigits(value, dtype)
        if digits.digits.isEmpty || (-3...16).contains(digits.point) {
            let (whole, fraction) = digits.positional(places: 40)
            return whole + "." + (fraction.isEmpty ? "0" : fraction)
        }
        let (whole, fraction, exponent) = digits.scientific(places: 40)
        let power = "\(exponent.magnitude)"
        return whole + (fraction.isEmpty ? "" : "." + fraction) + "e" + (exponent < 0 ? "-" : "+") + (power.count < 2 ? "0" : "") + power
    }

    private static func alone(_ value: (Double, Double), _ dtype: DType) -> String {
        func trimmed(_ text: String) -> String { text.hasSuffix(".0") ? String(text.dropLast(2)) : text }
        let imaginary = trimmed(alone(value.1, dtype))
        if value.0 == 0 && value.0.sign == .plus { return imaginary + "j" }
        return "(" + trimmed(alone(value.0, dtype)) + (imaginary.hasPrefix("-") ? "" : "+") + imaginary + "j)"
    }
}

/// A finite number's shortest decimal digits: `0.d1d2d3... x 10^point`. The fewest that read back as the same number of its precision.
struct DecimalDigits {
    var isNegative: Bool
    var digits: [UInt8]
    /// Where the decimal point stands: before the first digit at 0. No digits mean 0.
    var point: Int

    init(_ value: Double, _ precision: DType) {
        isNegative = value.sign == .minus
        let text: String
        switch precision {
        case .float64, .complex128: text = "\(value.magnitude)"
        case .float16: text = DecimalDigits.shortest(value.magnitude, bits: 10, lowest: -14)
        case .bfloat16: text = DecimalDigits.shortest(value.magnitude, bits: 7, lowest: -126)
        default: text = "\(Float(value.magnitude))"
        }
        (digits, point) = DecimalDigits.read(text)
    }

    /// Reads `12.5`, `1e-05`.
    private static func read(_ text: String) -> ([UInt8], Int) {
        let parts = text.split(separator: "e")
        let exponent: Int = parts.count > 1 ? Int(parts[1]) ?? 0 : 0
        var digits: [UInt8] = []
        var point: Int?
        for character in (parts.first ?? "0").utf8 {
            if character == UInt8(ascii: ".") { point = digits.count } else { digits.append(character &- UInt8(ascii: "0")) }
        }
        var place = (point ?? digits.count) + exponent
        while digits.first == 0 {
            digits.removeFirst()
            place -= 1
        }
        while digits.last == 0 { digits.removeLast() }
        return digits.isEmpty ? ([], 0) : (digits, place)
    }

    /// The shortest text within half a step of a type with fewer bits than a float.
    private static func shortest(_ value: Double, bits: Int, lowest: Int) -> String {
        guard value > 0 else { return "0" }
        let half = Double(sign: .plus, exponent: Swift.max(Int(value.exponent), lowest) - bits - 1, significand: 1)
        for places in 1...9 {
            let exponent = DecimalDigits.read("\(value)").1 - places
            let scale = DecimalDigits.powerOfTen(exponent.magnitude)
            let rounded: Double =
                exponent < 0 ? (value * scale).rounded(.toNearestOrEven) / scale : (value / scale).rounded(.toNearestOrEven) * scale
            if (rounded - value).magnitude < half { return "\(rounded)" }
        }
        return "\(value)"
    }

    private static func powerOfTen(_ exponent: UInt) -> Double { (0..<exponent).reduce(1) { power, _ in power * 10 } }

    /// Cuts at a number of digits, rounding halves to even.
    mutating func round(toDigits count: Int) {
        guard count < digits.count else { return }
        guard count >= 0 else {
            (digits, point) = ([], 0)
            return
        }
        let rest = digits[count...]
        let first: UInt8 = rest.first ?? 0
        let isOdd: Bool = count > 0 && digits[count - 1] % 2 == 1
        let roundsUp: Bool = first > 5 || first == 5 && (rest.dropFirst().contains { $0 != 0 } || isOdd)
        digits.removeLast(digits.count - count)
        if roundsUp {
            var index = count - 1
            while index >= 0, digits[index] == 9 {
                digits[index] = 0
                index -= 1
            }
            if index >= 0 {
                digits[index] += 1
            } else {
                digits.insert(1, at: 0)
                point += 1
            }
        }
        while digits.last == 0 { digits.removeLast() }
        if digits.isEmpty { point = 0 }
    }

    /// The digits before and after the point, the latter without trailing zeros and at most so many.
    func positional(places: Int) -> (whole: String, fraction: String) {
        var cut = self
        cut.round(toDigits: point + places)
        let whole: String = cut.point > 0 ? text((0..<cut.point).map { cut.digit($0) }) : "0"
        let fraction: String = cut.digits.isEmpty ? "" : text((cut.point..<Swift.max(cut.digits.count, cut.point)).map { cut.digit($0) })
        return ((isNegative ? "-" : "") + whole, fraction)
    }

    /// One digit before the point, those after it without trailing zeros and at most so many, and the exponent.
    func scientific(places: Int) -> (whole: String, fraction: String, exponent: Int) {
        var cut = self
        cut.round(toDigits: places + 1)
        guard let first = cut.digits.first else { return ((isNegative ? "-" : "") + "0", "", 0) }
        return ((isNegative ? "-" : "") + text([first]), text(Array(cut.digits.dropFirst())), cut.point - 1)
    }

    private func digit(_ index: Int) -> UInt8 { index >= 0 && index < digits.count ? digits[index] : 0 }

    private func text(_ digits: [UInt8]) -> String { String(decoding: digits.map { $0 + UInt8(ascii: "0") }, as: UTF8.self) }
}

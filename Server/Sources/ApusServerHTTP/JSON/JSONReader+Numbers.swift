import ApusServing

#if canImport(Glibc)
import Glibc
#elseif canImport(Musl)
import Musl
#endif

extension JSONReader {
    /// What a number's text is made of.
    private struct Text {
        var isNegative = false
        /// The first 19 digits, as a number.
        var digits: UInt64 = 0
        var digitCount = 0
        /// What the digits are to be multiplied by: ten to this.
        var exponent = 0
        var isInteger = true
    }

    mutating func skipNumber() throws { _ = try number() }

    /// An integer of 64 bits; nil, somewhere after its start, where the number is none.
    mutating func integer() throws -> Int? {
        guard let text = try text(), text.isInteger, text.digitCount <= 19 else { return nil }
        guard text.digits <= UInt64(Int.max) else { return text.isNegative && text.digits == UInt64(Int.max) + 1 ? Int.min : nil }
        return text.isNegative ? -Int(text.digits) : Int(text.digits)
    }

    mutating func number() throws -> Double {
        let start: Int = position
        guard let text = try text() else { return try special() }
        // Both parts exact, and one rounding: Clinger's fast path.
        if text.digitCount <= 19, text.digits <= 1 << 53, abs(text.exponent) <= 22 {
            let power: Double = JSONReader.powers[abs(text.exponent)]
            let value: Double = text.exponent < 0 ? Double(text.digits) / power : Double(text.digits) * power
            return text.isNegative ? -value : value
        }
        return strtod(String(decoding: bytes(start..<position), as: UTF8.self), nil)
    }

    private static let powers: [Double] = (0...22).map { exponent in (0..<exponent).reduce(1) { power, _ in power * 10 } }

    private mutating func special() throws -> Double {
        if take("NaN") { return .nan }
        if take("Infinity") { return .infinity }
        if take("-Infinity") { return -.infinity }
        throw fault("a value is expected")
    }

    /// The number that begins here; nil where none does.
    private mutating func text() throws -> Text? {
        var text = Text()
        let start: Int = position
        if peek == UInt8(ascii: "-") {
            text.isNegative = true
            advance()
        }
        guard let first = peek, isDigit(first) else {
            move(to: start)
            return nil
        }
        if first == UInt8(ascii: "0") {
            text.digitCount = 1
            advance()
            if let next = peek, isDigit(next) { throw fault("a number with zeros in front") }
        } else {
            takeDigits(&text, scaling: 0)
        }
        if peek == UInt8(ascii: ".") {
            text.isInteger = false
            advance()
            guard let next = peek, isDigit(next) else { throw fault("a number without digits after its point") }
            takeDigits(&text, scaling: -1)
        }
        if peek == UInt8(ascii: "e") || peek == UInt8(ascii: "E") {
            text.isInteger = false
            advance()
            let isNegative: Bool = peek == UInt8(ascii: "-")
            if isNegative || peek == UInt8(ascii: "+") { advance() }
            guard let next = peek, isDigit(next) else { throw fault("a number without digits in its exponent") }
            var exponent = 0
            while let digit = peek, isDigit(digit) {
                exponent = min(exponent * 10 + Int(digit - UInt8(ascii: "0")), 100_000)
                advance()
            }
            text.exponent += isNegative ? -exponent : exponent
        }
        return text
    }

    private mutating func takeDigits(_ text: inout Text, scaling: Int) {
        while let digit = peek, isDigit(digit) {
            if text.digitCount < 19 {
                text.digits = text.digits * 10 + UInt64(digit - UInt8(ascii: "0"))
                text.exponent += scaling
            }
            // Zeros in front are no digits to count.
            if text.digits > 0 { text.digitCount += 1 }
            advance()
        }
    }

    private func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }
}

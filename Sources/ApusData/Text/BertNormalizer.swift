import Foundation

/// What BERT's tokenizers do to a text before they look words up: drop control characters, stand Chinese characters apart, strip accents, write
/// small letters; then split at blanks, and before and behind each punctuation mark.
struct BertNormalizer: Sendable {
    let lowercases: Bool
    let stripsAccents: Bool

    typealias Scalars = [Unicode.Scalar]

    /// The words and punctuation marks of a text.
    func words(_ text: some Sequence<Unicode.Scalar>) -> [Scalars] {
        var words: [Scalars] = []
        var word: Scalars = []
        func end() {
            if !word.isEmpty { words.append(word) }
            word = []
        }
        for scalar in normalized(text) {
            if scalar == " " || !scalar.isASCII && scalar.properties.isWhitespace {
                end()
            } else if Self.isPunctuation(scalar) {
                end()
                words.append([scalar])
            } else {
                word.append(scalar)
            }
        }
        end()
        return words
    }

    private func normalized(_ text: some Sequence<Unicode.Scalar>) -> Scalars {
        var scalars: Scalars = []
        var isASCII = true
        for scalar in text where !Self.isDropped(scalar) {
            isASCII = isASCII && scalar.isASCII
            if Self.isBlank(scalar) {
                scalars.append(" ")
            } else if Self.isChinese(scalar) {
                scalars += [" ", scalar, " "]
            } else {
                scalars.append(scalar)
            }
        }
        if stripsAccents, !isASCII { scalars = Self.withoutAccents(scalars) }
        return lowercases ? scalars.flatMap(Self.lowercase) : scalars
    }

    /// The scalars taken apart as Unicode's canonical decomposition says, without the marks that take no room of their own.
    private static func withoutAccents(_ scalars: Scalars) -> Scalars {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars)
        return String(view).decomposedStringWithCanonicalMapping.unicodeScalars.filter {
            $0.isASCII || $0.properties.generalCategory != .nonspacingMark
        }
    }

    private static func lowercase(_ scalar: Unicode.Scalar) -> Scalars {
        guard scalar.isASCII else { return Array(scalar.properties.lowercaseMapping.unicodeScalars) }
        let isCapital: Bool = scalar >= "A" && scalar <= "Z"
        return [isCapital ? Unicode.Scalar(UInt8(truncatingIfNeeded: scalar.value) | 0x20) : scalar]
    }

    private static func isDropped(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return (scalar.value < 0x20 && !isBlank(scalar)) || scalar.value == 0x7F }
        if scalar.value == 0xFFFD { return true }
        switch scalar.properties.generalCategory {
        case .control, .format, .privateUse, .surrogate: return true
        default: return false
        }
    }

    private static func isBlank(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII { return scalar == " " || scalar == "\t" || scalar == "\n" || scalar == "\r" }
        return scalar.properties.isWhitespace
    }

    /// The blocks of ideographs, which are written without blanks between words.
    private static func isChinese(_ scalar: Unicode.Scalar) -> Bool {
        switch scalar.value {
        case 0..<0x3400: false
        case 0x3400...0x4DBF, 0x4E00...0x9FFF, 0xF900...0xFAFF: true
        case 0x20000...0x2A6DF, 0x2A700...0x2B73F, 0x2B740...0x2B81F, 0x2B920...0x2CEAF, 0x2F800...0x2FA1F: true
        default: false
        }
    }

    /// Unicode's punctuation, and all of ASCII that is neither letter, digit, blank nor control character.
    private static func isPunctuation(_ scalar: Unicode.Scalar) -> Bool {
        if scalar.isASCII {
            switch scalar.value {
            case 33...47, 58...64, 91...96, 123...126: return true
            default: return false
            }
        }
        switch scalar.properties.generalCategory {
        case .connectorPunctuation, .dashPunctuation, .openPunctuation, .closePunctuation, .initialPunctuation, .finalPunctuation,
            .otherPunctuation:
            return true
        default: return false
        }
    }
}

import ApusProgram
import ApusTensor
import Foundation

/// A page to look at a program in a browser: one file that needs no network and nothing beside it.
///
///     try ProgramPage(program, title: "MiniLM").html.write(toFile: "minilm.html", atomically: true, encoding: .utf8)
///
/// It shows the graph, folded by module, with the bodies of branches and loops in their nodes; dtypes and sizes of all values; the lines of the
/// source; inputs, results, ranges and guards; how the numbers of the weights are spread; and, for tensors that are given, the program as it runs.
public struct ProgramPage: Sendable {
    /// The page's text.
    public let html: String

    /// Makes a page. Reads some 65,000 elements of each weight. The program's buffers stay as they are.
    /// - Parameters:
    ///   - title: what the page is called
    ///   - inputs: tensors that the program takes, in the order of `graphSignature.userInputs`: the page then shows the steps for their sizes
    ///   - isProfiled: whether to run the program on the inputs some times, and show what each node and step takes
    /// - Throws: `ProgramError` where an input is not what the program takes, and what running it throws.
    public init(_ program: ExportedProgram, title: String, inputs: [Tensor]? = nil, isProfiled: Bool = false) throws {
        try self.init(withStackRoom(deepStack) { try PageData(program, title: title, inputs: inputs, isProfiled: isProfiled) })
    }

    package init(_ data: PageData) throws {
        let encoder = JSONEncoder()
        encoder.outputFormatting = .withoutEscapingSlashes
        encoder.nonConformingFloatEncodingStrategy = .convertToString(positiveInfinity: "inf", negativeInfinity: "-inf", nan: "nan")
        let json: [UInt8] = try withStackRoom(deepStack) { [UInt8](try encoder.encode(data)) }
        let title: [UInt8] = Array(data.title.utf8.flatMap { ProgramPage.references[$0] ?? [$0] })
        let parts: [String: [UInt8]] = [
            "title": title, "style": PackageResources.page_css, "data": ProgramPage.inert(json),
            "script": PackageResources.layout_js + PackageResources.draw_js + PackageResources.panels_js,
        ]
        html = String(decoding: ProgramPage.fill(PackageResources.page_html, parts), as: UTF8.self)
    }

    /// What stands for a character with a meaning in HTML.
    private static let references: [UInt8: [UInt8]] = [
        UInt8(ascii: "&"): Array("&amp;".utf8), UInt8(ascii: "<"): Array("&lt;".utf8), UInt8(ascii: ">"): Array("&gt;".utf8),
        UInt8(ascii: "\""): Array("&quot;".utf8),
    ]

    /// JSON within a script element: no text of a file may end it, or begin a comment. These characters stand in texts alone.
    private static func inert(_ json: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(json.count)
        for byte in json {
            switch byte {
            case UInt8(ascii: "<"): result += "\\u003c".utf8
            case UInt8(ascii: ">"): result += "\\u003e".utf8
            case UInt8(ascii: "&"): result += "\\u0026".utf8
            default: result.append(byte)
            }
        }
        return result
    }

    /// The template with its `{{name}}` replaced, in one pass: what a part holds is never looked at again.
    private static func fill(_ template: [UInt8], _ parts: [String: [UInt8]]) -> [UInt8] {
        var result: [UInt8] = []
        var rest: ArraySlice<UInt8> = template[...]
        while let open = rest.firstRange(of: "{{".utf8), let close = rest[open.upperBound...].firstRange(of: "}}".utf8) {
            result += rest[..<open.lowerBound]
            result += parts[String(decoding: rest[open.upperBound..<close.lowerBound], as: UTF8.self)] ?? []
            rest = rest[close.upperBound...]
        }
        return result + rest
    }
}

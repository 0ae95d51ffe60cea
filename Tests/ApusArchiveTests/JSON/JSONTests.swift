import Testing

@testable import ApusArchive

@Suite("JSON")
struct JSONTests {
    @Test(
        "Values",
        arguments: [
            ("null", JSON.null), (" true ", .bool(true)), ("false", .bool(false)), ("0", .int(0)), ("-0", .int(0)),
            ("9223372036854775807", .int(Int.max)), ("-9223372036854775808", .int(Int.min)),
            ("9223372036854775808", .double(9_223_372_036_854_775_808)),
            ("1.5", .double(1.5)), ("1e3", .double(1000)), ("1E-2", .double(0.01)), ("5e-324", .double(.leastNonzeroMagnitude)),
            ("\"\"", .string("")),
            ("\"a\\n\\u00e4\\ud83d\\ude00\\/\\\"\\\\\"", .string("a\nä😀/\"\\")), ("[]", .array([])),
            ("[1, [2]]", .array([.int(1), .array([.int(2)])])),
            ("{}", .object([:])), ("{\"a\": 1, \"b\": {}}", .object(["a": .int(1), "b": .object([:])])),
        ])
    func values(text: String, expected: JSON) throws { #expect(try JSONParser.parse(text) == expected) }

    @Test(
        "Errors, with their place",
        arguments: [
            ("", "byte 0: the text ends where a value should be"), ("[1,]", "byte 3: a value cannot start like this"),
            ("{\"a\" 1}", "byte 5: a colon should follow the key 'a'"), ("[1 2]", "byte 3: a comma or a closing bracket should be here"),
            ("{\"a\":1,}", "byte 7: a key in quotes should be here"), ("NaN", "byte 0: a value cannot start like this"),
            ("nul", "byte 0: the text ends inside a word"), ("nulk", "byte 0: an unknown word"),
            ("01", "byte 1: a number cannot start with a zero"),
            ("1.", "byte 2: a digit should follow the point"), ("1e", "byte 2: a digit should be in the exponent"),
            ("-", "byte 1: a digit should be here"),
            ("1e999", "byte 0: the number is too large"), ("\"a", "byte 0: a string without end"),
            ("\"\n\"", "byte 1: a control character in a string"),
            ("\"\\x\"", "byte 3: an unknown escape"), ("\"\\ud800\"", "byte 7: an unpaired surrogate"),
            ("\"\\udc00\"", "byte 7: an unpaired surrogate"),
            ("1 2", "byte 2: more text after the value"), ("\u{feff}1", "byte 0: a value cannot start like this"),
            ("\"\\u12g4\"", "byte 5: four hexadecimal digits should be here"),
        ])
    func errors(text: String, message: String) {
        #expect(archiveError(.invalidJSON) { _ = try JSONParser.parse(text) }?.description == message)
    }

    @Test func duplicateKeys() {
        #expect(
            archiveError(.duplicateName) { _ = try JSONParser.parse("[{\"a\":1,\"a\":2}]") }?.description
                == "byte 1: the key 'a' occurs twice in one object")
        let many = (0..<50).map { "\"k\($0)\": 0" }.joined(separator: ",")
        #expect(
            archiveError(.duplicateName) { _ = try JSONParser.parse("{\(many), \"k\\u0037\": 1}") }?.reason
                == "the key 'k7' occurs twice in one object")
    }

    @Test func notUTF8() {
        for bytes: [UInt8] in [[0x22, 0xff, 0x22], [0x22, 0x5c, 0x6e, 0xc0, 0x80, 0x22]] {
            let error = bytes.withUnsafeBytes { raw in archiveError(.invalidJSON) { _ = try JSONParser.parse(raw) } }
            #expect(error?.reason == "a string that is not UTF-8")
        }
    }

    @Test("Deep nesting is refused, not a stack overflow")
    func depth() throws {
        for open in ["[", "{\"a\":"] {
            let error = archiveError(.limit) { _ = try JSONParser.parse(String(repeating: open, count: 1_000_000)) }
            #expect(error?.reason == "nested deeper than 512 levels")
        }
        _ = try JSONParser.parse(String(repeating: "[", count: 512) + String(repeating: "]", count: 512))
    }

    @Test("Written text reads back, here and in Python")
    func writing() throws {
        let value: JSON = .object([
            "ints": .array([.int(Int.max), .int(Int.min)]),
            "doubles": .array([.double(0.1), .double(1e300), .double(.leastNonzeroMagnitude), .double(-2), .double(1e16)]),
            "text": .string("ä\n\"\\\u{1}\u{2028}😀"), "nothing": .null, "flag": .bool(true), "empty": .array([.array([]), .object([:])]),
        ])
        for pretty in [false, true] {
            let text = JSONWriter.text(value, pretty: pretty)
            #expect(try JSONParser.parse(text) == value)
            let python = try Python.run(
                "import json, sys; d = json.loads(sys.argv[1]); print(d['ints'], d['doubles'], ascii(d['text']), d['nothing'], d['flag'], d['empty'])",
                [text])
            #expect(
                python
                    == "[9223372036854775807, -9223372036854775808] [0.1, 1e+300, 5e-324, -2.0, 1e+16] '\\xe4\\n\"\\\\\\x01\\u2028\\U0001f600' None True [[], {}]\n"
            )
        }
    }

    @Test("Non-finite doubles travel as PyTorch's words")
    func nonFinite() throws {
        #expect(Double.infinity.json == .string("Infinity"))
        #expect((-Double.infinity).json == .string("-Infinity"))
        #expect(Double.nan.json == .string("NaN"))
        #expect(try Double(json: .string("-Infinity")) == -.infinity)
        #expect(try Double(json: .string("NaN")).isNaN)
        #expect(try Double(json: .int(3)) == 3)
        #expect(throws: JSONMismatch.self) { try Double(json: .string("inf")) }
        #expect(throws: JSONMismatch.self) { try Double(json: .int(Int.max)) }
    }
}

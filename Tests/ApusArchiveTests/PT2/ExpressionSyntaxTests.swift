import Testing

@testable import ApusArchive

@Suite("Syntax of expressions")
struct ExpressionSyntaxTests {
    @Test(
        "Texts survive",
        arguments: [
            "Symbol('s77', integer=True, positive=True)", "Integer(-1)", "Float('0.69999999999999996', precision=53)", "true", "-oo",
            "int_oo",
            "FloorDiv(Add(Symbol('s10', integer=True, positive=True), Integer(2)), Integer(3))", "s0",
            "Piecewise(ExprCondPair(Integer(1), Equality(Symbol('u0', integer=True), Integer(1))), ExprCondPair(Integer(0), true))",
            "Max()", "1.5",
        ])
    func survive(text: String) throws { #expect(try ExpressionSyntax(parsing: text).description == text) }

    @Test(
        "Errors",
        arguments: [
            ("", "the text ends where a value should be at byte 0 of the expression \"\""),
            ("Add(", "the text ends where a value should be at byte 4 of the expression \"Add(\""),
            ("Add(a b)", "a comma or a closing parenthesis should be here at byte 6 of the expression \"Add(a b)\""),
            ("Add(a) b", "more text after the expression at byte 7 of the expression \"Add(a) b\""),
            ("'a", "a string without end at byte 2 of the expression \"'a\""),
            (
                "Integer(99999999999999999999)",
                "'99999999999999999999' is not a number of 64 bits at byte 28 of the expression \"Integer(99999999999999999999)\""
            ),
            ("Symbol('a', k=True, k=True)", "the keyword 'k' occurs twice at byte 26 of the expression \"Symbol('a', k=True, k=True)\""),
            ("__import__('os')[0]", "more text after the expression at byte 16 of the expression \"__import__('os')[0]\""),
        ])
    func errors(text: String, message: String) {
        #expect(archiveError(.invalidExpression) { _ = try ExpressionSyntax(parsing: text) }?.reason == message)
    }

    @Test("Deep and long texts are refused, not a stack overflow")
    func limits() {
        let deep = String(repeating: "Add(", count: 20_000)
        #expect(archiveError(.limit) { _ = try ExpressionSyntax(parsing: deep) }?.reason.hasPrefix("nested deeper than 512 levels") == true)
        #expect(
            archiveError(.limit) { _ = try ExpressionSyntax(parsing: String(repeating: "a", count: 1_000_000)) }?.reason
                == "an expression of 1000000 bytes; 262144 are accepted")
    }
}

import ApusSymbolic
import Testing

@testable import ApusArchive

@Suite("Expressions, judged by PyTorch's own functions")
struct ExpressionTests {
    /// A random size over the symbols.
    private func size(_ symbols: [SymInt], depth: Int, _ random: inout SplitMix) -> SymInt {
        if depth == 0 || Int.random(in: 0..<5, using: &random) == 0 {
            return Bool.random(using: &random)
                ? symbols[Int.random(in: 0..<symbols.count, using: &random)] : SymInt(Int.random(in: -6..<13, using: &random))
        }
        let a = size(symbols, depth: depth - 1, &random)
        let b = size(symbols, depth: depth - 1, &random)
        let positive = SymInt(Int.random(in: 1..<7, using: &random))
        switch Int.random(in: 0..<9, using: &random) {
        case 0, 1: return a + b
        case 2: return a - b
        case 3: return a * b
        case 4: return a / positive
        case 5: return a % positive
        case 6: return max(a, b)
        case 7: return min(a, b)
        default: return SymInt.select((a < b) as SymBool, a, positive)
        }
    }

    @Test("Random sizes: our text means to PyTorch and to our reader what the size meant")
    func sizes() throws {
        let scope = SymbolScope()
        let symbols = ["s0", "s77", "u0"].map { scope.makeSymbol(name: $0, range: .unbounded, kind: $0 == "u0" ? .unbackedInt : .backed) }
        let sizes = symbols.map { scope.size($0) }
        let reader = ExpressionReader { name in
            guard let index = symbols.firstIndex(where: { $0.name == name }) else {
                throw ArchiveError(.invalidExpression, "no symbol '\(name)'")
            }
            return .int(sizes[index])
        }
        var random = SplitMix(seed: 5)
        var lines: [String] = []
        var expected: [Int] = []
        while lines.count < 600 {
            let original = size(sizes, depth: 4, &random)
            guard !original.isInvalid else { continue }
            let text = try ExpressionWriter.text(original) { $0.name }
            let again = try reader.size(of: text)
            let point = Assignment(Dictionary(uniqueKeysWithValues: symbols.map { ($0, Int.random(in: 1..<30, using: &random)) }))
            guard let value = scope.evaluate(original, at: point) else { continue }
            #expect((again.constant ?? scope.evaluate(again, at: point)) == value, "\(original) as \(text)")
            lines.append("\(symbols.map { point[$0] ?? 0 }.map(String.init).joined(separator: ","))|\(text)")
            expected.append(value)
        }
        let folder = try TemporaryFolder()
        try folder.write(Array(lines.joined(separator: "\n").utf8), to: "lines")
        let output = try Python.run(
            """
            import sys, sympy, torch.utils._sympy.functions as f
            names = {k: getattr(f, k) for k in dir(f)} | {k: getattr(sympy, k) for k in dir(sympy)} | {k: getattr(f, k) for k in ("FloorDiv", "PythonMod", "Max", "Min", "TruncToInt")}
            for line in open(sys.argv[1]):
                point, text = line.rstrip("\\n").split("|")
                values = dict(zip(["s0", "s77", "u0"], map(int, point.split(","))))
                names |= {"Symbol": lambda n, **k: sympy.Integer(values[n]), "true": sympy.true, "false": sympy.false, "ExprCondPair": lambda a, b: (a, b)}
                print(int(eval(text, dict(names))))
            """, [folder.file("lines")])
        #expect(output.split(separator: "\n").map { Int($0) } == expected)
    }

    @Test(
        "What PyTorch writes",
        arguments: [
            ("FloorDiv(Add(Symbol('s10', positive=True, integer=True), Integer(2)), Integer(3))", 10, 4),
            ("Mul(Integer(-1), Integer(2), FloorDiv(Symbol('s10', positive=True, integer=True), Integer(4)))", 10, -4),
            ("Max(Integer(1), TruncToInt(Mul(Float('1.5', precision=53), ToFloat(Symbol('s10', positive=True, integer=True)))))", 3, 4),
            (
                "Piecewise(ExprCondPair(Integer(7), And(StrictGreaterThan(Symbol('s10'), Integer(3)), StrictLessThan(Symbol('s10'), Integer(20)))), ExprCondPair(Integer(8), true))",
                3, 8
            ),
            ("Pow(Symbol('s10'), Integer(3))", 3, 27), ("ModularIndexing(Symbol('s10'), Integer(3), Integer(4))", 29, 1),
            ("PythonMod(Integer(-7), Symbol('s10'))", 3, 2), ("CeilToInt(FloatTrueDiv(ToFloat(s10), Float('2.0', precision=53)))", 5, 3),
            ("Where(Not(Equality(s10, Integer(1))), Integer(2), Integer(3))", 1, 3), ("Identity(s10)", 6, 6),
        ])
    func observed(text: String, at value: Int, expected: Int) throws {
        let scope = SymbolScope()
        let symbol = scope.makeSymbol(name: "s10", range: .size)
        let reader = ExpressionReader { _ in .int(scope.size(symbol)) }
        let size = try reader.size(of: text)
        #expect((size.constant ?? scope.evaluate(size, at: Assignment([symbol: value]))) == expected)
    }

    @Test(
        "Errors",
        arguments: [
            ("Frobnicate(Integer(1))", "the function 'Frobnicate' is not known"),
            ("FloorDiv(Integer(1))", "'FloorDiv' with 1 arguments of these kinds has no meaning"),
            (
                "FloorDiv(Integer(1), Integer(0))",
                "the expression \"FloorDiv(Integer(1), Integer(0))\" has no value: division by zero in 1 / 0"
            ),
            (
                "Add(Integer(9223372036854775807), Integer(1))",
                "the expression \"Add(Integer(9223372036854775807), Integer(1))\" has no value: integer overflow in 9223372036854775807 + 1"
            ),
            ("Symbol('nope')", "no symbol 'nope'"),
            ("Float('1.5', precision=53)", "the size \"Float('1.5', precision=53)\" is not an integer"),
            ("int_oo", "an infinite integer cannot be a size"), ("Max()", "'Max' with 0 arguments of these kinds has no meaning"),
            ("Piecewise(ExprCondPair(Integer(1), false))", "'Piecewise' with 1 arguments of these kinds has no meaning"),
            ("'x'", "the text 'x' stands where a value should be"),
            ("Pow(Integer(2), Integer(-1))", "'Pow' with 2 arguments of these kinds has no meaning"),
        ])
    func errors(text: String, reason: String) {
        let reader = ExpressionReader { throw ArchiveError(.invalidExpression, "no symbol '\($0)'") }
        #expect(archiveError(.invalidExpression) { _ = try reader.size(of: text) }?.reason == reason)
    }

    @Test("Arithmetic of nodes follows Python's")
    func arithmetic() throws {
        let cases: [(String, [SymValue], String)] = [
            ("_operator.floordiv", [.int(-7), .int(2)], "-4"), ("_operator.mod", [.int(-7), .int(3)], "2"),
            ("_operator.pow", [.int(3), .int(4)], "81"),
            ("_operator.truediv", [.int(7), .int(2)], "3.5"), ("_operator.add", [.int(7), .float(0.5)], "7.5"),
            ("math.trunc", [.float(-2.5)], "-2"),
            ("_operator.lshift", [.int(3), .int(4)], "48"), ("_operator.rshift", [.int(-5), .int(1)], "-3"),
            ("torch.sym_max", [.int(3), .int(4)], "4"),
            ("torch.sym_ite", [.bool(false), .int(3), .int(4)], "4"), ("_operator.lt", [.int(3), .float(3.5)], "true"),
            ("torch.sym_not", [.bool(true)], "false"),
            ("torch._sym_sqrt", [.int(9)], "3.0"), ("_operator.neg", [.int(9)], "-9"),
            ("_operator.or_", [.bool(false), .bool(true)], "true"),
        ]
        for (target, operands, expected) in cases {
            let text: String
            switch try SymArithmetic.evaluate(target, operands) {
            case .int(let value): text = "\(value)"
            case .float(let value): text = "\(value)"
            case .bool(let value): text = "\(value)"
            }
            #expect(text == expected, "\(target)")
        }
        #expect(archiveError { _ = try SymArithmetic.evaluate("_operator.floordiv", [.int(1), .int(0)]) }?.code == .invalidExpression)
        #expect(
            archiveError { _ = try SymArithmetic.evaluate("_operator.add", [.int(1)]) }?.reason
                == "'_operator.add' has 1 arguments, 2 are expected")
    }
}

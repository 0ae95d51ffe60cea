import ApusExport
import ApusSymbolic
import ApusTensor
import Foundation
import Testing

@testable import ApusArchive

/// Every kind of number and condition in every place of a program where one may stand: what `export` accepts is saved, loaded again, and
/// opened by PyTorch, and all three give what eager code gives.
@Suite("Numbers and conditions of every kind in every place")
struct SizeExpressionWalkTests {
    /// What a program is made of: a size, an integer and a float that are read from tensors, and a size by values.
    struct Given {
        let x: Tensor
        let n: SymInt
        let k: SymInt
        let r: SymFloat
        /// A size that depends on values.
        let m: SymInt
    }

    enum Expression {
        case int((Given) -> SymInt)
        case float((Given) -> SymFloat)
        case bool((Given) -> SymBool)
    }

    // MARK: Kinds of expressions

    private static var integers: [(String, (Given) -> SymInt)] {
        [("size", \.n), ("read", \.k), ("count", \.m)].flatMap {
            (base: String, of: @escaping (Given) -> SymInt) -> [(String, (Given) -> SymInt)] in
            [
                ("\(base)", of), ("\(base) + 2", { of($0) + 2 }), ("\(base) * \(base)", { of($0) * of($0) }),
                ("\(base) / 3", { of($0) / 3 }),
                ("\(base) up / 3", { of($0).ceilDivided(by: 3) }), ("\(base) % 4", { of($0) % 4 }), ("max(\(base), 5)", { max(of($0), 5) }),
                ("min(\(base), 5)", { min(of($0), 5) }), ("abs(5 - \(base))", { abs(5 - of($0)) }),
                ("\(base) > 4 choose", { .select(of($0) > 4, of($0), 3) }),
                ("sqrt \(base) trunc", { SymInt(SymFloat(of($0)).squareRoot(), rounding: .towardZero) }),
                ("sqrt \(base) floor", { SymInt(SymFloat(of($0)).squareRoot(), rounding: .down) }),
                ("sqrt \(base) ceil", { SymInt(SymFloat(of($0)).squareRoot(), rounding: .up) }),
                ("half \(base) round", { SymInt(SymFloat(of($0)) / 2.0, rounding: .toNearest) }),
            ]
        } + [
            ("r trunc", { SymInt($0.r, rounding: .towardZero) }), ("r floor", { SymInt($0.r, rounding: .down) }),
            ("r ceil", { SymInt($0.r, rounding: .up) }), ("r round", { SymInt($0.r, rounding: .toNearest) }),
        ]
    }

    private static var floats: [(String, (Given) -> SymFloat)] {
        [
            ("n", { SymFloat($0.n) }), ("k", { SymFloat($0.k) }), ("r", \.r), ("-r", { -$0.r }), ("-n", { -SymFloat($0.n) }),
            ("sqrt n", { SymFloat($0.n).squareRoot() }), ("sqrt k", { SymFloat($0.k).squareRoot() }), ("sqrt r", { $0.r.squareRoot() }),
            ("r + n", { $0.r + SymFloat($0.n) }), ("n - k", { SymFloat($0.n) - SymFloat($0.k) }), ("r * k", { $0.r * SymFloat($0.k) }),
            ("n / k", { SymFloat($0.n) / SymFloat($0.k) }), ("1 / n", { 1.0 / SymFloat($0.n) }), ("r / 3", { $0.r / 3.0 }),
        ]
    }

    private static var conditions: [(String, (Given) -> SymBool)] {
        [
            ("n > 4", { $0.n > 4 }), ("n == k", { $0.n == $0.k }), ("n != k", { $0.n != $0.k }), ("k <= 3", { $0.k <= 3 }),
            ("k even", { $0.k % 2 == 0 }), ("n odd", { $0.n % 2 != 0 }), ("r < 3", { $0.r < 3.0 }), ("r <= n", { $0.r <= SymFloat($0.n) }),
            ("r == 2", { $0.r == 2.0 }), ("r != 2", { $0.r != 2.0 }), ("not r < 3", { !($0.r < 3.0) }),
            ("sqrt n < 3", { SymFloat($0.n).squareRoot() < 3.0 }),
            ("n > 4 and k > 3", { $0.n > 4 && $0.k > 3 }), ("n > 4 or r > 3", { $0.n > 4 || $0.r > 3.0 }),
            ("not (k > 3 and r > 3)", { !($0.k > 3 && $0.r > 3.0) }), ("round r even", { SymInt($0.r, rounding: .toNearest) % 2 == 0 }),
        ]
    }

    // MARK: Places

    private static var integerPlaces: [(String, (Given, SymInt) throws -> [Tensor])] {
        [
            (
                "size",
                { given, e in
                    try check(e >= 0, "not negative")
                    return [try Tensor.full([e, 2], 1.5)]
                }
            ),
            ("scalar", { given, e in [try given.x * e] }),
            (
                "check",
                { given, e in
                    try check(e <= 1000, "at most 1000")
                    return [given.x]
                }
            ),
            (
                "predicate",
                { given, e in
                    [
                        try cond(e > 3) {
                            try given.x.sin()
                        } else: {
                            try given.x.cos()
                        }
                    ]
                }
            ),
            (
                "branch",
                { given, e in
                    [
                        try cond(given.n > 4) {
                            try given.x * e
                        } else: {
                            try given.x + e
                        }
                    ]
                }
            ),
            (
                "check in branches",
                { given, e in
                    [
                        try cond(given.k > 3) {
                            try cond(given.n > 4) {
                                try check(e <= 1000, "at most 1000")
                                return try given.x * e
                            } else: {
                                try given.x + e
                            }
                        } else: {
                            try given.x - e
                        }
                    ]
                }
            ),
            ("if", { given, e in [e > 3 ? try given.x.sin() : try given.x.cos()] }),
            (
                "loop",
                { given, e in
                    let (i, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        i < e
                    } do: { i, y in
                        (i + 1, try y * 0.5)
                    }
                    return [try y + i]
                }
            ),
            (
                "loop's body",
                { given, e in
                    let (_, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        i < 3
                    } do: { i, y in
                        (i + 1, try y * e)
                    }
                    return [y]
                }
            ),
            (
                "scan",
                { given, e in
                    let (last, all) = try scan(try given.x.sum(), over: given.x) { sum, row in
                        let next: Tensor = try sum + row * e
                        return (next, try next * e)
                    }
                    return [last, all]
                }
            ),
        ]
    }

    private static var floatPlaces: [(String, (Given, SymFloat) throws -> [Tensor])] {
        [
            ("scalar", { given, e in [try given.x * e] }),
            (
                "check",
                { given, e in
                    try check(e < 1e9, "below 1e9")
                    return [given.x]
                }
            ),
            (
                "predicate",
                { given, e in
                    [
                        try cond(e > 2.5) {
                            try given.x.sin()
                        } else: {
                            try given.x.cos()
                        }
                    ]
                }
            ),
            (
                "branch",
                { given, e in
                    [
                        try cond(given.n > 4) {
                            try given.x * e
                        } else: {
                            try given.x + e
                        }
                    ]
                }
            ),
            (
                "check in branches",
                { given, e in
                    [
                        try cond(given.k > 3) {
                            try cond(given.n > 4) {
                                try check(e < 1e9, "below 1e9")
                                return try given.x * e
                            } else: {
                                try given.x + e
                            }
                        } else: {
                            try given.x - e
                        }
                    ]
                }
            ),
            (
                "loop",
                { given, e in
                    let (i, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        SymFloat(i) < e && i < 9
                    } do: { i, y in
                        (i + 1, try y * 0.5)
                    }
                    return [try y + i]
                }
            ),
            (
                "loop's body",
                { given, e in
                    let (_, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        i < 3
                    } do: { i, y in
                        (i + 1, try y * e)
                    }
                    return [y]
                }
            ),
            (
                "scan",
                { given, e in
                    let (last, all) = try scan(try given.x.sum(), over: given.x) { sum, row in
                        let next: Tensor = try sum + row * e
                        return (next, try next * e)
                    }
                    return [last, all]
                }
            ),
        ]
    }

    private static var conditionPlaces: [(String, (Given, SymBool) throws -> [Tensor])] {
        [
            (
                "check",
                { given, e in
                    try check(e || given.n < 100, "always")
                    return [given.x]
                }
            ),
            (
                "failing check",
                { given, e in
                    try check(e, "sometimes")
                    return [given.x]
                }
            ),
            (
                "predicate",
                { given, e in
                    [
                        try cond(e) {
                            try given.x.sin()
                        } else: {
                            try given.x.cos()
                        }
                    ]
                }
            ),
            ("chosen size", { given, e in [try Tensor.full([.select(e, given.n, 3)], 1.5)] }),
            (
                "inner predicate",
                { given, e in
                    [
                        try cond(given.k > 3) {
                            try cond(e) {
                                try given.x.sin()
                            } else: {
                                try given.x.cos()
                            }
                        } else: {
                            try given.x.exp()
                        }
                    ]
                }
            ),
            (
                "check in branches",
                { given, e in
                    [
                        try cond(given.k > 3) {
                            try cond(given.n > 4) {
                                try check(e, "sometimes")
                                return try given.x.sin()
                            } else: {
                                try given.x.cos()
                            }
                        } else: {
                            try given.x.exp()
                        }
                    ]
                }
            ),
            ("if", { given, e in [e.value(in: given) ? try given.x.sin() : try given.x.cos()] }),
            (
                "loop",
                { given, e in
                    let (i, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        i < 3 && e
                    } do: { i, y in
                        (i + 1, try y * 0.5)
                    }
                    return [try y + i]
                }
            ),
            (
                "loop's body",
                { given, e in
                    let (_, y) = try whileLoop((SymInt(0), given.x)) { i, _ in
                        i < 3
                    } do: { i, y in
                        (
                            i + 1,
                            try cond(e) {
                                try y * 0.5
                            } else: {
                                try y * 0.25
                            }
                        )
                    }
                    return [y]
                }
            ),
        ]
    }

    // MARK: The walk

    private static func given(_ inputs: [Tensor]) throws -> Given {
        let k = try inputs[1].item()
        try check(k >= 1, "k is at least 1")
        try check(k <= 40, "k is at most 40")
        let m = try inputs[0].maskedSelect(inputs[0] .> 0).shape[0]
        return Given(x: inputs[0], n: inputs[0].shape[0], k: k, r: try inputs[2].item(SymFloat.self), m: m)
    }

    private static var walk: [(name: String, function: ([Tensor]) throws -> [Tensor])] {
        var all: [(name: String, function: ([Tensor]) throws -> [Tensor])] = []
        for (place, make) in integerPlaces {
            for (name, e) in integers {
                all.append(
                    (
                        "\(name) as \(place)",
                        {
                            let given = try given($0)
                            return try make(given, e(given))
                        }
                    ))
            }
        }
        for (place, make) in floatPlaces {
            for (name, e) in floats {
                all.append(
                    (
                        "float \(name) as \(place)",
                        {
                            let given = try given($0)
                            return try make(given, e(given))
                        }
                    ))
            }
        }
        for (place, make) in conditionPlaces {
            for (name, e) in conditions {
                all.append(
                    (
                        "\(name) as \(place)",
                        {
                            let given = try given($0)
                            return try make(given, e(given))
                        }
                    ))
            }
        }
        return all
    }

    private static func inputs(_ n: Int, _ k: Int, _ r: Float) throws -> [Tensor] {
        [try numbers([n], seed: UInt64(n)), try Tensor([k], shape: []), try Tensor([r], shape: [])]
    }

    /// A program of the walk in its file, and what eager code gives for each call; nothing where it throws.
    private struct Saved {
        let name: String
        let path: String
        var expected: [[Tensor]] = []
    }

    private func save(
        _ name: String, _ function: ([Tensor]) throws -> [Tensor], _ program: ExportedProgram, _ calls: [[Tensor]], _ path: String
    ) throws -> Saved {
        var saved = Saved(name: name, path: path)
        #expect(program.refusedByPyTorch.isEmpty)
        try program.save(to: path + ".pt2", pyTorch: .required)
        let loaded: ExportedProgram = try .load(from: path + ".pt2")
        var inputs: [String: Tensor] = [:]
        for (number, call) in calls.enumerated() {
            for (index, input) in call.enumerated() { inputs["\(number).in.\(index)"] = input }
            let eager: [Tensor]
            do { eager = try function(call) } catch {
                #expect(throws: (any Error).self, "\(name), call \(number)") { let _: [Tensor] = try program(call) }
                #expect(throws: (any Error).self, "\(name), call \(number), loaded") { let _: [Tensor] = try loaded(call) }
                saved.expected.append([])
                continue
            }
            for (made, place) in [(program, "in memory"), (loaded, "loaded")] {
                let outputs: [Tensor] = try made(call)
                #expect(outputs.count == eager.count)
                for (a, b) in zip(eager, outputs) {
                    let found: String? = try difference(b, a, rtol: 0, atol: 0)
                    #expect(found == nil, "\(name), \(place), call \(number)")
                }
            }
            saved.expected.append(eager)
        }
        try saveSafetensors(inputs, to: path + ".in")
        return saved
    }

    /// PyTorch's answers, against eager code's.
    private func compare(_ saved: Saved, refusals: Set<String>) throws -> Int {
        let file = URL(fileURLWithPath: saved.path).lastPathComponent + ".pt2"
        guard let found = try? loadSafetensors(from: saved.path + ".out") else { return 0 }
        var compared = 0
        for (call, results) in saved.expected.enumerated() {
            #expect(refusals.contains("\(file) \(call)") == results.isEmpty, "\(saved.name), call \(call), in PyTorch")
            for (index, result) in results.enumerated() {
                guard let other = found["\(call).out.\(index)"] else { continue }
                let difference: String? = try difference(other, result)
                #expect(difference == nil, "\(saved.name), call \(call), in PyTorch")
                compared += 1
            }
        }
        return compared
    }

    @Test("What export accepts is saved, loaded, and opened by PyTorch")
    func allKindsInAllPlaces() throws {
        let folder = try TemporaryFolder()
        let calls: [[Tensor]] = [
            try Self.inputs(6, 5, 2.5), try Self.inputs(2, 1, 2), try Self.inputs(5, 5, 7.25), try Self.inputs(9, 2, -3.5),
        ]
        var saved: [Saved] = []
        var refused: [String] = []
        let example: [Tensor] = try Self.inputs(4, 3, 1.5)
        for (number, (name, function)) in Self.walk.enumerated() {
            let program: ExportedProgram
            do {
                program = try export(function, args: example, constraints: [dynamicDim(example[0], 0).in(2...12)])
            } catch is ConstraintViolationError {
                // A condition on sizes that is not declared.
                refused.append(name)
                continue
            }
            do { saved.append(try save(name, function, program, calls, folder.file("\(number)"))) } catch {
                Issue.record("\(name): \(error)")
            }
        }
        #expect(
            refused == [
                "n > 4 as failing check", "n odd as failing check", "sqrt n < 3 as failing check", "n odd as check in branches",
                "sqrt n < 3 as check in branches",
            ])
        let files: [String] = saved.flatMap { ["\($0.path).pt2", "\($0.path).in", "\($0.path).out"] }
        var refusals: Set<String> = []
        for line in try Python.runFile("Tests/Judges/check_pt2.py", files).split(separator: "\n") {
            let call = String(line.prefix { $0 != ":" })
            refusals.insert(call)
            if call.hasSuffix("load") {
                let path: String = folder.file(call.replacingOccurrences(of: ".pt2 load", with: ""))
                Issue.record("PyTorch, \(saved.first { $0.path == path }?.name ?? ""): \(line)")
            }
        }
        var compared = 0
        for program in saved { compared += try compare(program, refusals: refusals) }
        #expect(saved.count == Self.walk.count - refused.count && saved.count > 650)
        #expect(compared > 2 * saved.count)
    }
}

extension SymBool {
    fileprivate func value(in given: SizeExpressionWalkTests.Given) -> Bool {
        if let constant { return constant }
        return scope?.ask(self, site: .capture()) ?? false
    }
}

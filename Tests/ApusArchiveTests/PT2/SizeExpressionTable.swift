import ApusExport
import ApusSymbolic
import ApusTensor

/// Numbers and conditions of every kind, and every place of a program where one may stand.
enum SizeExpressionTable {
    /// What a program is made of: a size, an integer and a float that are read from tensors, and a size by values.
    struct Given {
        let x: Tensor
        let n: SymInt
        let k: SymInt
        let r: SymFloat
        /// A size that depends on values.
        let m: SymInt
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
            ("1 / (r - 2)", { 1.0 / ($0.r - 2.0) }),
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

    /// Every expression in every place that takes its kind.
    static var programs: [(name: String, function: ([Tensor]) throws -> [Tensor])] {
        place(integers, in: integerPlaces) + place(floats.map { ("float \($0)", $1) }, in: floatPlaces)
            + place(conditions, in: conditionPlaces)
    }

    private static func place<Number>(
        _ expressions: [(String, (Given) -> Number)], in places: [(String, (Given, Number) throws -> [Tensor])]
    ) -> [(name: String, function: ([Tensor]) throws -> [Tensor])] {
        places.flatMap { place, make in
            expressions.map { name, expression in
                (
                    "\(name) as \(place)",
                    {
                        let given = try given($0)
                        return try make(given, expression(given))
                    }
                )
            }
        }
    }
}

extension SymBool {
    fileprivate func value(in given: SizeExpressionTable.Given) -> Bool {
        if let constant { return constant }
        return scope?.ask(self, site: .capture()) ?? false
    }
}

import Apus

/// What symbols, guards and exploring cost. The peer has nothing of the kind: each case stands alone, with a limit where one was promised.
enum Symbolic {
    static var all: [Benchmark] { decisions + guards + chains + exploring }

    // MARK: One decision

    private static var decisions: [Benchmark] {
        [
            decision("known", "a known fact") { $0[3] <= $0[4] },
            decision("bounds", "bounds") { $0[1] + $0[2] <= 2500 },
            decision("residue", "a residue") { $0[0] % 2 == 0 },
            decision("difference", "a difference") { $0[2] <= $0[17] },
            decision("cached", "an open answer that is kept") { $0[2] < $0[3] },
        ]
    }

    private static func decision(_ name: String, _ title: String, _ condition: @escaping ([SymInt]) -> SymBool) -> Benchmark {
        Benchmark(name: "symbolic_\(name)", title: "decision by \(title)", limit: 5e3, other: .nothing) { _ in
            let scope = SymbolScope()
            let n: [SymInt] = (0..<20).map { _ in scope.size(scope.makeSymbol(range: SymRange(2...1000), hint: 8)) }
            for i in 1..<20 { scope.assume(n[i - 1] <= n[i]) }
            let isMultiple: SymBool = n[0] % 4 == 0
            scope.assume(isMultiple)
            let question: SymBool = condition(n)
            return { _ = scope.decide(question) }
        }
    }

    // MARK: Many guards

    private static var guards: [Benchmark] {
        [
            Benchmark(name: "symbolic_guards_1000", title: "1,000 guards over 50 symbols", limit: 1e8, other: .nothing) { _ in
                { guards(1000, symbols: 50) }
            }
        ]
    }

    private static func guards(_ count: Int, symbols: Int) {
        var state: UInt64 = 11
        func draw(_ n: Int) -> Int {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return Int((state >> 33) % UInt64(n))
        }
        let scope = SymbolScope()
        let n: [SymInt] = (0..<symbols).map { _ in scope.size(scope.makeSymbol(range: .size, hint: 2 + draw(63))) }
        let hints: SymbolScope.Assignment = scope.hints
        for _ in 0..<count {
            let (a, b, c, k) = (n[draw(symbols)], n[draw(symbols)], n[draw(symbols)], 1 + draw(8))
            let question: SymBool
            switch draw(6) {
            case 0: question = a == b
            case 1: question = a % k == 0
            case 2: question = a + b >= c * k
            case 3: question = a / 2 > b
            case 4: question = a > k
            default: question = a <= b + k
            }
            guard case .undecided = scope.decide(question) else { continue }
            scope.assume(scope.evaluate(question, at: hints) == true ? question : !question)
        }
    }

    // MARK: Chains

    private static var chains: [Benchmark] {
        let cases: [Benchmark] = [25, 50, 100].map { length in
            Benchmark(name: "symbolic_chain_\(length)", title: "chain of \(length) ordered symbols", other: .nothing) { _ in
                { chain(length) }
            }
        }
        // Twice as long a chain may take 16 times as long: the fourth power of its length.
        let growth = Benchmark(
            name: "symbolic_chain_growth", title: "chain of 100, other: one of 50", target: 1.0 / 16,
            other: .own(times: 1) { { chain(50) } },
            prepare: { _ in { chain(100) } })
        return cases + [growth]
    }

    private static func chain(_ length: Int) {
        let scope = SymbolScope()
        let n: [SymInt] = (0..<length).map { _ in scope.size(scope.makeSymbol(range: .size)) }
        for i in 1..<length {
            _ = scope.decide(n[i - 1] <= n[i])
            scope.assume(n[i - 1] <= n[i])
        }
        _ = scope.decide(n[0] <= n[length - 1])
        _ = scope.decide(n[length - 1] < n[0])
    }

    // MARK: Exploring

    /// A path may cost three plain traces, so that all of them are at least a third as fast as as many plain traces.
    private static var exploring: [Benchmark] {
        [
            exploring("values", paths: 32, "over values", example: [8], { try questions($0, 5) }, plain: { try questions($0, 0) }),
            exploring("sizes", paths: 16, "over sizes", example: [24, 8], sizes, plain: nil),
        ]
    }

    /// - Parameter plain: the same work without questions; nil for the function itself at sizes that are fixed.
    private static func exploring(
        _ name: String, paths: Int, _ title: String, example: [Int], _ function: @escaping (Tensor) throws -> Tensor,
        plain: ((Tensor) throws -> Tensor)?
    ) -> Benchmark {
        Benchmark(
            name: "symbolic_explore_\(name)", title: "\(paths) paths \(title), other: \(paths) plain traces", target: 1.0 / 3,
            other: .own(times: paths) {
                let x = try Tensor.ones(example)
                return { _ = try export(plain ?? function, args: x, options: ExportOptions(selfCheck: false)) }
            },
            prepare: { _ in
                let x = try Tensor.ones(example)
                let dynamic: [any ConstraintConvertible] = plain == nil ? example.indices.map { dynamicDim(x, $0) } : []
                let program = try export(function, args: x, constraints: dynamic, options: ExportOptions(selfCheck: false))
                guard program.paths.count == paths else { throw UnexpectedPaths(description: "\(program.paths.count) paths, not \(paths)") }
                return { _ = try export(function, args: x, constraints: dynamic, options: ExportOptions(selfCheck: false)) }
            })
    }

    /// So many questions about values, with some thirty operations after each.
    private static func questions(_ x: Tensor, _ count: Int) throws -> Tensor {
        var y = x
        for i in 0..<8 {
            if i < count {
                y = try x[i].item(SymFloat.self) > 0 ? try y.sin() : try y.cos()
            } else {
                y = try (x[i] + y).sin()
            }
            for _ in 0..<10 { y = try (y * 2 + x).tanh() }
        }
        return try y.sum()
    }

    /// Four questions about sizes, each with both answers whatever the others'.
    private static func sizes(_ x: Tensor) throws -> Tensor {
        var y = x
        for k in [2, 3] {
            for dim in 0..<2 {
                y = x.shape[dim] % k == 0 ? try y.sin() : try y.cos()
                for _ in 0..<10 { y = try (y * 2 + x).tanh() }
            }
        }
        return try y.sum()
    }
}

private struct UnexpectedPaths: Error, CustomStringConvertible {
    let description: String
}

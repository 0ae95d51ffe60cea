import Testing

@testable import ApusTensor

/// Pools of all small windows against their definition.
@Suite struct PoolingWindowTests {
    /// One dimension of a window.
    struct Line {
        let size, kernel, stride, padding, dilation: Int
    }

    /// The positions that each window reads, and how many it covers with the padding that counts; nil where no window fits.
    private static func windows(_ line: Line, ceil: Bool) -> [(taps: [Int], covered: Int)]? {
        let span = line.dilation * (line.kernel - 1) + 1
        var starts: [Int] = []
        var start = -line.padding
        while start + span <= line.size + line.padding {
            starts.append(start)
            start += line.stride
        }
        // Rounded up: a window more that goes beyond the padding where it begins before it; none fits whole in what is too short by a stride.
        let left = line.size + line.padding - (start - line.stride + span)
        if ceil, left > 0, start < line.size { starts.append(start) }
        if starts.isEmpty { return nil }
        return starts.map { start in
            let taps = (0..<line.kernel).map { start + $0 * line.dilation }.filter { (0..<line.size).contains($0) }
            return (taps, Swift.min(start + line.kernel, line.size + line.padding) - start)
        }
    }

    /// Calls the closure with lines of one to three dimensions: all small ones of one, and a fixed choice of more.
    private static func each(_ body: ([Line], Bool) throws -> Void) throws {
        var all: [Line] = []
        for size in 1...6 {
            for kernel in 1...3 {
                for (stride, dilation) in [(1, 1), (2, 1), (3, 1), (1, 2), (2, 2), (3, 2), (1, 4), (2, 3)] {
                    for padding in 0...((dilation * (kernel - 1) + 1) / 2) {
                        all.append(Line(size: size, kernel: kernel, stride: stride, padding: padding, dilation: dilation))
                    }
                }
            }
        }
        for line in all { for ceil in [false, true] { try body([line], ceil) } }
        for number in 0..<400 {
            let lines = (0..<(2 + number % 2)).map { all[(number * 7919 + $0 * 104_729) % all.count] }
            try body(lines, number % 4 < 2)
        }
    }

    private static func product(_ windows: [[(taps: [Int], covered: Int)]]) -> [[(taps: [Int], covered: Int)]] {
        windows.reduce([[]]) { sofar, line in sofar.flatMap { head in line.map { head + [$0] } } }
    }

    private static func name(_ kind: String, _ dims: Int) throws -> Operator {
        try #require(OperatorTable.find("aten::\(kind)_pool\(dims)d" + (kind == "max" ? "_with_indices" : "")))
    }

    private static func ints(_ lines: [Line], _ part: (Line) -> Int) -> OperatorArgument { .ints(lines.map(part)) }

    /// The flat positions that a window reads.
    private static func positions(_ window: [(taps: [Int], covered: Int)], _ lines: [Line]) -> [Int] {
        zip(window, lines).reduce([0]) { sofar, next in
            sofar.flatMap { base in next.0.taps.map { base * next.1.size + $0 } }
        }
    }

    @Test func maximaAreThoseOfTheDefinition() throws {
        var (counted, refused) = (0, 0)
        try Self.each { lines, ceil in
            let sizes = lines.map(\.size)
            let x = try Tensor.sample([1, 1] + sizes, dtype: .float64, seed: UInt64(counted))
            let values = try x.array(of: Double.self)
            let arguments: [OperatorArgument] = [
                .tensor(x), Self.ints(lines, \.kernel), Self.ints(lines, \.stride), Self.ints(lines, \.padding),
                Self.ints(lines, \.dilation), .bool(ceil),
            ]
            let operation = try Self.name("max", lines.count)
            counted += 1
            let windows = lines.compactMap { Self.windows($0, ceil: ceil) }
            guard windows.count == lines.count, windows.allSatisfy({ $0.allSatisfy { !$0.taps.isEmpty } }) else {
                refused += 1
                #expect(throws: TensorError.self, "\(lines) \(ceil)") { try applyTensors(operation, arguments) }
                return
            }
            let expected = Self.product(windows).map { window in Self.positions(window, lines).max { values[$0] < values[$1] } ?? -1 }
            let results = try applyTensors(operation, arguments)
            #expect(try results[1].array(of: Int.self) == expected, "\(lines) \(ceil)")
            #expect(try results[0].array(of: Double.self) == expected.map { values[$0] }, "\(lines) \(ceil)")
            if lines.count > 1 {
                let plain = try #require(OperatorTable.find("aten::max_pool\(lines.count)d"))
                #expect(try applySingle(plain, arguments).array(of: Double.self) == expected.map { values[$0] }, "\(lines) \(ceil)")
            }
        }
        #expect(counted == 1000 && refused > 50, "\(counted), \(refused)")
    }

    @Test func meansAreThoseOfTheDefinition() throws {
        var counted = 0
        try Self.each { lines, ceil in
            guard lines.allSatisfy({ $0.dilation == 1 }) else { return }
            let x = try Tensor.sample([1, 1] + lines.map(\.size), dtype: .float64, seed: UInt64(counted))
            let values = try x.array(of: Double.self)
            let operation = try Self.name("avg", lines.count)
            let windows = lines.compactMap { Self.windows($0, ceil: ceil) }
            for (countsPadding, divisor) in [(true, nil), (false, nil), (true, 3)] as [(Bool, Int?)] where lines.count > 1 || divisor == nil
            {
                var arguments: [OperatorArgument] = [
                    .tensor(x), Self.ints(lines, \.kernel), Self.ints(lines, \.stride), Self.ints(lines, \.padding), .bool(ceil),
                    .bool(countsPadding),
                ]
                if lines.count > 1 { arguments.append(divisor.map { .int($0) } ?? .none) }
                counted += 1
                guard windows.count == lines.count else {
                    #expect(throws: TensorError.self, "\(lines) \(ceil)") { try applySingle(operation, arguments) }
                    continue
                }
                let expected: [Double] = Self.product(windows).map { window in
                    let positions = Self.positions(window, lines)
                    let covered = window.reduce(1) { $0 * $1.covered }
                    let sum = positions.reduce(0.0) { $0 + values[$1] }
                    return sum / Double(divisor ?? (countsPadding ? covered : positions.count))
                }
                let given = try applySingle(operation, arguments).array(of: Double.self)
                #expect(given.count == expected.count, "\(lines) \(ceil)")
                for (mine, right) in zip(given, expected) { #expect((mine - right).magnitude < 1e-12, "\(lines) \(ceil)") }
            }
        }
        #expect(counted > 400)
    }

    @Test func saysThatAWindowHoldsNothing() throws {
        let error = #expect(throws: TensorError.self) {
            try Tensor.ones([1, 1, 3, 3]).maxPool2d([2, 2], padding: [1, 1], dilation: [4, 4])
        }
        #expect(
            error?.statement
                == "max_pool2d: windows of [2, 2] with dilation [4, 4] and padding [1, 1] step over the whole of an input of shape [1, 1, 3, 3]"
        )
    }
}

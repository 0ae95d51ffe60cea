import ApusSymbolic
import ApusTensor
import Testing

/// What a user writes without thinking of types: `Int` beside `SymInt`, `Double` beside `Scalar`, literals among them. Each line has to
/// compile, and to give what PyTorch gives for the plain numbers (4, 3, 0.5). The compiler takes a second or two for all of them.
@Suite struct ExpressionTests {
    let n: Int = 3
    let s: SymInt = 4
    let r: Double = 0.5
    let f: Float = 0.5
    let c: Scalar = 2
    let v: SymFloat = 0.5

    private func x() throws -> Tensor { try Tensor.arange(12, dtype: .float32).reshaped([3, 4]) }
    private func numbers(_ tensor: Tensor) throws -> [Double] { try tensor.array(of: Double.self) }

    @Test func sizesMix() throws {
        let x: Tensor = try x()
        let ints: [Int] = [n, 4]
        let sizes: [SymInt] = [s, 3]
        let shapes: [Shape] = [try Shape([s, n]), try Shape([2, s]), try Shape([s, 2 * n]), try Shape([2, 3])]
        #expect(shapes.map(\.description) == ["[4, 3]", "[2, 4]", "[4, 6]", "[2, 3]"])
        #expect(try x.reshaped([s, n]).sizes == [4, 3])
        #expect(try x.reshaped([n, s]).sizes == [3, 4])
        #expect(try x.reshaped([s, -1]).sizes == [4, 3])
        #expect(try x.reshaped([n - 1, s / 2 + 1, 2]).sizes == [2, 3, 2])
        #expect(try x.reshaped([n * s]).sizes == [12])
        #expect(try x.reshaped([s * n, 1]).sizes == [12, 1])
        #expect(try x.reshaped(ints).sizes == [3, 4])
        #expect(try x.reshaped(sizes).sizes == [4, 3])
        #expect(try x.reshaped(sizes.reversed()).sizes == [3, 4])
        #expect(try x.reshaped(sizes + [1]).sizes == [4, 3, 1])
        #expect(try x.reshaped([1] + ints).sizes == [1, 3, 4])
        #expect(try x.reshaped(x.shape).sizes == [3, 4])
        #expect(try x.reshaped(x.shape.dropLast() + [2, n - 1]).sizes == [3, 2, 2])
        #expect(try x.reshaped([x.shape[1], x.shape[0]]).sizes == [4, 3])
        #expect(try x.reshaped(n > 2 ? [n, s] : [12]).sizes == [3, 4])
        #expect(try x.reshaped(x.shape.map { $0 * 1 }).sizes == [3, 4])
        #expect(try x.sum().reshaped([]).sizes == [])
        #expect(try Tensor(2).expanded([s, n]).sizes == [4, 3])
        #expect(try Tensor([1, 2, 3]).expanded([s, -1]).sizes == [4, 3])
        #expect(try x.repeated([n, 1]).sizes == [9, 4])
        #expect(try x.tiled([s]).sizes == [3, 16])
        #expect(try x.unflattened(1, [2, s / 2]).sizes == [3, 2, 2])
        #expect(try x.padded([n, s]).sizes == [3, 11])
        #expect(try x.asStrided([n], strides: [s]).sizes == [3])
        #expect(try x.asStrided([2, n], strides: [s, 1], offset: n).sizes == [2, 3])
        #expect(try x.layerNorm([s]).sizes == [3, 4])
        #expect(try x.split(sizes: [1, s / 2, n - 2], dim: 1).map { try $0.sizes } == [[3, 1], [3, 2], [3, 1]])
    }

    @Test func tensorsAreMadeOfAnyNumbers() throws {
        #expect(try Tensor.zeros([s, n]).sizes == [4, 3])
        #expect(try Tensor.ones([n, s, 2]).sizes == [3, 4, 2])
        #expect(try Tensor.zeros([]).sizes == [])
        #expect(try numbers(Tensor.full([], n)) == [3])
        #expect(try numbers(Tensor.full([], s)) == [4])
        #expect(try numbers(Tensor.full([n], r)) == [0.5, 0.5, 0.5])
        #expect(try numbers(Tensor.full([2], f)) == [0.5, 0.5])
        #expect(try numbers(Tensor.full([1], c)) == [2])
        #expect(try numbers(Tensor.full([1], v)) == [0.5])
        #expect(try Tensor.full([2], true).dtype == .bool)
        #expect(try numbers(Tensor.arange(s)) == [0, 1, 2, 3])
        #expect(try numbers(Tensor.arange(n, s + 2)) == [3, 4, 5])
        #expect(try numbers(Tensor.arange(0, n, step: r)) == [0, 0.5, 1, 1.5, 2, 2.5])
        #expect(try numbers(Tensor.linspace(0, n, steps: s)) == [0, 1, 2, 3])
        #expect(try numbers(Tensor.linspace(r, s, steps: n - 1)) == [0.5, 4])
        #expect(try numbers(Tensor.logspace(0, n, steps: s, base: 2)) == [1, 2, 4, 8])
        #expect(try Tensor.eye(n).sizes == [3, 3])
        #expect(try Tensor.eye(s, n).sizes == [4, 3])
        #expect(try Tensor.eye(n, s + 1).sizes == [3, 5])
        #expect(try Tensor.rand([n, s], seed: 1).sizes == [3, 4])
        #expect(try Tensor.randn([s], seed: 1).sizes == [4])
        #expect(try numbers(Tensor.randperm(s, seed: 1)).sorted() == [0, 1, 2, 3])
        #expect(try numbers(Tensor.randperm(n, seed: 1)).sorted() == [0, 1, 2])
        #expect(try numbers(Tensor.randint(0, n, [s], seed: 1)).allSatisfy { $0 < 3 })
        #expect(try numbers(Tensor.randint(n, s, [2], seed: 1)) == [3, 3])
        #expect(try numbers(Tensor.randint(s, [n], seed: 1)).allSatisfy { $0 < 4 })
        #expect(try numbers(Tensor.uniform(r, n, [s], seed: 1)).allSatisfy { $0 >= 0.5 && $0 < 3 })
        #expect(try numbers(Tensor.normal(mean: n, deviation: 0, [2], seed: 1)) == [3, 3])
        #expect(try numbers(Tensor.scalar(r)) == [0.5])
        #expect(try numbers(Tensor.scalar(s)) == [4])
    }

    @Test func countsAndPositionsMix() throws {
        let x: Tensor = try x()
        #expect(try numbers(x.topk(n).values[0]) == [3, 2, 1])
        #expect(try numbers(x.topk(s - 1).values[0]) == [3, 2, 1])
        #expect(try x.split(n, dim: 1).count == 2)
        #expect(try x.split(s / 2, dim: 1).count == 2)
        #expect(try x.chunk(s - 2, dim: 1).count == 2)
        #expect(try numbers(x.tril(diagonal: n - 4)[1]) == [4, 0, 0, 0])
        #expect(try numbers(x.triu(diagonal: s - 1)[0]) == [0, 0, 0, 3])
        #expect(try numbers(x.rolled([n], dims: [1])[0]) == [1, 2, 3, 0])
        #expect(try numbers(x.rolled([s - 3], dims: [1])[0]) == [3, 0, 1, 2])
        #expect(try x.unfolded(dim: 1, size: s / 2, step: n - 2).sizes == [3, 3, 2])
        #expect(try numbers(x.select(dim: 1, index: s - 1)) == [3, 7, 11])
        #expect(try x.sliced(dim: 1, from: n - 2, to: s, step: 2).sizes == [3, 2])
        #expect(try x.narrowed(dim: 1, from: n - 2, length: s - 1).sizes == [3, 3])
        #expect(try numbers(x.diagonal(offset: n - 2)) == [1, 6, 11])
        #expect(try Tensor.ones([n, s]).multinomial(s - 1).sizes == [3, 3])
        #expect(try Tensor.ones([s]).multinomial(n).sizes == [3])
        #expect(try x.repeatInterleave(n).sizes == [36])
        #expect(try Tensor([0, 2, 1]).oneHot(classes: s).sizes == [3, 4])
        #expect(try Tensor([0, 2, 1]).bincount(minLength: s).sizes == [4])
        #expect(try numbers(x[n - 1, s - 1]) == [11])
        #expect(try x[0..<s, .slice(n - 2, s)].sizes == [3, 3])
        #expect(try x.reshaped([1, 1, 3, s]).maxPool2d([n - 1], stride: [s / 4]).sizes == [1, 1, 2, 3])
        #expect(try x.reshaped([1, 3, s]).conv1d(Tensor.ones([1, n, 2]), stride: s / 2).sizes == [1, 1, 2])
        #expect(try x.matmul(Tensor.eye(s)).matmul(Tensor.eye(s, n)).sizes == [3, 3])
        #expect(try numbers(Tensor([[2.0, 0], [0, 1]]).matrixPower(n)) == [8, 0, 0, 1])
    }

    @Test func numbersMix() throws {
        let t: Tensor = try Tensor([1.0, 2, 4])
        let y: Tensor = try Tensor([1.0, 1, 1])
        #expect(try numbers(t * (1 - 0.9)).map { Float($0) } == [0.1, 0.2, 0.4])
        #expect(try numbers(t * (2 * Double.pi / Double(n - 1)))[0] == Double(Float(Double.pi)))
        #expect(try numbers(t * n) == [3, 6, 12])
        #expect(try numbers(s * t) == [4, 8, 16])
        #expect(try numbers(t * (s - 1) / 2) == [1.5, 3, 6])
        #expect(try numbers(t / s) == [0.25, 0.5, 1])
        #expect(try numbers(t * v + f - r) == [0.5, 1, 2])
        #expect(try numbers(1 - t * c) == [-1, -3, -7])
        #expect(try numbers((t - 0.5) * 2 / n).map { Float($0) } == [1 / 3, 1, 7 / 3])
        #expect(try numbers(t * (n > 2 ? 1 : -1)) == [1, 2, 4])
        #expect(try numbers(t * (1 / v)) == [2, 4, 8])
        #expect(try numbers(t * (1 / SymFloat(s).squareRoot())) == [0.5, 1, 2])
        #expect(try numbers(t.clamp(min: r, max: n)) == [1, 2, 3])
        #expect(try numbers(t.clamp(min: s)) == [4, 4, 4])
        #expect(try numbers(t.clamp(max: c)) == [1, 2, 2])
        #expect(try numbers(t.add(y, alpha: r)) == [1.5, 2.5, 4.5])
        #expect(try numbers(t.sub(y, alpha: n)) == [-2, -1, 1])
        #expect(try numbers(t.addcmul(t, y, value: f)) == [1.5, 3, 6])
        #expect(try numbers(t.pow(n)) == [1, 8, 64])
        #expect(try numbers(t.pow(r).square()).map { $0.rounded() } == [1, 2, 4])
        #expect(try numbers(t % n) == [1, 2, 1])
        #expect(try numbers(t.leakyRelu(negativeSlope: f)) == [1, 2, 4])
        #expect(try numbers(t.neg().leakyRelu(negativeSlope: r)) == [-0.5, -1, -2])
        #expect(try numbers(t.dropout(p: f, training: false)) == [1, 2, 4])
        #expect(try numbers(t.norm(n - 1)) == numbers(t.norm()))
        #expect(try numbers(t.var(correction: n - 3)) == numbers(t.var(correction: 0)))
        #expect(try numbers(t.quantile(f)) == [2])
        #expect(try numbers(Tensor.where(t .> n - 2, t, r)) == [0.5, 2, 4])
        #expect(try numbers(t.maskedFill(t .< s, v)) == [0.5, 0.5, 4])
        #expect(try numbers(t.lerp(y, weight: f)) == [1, 1.5, 2.5])
        #expect(try numbers(t.nanToNum(nan: n)) == [1, 2, 4])
        #expect(try numbers(t.smoothL1Loss(y, beta: s)).map { Float($0) } == [(0 + 0.125 + 1.125) / 3])
    }

    @Test func shapesCompare() throws {
        let x: Tensor = try x()
        #expect(try x.shape == x.exp().shape)
        #expect(x.shape != x.shape.dropLast().map { $0 })
        #expect(try x.shape != x.T.shape && x.shape != x.sum().shape)
        #expect(x.shape == [3, 4] && x.shape == [n, s] && x.shape != [s, n] && x.shape != [3])
        #expect(try x.sum().shape == [])
        #expect([x.shape] == [x.shape])
        try check(x.shape == [n, s], "rows and columns")
        #expect(throws: TensorError.self) { try check(x.shape == x.T.shape, "a square") }
    }

    @Test func sizesAndNumbersMix() throws {
        let t: Tensor = try Tensor([1.0, 2, 4])
        #expect(s * 0.5 == 2 && 0.5 * s == 2 && s / r == 8 && 1.0 / s == 0.25 && s - 0.5 == 3.5 && r + s == 4.5)
        #expect(v * s == 2 && s * v == 2 && v / n == 0.5 / 3 && s - v == 3.5 && v - s == -3.5)
        #expect(try numbers(t * (s * 0.5)) == [2, 4, 8])
        #expect(try numbers(t * (1 - s * r)) == [-1, -2, -4])
        #expect(try Tensor.zeros(t.shape).sizes == [3])
        #expect(try numbers(Tensor.ones(t.shape) + Tensor.full(t.shape, s)) == [5, 5, 5])
        #expect(try Tensor.empty(t.shape, dtype: .int32).spec.description == "int32[3]")
        #expect(try numbers(Tensor.rand(t.shape, seed: 1)) == numbers(Tensor.rand([n], seed: 1)))
        #expect(try numbers(Tensor.randn(t.shape, seed: 1)) == numbers(Tensor.randn([n], seed: 1)))
        #expect(try Tensor([1.0, 2, 3, 4], shape: [s / 2, n - 1]).sizes == [2, 2])
        #expect(try Tensor(bytes: [1, 2, 3, 4], dtype: .uint8, shape: [s]).sizes == [4])
        #expect(throws: TensorError.self) { try Tensor([1.0], shape: [s / 0]) }
        #expect(try t.split([n - 2, s - 2]).map { try $0.sizes } == [[1], [2]])
        #expect(try numbers(t.rolled(1)) == [4, 1, 2] && numbers(t.rolled(s, dim: 0)) == [4, 1, 2])
        #expect(try constrainAsValue(s, min: n, max: s) == 4 && constrainAsSize(s, max: s + 1) == 4)
        let error = #expect(throws: TensorError.self) { try constrainAsSize(s, min: s + 1) }
        #expect(error?.message == "4 is outside of 5...")
    }

    @Test func symbolicNumbersAreNumbers() throws {
        #expect(max(v, 2) == 2)
        #expect(min(v, r / 2) == 0.25)
        #expect(abs(-v) == 0.5)
        #expect(max(s, n) + min(n, s) == 7)
        #expect(Array(stride(from: 0, to: s, by: 2)) == [0, 2])
        #expect(Array(stride(from: s, through: 0, by: -2)) == [4, 2, 0])
        #expect(Array(stride(from: 0, to: n, by: 2)) == [0, 2])
        #expect((0..<n).contains(s) == false)
        #expect((1...4).contains(s))
        #expect((0..<s).contains(n))
        switch s {
        case 0: Issue.record("4 is not 0")
        case ..<n: Issue.record("4 is not below 3")
        case 1...3: Issue.record("4 is not in 1...3")
        case n..<(s + 1): break
        default: Issue.record("4 is in 3..<5")
        }
        switch s {
        case (s + 1)...: Issue.record("4 is not 5")
        case ..<s: Issue.record("4 is not below 4")
        case s...: break
        default: Issue.record("4 is 4")
        }
        switch n {
        case 0..<(s - 1): Issue.record("3 is not below 3")
        case s...: Issue.record("3 is not 4")
        case 1...2: Issue.record("3 is not in 1...2")
        case ..<s: break
        default: Issue.record("3 is below 4")
        }
        #expect(Array(stride(from: 0, to: s, by: 0)).isEmpty)
        #expect(throws: TensorError.self) { try Tensor.zeros([1]) + 1 }
    }
}

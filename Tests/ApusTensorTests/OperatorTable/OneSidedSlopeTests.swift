import Testing

@testable import ApusTensor

/// Gradients where a function has a kink, a zero or a singular argument: slopes of one side, and polynomials' derivatives as they are.
@Suite struct OneSidedSlopeTests {
    // MARK: grid_sampler

    /// Every mode, padding and alignment, at points inside, at the first and last elements, at the edges half an element further and beyond.
    @Test func gridSamplersHaveSlopesOfOneSide() throws {
        var compared = 0
        for dims in [2, 3] {
            let sizes: [Int] = [3, 4, 2].suffix(dims)
            let image: Tensor = try .sample([1, 2] + sizes, dtype: .float64)
            for (mode, padding, aligns) in (0...(dims == 2 ? 2 : 1)).flatMap({ mode in
                (0...2).flatMap { padding in [true, false].map { (mode, padding, $0) } }
            }) {
                // Nearest elements jump where they change, so that nothing is a slope there.
                if mode == 1 { continue }
                func sampled(_ grid: Tensor) throws -> Tensor {
                    try applySingle(
                        dims == 2 ? .gridSampler2d : .gridSampler3d,
                        [.tensor(image), .tensor(grid), .int(mode), .int(padding), .bool(aligns)]
                    ).sum()
                }
                let inside: [Double] = [0.37, -0.21, 0.11].suffix(dims)
                for axis in 0..<dims {
                    let size = Double(sizes[dims - 1 - axis])
                    // Positions of the elements in the grid's coordinates.
                    let places: [Double] = [-2.3, -1, -0.5, 0, 0.4, size - 1, size - 0.5, size, size + 1.7]
                    for place in places {
                        var point = inside
                        point[axis] = aligns ? 2 * place / (size - 1) - 1 : (2 * place + 1) / size - 1
                        let sizes: [Int] = [1] + [Int](repeating: 1, count: dims) + [dims]
                        let gradient: Tensor = try gradient(at: Tensor(point, shape: sizes)) { try sampled($0) }
                        let slope: Double = try gradient.array(of: Double.self)[axis]
                        func value(_ step: Double) throws -> Double {
                            var moved = point
                            moved[axis] += step
                            return try sampled(Tensor(moved, shape: sizes)).item(Double.self)
                        }
                        let (before, here, after) = (try value(-1e-7), try value(0), try value(1e-7))
                        let slopes: [Double] = [(here - before) / 1e-7, (after - here) / 1e-7]
                        compared += 1
                        #expect(
                            slopes.contains { ($0 - slope).magnitude <= 1e-5 * (1 + slope.magnitude) },
                            "\(dims)d, mode \(mode), padding \(padding), aligned \(aligns), axis \(axis) at \(place): \(slope), slopes \(slopes)"
                        )
                    }
                }
            }
        }
        #expect(compared == 9 * (2 * 12 + 3 * 6))
    }

    // MARK: Powers

    /// Base, exponent, and the derivatives by both: nil where there is none.
    static let powers: [(base: Double, exponent: Double, byBase: Double?, byExponent: Double?)] = [
        (0, 0, 0, 0), (0, 1, 1, 0), (0, 2, 0, 0), (0, 0.5, .infinity, 0), (0, -1, -.infinity, nil), (0, -3, -.infinity, nil),
        (-0.0, 0, 0, 0), (-0.0, 1, 1, 0), (-0.0, 2, 0, 0), (-0.0, -1, -.infinity, nil),
        (-2, 0, 0, nil), (-2, 1, 1, nil), (-2, 2, -4, nil), (-2, -1, -0.25, nil), (-2, -3, -3 / 16.0, nil),
        (2, 0, 0, 0.6931471805599453), (2, 1, 1, 1.3862943611198906), (2, 2, 4, 2.772588722239781), (2, -1, -0.25, 0.34657359027997264),
        (.infinity, 0, 0, nil), (.infinity, 1, 1, .infinity), (.infinity, 2, .infinity, .infinity), (.infinity, 0.5, 0, .infinity),
        (.infinity, -1, 0, nil),
    ]

    @Test func powersHaveDerivativesAtZeroAndInfinity() throws {
        func isClose(_ ours: Double, _ right: Double) -> Bool { ours == right || (ours - right).magnitude <= 1e-6 * right.magnitude }
        for dtype in [DType.float32, .float64] {
            for power in Self.powers {
                let (base, exponent): (Tensor, Tensor) = (try Tensor([power.base]).to(dtype), try Tensor([power.exponent]).to(dtype))
                let scalars: [Scalar] =
                    [Scalar(power.exponent)] + (power.exponent == power.exponent.rounded() ? [.int(.init(Int(power.exponent)))] : [])
                if let right = power.byBase {
                    let ways: [(Tensor) throws -> Tensor] =
                        [{ try $0.pow(exponent).sum() }] + scalars.map { scalar in { try $0.pow(scalar).sum() } }
                        + [{ try applySingle(.floatPowers[0], [.tensor($0), .tensor(exponent)]).sum() }]
                    for (way, function) in ways.enumerated() {
                        let ours: Double = try gradient(at: base, function).array(of: Double.self)[0]
                        #expect(isClose(ours, right), "by the base of \(power), way \(way), \(dtype): \(ours)")
                    }
                }
                if let right = power.byExponent {
                    let ways: [(Tensor) throws -> Tensor] = [
                        { try base.pow($0).sum() }, { try Tensor.pow(power.base, $0).sum() },
                        { try applySingle(.floatPowers[2], [.double(power.base), .tensor($0)]).sum() },
                    ]
                    for (way, function) in ways.enumerated() {
                        let ours: Double = try gradient(at: exponent, function).array(of: Double.self)[0]
                        #expect(isClose(ours, right), "by the exponent of \(power), way \(way), \(dtype): \(ours)")
                    }
                }
            }
        }
    }

    // MARK: Determinants

    @Test func determinantsOfSingularMatricesHaveTheAdjugate() throws {
        let cases: [(matrix: [Double], adjugate: [Double])] = [
            ([0], [1]), ([1, 2, 2, 4], [4, -2, -2, 1]), ([0, 1, 0, 0], [0, -1, 0, 0]), ([0, 0, 0, 0], [0, 0, 0, 0]),
            // Rank 2, and rank 1: no minor of order 2 is left.
            ([1, 2, 3, 4, 5, 6, 7, 8, 9], [-3, 6, -3, 6, -12, 6, -3, 6, -3]),
            ([Double](repeating: 1, count: 9), [Double](repeating: 0, count: 9)),
            // Regular, beside the singular ones.
            ([2, 1, 1, 3], [3, -1, -1, 2]),
        ]
        for dtype in [DType.float32, .float64, .complex64, .complex128] {
            for (matrix, adjugate) in cases {
                let n = Int(Double(matrix.count).squareRoot())
                let a: Tensor = try Tensor(matrix, shape: [n, n]).to(dtype)
                let ours: Tensor = try gradient(at: a) { try $0.det().realPart() }.transposed(-2, -1).realPart()
                let off: Double = try zip(ours.array(of: Double.self), adjugate).map { ($0 - $1).magnitude }.max() ?? 0
                #expect(off <= (dtype.real == .float32 ? 2e-5 : 1e-13), "\(matrix) in \(dtype): off by \(off)")
            }
        }
        // Batched, singular and regular together.
        let batch: Tensor = try Tensor([1.0, 2, 2, 4, 2, 1, 1, 3, 0, 0, 0, 0], shape: [3, 2, 2])
        let ours: Tensor = try gradient(at: batch) { try $0.det().sum() }
        let right: [Double] = [4, -2, -2, 1, 3, -1, -1, 2, 0, 0, 0, 0]
        for (value, expected) in zip(try ours.array(of: Double.self), right) { #expect((value - expected).magnitude <= 1e-6) }
    }

    /// A determinant is linear in each element: its second derivative by (i, j) and (k, l) is that of the four corners' signs.
    @Test func determinantsHaveSecondDerivativesAtSingularMatrices() throws {
        for matrix in [[1.0, 2, 2, 4], [0, 0, 0, 0], [3, 1, 1, 2]] {
            let a: Tensor = try Tensor(matrix, shape: [2, 2]).to(.float64)
            // The sum over the gradient's products with 1, 2, 3, 4: 1 a11 - 2 a10 - 3 a01 + 4 a00, whose derivative is plain.
            let weights: Tensor = try Tensor([1.0, 2, 3, 4], shape: [2, 2]).to(.float64)
            let second: Tensor = try gradient(at: a) { x in try (gradient(at: x) { try $0.det() } * weights).sum() }
            let values: [Double] = try second.array(of: Double.self)
            for (value, expected) in zip(values, [4.0, -3, -2, 1]) {
                #expect((value - expected).magnitude <= 1e-12, "\(matrix): \(values)")
            }
        }
    }

    @Test func largeSingularMatricesHaveAGradient() throws {
        // Of rank n - 1: the adjugate is the product of the two null vectors, scaled to the determinant of what is left.
        var elements = [Double](repeating: 0, count: 400)
        for index in 0..<19 { elements[index * 21] = index % 2 == 0 ? 2 : 0.5 }
        let a: Tensor = try Tensor(elements, shape: [20, 20]).to(.float64)
        let ours: [Double] = try gradient(at: a) { try $0.det() }.array(of: Double.self)
        for (position, value) in ours.enumerated() { #expect((value - (position == 399 ? 2 : 0)).magnitude <= 1e-12) }
    }

    @Test func logarithmsOfSingularDeterminantsNameThemselves() throws {
        let a: Tensor = try Tensor([1.0, 2, 2, 4], shape: [2, 2])
        let error = #expect(throws: TensorError.self) {
            try gradient(at: a) { try applyTensors(.linalgSlogdet, [.tensor($0)])[1] }
        }
        #expect(error?.unplaced == "slogdet: the matrix is singular: its pivot 2 is zero")
    }

    // MARK: Products

    /// Groups with no, one, two and three zeros; what their products' derivatives are by brute force.
    @Test func productsHaveSecondDerivativesAtZeros() throws {
        let groups: [[Double]] = [[2, 3, 5], [0, 3, 5], [0, 0, 5], [0, 0, 0], [7, 0, 2, 3], [0, 7]]
        for elements in groups {
            let source: Tensor = try Tensor(elements).to(.float64)
            let index: Tensor = try Tensor([Int](repeating: 0, count: elements.count), shape: [elements.count])
            func product(without left: Set<Int>) -> Double { elements.indices.reduce(1) { left.contains($1) ? $0 : $0 * elements[$1] } }
            for (own, includesSelf) in [(1.0, true), (4.0, true), (0.0, true), (9.0, false)] {
                let factor: Double = includesSelf ? own : 1
                let slot: Tensor = try Tensor([own]).to(.float64)
                let ways: [(String, (Tensor) throws -> Tensor)] = [
                    ("scatter_reduce", { try slot.scatterReduce(dim: 0, index, $0, reduce: "prod", includeSelf: includesSelf).sum() }),
                    (
                        "index_reduce",
                        { source in
                            try applySingle(
                                .indexReduce,
                                [.tensor(slot), .int(0), .tensor(index), .tensor(source), .string("prod"), .bool(includesSelf)]
                            ).sum()
                        }
                    ),
                    ("prod", { try $0.prod() * factor }), ("prod.dim_int", { try $0.prod(dim: 0) * factor }),
                    ("cumprod", { try $0.cumprod(dim: 0)[elements.count - 1] * factor }),
                ]
                for (name, function) in ways {
                    let first: [Double] = try gradient(at: source, function).array(of: Double.self)
                    #expect(first == elements.indices.map { product(without: [$0]) * factor }, "\(name) of \(elements), self \(own)")
                    for row in elements.indices {
                        let second: [Double] = try gradient(at: source) { x in try gradient(at: x, function)[row] }.array(of: Double.self)
                        let right: [Double] = elements.indices.map { $0 == row ? 0 : product(without: [$0, row]) * factor }
                        #expect(second == right, "\(name) of \(elements), self \(own), row \(row)")
                    }
                }
                guard includesSelf else { continue }
                let bySelf: Tensor = try gradient(at: slot) { try $0.scatterReduce(dim: 0, index, source, reduce: "prod").sum() }
                #expect(try bySelf.array(of: Double.self) == [product(without: [])])
            }
        }
    }

    // MARK: Origins

    @Test func anglesAndLengthsAreFlatAtTheOrigin() throws {
        for dtype in [DType.float16, .bfloat16, .float32, .float64] {
            let zero: Tensor = try Tensor([0.0]).to(dtype)
            let functions: [([Tensor]) throws -> Tensor] = [
                { try $0[0].atan2($0[1]).sum() }, { try $0[0].hypot($0[1]).sum() }, { try $0[0].xlogy($0[1]).sum() },
            ]
            for function in functions {
                for gradient in try valueAndGradient(at: [zero, zero.clone()], function).gradients {
                    #expect(try gradient.array(of: Double.self) == [0])
                }
            }
        }
    }
}

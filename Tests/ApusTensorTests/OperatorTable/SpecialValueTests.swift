import Testing

@testable import ApusTensor

/// Every elementwise operator at zeros, the smallest and largest numbers, infinities and NaN, alone and in pairs, in every floating-point dtype,
/// against PyTorch.
@Suite struct SpecialValueTests {
    static let dtypes: [DType] = [.float16, .bfloat16, .float32, .float64]

    /// Operators and dtypes whose values differ.
    static let different: [String: String] = [:]

    static func values(_ dtype: DType, isShort: Bool) -> [Double] {
        let (least, normal, most): (Double, Double, Double) =
            switch dtype {
            case .float16: (0x1p-24, 0x1p-14, 65504)
            case .bfloat16: (0x1p-133, 0x1p-126, 0x1.FEp127)
            case .float32: (0x1p-149, 0x1p-126, Double(Float.greatestFiniteMagnitude))
            default: (.leastNonzeroMagnitude, .leastNormalMagnitude, .greatestFiniteMagnitude)
            }
        let few: [Double] = [0, -0.0, 1, -1, 0.5, most, -most, .infinity, -.infinity, .nan]
        return isShort ? few : few + [least, -least, normal, -normal, -0.5, 2.5, -2.5, 3, -3, 4, -4, 10, -10, 50, -50, 400, -400]
    }

    /// The first sample with its floating-point tensors replaced by all combinations of the values.
    static func arguments(of operation: Operator, _ dtype: DType) throws -> [OperatorArgument]? {
        guard let sample = try operation.samples().first(where: { sample in
            sample.contains { if case .tensor(let tensor) = $0 { tensor.dtype.isFloatingPoint } else { false } }
        }) else { return nil }
        let places = sample.indices.filter { if case .tensor(let tensor) = sample[$0] { tensor.dtype.isFloatingPoint } else { false } }
        let others = sample.contains { if case .tensor(let tensor) = $0 { !tensor.dtype.isFloatingPoint } else { false } }
        guard !places.isEmpty, places.count <= 3, !others else { return nil }
        let values = Self.values(dtype, isShort: places.count == 3)
        var changed = sample
        for (order, place) in places.enumerated() {
            let inner = (0..<(places.count - 1 - order)).reduce(1) { count, _ in count * values.count }
            let total = places.reduce(1) { count, _ in count * values.count }
            changed[place] = .tensor(try Tensor((0..<total).map { values[$0 / inner % values.count] }, shape: [total]).to(dtype))
        }
        return changed
    }

    @Test func agreeWithTorch() throws {
        var cases: [ValueJudge.Case] = []
        for operation in OperatorTable.all where operation.pointwiseForm != nil && operation.schema.namespace == "aten" {
            for dtype in Self.dtypes {
                guard let arguments = try Self.arguments(of: operation, dtype) else { continue }
                var given = try ValueJudge.run(operation, arguments, label: "\(dtype)")
                given.isExact = true
                cases.append(given)
            }
        }
        #expect(cases.count > 300)
        var found: Set<String> = []
        for (given, answer) in zip(cases, try ValueJudge.judge(cases)) where answer != "same" && answer != "both refuse" {
            let key = "\(given.operation.name.dropFirst("aten::".count)) \(given.label)"
            found.insert(key)
            print("XX \(key): \(given.refusal?.description ?? "") \(answer)")
        }
        print("SPECIAL \(cases.count)")
    }

    @Test func besselFunctionsAtTheExtremes() throws {
        // From mpmath, 30 digits.
        let x = try Tensor([1e308, -1e308, 1e300, 700, 713, 720, -720, 1e-300] as [Double], shape: [8])
        func values(_ operation: Operator) throws -> [Double] { try applySingle(operation, [.tensor(x)]).array(of: Double.self) }
        func agree(_ operation: Operator, _ expected: [Double]) throws {
            for (mine, right) in zip(try values(operation), expected) {
                #expect(mine == right || (mine - right).magnitude <= 4e-14 * right.magnitude, "\(operation): \(mine), not \(right)")
            }
        }
        try agree(.i0, [.infinity, .infinity, .infinity, 1.5295933476718737e+302, 6.705128263670996e+307, .infinity, .infinity, 1.0])
        try agree(.i1, [.infinity, -.infinity, .infinity, 1.5285003902339006e+302, 6.700424559186402e+307, .infinity, -.infinity, 5e-301])
        try agree(.i0e, [3.989422804014327e-155, 3.989422804014327e-155, 3.9894228040143264e-151, 0.015081295651531358, 0.014943127187904973, 0.014870284185509175, 0.014870284185509175, 1.0])
        try agree(.i1e, [3.989422804014327e-155, -3.989422804014327e-155, 3.9894228040143264e-151, 0.015070519444716848, 0.01493264445713479, 0.014859954008658149, -0.014859954008658149, 5e-301])
    }
}

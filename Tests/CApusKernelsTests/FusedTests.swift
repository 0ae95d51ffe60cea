import CApusKernels
import Testing

/// Register programs give the same bits as their steps one by one.
@Suite struct FusedTests {
    private func instruction(
        _ op: apus_op, _ compute: apus_dtype, _ out: Int32, _ a: Int32, _ b: Int32 = -1, _ c: Int32 = -1, x: Double = 0
    ) -> apus_instruction {
        let params = apus_params(x: x, y: 0, z: 0, x_imaginary: 0, i: 0, j: 0)
        return apus_instruction(op: code(op), compute: code(compute), out: out, a: a, b: b, c: c, params: params)
    }

    @Test func aChainEqualsItsSteps() {
        var random = SplitMix(4)
        for dtype in floatingDtypes {
            for shape in shapes where shape.count == 2 {
                for layout in Layout.allCases {
                    let x: TestArray = layout.array(dtype, shape).fill { random.real() }
                    let y: TestArray = Layout.repeatedColumns.array(dtype, shape).fill { random.real() }
                    let sum = TestArray(dtype, shape)
                    let exponential = TestArray(dtype, shape)
                    let test = TestArray(APUS_BOOL, shape)
                    let chosen = TestArray(dtype, shape)
                    binary(APUS_OP_ADD, dtype, x, y, sum)
                    unary(APUS_OP_TANH, dtype, sum, exponential)
                    binary(APUS_OP_GT, dtype, x, y, test)
                    var views: [apus_view] = [test.view, exponential.view, x.view, chosen.view]
                    #expect(apus_ternary(code(APUS_OP_WHERE), code(dtype), nil, &views[0], &views[1], &views[2], &views[3]) == ok)

                    let program: [apus_instruction] = [
                        instruction(APUS_OP_ADD, dtype, 2, 0, 1), instruction(APUS_OP_TANH, dtype, 3, 2),
                        instruction(APUS_OP_GT, dtype, 4, 0, 1),
                        instruction(APUS_OP_WHERE, dtype, 5, 4, 3, 0),
                    ]
                    let fused = TestArray(dtype, shape)
                    let fusedTest: TestArray = Layout.transposed.array(APUS_BOOL, shape)
                    let inputs: [apus_view] = [x.view, y.view]
                    let outputs: [apus_view] = [fused.view, fusedTest.view]
                    let registers: [Int32] = [5, 4]
                    #expect(apus_fused(program, 4, inputs, 2, registers, outputs, 2) == ok)
                    #expect(fused.values == chosen.values, "\(dtype) \(shape) \(layout)")
                    #expect(fusedTest.values == test.values, "\(dtype) \(shape) \(layout)")
                }
            }
        }
    }

    @Test func anInputMayBeOverwritten() {
        let n = 3000
        let x = TestArray(APUS_FLOAT32, [n], (0..<n).map { Double($0) })
        let doubled = TestArray(APUS_FLOAT32, [n])
        let program: [apus_instruction] = [
            instruction(APUS_OP_SQUARE, APUS_FLOAT32, 1, 0), instruction(APUS_OP_ADD, APUS_FLOAT32, 2, 0, 0),
        ]
        let outputs: [apus_view] = [x.view, doubled.view]
        #expect(apus_fused(program, 2, [x.view], 1, [1, 2], outputs, 2) == ok)
        let expected: [Double] = (0..<n).map { Double(2 * $0) }
        #expect(doubled.values == expected)
        #expect(x[2999] == 8_994_001)
    }

    @Test func brokenProgramsAreRefused() {
        let x = TestArray(APUS_FLOAT32, [4])
        let out = TestArray(APUS_FLOAT32, [4])
        let broken: [[apus_instruction]] = [
            [instruction(APUS_OP_ADD, APUS_FLOAT32, 1, 0, 9)],  // reads what was never written
            [instruction(APUS_OP_NEG, APUS_FLOAT32, 0, 0)],  // writes an input
            [instruction(APUS_OP_NEG, APUS_FLOAT32, 99, 0)],  // no such register
            [instruction(APUS_OP_NEG, APUS_FLOAT32, 1, -1)],
            [instruction(APUS_OP_NEG, APUS_FLOAT32, 2, 0)],  // the result stays unwritten
        ]
        for program in broken {
            #expect(apus_fused(program, 1, [x.view], 1, [1], [out.view], 1) == status(APUS_INVALID_ARGUMENT))
        }
        #expect(apus_fused([instruction(APUS_OP_EXP, APUS_INT32, 1, 0)], 1, [x.view], 1, [1], [out.view], 1) == status(APUS_UNSUPPORTED))
    }
}

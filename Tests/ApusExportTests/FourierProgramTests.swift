import ApusExport
import ApusNN
import ApusProgram
import ApusSymbolic
import ApusTensor
import Testing

/// Programs that transform signals whose length is open.
@Suite struct FourierProgramTests {
    @Test func lengthsStayOpen() throws {
        func spectrum(_ x: Tensor) throws -> Tensor {
            let half: Tensor = try x.rfft()
            return try (half * half.conj()).irfft(n: x.shape[1]) + x.fft(n: 8, dim: 0).real().sum()
        }
        let x = try Tensor.randn([3, 12], seed: 1)
        let program = try export(spectrum, args: x, constraints: [dynamicDim(x, 1).in(1...300), dynamicDim(x, 0).in(1...20)])
        for (lines, length) in [(3, 12), (1, 1), (8, 8), (20, 127), (5, 256), (2, 211), (9, 300)] {
            let input = try Tensor.randn([SymInt(lines), SymInt(length)], seed: 2)
            let found: Tensor = try program(input)
            #expect(try found.array(of: Float.self) == spectrum(input).array(of: Float.self), "\(lines) of \(length)")
        }
    }

    @Test func gradientsStayOpen() throws {
        func loss(_ x: Tensor) throws -> Tensor { try gradient(at: x) { x in try x.rfft().abs().square().sum() } }
        let x = try Tensor.randn([12], seed: 1)
        let program = try export(loss, args: x, constraints: [dynamicDim(x, 0).in(2...64)])
        for length in [2, 3, 12, 37, 64] {
            let input = try Tensor.randn([SymInt(length)], seed: 2)
            let found: Tensor = try program(input)
            #expect(try found.array(of: Float.self) == loss(input).array(of: Float.self), "\(length)")
        }
    }

    @Test func windowsThatLeaveGapsAreRefused() throws {
        let transforms: Tensor = try Tensor.randn([20], seed: 1).stft(4, hopLength: 2)
        func signal(_ window: Tensor) throws -> Tensor { try transforms.istft(4, hopLength: 2, window: window) }
        let (whole, open) = (try Tensor.ones([4]), try Tensor([0, 0, 1, 0] as [Float], shape: [4]))
        let program = try export(signal, args: whole)
        let found: Tensor = try program(whole)
        #expect(try found.array(of: Float.self) == signal(whole).array(of: Float.self))
        #expect(throws: TensorError.self) { try signal(open) }
        #expect(throws: TensorError.self) { let _: Tensor = try program(open) }
    }

    @Test func shortTimeTransformsTakeAnySignal() throws {
        func there(_ x: Tensor) throws -> Tensor { try x.stft(16).istft(16) }
        let x = try Tensor.randn([100], seed: 1)
        let program = try export(there, args: x, constraints: [dynamicDim(x, 0).in(32...500)])
        for length in [32, 100, 333] {
            let input = try Tensor.randn([SymInt(length)], seed: 2)
            let found: Tensor = try program(input)
            #expect(try found.array(of: Float.self) == there(input).array(of: Float.self), "\(length)")
        }
    }
}

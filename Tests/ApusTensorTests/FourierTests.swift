import ApusSymbolic
import JudgeSupport
import Testing

@testable import ApusTensor

/// Fourier transforms of every kind of length, with PyTorch as the judge.
@Suite struct FourierTests {
    /// Ones, powers, products of small primes, primes that are taken apart and those that are not, lines side by side and by themselves.
    static let lengths = [
        1, 2, 3, 4, 5, 6, 7, 8, 9, 11, 13, 16, 17, 19, 23, 29, 31, 32, 35, 37, 62, 64, 97, 100, 127, 128, 143, 211, 243, 256, 289, 300, 343,
        480, 625, 961, 1009, 1024, 1155, 2187, 4096, 5000,
    ]

    static let script = """
        import torch, json, sys
        def signal(*sizes):
            n = 1
            for size in sizes: n *= size
            j = torch.arange(n, dtype=torch.float64)
            return torch.complex(torch.sin(j * 1.7 + j * j * 0.3), torch.cos(j * 2.3 + j * j * 0.11)).reshape(sizes)
        def show(x): print(*torch.view_as_real(x.resolve_conj()).flatten().tolist() if x.is_complex() else x.flatten().tolist())
        """

    /// What the script calls `signal`.
    static func signal(_ sizes: [Int]) throws -> Tensor {
        let j = try Tensor.arange(SymInt(sizes.reduce(1, *)), dtype: .float64)
        let parts = [try (j * 1.7 + j * j * 0.3).sin(), try (j * 2.3 + j * j * 0.11).cos()]
        return try Tensor.stack(parts, dim: 1).viewAsComplex().reshaped(sizes.map { SymInt($0) })
    }

    static func parts(_ x: Tensor) throws -> [Double] {
        try (x.dtype.isComplex ? x.contiguous().viewAsReal() : x).array(of: Double.self)
    }

    private func expectClose(_ mine: Tensor, _ line: Substring, _ accuracy: Double, _ what: String) throws {
        let expected: [Double] = line.split(separator: " ").compactMap { Double($0) }
        let found: [Double] = try Self.parts(mine)
        try #require(found.count == expected.count, "\(what)")
        let size: Double = expected.map(\.magnitude).max() ?? 0
        let worst: Double = zip(found, expected).map { ($0 - $1).magnitude }.max() ?? 0
        #expect(worst <= accuracy * size, "\(what): off by \(worst) of \(size)")
    }

    /// Batches of lines in the last dimension and in one before, in both precisions.
    @Test(arguments: [(0, "backward"), (1, "ortho"), (-1, "forward")]) func linesAreThoseOfTorch(_ dim: Int, _ norm: String) throws {
        let call = """

            for n in json.loads(sys.argv[1]):
                x = signal(*([n, 3] if \(dim) == 0 else [2, n]))
                for y in (x, x.real):
                    show(torch.fft.fft(y, dim=\(dim), norm='\(norm)')), show(torch.fft.ifft(y, dim=\(dim), norm='\(norm)'))
                    show(torch.fft.irfft(y, n=n, dim=\(dim), norm='\(norm)')), show(torch.fft.hfft(y, n=n, dim=\(dim), norm='\(norm)'))
                show(torch.fft.rfft(x.real, dim=\(dim), norm='\(norm)')), show(torch.fft.ihfft(x.real, dim=\(dim), norm='\(norm)'))
            """
        let lines = try Python.run(Self.script + call, ["\(Self.lengths)"]).split(separator: "\n")
        let scaling = try #require(FourierNorm(rawValue: norm))
        try #require(lines.count == Self.lengths.count * 10)
        var next = 0
        for n in Self.lengths {
            let x = try Self.signal(dim == 0 ? [n, 3] : [2, n])
            var results: [(String, (Tensor) throws -> Tensor, Tensor)] = []
            for y in [x, try x.real()] {
                results += [
                    ("fft", { try $0.fft(dim: dim, norm: scaling) }, y), ("ifft", { try $0.ifft(dim: dim, norm: scaling) }, y),
                    ("irfft", { try $0.irfft(n: n, dim: dim, norm: scaling) }, y),
                    ("hfft", { try $0.hfft(n: n, dim: dim, norm: scaling) }, y),
                ]
            }
            results += [
                ("rfft", { try $0.rfft(dim: dim, norm: scaling) }, try x.real()),
                ("ihfft", { try $0.ihfft(dim: dim, norm: scaling) }, try x.real()),
            ]
            for (name, transform, y) in results {
                try expectClose(transform(y), lines[next], 2e-14, "\(name) of \(n)")
                let single: Tensor = try y.to(y.dtype.isComplex ? .complex64 : .float32)
                try expectClose(transform(single), lines[next], 2e-6, "\(name) of \(n) in float32")
                next += 1
            }
        }
    }

    @Test func gridsAreThoseOfTorch() throws {
        let call = """

            x = signal(4, 6, 5)
            for y in (x, x.permute(2, 0, 1), x.expand(2, 4, 6, 5)[:, ::2]):
                show(torch.fft.fftn(y)), show(torch.fft.ifft2(y, s=[3, 7])), show(torch.fft.fftn(y, dim=[1, 0], norm='ortho'))
                show(torch.fft.rfftn(y.real, s=[-1, 8])), show(torch.fft.irfftn(y, dim=[0, 2])), show(torch.fft.irfft2(y, s=[4, 5]))
                show(torch.fft.hfftn(y)), show(torch.fft.ihfftn(y.real, norm='forward')), show(torch.fft.hfft2(y)), show(torch.fft.ihfft2(y.real))
                show(torch.fft.fftshift(y)), show(torch.fft.ifftshift(y, dim=[1])), show(torch.fft.fftn(y.real, dim=[]))
            show(torch.fft.fftfreq(7)), show(torch.fft.fftfreq(6, d=0.1)), show(torch.fft.rfftfreq(9)), show(torch.fft.fftfreq(0))
            """
        let lines = try Python.run(Self.script + call, []).split(separator: "\n", omittingEmptySubsequences: false)
        let x = try Self.signal([4, 6, 5])
        var found: [Tensor] = []
        for y in [x, try x.permuted([2, 0, 1]), try x.expanded([2, 4, 6, 5]).sliced(dim: 1, step: 2)] {
            let real: Tensor = try y.real()
            found += [try y.fftn(), try y.ifft2(s: [3, 7]), try y.fftn(dims: [1, 0], norm: .ortho)]
            found += [try real.rfftn(s: [-1, 8]), try y.irfftn(dims: [0, 2]), try y.irfft2(s: [4, 5])]
            found += [try y.hfftn(), try real.ihfftn(norm: .forward), try y.hfft2(), try real.ihfft2()]
            found += [try y.fftshift(), try y.ifftshift(dims: [1]), try real.fftn(dims: [])]
        }
        found += [try .fftfreq(7), try .fftfreq(6, d: 0.1), try .rfftfreq(9), try .fftfreq(0)]
        try #require(lines.count >= found.count)
        for (position, result) in found.enumerated() { try expectClose(result, lines[position], 1e-6, "result \(position)") }
    }

    @Test func shortTimeTransformsAreThoseOfTorch() throws {
        let call = """

            x, w = signal(2, 40), torch.hann_window(6, dtype=torch.float64)
            show(torch.stft(x.real, 8, window=torch.hann_window(8, dtype=torch.float64), return_complex=True))
            show(torch.stft(x.real[0], 9, hop_length=2, win_length=6, window=w, center=False, normalized=True, return_complex=True))
            show(torch.stft(x, 8, window=torch.ones(8), pad_mode='constant', return_complex=True))
            s = torch.stft(x.real, 8, hop_length=3, win_length=6, window=w, return_complex=True)
            show(torch.istft(s, 8, hop_length=3, win_length=6, window=w)), show(torch.istft(s, 8, hop_length=3, win_length=6, window=w, length=30))
            t = torch.stft(x, 8, hop_length=2, window=torch.ones(8), onesided=False, return_complex=True)
            show(torch.istft(t, 8, hop_length=2, window=torch.ones(8), onesided=False, return_complex=True))
            show(torch.istft(t, 8, hop_length=2, window=torch.ones(8), onesided=False, length=60))
            """
        let lines = try Python.run(Self.script + call, []).split(separator: "\n")
        let (x, w) = (try Self.signal([2, 40]), try Self.window(6))
        let real: Tensor = try x.real()
        let s = try real.stft(8, hopLength: 3, winLength: 6, window: w)
        let t = try x.stft(8, hopLength: 2, onesided: false)
        let found = [
            try real.stft(8, window: Self.window(8)),
            try real[0].stft(9, hopLength: 2, winLength: 6, window: w, center: false, normalized: true), try x.stft(8, padMode: "constant"),
            try s.istft(8, hopLength: 3, winLength: 6, window: w), try s.istft(8, hopLength: 3, winLength: 6, window: w, length: 30),
            try t.istft(8, hopLength: 2, onesided: false, returnComplex: true), try t.istft(8, hopLength: 2, onesided: false, length: 60),
        ]
        try #require(lines.count == found.count)
        for (position, result) in found.enumerated() { try expectClose(result, lines[position], 1e-12, "result \(position)") }
    }

    /// A periodic Hann window.
    static func window(_ n: Int) throws -> Tensor {
        try ((Tensor.arange(SymInt(n), dtype: .float64) * (2 * Double.pi / Double(n))).cos() * -0.5) + 0.5
    }

    /// A line's transform is the same, to the bit, whatever lies beside it and however it lies in memory.
    @Test(arguments: [12, 64, 127, 200, 331]) func linesDoNotDependOnOthers(_ n: Int) throws {
        for dim in [0, 1] {
            let x = try Self.signal(dim == 0 ? [n, 37] : [37, n]).to(.complex64)
            let whole: Tensor = try x.fft(dim: dim)
            let turned: Tensor = try x.transposed(0, 1).contiguous().transposed(0, 1).fft(dim: dim)
            #expect(try Self.parts(whole) == Self.parts(turned))
            let few: Tensor = try x.narrowed(dim: 1 - dim, from: 5, length: 2)
            #expect(try Self.parts(few.fft(dim: dim)) == Self.parts(whole.narrowed(dim: 1 - dim, from: 5, length: 2)))
        }
    }

    @Test func mistakesAreErrors() throws {
        let (x, z) = (try Tensor.sample([4]), try Tensor.sample([2, 4], dtype: .complex64))
        let calls: [(String, () throws -> Tensor)] = [
            ("fft_fft: invalid number of data points (0) specified", { try x.fft(n: 0) }),
            ("fft_fft: invalid number of data points (0) specified", { try Tensor.zeros([0]).fft() }),
            ("fft_irfft: invalid number of data points (-2) specified", { try Tensor.zeros([0]).irfft() }),
            ("fft_rfft: rfft expects a real input tensor, but got complex64", { try z.rfft() }),
            ("fft_fft: unsupported dtype float16", { try x.to(.float16).fft() }),
            ("fft_fftn: FFT dims must be unique", { try z.fftn(dims: [0, -2]) }),
            ("fft_fftn: got shape with 2 values but input tensor only has 1 dimensions", { try x.fftn(s: [2, 2]) }),
            ("fft_fftn: when given, dim and shape arguments must have the same length", { try z.fftn(s: [2, 2], dims: [0]) }),
            ("fft_fftn: dimension specified as -1 but tensor has no dimensions", { try Tensor.zeros([]).fftn(dims: [-1]) }),
            ("fft_fftshift: dimension specified as 0 but tensor has no dimensions", { try Tensor.zeros([]).fftshift(dims: [0]) }),
            ("fft_rfftn: rfftn must transform at least one axis", { try x.rfftn(dims: []) }),
            ("fft_fftfreq: fftfreq requires a floating point or complex dtype, not int64", { try .fftfreq(3, dtype: .int64) }),
            ("stft: expected hop_length > 0, but got hop_length=0", { try x.stft(2, hopLength: 0) }),
            ("stft: expected 0 < win_length <= n_fft, but got win_length=3", { try x.stft(2, hopLength: 1, winLength: 3) }),
            ("stft: expected 0 < n_fft < 4, but got n_fft=5", { try x.stft(5, center: false) }),
            ("stft: cannot have onesided output if window or input is complex", { try z.stft(2, hopLength: 1, onesided: true) }),
            (
                "istft: the squares of the windows that overlap add up to 0 somewhere",
                { try z.istft(2, hopLength: 1, window: Tensor.zeros([2])) }
            ),
        ]
        for (text, call) in calls {
            do {
                let result: Tensor = try call()
                Issue.record("\(text): no error, but \(result.spec)")
            } catch let error as TensorError {
                #expect(error.unplaced == text)
            }
        }
    }

    @Test func linesWithoutOthersAreEmpty() throws {
        #expect(try Tensor.zeros([0, 4]).fft().sizes == [0, 4])
        #expect(try Tensor.zeros([3, 0]).rfft(dim: 0).sizes == [2, 0])
    }
}

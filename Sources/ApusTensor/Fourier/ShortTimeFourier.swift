import ApusSymbolic

// Transforms of windows that move along a signal, and signals from them.

extension Operator {
    static let stft: Operator = composite(
        "aten::stft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor",
        "The transforms of the windows of `n_fft` elements that start every `hop_length` (a quarter of `n_fft`) of a signal or a batch of them: "
            + "[..., frequencies, windows]. `window`, of `win_length` elements (`n_fft` unless given), is put in the middle of zeros. `normalized` divides "
            + "by the root of `n_fft`. Half of the frequencies unless the signal is complex or `onesided` false. Without `return_complex`, as pairs.",
        samples: {
            let x: Tensor = try .sample([20])
            return [
                [.tensor(x), .int(8), .none, .none, .none, .bool(false), .none, .bool(true), .none],
                [
                    .tensor(try .sample([2, 20])), .int(7), .int(3), .int(4), .tensor(try .sample([4], in: 0.5...1, seed: 2)), .bool(true),
                    .bool(false), .bool(false), .none,
                ],
            ]
        }
    ) { call in [.tensor(try call.shortTimeTransforms(call.tensor(0), options: 5))] }

    static let stftCentered: Operator = composite(
        "aten::stft.center(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, str pad_mode=\"reflect\", bool normalized=False, bool? onesided=None, bool? return_complex=None, bool? align_to_window=None) -> Tensor",
        "As `stft`; with `center` the signal is padded at both ends by half of `n_fft`, so that windows have their element's place in the middle.",
        samples: {
            [
                [
                    .tensor(try .sample([20])), .int(8), .none, .none, .none, .bool(true), .string("reflect"), .bool(false), .none,
                    .bool(true), .none,
                ],
                [
                    .tensor(try .sample([2, 12], dtype: .complex64)), .int(4), .int(2), .none, .none, .bool(true), .string("constant"),
                    .bool(false), .none, .bool(true), .none,
                ],
            ]
        }
    ) { call in
        var x = try call.signal()
        if try call.bool(5) {
            let pad: Int = try call.constant(1) / 2
            let padded: Tensor = try x.unsqueezed(0).padded([pad, pad], mode: call.string(6))
            x = try padded.squeezed(0)
        }
        return [.tensor(try call.shortTimeTransforms(x, options: 7))]
    }

    static let istft: Operator = composite(
        "aten::istft(Tensor self, int n_fft, int? hop_length=None, int? win_length=None, Tensor? window=None, bool center=True, bool normalized=False, bool? onesided=None, int? length=None, bool return_complex=False) -> Tensor",
        "The signal of which `stft` gave these transforms: the windows' signals times the window, added where they overlap, over the sum of its "
            + "squares, which must be 0 nowhere. `length` cuts the signal or adds zeros.",
        samples: {
            let x: Tensor = try .sample([5, 6], dtype: .complex64)
            let none: OperatorArgument = .none
            return [
                [.tensor(x), .int(8), none, none, none, .bool(true), .bool(false), none, none, .bool(false)],
                [
                    .tensor(try .sample([2, 8, 4], dtype: .complex64)), .int(8), .int(3), .int(6),
                    .tensor(try .sample([6], in: 0.5...1, seed: 2)), .bool(true), .bool(true), .bool(false), .int(7), .bool(true),
                ],
            ]
        }
    ) { call in [.tensor(try call.signalOfTransforms())] }

    static let shortTimeFourier: [Operator] = [stft, stftCentered, istft]
}

/// The windows that a signal is cut into.
private struct SignalWindows {
    let length: Int
    let hop: Int
    /// Of `length` elements, nil for ones.
    let window: Tensor?

    init(_ call: Call) throws {
        length = try call.constant(1)
        func optional(_ index: Int) throws -> Int? { if case .none = call[index] { nil } else { try call.constant(index) } }
        guard length > 0 else { throw call.error(.invalidArgument, "expected n_fft > 0, but got n_fft=\(length)") }
        hop = try optional(2) ?? length / 4
        let inner: Int = try optional(3) ?? length
        guard hop > 0 else { throw call.error(.invalidArgument, "expected hop_length > 0, but got hop_length=\(hop)") }
        guard inner > 0, inner <= length else {
            throw call.error(.invalidArgument, "expected 0 < win_length <= n_fft, but got win_length=\(inner)")
        }
        guard call.name != "istft" || hop <= inner else {
            throw call.error(.invalidArgument, "expected 0 < hop_length <= win_length, but got hop_length=\(hop)")
        }
        let given = try call.optionalTensor(4)
        if let given {
            func mismatch() -> TensorError {
                call.error(
                    .shapeMismatch,
                    "expected a 1D window tensor of size equal to win_length=\(inner), but got window with size \(given.shape)")
            }
            guard given.rank == 1 else { throw mismatch() }
            try require(given.shape[0] == inner, mismatch())
        }
        let left: Int = (length - inner) / 2
        if inner < length {
            window = try (given ?? Tensor.ones([inner])).padded([left, length - inner - left])
        } else {
            window = given
        }
    }
}

extension Call {
    /// The signal or batch of them that argument 0 is.
    fileprivate func signal() throws -> Tensor {
        let x = try tensor(0)
        guard x.dtype.isDifferentiable else {
            throw error(.dtypeMismatch, "expected a tensor of floating point or complex values, not \(x.dtype)")
        }
        guard x.rank == 1 || x.rank == 2 else { throw error(.shapeMismatch, "expected a 1D or 2D tensor, not one of shape \(x.shape)") }
        return x
    }

    /// `options` is the position of `normalized`, behind which the others are.
    fileprivate func shortTimeTransforms(_ padded: Tensor, options: Int) throws -> Tensor {
        let x = try signal()
        guard try call(options + 3, or: false) == false else {
            throw error(.unsupported, "align_to_window is not supported: pad the signal, and give a window of n_fft elements")
        }
        let windows = try SignalWindows(self)
        try require(
            padded.shape[-1] >= windows.length,
            error(.shapeMismatch, "expected 0 < n_fft < \(padded.shape[-1]), but got n_fft=\(windows.length)"))
        var frames: Tensor = try padded.unfolded(dim: -1, size: windows.length, step: windows.hop)
        if let window = windows.window { frames = try frames * window }
        let isComplex: Bool = frames.dtype.isComplex
        let isOnesided: Bool = try call(options + 1, or: !isComplex)
        guard !isComplex || !isOnesided else {
            throw error(.invalidArgument, "cannot have onesided output if window or input is complex")
        }
        if case .none = self[options + 2], !isComplex, !x.dtype.isComplex {
            throw error(.invalidArgument, "requires the return_complex parameter be given for real inputs")
        }
        let norm: FourierNorm = try bool(options) ? .ortho : .backward
        let last: Int = frames.rank - 1
        let transforms: Tensor =
            try isOnesided ? frames.realTransform([last], norm) : frames.complexTransform([last], norm, forward: true)
        let result: Tensor = try transforms.transposed(-2, -1)
        return try call(options + 2, or: true) ? result : result.viewAsReal()
    }

    /// A Boolean that may be left out.
    private func call(_ index: Int, or value: Bool) throws -> Bool {
        if case .none = self[index] { return value }
        return try bool(index)
    }

    fileprivate func signalOfTransforms() throws -> Tensor {
        let x = try tensor(0)
        guard x.dtype.isComplex else {
            throw error(
                .dtypeMismatch,
                "requires a complex-valued input tensor matching the output from stft with return_complex=True, not \(x.dtype)")
        }
        guard x.rank == 2 || x.rank == 3 else {
            throw error(.shapeMismatch, "expected transforms [..., frequencies, windows], not of shape \(x.shape)")
        }
        let windows = try SignalWindows(self)
        let (length, frequencies, count) = (windows.length, x.shape[-2], x.shape[-1])
        let isOnesided: Bool = try call(7, or: settle(frequencies != length, in: name))
        let expected: Int = isOnesided ? length / 2 + 1 : length
        try require(
            frequencies == expected,
            error(
                .shapeMismatch,
                "expected the frequency dimension to have \(expected) elements when onesided=\(isOnesided ? "True" : "False"), but got \(frequencies)"
            ))
        try require(count >= 1, error(.shapeMismatch, "has no windows to make a signal of"))
        let isComplex: Bool = try bool(9)
        guard !isComplex || !isOnesided else {
            throw error(.invalidArgument, "cannot have onesided output if window or input is complex")
        }
        if !isComplex, let window = windows.window, window.dtype.isComplex {
            throw error(.invalidArgument, "complex windows are incompatible with return_complex=False")
        }
        let norm: FourierNorm = try bool(6) ? .ortho : .backward
        let frames: Tensor = try x.transposed(-2, -1)
        let last: Int = frames.rank - 1
        var signals: Tensor =
            try isComplex
            ? frames.complexTransform([last], norm, forward: false)
            : frames.narrowed(dim: last, from: 0, length: length / 2 + 1).halfTransform([last], norm, SymInt(length), forward: false)
        let window: Tensor = try windows.window ?? Tensor.ones([length], dtype: signals.dtype.real)
        signals = try signals * window
        let whole: SymInt = SymInt(length) + windows.hop * (count - 1)
        func overlapped(_ frames: Tensor) throws -> Tensor {
            let sizes: [SymInt] = frames.shape.sizes.dropLast(2) + [whole]
            return try applySingle(
                .unfoldBackward, [.tensor(frames), .ints(sizes), .int(sizes.count - 1), .int(length), .int(windows.hop)])
        }
        let envelope: Tensor = try overlapped((window * window).expanded([count, SymInt(length)]))
        let start: Int = try bool(5) ? length / 2 : 0
        var end: SymInt = try bool(5) ? whole - length / 2 : whole
        var behind: SymInt = 0
        if case .none = self[8] {
        } else {
            let asked: SymInt = try SymInt(start) + SymInt(constant(8))
            behind = max(asked - whole, 0)
            end = min(asked, whole)
        }
        let taken: SymInt = end - start
        let signal: Tensor = try overlapped(signals).narrowed(dim: -1, from: start, length: taken)
        var divisor: Tensor = try envelope.narrowed(dim: -1, from: start, length: taken)
        if Interpreter.hasValues, !divisor.isTraced {
            let isWhole: Bool = try Interpreter.with(nil) { try (divisor.abs() .> 1e-11).all() }.array(of: Bool.self)[0]
            guard isWhole else { throw error(.invalidArgument, "the squares of the windows that overlap add up to 0 somewhere") }
        } else {
            // A trace has no values to look at: where the windows leave a gap, its program asks for positions that do not exist.
            let isOpen: Tensor = try (divisor.abs() .> 1e-11).all().logicalNot().to(.int64)
            divisor = try divisor.indexSelect(dim: 0, Tensor.arange(taken, dtype: .int64) + isOpen * taken)
        }
        let result: Tensor = try signal / divisor
        return behind.constant == 0 ? result : try result.padded([0, behind])
    }
}

extension Tensor {
    /// The transforms of the windows of `nFft` elements that start every `hopLength` of a signal, or a batch of them: [..., frequencies, windows].
    ///
    /// - Parameters:
    ///   - hopLength: a quarter of `nFft` unless given
    ///   - winLength: how long the window is, which is put in the middle of zeros; `nFft` unless given
    ///   - window: what windows are multiplied by; ones unless given
    ///   - center: pads the signal by half of `nFft` at both ends, by `padMode`
    ///   - normalized: divides by the root of `nFft`
    ///   - onesided: only `nFft / 2 + 1` frequencies; unless given, of real signals
    public func stft(
        _ nFft: Int, hopLength: Int? = nil, winLength: Int? = nil, window: Tensor? = nil, center: Bool = true, padMode: String = "reflect",
        normalized: Bool = false, onesided: Bool? = nil
    ) throws -> Tensor {
        try applySingle(
            .stftCentered,
            [
                .tensor(self), .int(nFft), hopLength.map { .int($0) } ?? .none, winLength.map { .int($0) } ?? .none, .optional(window),
                .bool(center), .string(padMode), .bool(normalized), onesided.map { .bool($0) } ?? .none, .bool(true), .none,
            ])
    }

    /// The signal of which `stft` gave these transforms; see there. `length` cuts it or adds zeros. Squares of windows that overlap must not add up to 0.
    public func istft(
        _ nFft: Int, hopLength: Int? = nil, winLength: Int? = nil, window: Tensor? = nil, center: Bool = true, normalized: Bool = false,
        onesided: Bool? = nil, length: Int? = nil, returnComplex: Bool = false
    ) throws -> Tensor {
        try applySingle(
            .istft,
            [
                .tensor(self), .int(nFft), hopLength.map { .int($0) } ?? .none, winLength.map { .int($0) } ?? .none, .optional(window),
                .bool(center), .bool(normalized), onesided.map { .bool($0) } ?? .none, length.map { .int($0) } ?? .none,
                .bool(returnComplex),
            ])
    }
}

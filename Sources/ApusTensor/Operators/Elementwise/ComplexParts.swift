import ApusSymbolic

// Complex numbers and their parts, and closeness of numbers.

extension Operator {
    static let realPart: Operator = part("real", 0, "The real parts; a real tensor itself.")
    static let imaginaryPart: Operator = part("imag", 1, "The imaginary parts of a complex tensor.")

    static let complex: Operator = composite(
        "aten::complex(Tensor real, Tensor imag) -> Tensor",
        "Complex numbers of real and imaginary parts, of one dtype, with broadcasting.",
        samples: { [[.tensor(try .sample([2, 3])), .tensor(try .sample([3], seed: 2))]] }
    ) { call in [.tensor(try call.complexNumbers(call.tensor(0), call.tensor(1)))] }

    static let polar: Operator = composite(
        "aten::polar(Tensor abs, Tensor angle) -> Tensor", "Complex numbers of magnitudes and angles, of one dtype, with broadcasting.",
        samples: { [[.tensor(try .sample([2, 3], in: 0...2)), .tensor(try .sample([3], seed: 2))]] }
    ) { call in
        let (magnitude, angle) = (try call.tensor(0), try call.tensor(1))
        return [.tensor(try call.complexNumbers(magnitude * angle.cos(), magnitude * angle.sin()))]
    }

    static let isreal: Operator = composite(
        "aten::isreal(Tensor self) -> Tensor", "Where the imaginary part is 0.",
        samples: { [[.tensor(try .sample([2, 3]))], [.tensor(try .sample([2, 3], dtype: .complex64))]] }
    ) { call in
        let x = try call.tensor(0)
        return [.tensor(try x.dtype.isComplex ? x.viewAsReal().select(dim: -1, index: 1) .== 0 : Tensor.full(x.shape.sizes, true))]
    }

    static let isclose: Operator = composite(
        "aten::isclose(Tensor self, Tensor other, float rtol=1.0000000000000001e-05, float atol=1e-08, bool equal_nan=False) -> Tensor",
        "Where both differ by at most `atol + rtol * |other|` or are equal, and where both are NaN if `equal_nan`.",
        samples: {
            let x: Tensor = try .sample([2, 3])
            return [
                [.tensor(x), .tensor(try x + .sample([2, 3], in: 0...0.1, seed: 2)), .double(0.05), .double(0.01), .bool(false)],
                [
                    .tensor(try .sample([4], dtype: .int64)), .tensor(try .sample([4], dtype: .int64, seed: 2)), .double(0.3), .double(1),
                    .bool(true),
                ],
            ]
        }
    ) { call in
        let (x, other) = (try call.tensor(0), try call.tensor(1))
        guard x.dtype == other.dtype else { throw call.differentDTypes(x, other) }
        let (rtol, atol) = (try call.double(2), try call.double(3))
        guard rtol >= 0, atol >= 0 else { throw call.error(.invalidArgument, "the tolerances are negative: \(rtol) and \(atol)") }
        var result: Tensor = try x .== other
        if try call.bool(4), x.dtype.isDifferentiable { result = try result | (x.isnan() & other.isnan()) }
        if rtol == 0, atol == 0 { return [.tensor(result)] }
        let (a, b): (Tensor, Tensor) = (try call.floating(0), try call.floating(1))
        let allowed: Tensor = try (b * rtol).abs() + atol
        let distance: Tensor = try (a - b).abs()
        return [.tensor(try result | (distance.isfinite() & (distance .<= allowed)))]
    }

    static let complexParts: [Operator] =
        [realPart, imaginaryPart, complex, polar, isreal, isclose] + ["resolve_conj", "resolve_neg", "positive"].map { itself($0) }
        + ["conj", "_conj"].map { conjugateView($0) }

    private static func conjugateView(_ name: String) -> Operator {
        composite(
            "aten::\(name)(Tensor(a) self) -> Tensor(a)",
            "The complex conjugates, which PyTorch computes where they are read; a real tensor itself.",
            // `_conj` itself takes none that are real.
            samples: {
                [[.tensor(try .sample([2, 3], dtype: .complex64))]] + (name == "conj" ? [[.tensor(try .sample([2, 3]))]] : [])
            }
        ) { call in
            let x = try call.tensor(0)
            return [.tensor(x.dtype.isComplex ? try x.conj() : try applySingle(.alias, [.tensor(x)]))]
        }
    }

    private static func part(_ name: String, _ position: Int, _ documentation: String) -> Operator {
        composite(
            "aten::\(name)(Tensor(a) self) -> Tensor(a)", documentation,
            samples: {
                let x: Tensor = try .sample([2, 3], dtype: .complex64)
                return position == 0 ? [[.tensor(x)], [.tensor(try .sample([2, 3]))]] : [[.tensor(x)]]
            }
        ) { call in
            let x = try call.tensor(0)
            if x.dtype.isComplex { return [.tensor(try x.viewAsReal().select(dim: -1, index: SymInt(position)))] }
            guard position == 0 else { throw call.error(.dtypeMismatch, "takes complex tensors, not \(x.dtype)") }
            return [.tensor(try applySingle(.alias, [.tensor(x)]))]
        }
    }

    /// Conjugation and negation are never put off here, and a plus sign changes nothing.
    private static func itself(_ name: String) -> Operator {
        composite(
            "aten::\(name)(Tensor(a) self) -> Tensor(a)", "The tensor itself.", samples: { [[.tensor(try .sample([2, 3]))]] }
        ) { call in
            let x = try call.tensor(0)
            if name == "positive", x.dtype == .bool { throw call.error(.dtypeMismatch, "does not take bool") }
            return [.tensor(try applySingle(.alias, [.tensor(x)]))]
        }
    }
}

extension Call {
    /// Complex numbers of parts that broadcast.
    fileprivate func complexNumbers(_ real: Tensor, _ imaginary: Tensor) throws -> Tensor {
        guard real.dtype == imaginary.dtype else { throw differentDTypes(real, imaginary) }
        guard real.dtype == .float32 || real.dtype == .float64 else {
            throw error(.dtypeMismatch, "takes float32 or float64, not \(real.dtype)")
        }
        let shape = try broadcast(real.shape, imaginary.shape, in: name)
        return try Tensor.stack([real.expanded(shape), imaginary.expanded(shape)], dim: -1).viewAsComplex()
    }
}

extension Tensor {
    /// The real parts of complex numbers; a real tensor itself.
    public func real() throws -> Tensor { try applySingle(.realPart, [.tensor(self)]) }

    /// The imaginary parts of complex numbers. Real tensors throw.
    public func imag() throws -> Tensor { try applySingle(.imaginaryPart, [.tensor(self)]) }

    /// Complex numbers of their real and imaginary parts, float32 or float64, with broadcasting.
    public static func complex(_ real: Tensor, _ imag: Tensor) throws -> Tensor {
        try applySingle(.complex, [.tensor(real), .tensor(imag)])
    }

    /// Complex numbers of their magnitudes and angles, float32 or float64, with broadcasting.
    public static func polar(_ abs: Tensor, _ angle: Tensor) throws -> Tensor { try applySingle(.polar, [.tensor(abs), .tensor(angle)]) }

    /// Where an element has no imaginary part.
    public func isreal() throws -> Tensor { try applySingle(.isreal, [.tensor(self)]) }

    /// Where `|self - other| <= atol + rtol * |other|`, elementwise with broadcasting. NaN is close to NaN only with `equalNaN`.
    public func isclose(_ other: Tensor, rtol: any ScalarConvertible = 1e-5, atol: any ScalarConvertible = 1e-8, equalNaN: Bool = false)
        throws -> Tensor
    {
        try applySingle(.isclose, [.tensor(self), .tensor(other), .float(rtol), .float(atol), .bool(equalNaN)])
    }

    /// Whether all elements are close, as `isclose` tells. While a function is traced, both answers are followed.
    public func allclose(_ other: Tensor, rtol: any ScalarConvertible = 1e-5, atol: any ScalarConvertible = 1e-8, equalNaN: Bool = false)
        throws -> Bool
    {
        try isclose(other, rtol: rtol, atol: atol, equalNaN: equalNaN).all().item(Bool.self)
    }
}

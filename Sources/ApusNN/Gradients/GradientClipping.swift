import ApusTensor

extension ModuleGradients {
    /// The Euclidean norm of all gradients together; a tied parameter's counts once.
    public func norm() throws -> Double {
        try Interpreter.with(nil) {
            var total = 0.0
            for entry in entries {
                guard let gradient = entry.gradient else { continue }
                // Squares of half-precision gradients would overflow.
                let wide = try gradient.to(gradient.dtype.accumulation)
                let magnitude = wide.dtype.isComplex ? try wide.abs() : wide
                total += try (magnitude * magnitude).sum().array(of: Double.self)[0]
            }
            return total.squareRoot()
        }
    }

    /// The gradients scaled so that their norm is at most `maxNorm`, after `torch.nn.utils.clip_grad_norm_`.
    ///
    /// - Throws: `TensorError` where the norm is infinite or NaN: no scale would help.
    public func clipped(maxNorm: any ScalarConvertible) throws -> ModuleGradients {
        let maxNorm: Double = try maxNorm.plainNumber("maxNorm", in: "clipped")
        let norm = try norm()
        guard norm.isFinite else {
            throw TensorError(.invalidArgument, in: "clipped", "the norm of the gradients is \(norm); look for NaN or infinity in the loss")
        }
        let scale = maxNorm / (norm + 1e-6)
        return scale >= 1 ? self : try Interpreter.with(nil) { try map { try $0 * scale } }
    }
}

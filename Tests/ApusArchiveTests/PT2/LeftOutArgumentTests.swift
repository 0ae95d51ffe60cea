import ApusExport
import ApusNN
import ApusSymbolic
import ApusTensor
import Testing

@testable import ApusArchive

/// Arguments that a caller leaves out in front of given ones: PyTorch, which reads arguments by their places, gets the same numbers.
@Suite("Files with arguments that are left out") struct LeftOutArgumentTests {
    private func judged(_ name: String, _ inputs: [Tensor], _ function: @escaping ([Tensor]) throws -> [Tensor]) throws -> JudgedProgram {
        JudgedProgram(name: name, program: try export(function, args: inputs), calls: [inputs])
    }

    @Test("PyTorch runs what public methods write") func opened() throws {
        let x = try numbers([4, 6], seed: 1)
        let image = try numbers([2, 4, 5, 5], seed: 2)
        let counts = try Tensor([3, 1, 3] as [Int], shape: [3])
        try JudgedProgram.check(
            [
                try judged("limits", [x]) { x in
                    [try x[0].clamp(max: 0.2), try x[0].clamp(min: -0.2), try x[0].clamp(min: nil, max: x[0][1])]
                },
                try judged("slices", [x]) { x in
                    [
                        try x[0][..<3], try x[0][2...], try x[0][.all, ..<2], try x[0][.slice(step: 2)],
                        try x[0].sliceScatter(x[0][..<2], dim: 0, to: 2), try x[0].sliceScatter(x[0][..<2], dim: 0, step: 2),
                    ]
                },
                try judged("dimensions", [x]) { x in
                    [
                        try x[0].argmax(keepDim: true), try x[0].argmin(keepDim: true), try x[0].quantile(0.3, keepDim: true),
                        try x[0].nanToNum(positiveInfinity: 3), try x[0].nanToNum(negativeInfinity: -3),
                        try x[0].sum(dim: 0, keepDim: true),
                    ]
                },
                try judged("numbers", [x, counts]) { x in
                    [try x[1].bincount(minLength: 7), try x[1].oneHot(), try x[1].oneHot(classes: 5), try x[1].unique().values]
                },
                try judged("layers", [x, image, try numbers([8, 4, 3, 3], seed: 3) * 0.1]) { x in
                    [
                        try x[1].conv2d(x[2], padding: [1]), try x[0].layerNorm([6], epsilon: 1e-3),
                        try x[1].groupNorm(groups: 2, epsilon: 1e-3),
                        try x[1].scaledDotProductAttention(key: x[1], value: x[1], isCausal: true),
                    ]
                },
                try judged("losses", [x, try x.sigmoid()]) { x in
                    [
                        try x[0].mseLoss(x[1], reduction: .sum), try x[0].crossEntropy(x[1], reduction: .none),
                        try x[0].crossEntropy(x[1], labelSmoothing: 0.2), try x[1].binaryCrossEntropy(x[1], reduction: .sum),
                    ]
                },
                // Residuals and singular values, which PyTorch's own driver leaves out.
                try judged("least_squares", [x]) { x in
                    let parts = try x[0].transposed(0, 1).lstsq(x[0].transposed(0, 1)[.all, ..<2].exp())
                    return [parts.solution, parts.residuals, parts.rank, parts.singularValues]
                },
            ], [])
    }
}

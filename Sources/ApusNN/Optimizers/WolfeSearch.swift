import ApusTensor

/// A search along a direction for a length that meets the strong Wolfe conditions: enough less loss, and a slope that is flat enough. Source:
/// Nocedal and Wright, "Numerical Optimization", algorithms 3.5 and 3.6, with the cubic interpolation and the safeguards of minFunc, as
/// `torch.optim.LBFGS` has them.
struct WolfeSearch {
    struct Trial {
        let length: Double
        let loss: Double
        let gradient: Tensor
        let slope: Double
    }

    private static let enoughLess = 1e-4
    private static let flatEnough = 0.9

    private let start: Trial
    /// The direction's largest element.
    private let reach: Double
    private let changeTolerance: Double
    private let limit: Int
    private(set) var evaluations = 0
    private var iterations = 0

    init(point: (loss: Double, gradient: Tensor), slope: Double, reach: Double, changeTolerance: Double, limit: Int) {
        start = Trial(length: 0, loss: point.loss, gradient: point.gradient, slope: slope)
        (self.reach, self.changeTolerance, self.limit) = (reach, changeTolerance, limit)
    }

    typealias Evaluation = (Double) throws -> (loss: Double, gradient: Tensor, slope: Double)

    /// - Parameter evaluate: the loss, its gradient and the slope at a length
    mutating func run(from length: Double, _ evaluate: Evaluation) throws -> Trial {
        let (bracket, isDone) = try enclose(from: length, evaluate)
        return try isDone ? bracket[0] : zoom(into: bracket, evaluate)
    }

    private mutating func trial(_ length: Double, _ evaluate: Evaluation) throws -> Trial {
        evaluations += 1
        let (loss, gradient, slope) = try evaluate(length)
        return Trial(length: length, loss: loss, gradient: gradient, slope: slope)
    }

    private func isTooHigh(_ trial: Trial) -> Bool { trial.loss > start.loss + Self.enoughLess * trial.length * start.slope }

    private func isFlat(_ trial: Trial) -> Bool { abs(trial.slope) <= -Self.flatEnough * start.slope }

    /// Goes on until a length meets the conditions, or two lengths enclose one that does.
    private mutating func enclose(from length: Double, _ evaluate: Evaluation) throws -> (bracket: [Trial], isDone: Bool) {
        var last: Trial = start
        var next: Trial = try trial(length, evaluate)
        while iterations < limit {
            if isTooHigh(next) || (iterations > 1 && next.loss >= last.loss) { return ([last, next], false) }
            if isFlat(next) { return ([next], true) }
            if next.slope >= 0 { return ([last, next], false) }
            let farther: Double = Self.interpolated(
                last, next, within: (next.length + 0.01 * (next.length - last.length), next.length * 10))
            last = next
            next = try trial(farther, evaluate)
            iterations += 1
        }
        return ([start, next], false)
    }

    /// Narrows two lengths down to one that meets the conditions.
    private mutating func zoom(into bracket: [Trial], _ evaluate: Evaluation) throws -> Trial {
        var (low, high): (Trial, Trial) = bracket[0].loss <= bracket[1].loss ? (bracket[0], bracket[1]) : (bracket[1], bracket[0])
        var isStuck = false
        while iterations < limit {
            let (least, most): (Double, Double) = (min(low.length, high.length), max(low.length, high.length))
            if (most - least) * reach < changeTolerance { break }
            var length: Double = Self.interpolated(low, high, within: (least, most))
            let margin: Double = 0.1 * (most - least)
            if min(most - length, length - least) < margin {
                // Too close to an end twice, or at it: a place a tenth from there.
                let isAtEnd: Bool = length >= most || length <= least
                if isStuck || isAtEnd { length = abs(length - most) < abs(length - least) ? most - margin : least + margin }
                isStuck = !(isStuck || isAtEnd)
            } else {
                isStuck = false
            }
            let next: Trial = try trial(length, evaluate)
            iterations += 1
            if isTooHigh(next) || next.loss >= low.loss {
                high = next
                if high.loss < low.loss { swap(&low, &high) }
            } else {
                if isFlat(next) { return next }
                if next.slope * (high.length - low.length) >= 0 { high = low }
                low = next
            }
        }
        return low
    }

    /// Where the cubic through two trials and their slopes is least, within bounds; their middle where it has no such place.
    private static func interpolated(_ a: Trial, _ b: Trial, within bounds: (Double, Double)) -> Double {
        let (a, b): (Trial, Trial) = a.length <= b.length ? (a, b) : (b, a)
        let middle: Double = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.length - b.length)
        let square: Double = middle * middle - a.slope * b.slope
        guard square >= 0 else { return (bounds.0 + bounds.1) / 2 }
        let root: Double = square.squareRoot()
        let place: Double = b.length - (b.length - a.length) * ((b.slope + root - middle) / (b.slope - a.slope + 2 * root))
        return min(max(place, bounds.0), bounds.1)
    }
}

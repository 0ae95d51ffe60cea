import ApusTensor

/// Parameters that an optimizer treats apart: biases without weight decay, a pretrained part at a tenth of the rate.
///
///     optimizer.groups = [
///         ParameterGroup(weightDecay: 0) { $0.hasSuffix("bias") },
///         ParameterGroup(learningRateScale: 0.1) { $0.hasPrefix("encoder.") },
///     ]
public struct ParameterGroup: Sendable {
    /// Times the optimizer's learning rate, so that a schedule moves all groups.
    public var learningRateScale: Double
    /// In place of the optimizer's; nil for that.
    public var weightDecay: Double?
    let contains: @Sendable (String) -> Bool

    /// - Parameters:
    ///   - learningRateScale: any number; what is none, or below 0, leaves its fault for the next operation that can throw
    ///   - weightDecay: as `learningRateScale`
    ///   - contains: whether a parameter of this dotted name belongs here. A tied one belongs where one of its names does.
    public init(
        learningRateScale: any ScalarConvertible = 1, weightDecay: (any ScalarConvertible)? = nil,
        where contains: @escaping @Sendable (String) -> Bool
    ) {
        self.learningRateScale = learningRateScale.settledOption("learningRateScale", in: "ParameterGroup", from: 0)
        self.weightDecay = weightDecay?.settledOption("weightDecay", in: "ParameterGroup", from: 0)
        self.contains = contains
    }
}

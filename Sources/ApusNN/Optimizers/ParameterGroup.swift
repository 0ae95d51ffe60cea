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

    /// - Parameter contains: whether a parameter of this dotted name belongs here. A tied one belongs where one of its names does.
    public init(learningRateScale: Double = 1, weightDecay: Double? = nil, where contains: @escaping @Sendable (String) -> Bool) {
        self.learningRateScale = learningRateScale
        self.weightDecay = weightDecay
        self.contains = contains
    }
}

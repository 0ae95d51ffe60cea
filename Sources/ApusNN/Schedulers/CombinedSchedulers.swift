import ApusTensor

/// Schedulers one after the other, each from its own beginning, after `torch.optim.lr_scheduler.SequentialLR`.
///
///     let scheduler = try SequentialLR(
///         optimizer, [LinearLR(optimizer, totalIterations: 100), CosineAnnealingLR(optimizer, tMax: 900)], milestones: [100])
public final class SequentialLR: LRScheduler {
    public let schedulers: [LRScheduler]
    public let milestones: [Int]

    /// - Parameter milestones: the epochs at which the second scheduler begins, the third and so on
    /// - Throws: `TensorError` where there is no scheduler, where milestones are not one fewer or not in order, and for a scheduler of another
    ///   optimizer.
    public init(_ optimizer: Optimizer, _ schedulers: [LRScheduler], milestones: [Int]) throws {
        self.schedulers = schedulers
        self.milestones = milestones
        try requireSchedulers(schedulers, of: optimizer, in: "SequentialLR")
        guard milestones.count == schedulers.count - 1 else {
            throw TensorError(
                .invalidArgument, in: "SequentialLR",
                "\(schedulers.count) schedulers need \(schedulers.count - 1) milestones, not \(milestones.count)")
        }
        try requireMilestones(milestones, in: "SequentialLR")
        super.init(optimizer)
        try restart()
    }

    /// The position of the scheduler that an epoch belongs to.
    private func position(at epoch: Int) -> Int { milestones.filter { $0 <= epoch }.count }

    override public func step() throws {
        let epoch: Int = lastEpoch + 1
        let position: Int = position(at: epoch)
        if position > 0, milestones[position - 1] == epoch {
            try schedulers[position].restart()
        } else {
            try schedulers[position].step()
        }
        (lastEpoch, lastLearningRate) = (epoch, optimizer.learningRate)
    }

    override func restart() throws {
        // What the schedulers did when they were made is undone.
        optimizer.learningRate = baseLearningRate
        let first: LRScheduler = schedulers[position(at: 0)]
        if first.parts.isEmpty { try first.start() } else { try first.restart() }
        (lastEpoch, lastLearningRate) = (0, optimizer.learningRate)
    }

    override var parts: [LRScheduler] { schedulers }
}

/// Several schedulers at once, each going on from the rate that the one before gives, after `torch.optim.lr_scheduler.ChainedScheduler`.
public final class ChainedScheduler: LRScheduler {
    public let schedulers: [LRScheduler]

    public init(_ schedulers: [LRScheduler]) throws {
        self.schedulers = schedulers
        guard let optimizer = schedulers.first?.optimizer else {
            throw TensorError(.invalidArgument, in: "ChainedScheduler", "needs at least one scheduler")
        }
        try requireSchedulers(schedulers, of: optimizer, in: "ChainedScheduler")
        super.init(optimizer)
    }

    override public func step() throws {
        for scheduler in schedulers { try scheduler.step() }
        (lastEpoch, lastLearningRate) = (lastEpoch + 1, optimizer.learningRate)
    }

    override func restart() throws {
        for scheduler in schedulers { try scheduler.restart() }
        (lastEpoch, lastLearningRate) = (0, optimizer.learningRate)
    }

    override var parts: [LRScheduler] { schedulers }
}

private func requireSchedulers(_ schedulers: [LRScheduler], of optimizer: Optimizer, in name: String) throws {
    guard !schedulers.isEmpty else { throw TensorError(.invalidArgument, in: name, "needs at least one scheduler") }
    for (index, scheduler) in schedulers.enumerated() where scheduler.optimizer !== optimizer {
        throw TensorError(.invalidArgument, in: name, "the scheduler \(index), a \(type(of: scheduler)), is another optimizer's")
    }
}

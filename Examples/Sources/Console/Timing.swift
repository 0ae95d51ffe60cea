/// The best time of a call, after one to warm up. Runs for about a fifth of a second.
public func secondsPerCall(_ work: () throws -> Void) throws -> Double {
    let clock = ContinuousClock()
    try work()
    var best = Double.infinity
    let end = clock.now + .milliseconds(200)
    repeat { best = min(best, try clock.measure(work).seconds) } while clock.now < end
    return best
}

extension Duration {
    public var seconds: Double { Double(components.seconds) + Double(components.attoseconds) / 1e18 }
}

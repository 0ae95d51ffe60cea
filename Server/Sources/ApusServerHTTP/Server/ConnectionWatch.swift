import NIOCore
import Synchronization

/// Whether a connection's client is still there, for the requests that it waits for.
final class ConnectionState: Sendable {
    private struct State {
        var isClosed = false
        var waiting: [Int: @Sendable () -> Void] = [:]
        var next = 0
    }

    private let state = Mutex(State())

    /// Calls the closure once the client has gone, at once where it has; unless it is forgotten before, by the number that is given.
    func onClose(_ body: @escaping @Sendable () -> Void) -> Int {
        let (number, isClosed): (Int, Bool) = state.withLock { state in
            state.next += 1
            if !state.isClosed { state.waiting[state.next] = body }
            return (state.next, state.isClosed)
        }
        if isClosed { body() }
        return number
    }

    func forget(_ number: Int) { state.withLock { _ = $0.waiting.removeValue(forKey: number) } }

    func close() {
        let waiting = state.withLock { state in
            state.isClosed = true
            defer { state.waiting = [:] }
            return Array(state.waiting.values)
        }
        for body in waiting { body() }
    }
}

/// The state of each connection, found by its channel.
final class ConnectionTable: Sendable {
    private let states = Mutex<[ObjectIdentifier: ConnectionState]>([:])

    static let shared = ConnectionTable()

    func state(of channel: any Channel) -> ConnectionState? { states.withLock { $0[ObjectIdentifier(channel)] } }
    fileprivate func add(_ channel: any Channel, _ state: ConnectionState) { states.withLock { $0[ObjectIdentifier(channel)] = state } }
    fileprivate func remove(_ channel: any Channel) { states.withLock { _ = $0.removeValue(forKey: ObjectIdentifier(channel)) } }
}

/// Sees in a connection's channel that the client has gone: that nothing more is to come from it.
final class ConnectionWatch: ChannelInboundHandler, RemovableChannelHandler {
    typealias InboundIn = Never

    private let state = ConnectionState()

    func handlerAdded(context: ChannelHandlerContext) { ConnectionTable.shared.add(context.channel, state) }

    func handlerRemoved(context: ChannelHandlerContext) {
        ConnectionTable.shared.remove(context.channel)
        state.close()
    }

    func channelInactive(context: ChannelHandlerContext) {
        state.close()
        context.fireChannelInactive()
    }

    func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
        if case .inputClosed? = event as? ChannelEvent { state.close() }
        context.fireUserInboundEventTriggered(event)
    }
}

/// Runs work that ends when the client goes away: nobody is there to take its result.
func whileConnected<Result: Sendable>(_ state: ConnectionState?, _ body: @escaping @Sendable () async throws -> Result) async throws
    -> Result
{
    let task = Task { try await body() }
    let number: Int? = state?.onClose { task.cancel() }
    defer { if let number { state?.forget(number) } }
    return try await withTaskCancellationHandler {
        try await task.value
    } onCancel: {
        task.cancel()
    }
}

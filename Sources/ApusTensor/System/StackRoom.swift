import CApusKernels

/// More than what the deepest program, expression or text of a file takes in a debug build, on its way to or from a file.
package let deepStack: Int = 4 << 20

/// Runs a closure with at least so much stack left: where the thread's own is shorter, on another one that is there for this call.
///
/// For what recurses by how deep a program nests: threads of Swift's pool have 512 KB, and a debug build's frames take up to 20 KB for each
/// body of a branch or loop. The closure stays on its thread, so that locks and thread state are as they were. Frames of the caller are not in
/// call sites that are captured within. Where memory for a stack is lacking, the closure runs on what there is.
/// Cost: nanoseconds where the stack suffices, else some microseconds.
/// - Parameter bytes: by default what one body takes, with every operation in it.
package func withStackRoom<Result, Failure: Error>(
    _ bytes: Int = 256 << 10, _ body: () throws(Failure) -> Result
) throws(Failure) -> Result {
    if apus_stack_left() >= bytes { return try body() }
    var outcome: Swift.Result<Result, Failure>?
    // Room for many levels at once; address space costs nothing until it is used.
    let size: Int = max(bytes, 8 << 20) + (1 << 20)
    onNewStack(size) { outcome = Swift.Result(catching: body) }
    guard let outcome else { return try body() }
    return try outcome.get()
}

private func onNewStack(_ size: Int, _ work: () -> Void) {
    withoutActuallyEscaping(work) { work in
        var work: () -> Void = work
        withUnsafeMutablePointer(to: &work) { pointer in
            _ = apus_call_on_new_stack(size, { $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }, pointer)
        }
    }
}

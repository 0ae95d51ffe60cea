import CApusKernels

/// More than what the deepest program, expression or text of a file takes in a debug build, on its way to or from a file.
package let deepStack: Int = 4 << 20

/// Runs a closure with at least so much stack left: where the thread's own is shorter, on another one that is there for this call.
///
/// For what recurses by how deep a program nests: threads of Swift's pool have 512 KB, and a debug build's frames take up to 20 KB for each
/// body of a branch or loop. The closure stays on its thread, so that locks and thread state are as they were. Frames of the caller are not in
/// call sites that are captured within.
/// Cost: nanoseconds where the stack suffices, else some microseconds.
/// - Parameter bytes: by default what one body takes, with every operation in it.
/// - Throws: what the closure throws; `TensorError` with code `outOfMemory` where memory for a stack is lacking.
package func withStackRoom<Result>(_ bytes: Int = 256 << 10, _ body: () throws -> Result) throws -> Result {
    guard let outcome = onRoomyStack(bytes, { Swift.Result(catching: body) }) else {
        throw TensorError(.outOfMemory, "no memory for a stack of \(bytes) bytes, which the program's nested parts need")
    }
    return try outcome.get()
}

/// Makes a text with at least so much stack left; a remark in its place where memory for a stack is lacking.
package func withStackRoom(_ bytes: Int = 256 << 10, _ text: () -> String) -> String {
    onRoomyStack(bytes, text) ?? "(no memory for a stack of \(bytes) bytes, which the text needs)"
}

/// What the closure gives; nil where there is no memory for a stack.
private func onRoomyStack<Result>(_ bytes: Int, _ body: () -> Result) -> Result? {
    if apus_stack_left() >= bytes { return body() }
    var result: Result?
    // Room for many levels at once; address space costs nothing until it is used.
    onNewStack(max(bytes, 8 << 20) + (1 << 20)) { result = body() }
    return result
}

private func onNewStack(_ size: Int, _ work: () -> Void) {
    withoutActuallyEscaping(work) { work in
        var work: () -> Void = work
        withUnsafeMutablePointer(to: &work) { pointer in
            _ = apus_call_on_new_stack(size, { $0?.assumingMemoryBound(to: (() -> Void).self).pointee() }, pointer)
        }
    }
}

import Testing

@testable import ApusArchive

/// PyTorch's programs write through views; whoever reads the memory by another name must see it.
@Suite("Programs that write through views, as PyTorch saved them")
struct ViewWriteFileTests {
    private static let matrix = "torch.arange(24.).reshape(4, 6)"
    private static let block = "torch.arange(24.).reshape(2, 3, 4)"

    @Test("A view that is returned shows what was written since")
    func returned() throws {
        let programs = try TorchSnippets([
            TorchSnippet(name: "view", forward: "y = x[1:]\nx.mul_(2)\nreturn y", input: Self.matrix)
        ])
        try programs.check("view")
    }

    @Test("Where the strides tell, a reshape is a view or a copy as in PyTorch")
    func decidedSharing() throws {
        let programs = try TorchSnippets([
            TorchSnippet(name: "split", forward: "r = x[:, :3].reshape(2, 2, 3)\nr.mul_(2)\nreturn x + 0", input: Self.matrix),
            TorchSnippet(
                name: "rows", forward: "r = x[:, :, :3].reshape(x.shape[0], 2, 2, 3)\nr.mul_(2)\nreturn x + 0",
                input: "torch.arange(48.).reshape(2, 4, 6)", dynamic: TorchSnippet.rows),
            TorchSnippet(name: "copy", forward: "r = x.permute(0, 2, 1).reshape(2, 12)\nr.mul_(2)\nreturn x + 0, r", input: Self.block),
            TorchSnippet(
                name: "flat", forward: "x[::2].ravel().mul_(2)\nx[:, :3].contiguous().mul_(2)\nreturn x + 0", input: Self.matrix),
        ])
        for name in ["split", "rows", "copy", "flat"] { try programs.check(name) }
    }

    @Test("Where the strides do not tell, neither side is read after a write to the other")
    func openSharing() throws {
        // With one row the reshape is a view, with more it is a copy.
        let reshape = "r = x.permute(0, 2, 1).reshape(-1, 3)\n"
        let programs = try TorchSnippets([
            TorchSnippet(
                name: "base", forward: reshape + "r.mul_(2)\nreturn x + 0", input: Self.block, dynamic: TorchSnippet.rows),
            TorchSnippet(
                name: "result", forward: reshape + "x.mul_(2)\nreturn r + 0", input: Self.block, dynamic: TorchSnippet.rows),
            TorchSnippet(
                name: "buffer",
                forward: "r = self.b[:x.shape[0]].permute(0, 2, 1).reshape(-1, 3)\nr.add_(1)\nreturn r.sum() + x",
                input: "torch.ones(2)", setup: "self.register_buffer('b', torch.zeros(8, 3, 4))", dynamic: TorchSnippet.rows),
            TorchSnippet(
                name: "size", forward: reshape + "r.mul_(2)\nreturn r + x.shape[0]", input: Self.block, dynamic: TorchSnippet.rows),
        ])
        let reason =
            "a tensor that may share memory with one that was written in place since is read: the file's strides do not settle it"
        #expect(programs.refusal("base", .unsupported)?.reason == reason)
        #expect(programs.refusal("result", .unsupported)?.reason == reason)
        #expect(
            programs.refusal("buffer", .unsupported)?.reason
                == "what the buffer 'b' holds at the end is open: a tensor that may share its memory is written in place, and the file's strides do not settle it"
        )
        // A write changes no shape, so that one may still be asked for.
        try programs.check("size")
    }

    @Test("A view as another dtype reads and writes the bytes")
    func otherDTypes() throws {
        let input = "torch.tensor([-1.5, 2, -3])"
        let programs = try TorchSnippets([
            TorchSnippet(name: "read", forward: "y = x.view(torch.int32)\nx.add_(1)\nreturn y", input: input),
            TorchSnippet(
                name: "write", forward: "y = x.view(torch.int32)\ny.bitwise_and_(0x7fffffff)\nreturn x + 0, y", input: input),
            TorchSnippet(name: "width", forward: "x.view(torch.int16).mul_(2)\nreturn x + 0", input: input),
        ])
        try programs.check("read")
        try programs.check("write")
        #expect(
            programs.refusal("width", .unsupported)?.reason
                == "writing in place through a view of float32 as int16 is not supported")
    }

    @Test("narrow counts a negative start from the end")
    func negativeStart() throws {
        let programs = try TorchSnippets([
            TorchSnippet(
                name: "fixed", forward: "y = x.narrow(0, -2, 2)\nx.add_(1)\ny.mul_(3)\nreturn x + 0, y + 0", input: "torch.arange(4.)"),
            TorchSnippet(
                name: "open", forward: "y = x.narrow(0, -1, 1)\nx.add_(1)\ny.mul_(3)\nreturn x + 0, y + 0", input: "torch.arange(4.)",
                dynamic: TorchSnippet.rows),
        ])
        try programs.check("fixed")
        try programs.check("open")
    }
}

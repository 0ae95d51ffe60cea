import Apus

/// What is no name alone. Each comment is a line of Python, what follows up to the next empty line is its Swift, for the page of
/// names, whose table is made from this file; a comment with MARK begins a table.
func idioms(in folder: String) throws {
    let images: Tensor = try Tensor.randn([8, 4], seed: 0)
    let labels: Tensor = try Tensor.randint(3, [8], seed: 1)
    let model = try Linear(4, 3)
    let optimizer = try AdamW(model)
    var x: Tensor = try Tensor.rand([4, 4], seed: 2)
    let (a, b) = (try Tensor.rand([4], seed: 3), try Tensor.rand([4], seed: 4))
    let picture: Tensor = try Tensor.rand([1, 1, 4, 4], seed: 5)
    let columns: Tensor = try picture.im2col([2, 2])
    var results: [Any] = []

    // MARK: Tensors

    // torch.tensor([[1.0, 2], [3, 4]])
    results += [try Tensor([[1.0, 2], [3, 4]])]

    // torch.tensor([1, 2], dtype=torch.float64)
    results += [try Tensor([1, 2], dtype: .float64)]

    // torch.manual_seed(0)
    Tensor.seed(0)

    // x.dtype, x.shape, x.ndim
    results += [x.dtype, x.shape, x.rank]

    // x.shape[0], x.size(-1)
    results += [x.shape[0], x.shape[-1]]

    // x.to(torch.float64), x.double()
    results += [try x.to(.float64)]

    // x.sum().item()
    results += [try x.sum().item(Float.self)]

    // x.tolist(), x.numpy()
    results += [try x.array(of: Float.self), try x.nested(as: [[Float]].self)]

    // x + 1, 2 * x, x ** 2, x @ x, -x
    results += [try x + 1, try 2 * x, try x.pow(2), try x.matmul(x), try -x]

    // a == b, a < b, (a < b) & (a > 0)
    results += [try a .== b, try a .< b, try (a .< b) & (a .> 0)]

    // a // b, a % b
    results += [try a.floorDivide(b), try a % b]

    // x[0], x[-1], x[1:], x[:, 0], x[..., None]
    results += [try x[0], try x[-1], try x[1...], try x[.all, 0], try x[.ellipsis, .newAxis]]

    // x[1:-1], x[::2]
    results += [try x[.slice(1, -1)], try x[.slice(step: 2)]]

    // a[a > 0], x[torch.tensor([0, 2])]
    results += [try a[a .> 0], try x[Tensor([0, 2])]]

    // x[0] = 1
    try x.set(0, to: 1)

    // x.add_(1), x += 1
    try x += 1

    // F.unfold(picture, 2), F.fold(columns, (4, 4), 2)
    results += [try picture.im2col([2, 2]), try columns.col2im([4, 4], [2, 2])]

    // MARK: Models and training

    // class Scale(nn.Module): weight = nn.Parameter(torch.ones(4))
    final class Scale: Module {
        @Parameter var weight: Tensor
        init() throws { weight = try Tensor.ones([4]) }
        func forward(_ x: Tensor) throws -> Tensor { try x * weight }
    }

    // loss = F.cross_entropy(model(images), labels); loss.backward()
    let (loss, gradients) = try valueAndGradient(of: model) { try crossEntropy($0(images), labels) }

    // optimizer.step(); optimizer.zero_grad()
    try optimizer.step(gradients)

    // nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    results += [try gradients.clipped(maxNorm: 1)]

    // scheduler = StepLR(optimizer, 30, gamma=0.5); scheduler.step()
    let scheduler = try StepLR(optimizer, stepSize: 30, gamma: 0.5)
    try scheduler.step()

    // nn.init.orthogonal_(model.weight)
    model.weight = try Initialization.orthogonal([3, 4])

    // checkpoint(model, images)
    results += [try checkpoint(model, images)]

    // torch.func.vmap(torch.norm)(x), torch.func.jacrev(torch.sin)(a)
    results += [try vmap { try $0.norm() }(x), try jacobian(at: a) { try $0.sin() }]

    // torch.autograd.grad(f(a), a)
    results += [try gradient(at: a) { try $0.square().sum() }]

    // with torch.no_grad(): model(images)
    results += [try model(images)]

    // x.detach(), x.requires_grad_(False)
    results += [try x.detached()]

    // model.train(), model.eval()
    try model.train()
    try model.eval()

    // model.state_dict(), model.load_state_dict(state)
    let state: [String: Tensor] = model.stateDict()
    try model.load(state)

    // model.named_parameters(), sum(p.numel() for p in model.parameters())
    results += [model.namedParameters(), model.parameters().map(\.numel).reduce(0, +)]

    // model.double(), model.requires_grad_(False)
    try Scale().to(.float64).requireGradients(false)

    // MARK: Files and programs

    // safetensors.torch.save_file(state, "m.safetensors"), load_file("m.safetensors")
    try state.save(safetensors: "\(folder)/m.safetensors")
    results += [try [String: Tensor].load(safetensors: "\(folder)/m.safetensors")]

    // numpy.save("x.npy", x), numpy.load("x.npy")
    try x.save(npy: "\(folder)/x.npy")
    results += [try Tensor.load(npy: "\(folder)/x.npy")]

    // torch.export.export(model, (images,), dynamic_shapes=({0: Dim("batch", min=1, max=64)},))
    let program = try export(model, args: images, constraints: [dynamicDim(images, 0).in(1...64)])

    // torch.export.save(program, "m.pt2"), torch.export.load("m.pt2")
    try program.save(to: "\(folder)/m.pt2")
    let loaded = try ExportedProgram.load(from: "\(folder)/m.pt2")

    // loaded.module()(images)
    let scores: Tensor = try loaded(images)

    // torch.cond(a.sum() > 1, lambda: a.sin(), lambda: a.cos())
    results += [try cond(a.sum() .> 1, then: { try a.sin() }, else: { try a.cos() })]

    // torch._check(n > 0)
    try check(x.shape[0] > 0, "there must be a row")

    results += [loss, scores]
}

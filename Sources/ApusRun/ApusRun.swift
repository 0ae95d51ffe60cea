/// What it takes to load programs and run them: no tracer, no layers, no optimizers. `import Apus` has it too, and all the rest.
@_exported import ApusArchive
@_exported import ApusGraph
@_exported import ApusProgram
@_exported import ApusRuntime
@_exported import ApusSymbolic
@_exported import ApusTensor

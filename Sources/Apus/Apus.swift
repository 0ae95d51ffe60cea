@_exported import ApusArchive
@_exported import ApusExport
@_exported import ApusGraph
@_exported import ApusNN
@_exported import ApusProgram
@_exported import ApusRuntime
@_exported import ApusSymbolic
@_exported import ApusTensor

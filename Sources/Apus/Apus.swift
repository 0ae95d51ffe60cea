@_exported import ApusExport
@_exported import ApusNN
@_exported import ApusRun

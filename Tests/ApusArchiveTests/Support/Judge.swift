// The judge is at hand in every file of these tests.
@_exported import JudgeSupport

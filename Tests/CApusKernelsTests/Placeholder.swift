import Testing
@testable import CApusKernels

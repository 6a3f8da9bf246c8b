// How OpenBLAS is opened: with kernels that fit, and without leaving a trace in the environment.

import Backends
import Foundation
import TestSupport
import Testing

struct OpenBLASLibraryTests {
    /// Processors with BF16 would get Cooperlake, the same kernels on blocks that suit large products less.
    @Test func processorsWithAVX512TakeTheKernelsOfSkylakeX() throws {
        let chosen = ProcessInfo.processInfo.environment["OPENBLAS_CORETYPE"]
        let flags = try String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)
        let wide = ["avx512f", "avx512cd", "avx512bw", "avx512dq", "avx512vl"].allSatisfy(flags.contains)
        let core = OpenBLASBackend.coreName
        #expect(!core.isEmpty)
        if chosen == nil { #expect((core == "SkylakeX") == wide, "\(core)") }
    }

    @Test func openingLeavesTheEnvironmentAsItWas() throws {
        let before = ProcessInfo.processInfo.environment
        try OpenBLASBackend.openLibrary()
        for name in ["OPENBLAS_NUM_THREADS", "OPENBLAS_CORETYPE"] {
            #expect(getenv(name).map { String(cString: $0) } == before[name])
        }
    }
}

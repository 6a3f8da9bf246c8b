// OpenBLAS is opened when it is needed: without it everything else runs, and what needs it says so at the start.

import TestSupport
import Testing

struct MissingLibraryTests {
    static let model = Repository.checkpoint("ling-tiny-icd")

    func generate(_ backend: String, library: String) throws -> ProgramRun {
        try ProgramRun(
            Repository.program("ingot"),
            ["generate", Self.model, "--raw", "--prompt", "x", "--tokens", "1", "--backend", backend],
            environment: ["INGOT_OPENBLAS": library])
    }

    @Test(arguments: ["fused", "reference"]) func theOthersDoWithout(_ backend: String) throws {
        let run = try generate(backend, library: "/nowhere/libopenblas.so")
        #expect(run.exit == 0, "\(run.errors)")
    }

    @Test func theBackendNamesWhatIsMissing() throws {
        let run = try generate("openblas", library: "/nowhere/libopenblas.so")
        #expect(run.exit == 74)
        for word in ["NUMERICS-003", "/nowhere/libopenblas.so", "libopenblas0", "INGOT_OPENBLAS"] {
            #expect(run.errors.contains(word), "\(run.errors)")
        }
    }

    @Test func anotherLibraryIsNone() throws {
        let run = try generate("openblas", library: "libm.so.6")
        #expect(run.exit == 74)
        #expect(run.errors.contains("libm.so.6: no function cblas_sgemm"), "\(run.errors)")
    }

    @Test func anotherFileIsTaken() throws {
        let run = try generate("openblas", library: "libopenblas.so.0")
        #expect(run.exit == 0, "\(run.errors)")
    }

    @Test func trainingSaysSoBeforeItReads() throws {
        let folder = try TemporaryFolder()
        let run = try ProgramRun(
            Repository.program("ingot"),
            [
                "draft", "train", Self.model, "--data", folder.path("none.jsonl"), "--output",
                folder.path("head"),
            ],
            environment: ["INGOT_OPENBLAS": "/nowhere/libopenblas.so"])
        #expect(run.exit == 74)
        #expect(run.errors.contains("NUMERICS-003"), "\(run.errors)")
    }
}
